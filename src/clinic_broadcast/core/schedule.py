"""When a job runs: crontab(5) in the schedule's own zone, quiet hours, and what was missed; no clock of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from clinic_broadcast.errors import BugError

FIELDS: Final = ("minute", "hour", "day of month", "month", "day of week")

REPEATED_MAX: Final = 24 * 60
"""Clocks go back by at most two hours today; a whole day of minutes bounds what a resume may have to drop."""

SECOND: Final = timedelta(seconds=1)

CHANGES_APART: Final = timedelta(hours=12)
"""No zone changes its offset twice within so short a time."""

LOOK_BACK: Final = tuple(timedelta(hours=hours) for hours in (1, 24, 8 * 24, 32 * 24, 367 * 24))
"""Windows in which the newest missed slot is sought, small ones first, so that a busy cron stays cheap."""

TRIED_SLOTS: Final = 64
"""So many coming slots are tried before a schedule counts as always quiet; more than a month of daily ones."""


class Job(StrEnum):
    """What a schedule starts; the stored text is the value."""

    POLL = "poll"
    ANNOUNCE = "announce"
    RESHARE = "reshare"
    FEEDS = "feeds"
    RESCAN = "rescan"
    BACKUP = "backup"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Hours of the wall clock in which nothing is sent: from `start` on, until just before `end`.

    An `end` before `start` lies on the next day.
    """

    start: time
    end: time

    def covers(self, wall: time) -> bool:
        """Say whether this time of the wall clock lies within."""
        if self.start < self.end:
            return self.start <= wall < self.end
        return wall >= self.start or wall < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One file of schedules/: which job, when, in which zone, and within which bounds.

    `name` is the file's name without its ending and never changes for the ledger's record of slots. `channels`
    empty means all enabled ones. `max_per_run` counts promos per channel.
    """

    name: str
    job: Job
    cron: str
    zone: ZoneInfo
    channels: tuple[str, ...] = ()
    max_per_run: int = 1
    quiet: Quiet | None = None

    def concerns(self, channel: str) -> bool:
        """Say whether this schedule speaks for that channel."""
        return not self.channels or channel in self.channels


def checked_cron(text: str) -> str:
    """Give the expression with single spaces; raises ValueError that says what is wrong and what is allowed.

    Allowed is what crontab(5) describes: five fields of `*`, numbers, names, lists, ranges, and steps after `*`
    or a range. Seconds, nicknames like @daily, `L`, `W` and `#` are other tools' additions and are refused.
    """
    fields = text.split()
    if len(fields) != len(FIELDS):
        raise ValueError(
            f"five fields ({', '.join(FIELDS)}), for instance 0 9 * * 1-5; this has {len(fields)}"
        )
    for name, field in zip(FIELDS, fields, strict=True):
        for term in field.split(","):
            _check_term(name, term)
    cron = " ".join(fields)
    try:
        first = next(CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        raise ValueError(f"values that exist: {error}".replace("Bad ", "no such ")) from None
    if first is None:
        raise ValueError("a day that exists; this one never comes")
    return cron


def _check_term(field: str, term: str) -> None:
    matched = re.fullmatch(r"(\*|[0-9]{1,2}|[A-Za-z]{3})(-([0-9]{1,2}|[A-Za-z]{3}))?(/[0-9]{1,2})?", term)
    if matched is None or (matched[1] == "*" and matched[2]):
        raise ValueError(f"in the {field} field numbers, names, *, lists, ranges and steps; {term!r} is none")
    if matched[4] and matched[1] != "*" and not matched[2]:
        raise ValueError(f"a step only after * or a range; in the {field} field {term!r} has neither")


def parsed_quiet(text: str) -> Quiet:
    """Read `21:00-07:00`; raises ValueError that says what is allowed."""
    matched = re.fullmatch(r"\s*([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})\s*", text)
    if matched is None:
        raise ValueError("two times of day like 21:00-07:00")
    start_hour, start_minute, end_hour, end_minute = (int(part) for part in matched.groups())
    if (end_hour, end_minute) == (24, 0):
        end_hour = 0
    try:
        quiet = Quiet(start=time(start_hour, start_minute), end=time(end_hour, end_minute))
    except ValueError:
        raise ValueError("two times of day between 00:00 and 24:00, like 21:00-07:00") from None
    if quiet.start == quiet.end:
        raise ValueError("two different times; to send nothing at all, set enabled = false for the channel")
    return quiet


def due_times(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Give the instants after `after` at which the expression falls due, as aware UTC, strictly increasing.

    A time in the hour that clocks skip falls due at the first instant after it; one in the hour that they repeat,
    at its first occurrence. Minutes or hours that begin with `*` mean an interval: they run through both passes
    of the repeated hour and are not moved out of a skipped one (the rule of Debian's cron).
    """
    is_interval = any(field.startswith("*") for field in cron.split()[:2])
    return _interval_times(cron, zone, after) if is_interval else _daily_times(cron, zone, after)


