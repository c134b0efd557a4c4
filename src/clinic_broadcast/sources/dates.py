"""Read the dates that pages and front matter carry, as aware UTC instants."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def read_instant(text: str) -> datetime | None:
    """Give the instant that an ISO 8601 or mail date names; None if it is neither. Without a zone it is UTC."""
    written = text.strip()
    found: datetime | None = None
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        try:
            found = parsedate_to_datetime(written)
        except (ValueError, TypeError):
            return None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (OverflowError, ValueError):
        return None  # The year 1 in a zone east of Greenwich lies before the first year there is.


def from_seconds(seconds: float) -> datetime:
    """Give the instant of a POSIX time, for instance a file's time of change."""
    return datetime.fromtimestamp(seconds, UTC)


def present() -> datetime:
    """Give the present instant: a source asks only whether a page is public yet, and plans nothing by it."""
    return from_seconds(time.time())
