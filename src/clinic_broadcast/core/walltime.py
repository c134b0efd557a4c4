"""Between a zone's wall clock and UTC: when the offset changes, and which instant a time of the wall clock means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

SECOND: Final = timedelta(seconds=1)

CHANGES_APART: Final = timedelta(hours=12)
"""No zone changes its offset twice within so short a time."""

GAP_MAX: Final = timedelta(hours=25)
"""The longest gap there ever was: Samoa left out a whole day in 2011."""


def first_change(zone: ZoneInfo, offset: timedelta, since: datetime, until: datetime) -> datetime | None:
    """Give the first instant after `since` and not after `until` with another offset; None if there is none."""
    low = since
    while low < until:
        high = min(low + CHANGES_APART, until)
        if high.astimezone(zone).utcoffset() == offset:
            low = high
            continue
        while high - low > SECOND:
            middle = low + (high - low) // 2 // SECOND * SECOND
            low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
        return high
    return None


def instant_of_wall(wall: datetime, zone: ZoneInfo) -> datetime:
    """Give the instant, aware UTC, that a naive time of the zone's wall clock means.

    A time in the hour that clocks skip means the first instant after it; one in the hour that they repeat, its first
    occurrence.
    """
    local = wall.replace(tzinfo=zone)
    at = local.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return at
    # Python gives a skipped time the offset from before the gap, so the change lies just behind us.
    before = local.utcoffset() or timedelta(0)
    return first_change(zone, before, at - GAP_MAX, at) or at
