"""When a job runs: cron or OnCalendar in the schedule's own zone, quiet hours, what was missed; no clock of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from oncalendar import OnCalendar, OnCalendarError

from clinic_broadcast.core.pace import FREE, Pace, strictest
from clinic_broadcast.core.walltime import GAP_MAX, SECOND, first_change, instant_of_wall
from clinic_broadcast.errors import BugError

MINUTE: Final = timedelta(minutes=1)

FIELDS: Final = ("minute", "hour", "day of month", "month", "day of week")

REPEAT_AFTER: Final = timedelta(days=90)

REPEAT_AFTER_MIN: Final = timedelta(days=30)
"""No network likes to see the same account say the same thing again any sooner."""

REPEATED_MAX: Final = 24 * 60
"""Clocks go back by at most two hours today; a whole day of minutes bounds what a resume may have to drop."""

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

    `name` is the file's name without its ending and never changes for the ledger's record of slots. It runs by
    `cron` or, where that is empty, by `calendar`, an expression of systemd.time(7). `channels` empty means all
    enabled ones. `max_per_run` counts promos per channel. What a slot lets go leaves up to `jitter` later, the same
    for one slot and channel whenever it is asked. A re-share rests for `repeat_after` before the next.
    """

    name: str
    job: Job
    zone: ZoneInfo
    cron: str = ""
    calendar: str = ""
    channels: tuple[str, ...] = ()
    max_per_run: int = 1
    pace: Pace = FREE
    jitter: timedelta = timedelta(0)
    repeat_after: timedelta = REPEAT_AFTER
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


def checked_calendar(text: str) -> str:
    """Give an expression of systemd.time(7); raises ValueError that says what is wrong and what is allowed."""
    words = text.split()
    if not words:
        raise ValueError("days and times as systemd.time(7) has them, for instance Mon..Fri 09:00")
    calendar = " ".join(words)
    if len(words) > 1 and re.fullmatch(r"[A-Za-z][A-Za-z0-9_+/-]*", words[-1]):
        raise ValueError("an expression without a zone; the zone stands in the key timezone")
    try:
        first = next(OnCalendar(calendar, datetime(2000, 1, 1, tzinfo=UTC)), None)
    except OnCalendarError as error:
        raise ValueError(
            f"days and times as systemd.time(7) has them, for instance Mon..Fri 09:00: {error}"
        ) from None
    if first is None:
        raise ValueError("a day that still comes; this one does not")
    return calendar


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
    if any(field.startswith("*") for field in cron.split()[:2]):
        return _interval_times(lambda wall: CronSim(cron, wall), zone, after)
    return _daily_times(cron, zone, after)


