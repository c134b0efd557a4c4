"""The weekly report to the clinic: what went out, what waits, and what comes next, in words already public."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.notice import Matter
from clinic_broadcast.core.promo import WITHDRAW
from clinic_broadcast.core.schedule import Job, Schedule, missed_slot

WEEK: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=35)
"""A report that was not sent for longer than this is no longer one of the week."""

CHARTED_WEEKS: Final = 8
WORDS_MAX: Final = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What went out of one answer on one occasion: its title, since when, and its address on each channel."""

    at: datetime
    title: str
    occasion: str
    places: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartedWeek:
    """How many promos went out on each channel in the seven days up to and including `ends_on`."""

    ends_on: date
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """The next slot of a job that publishes, and how many approved promos wait for it."""

    at: datetime
    job: Job
    ready: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One report, from `since` until just before `until`; every instant is to be shown in `zone`.

    `taken_back` counts what was withdrawn in that time. It holds no word of an answer but those that a network showed.
    """

    clinic: str
    zone: ZoneInfo
    since: datetime
    until: datetime
    published: tuple[Published, ...]
    taken_back: int
    fresh: int
    waiting: tuple[Matter, ...]
    coming: tuple[Coming, ...]
    weeks: tuple[ChartedWeek, ...]

    @property
    def by_channel(self) -> Mapping[str, int]:
        """Count what went out by channel."""
        return dict(sorted(Counter(name for one in self.published for name in one.places).items()))

    @property
    def charted_channels(self) -> tuple[str, ...]:
        """Give the channels that published anything in the weeks of the chart."""
        return tuple(sorted({name for week in self.weeks for name in week.counts}))


def period_of(schedules: Iterable[Schedule], now: datetime) -> tuple[datetime, datetime]:
    """Give what a report made now covers: from the slot before its own on, so that no day is left out or is late."""
    starts: list[datetime] = []
    for one in schedules:
        if one.job is not Job.DIGEST:
            continue
        slot = missed_slot(one, now - LONGEST, now)
        before = None if slot is None else missed_slot(one, slot - LONGEST, slot - timedelta(seconds=1))
        if before is not None:
            starts.append(before)
    return max(min(starts, default=now - WEEK), now - LONGEST), now


def published_in(
    rows: Iterable[Delivery], since: datetime, until: datetime, *, titles: Mapping[AnswerId, str]
) -> tuple[Published, ...]:
    """Give what went out in that time and is still public, oldest first; where `titles` has none, its first words."""
    grouped: dict[tuple[str, str], list[Delivery]] = {}
    for one in public_in(rows, since, until):
        grouped.setdefault((one.answer_id, one.occasion), []).append(one)
    found = [
        Published(
            at=min(one.sent_at for one in group if one.sent_at is not None),
            title=titles.get(group[0].answer_id) or _words_of(group[0]),
            occasion=group[0].occasion,
            places={one.channel: one.post_url for one in sorted(group, key=lambda one: one.channel)},
        )
        for group in grouped.values()
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.title)))


def public_in(rows: Iterable[Delivery], since: datetime, until: datetime) -> list[Delivery]:
    """Give the promos that went out in that time and are still public."""
    return [
        one
        for one in rows
        if one.state is State.SENT
        and _is_promo(one)
        and one.sent_at is not None
        and since <= one.sent_at < until
    ]


def taken_back_in(rows: Iterable[Delivery], since: datetime, until: datetime) -> int:
    """Count the withdrawals that were done in that time."""
    return sum(
        one.occasion == WITHDRAW
        and one.state is State.SENT
        and one.sent_at is not None
        and since <= one.sent_at < until
        for one in rows
    )


def weeks_until(rows: Sequence[Delivery], until: datetime, zone: ZoneInfo) -> tuple[ChartedWeek, ...]:
    """Count what went out in each of the last weeks, the oldest first."""
    bounds = [until - WEEK * back for back in range(CHARTED_WEEKS, -1, -1)]
    return tuple(
        ChartedWeek(
            ends_on=end.astimezone(zone).date(),
            counts=Counter(one.channel for one in public_in(rows, start, end)),
        )
        for start, end in pairwise(bounds)
    )


def _is_promo(one: Delivery) -> bool:
    """Say whether it is for the public's eyes: neither a taking back nor a ping to a hub."""
    return one.occasion != WITHDRAW and ":" not in one.channel


def _words_of(one: Delivery) -> str:
    first = next((line.strip() for line in one.payload.text.splitlines() if line.strip()), "")
    return first if len(first) <= WORDS_MAX else first[: WORDS_MAX - 1].rstrip() + "…"


def charted_since(until: datetime) -> datetime:
    """Give the instant from which on the chart counts."""
    return (until - WEEK * CHARTED_WEEKS).astimezone(UTC)