def _daily_times(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Give one instant for each nominal local time."""
    newest = after.astimezone(UTC)
    dropped = 0
    for wall in CronSim(cron, after.astimezone(zone)):
        due_at = wall.astimezone(UTC)
        if due_at > newest:
            newest = due_at
            dropped = 0
            yield due_at
            continue
        # Started inside the second pass of the repeated hour, CronSim goes back to the first: that is over.
        dropped += 1
        if dropped > REPEATED_MAX:
            raise BugError(f"cron {cron!r} in {zone.key} does not move on after {newest.isoformat()}")


def _interval_times(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Give every instant whose wall clock matches.

    CronSim by itself would lose some right after a change of less than an hour, or when it is started there
    (Lord Howe, Chatham; seen with 2.8). So it only sees clocks that never change, one for each stretch of time
    with one offset.
    """
    since = after.astimezone(UTC).replace(microsecond=0) + SECOND
    while True:
        offset = since.astimezone(zone).utcoffset() or timedelta(0)
        checked = since
        for wall in CronSim(cron, since + offset - SECOND):
            due_at = wall - offset
            change = _first_change(zone, offset, checked, due_at)
            if change is not None:
                since = change
                break
            checked = due_at
            yield due_at
        else:
            return


def _first_change(zone: ZoneInfo, offset: timedelta, since: datetime, until: datetime) -> datetime | None:
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


def next_due(cron: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Give the first instant after `after` at which the expression falls due; None if there is none for decades."""
    return next(due_times(cron, zone, after), None)


def slots(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    """Give the schedule's next `count` slots after `after`, as aware UTC."""
    return list(islice(due_times(schedule.cron, schedule.zone, after), count))


def missed_slot(schedule: Schedule, last_slot: datetime, now: datetime) -> datetime | None:
    """Give the newest slot after `last_slot` and not after `now`; None if none has come since.

    After an outage this is the only one that is made up for. For a schedule that never ran, give the instant
    from which it counts (the start of the daemon) as `last_slot`.
    """
    for since in (*(max(last_slot, now - span) for span in LOOK_BACK), last_slot):
        newest: datetime | None = None
        for due_at in due_times(schedule.cron, schedule.zone, since):
            if due_at > now:
                break
            newest = due_at
        if newest is not None or since == last_slot:
            return newest
    raise BugError("the last window begins at the last slot, so the search ends there")


def slot_to_run(schedule: Schedule, last_slot: datetime, now: datetime) -> datetime | None:
    """Give the slot that the schedule must run now, if any: the newest missed one, and none in quiet hours."""
    if is_quiet(schedule, now):
        return None
    return missed_slot(schedule, last_slot, now)


def is_quiet(schedule: Schedule, at: datetime) -> bool:
    """Say whether the schedule's own wall clock shows a quiet hour at this instant."""
    if schedule.quiet is None:
        return False
    return schedule.quiet.covers(at.astimezone(schedule.zone).time())


def is_never_awake(schedule: Schedule, after: datetime) -> bool:
    """Say whether every coming slot lies in the schedule's own quiet hours, so that it could never send."""
    return all(is_quiet(schedule, slot) for slot in slots(schedule, after, TRIED_SLOTS))


def is_channel_quiet(schedules: Iterable[Schedule], channel: str, at: datetime, *, job: Job) -> bool:
    """Say whether any schedule of this job that speaks for the channel is quiet at this instant."""
    return any(one.job is job and one.concerns(channel) and is_quiet(one, at) for one in schedules)


def next_slot_for(
    schedules: Iterable[Schedule], channel: str, after: datetime, *, job: Job
) -> datetime | None:
    """Give the first slot after `after` in which a schedule of this job may send on the channel; None if none."""
    every = [one for one in schedules if one.job is job and one.concerns(channel)]
    awake = (
        next(
            (
                slot
                for slot in islice(due_times(one.cron, one.zone, after), TRIED_SLOTS)
                if not is_channel_quiet(every, channel, slot, job=job)
            ),
            None,
        )
        for one in every
    )
    return min((slot for slot in awake if slot is not None), default=None)


def sentence(schedule: Schedule) -> str:
    """Say in a sentence when the schedule runs, with its zone and its bounds."""
    parts = [
        f"{CronSim(schedule.cron, datetime(2000, 1, 1, tzinfo=UTC)).explain()}, time of {schedule.zone.key}"
    ]
    if schedule.job in (Job.ANNOUNCE, Job.RESHARE):
        noun = "promo" if schedule.max_per_run == 1 else "promos"
        parts.append(f"at most {schedule.max_per_run} {noun} per channel")
    if schedule.channels:
        parts.append(f"on {', '.join(schedule.channels)}")
    if schedule.quiet is not None:
        parts.append(f"never {schedule.quiet.start:%H:%M} to {schedule.quiet.end:%H:%M}")
    return "; ".join(parts)