def calendar_times(calendar: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Give the instants after `after` at which an OnCalendar expression falls due; the rules of `due_times` hold.

    systemd itself leaves out a day whose time is skipped; here nothing is left out.
    """
    clock = calendar.rsplit(maxsplit=1)[-1]
    if clock in ("hourly", "minutely") or (":" in clock and re.match(r"\*|[^:]*/", clock)):
        return _interval_times(lambda wall: OnCalendar(calendar, wall), zone, after)
    return _moved_times(calendar, zone, after)


def _moved_times(calendar: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Give one instant for each nominal local time of the expression."""
    newest = after.astimezone(UTC)
    # The search begins a day early: a time that was skipped falls due after later ones of the wall clock.
    start = after.astimezone(zone).replace(tzinfo=UTC) - GAP_MAX
    for wall in OnCalendar(calendar, start):
        due_at = instant_of_wall(wall.replace(tzinfo=None), zone)
        if due_at > newest:
            newest = due_at
            yield due_at


def due_times_of(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Give the schedule's slots after `after`, as aware UTC, strictly increasing."""
    if schedule.calendar:
        return calendar_times(schedule.calendar, schedule.zone, after)
    return due_times(schedule.cron, schedule.zone, after)


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


def _interval_times(
    walls_after: Callable[[datetime], Iterator[datetime]], zone: ZoneInfo, after: datetime
) -> Iterator[datetime]:
    """Give every instant whose wall clock matches; `walls_after` gives matching walls, and walls bear UTC here.

    CronSim by itself would lose some right after a change of less than an hour, or when it is started there
    (Lord Howe, Chatham; seen with 2.8). So it only sees clocks that never change, one for each stretch of time
    with one offset.
    """
    since = after.astimezone(UTC).replace(microsecond=0) + SECOND
    while True:
        offset = since.astimezone(zone).utcoffset() or timedelta(0)
        checked = since
        for wall in walls_after(since + offset - SECOND):
            due_at = wall - offset
            change = first_change(zone, offset, checked, due_at)
            if change is not None:
                since = change
                break
            checked = due_at
            yield due_at
        else:
            return


def next_due(cron: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Give the first instant after `after` at which the expression falls due; None if there is none for decades."""
    return next(due_times(cron, zone, after), None)


def slots(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    """Give the schedule's next `count` slots after `after`, as aware UTC."""
    return list(islice(due_times_of(schedule, after), count))


def missed_slot(schedule: Schedule, last_slot: datetime, now: datetime) -> datetime | None:
    """Give the newest slot after `last_slot` and not after `now`; None if none has come since.

    After an outage this is the only one that is made up for. For a schedule that never ran, give the instant
    from which it counts (the start of the daemon) as `last_slot`.
    """
    for since in (*(max(last_slot, now - span) for span in LOOK_BACK), last_slot):
        newest: datetime | None = None
        for due_at in due_times_of(schedule, since):
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
    # Without quiet hours one slot is as good as many.
    tried = 1 if schedule.quiet is None else TRIED_SLOTS
    return all(is_quiet(schedule, slot) for slot in slots(schedule, after, tried))


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
                for slot in islice(due_times_of(one, after), TRIED_SLOTS)
                if not is_channel_quiet(every, channel, slot, job=job)
            ),
            None,
        )
        for one in every
    )
    return min((slot for slot in awake if slot is not None), default=None)


def jitter_of(schedule: Schedule, slot: datetime, channel: str) -> timedelta:
    """Give how much later than its slot the schedule lets a channel's promos leave: whole seconds, always the same."""
    width_s = int(schedule.jitter.total_seconds())
    seed = f"{schedule.name}\x1f{slot.astimezone(UTC).isoformat()}\x1f{channel}"
    drawn = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    return timedelta(seconds=drawn % (width_s + 1))


def pace_of(schedules: Iterable[Schedule], channel: str, job: Job) -> Pace:
    """Give the pace at which this job may publish on the channel: its own caps, and anybody's spacing."""
    every = [one for one in schedules if one.job in (Job.ANNOUNCE, Job.RESHARE) and one.concerns(channel)]
    own = strictest(one.pace for one in every if one.job is job)
    return replace(own, spacing=strictest(one.pace for one in every).spacing)


def sentence(schedule: Schedule) -> str:
    """Say in a sentence when the schedule runs, with its zone and its bounds."""
    if schedule.calendar:
        parts = [f"OnCalendar {schedule.calendar}, time of {schedule.zone.key}"]
    else:
        told = CronSim(schedule.cron, datetime(2000, 1, 1, tzinfo=UTC)).explain()
        parts = [f"{told}, time of {schedule.zone.key}"]
    if schedule.job in (Job.ANNOUNCE, Job.RESHARE):
        parts.append(f"at most {_promos(schedule.max_per_run)} per channel")
        parts.extend(_bounds(schedule))
    if schedule.channels:
        parts.append(f"on {', '.join(schedule.channels)}")
    if schedule.quiet is not None:
        parts.append(f"never {schedule.quiet.start:%H:%M} to {schedule.quiet.end:%H:%M}")
    return "; ".join(parts)


def _bounds(schedule: Schedule) -> Iterator[str]:
    pace = schedule.pace
    if pace.per_hour_max is not None:
        yield f"{_promos(pace.per_hour_max)} an hour"
    if pace.per_day_max is not None:
        yield f"{_promos(pace.per_day_max)} a day"
    if pace.spacing:
        yield f"{pace.spacing // MINUTE} minutes apart"
    if schedule.jitter:
        yield f"up to {schedule.jitter // MINUTE} minutes later"
    if schedule.job is Job.RESHARE:
        yield f"each again after {schedule.repeat_after.days} days"


def _promos(count: int) -> str:
    return "1 promo" if count == 1 else f"{count} promos"
