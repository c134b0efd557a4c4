"""What `status` says to a person: what waits, what happens next and when, what went out, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from clinic_broadcast.cli.output import paint
from clinic_broadcast.core.schedule import Job, Schedule, slots
from clinic_broadcast.ports import Guarantee
from clinic_broadcast.run.pinging import is_hub

if TYPE_CHECKING:
    from clinic_broadcast.core.notice import Matter
    from clinic_broadcast.run.survey import Survey
    from clinic_broadcast.wire import Office

DOES: Final[Mapping[Job, str]] = {
    Job.POLL: "looks for new answers; nothing goes out by this alone",
    Job.ANNOUNCE: "lets approved promos of new answers go",
    Job.RESHARE: "shares again what stays true",
    Job.FEEDS: "writes the feeds",
    Job.RESCAN: "reads every answer again",
    Job.BACKUP: "copies the record",
    Job.DIGEST: "sends the weekly report, if anybody is set to be told",
}

KEEPS: Final[Mapping[str, str]] = {
    Guarantee.EXACT.value: "exact: a second try can never make a second post",
    Guarantee.LOOKED_UP.value: "looked-up: before a second try it is looked for there",
    Guarantee.AT_MOST_ONCE.value: "at-most-once: no second try; what is in doubt waits for you",
}
"""How a channel keeps a promo from going out twice, for people."""


def overview(office: Office, seen: Survey, waiting: Sequence[Matter], *, is_running: bool) -> Iterator[str]:
    """Give the lines, with every time in the clinic's own zone."""
    zone = ZoneInfo(office.settings.clinic.timezone)
    now = office.desk.clock.now()
    yield paint(f"{office.settings.clinic.name}, {_when(now, zone)} ({zone.key})", "bold")
    yield ""
    yield paint("What waits for you", "bold")
    for one in waiting:
        yield f"  {paint(one.text, 'yellow')}"
        yield f"      {one.command}"
    if not waiting:
        yield "  nothing"
    yield ""
    yield paint("What happens next", "bold")
    if not is_running:
        yield f"  {paint('nothing by itself: the daemon does not run here', 'yellow')}"
        yield "      clinic-broadcast run; or `run --once`, which does one round"
        yield "  if it ran:"
    yield from _coming(office.schedules, seen, now, zone=zone)
    for told in seen.dated_ahead:
        yield f"  {paint(told, 'yellow')}"
    yield ""
    yield paint("What went out", "bold")
    yield from _channels(seen)
    answers = ", ".join(f"{count} {standing.value}" for standing, count in seen.answers.items())
    yield f"  answers on record: {answers}"
    polled = "never" if seen.last_poll_at is None else _when(seen.last_poll_at, zone)
    yield f"  the blog was last read: {polled}"
    yield ""
    if not seen.problems:
        yield paint("healthy", "green")
    for problem in seen.problems:
        yield paint(f"problem: {problem}", "red")


def _coming(schedules: Sequence[Schedule], seen: Survey, now: datetime, *, zone: ZoneInfo) -> Iterator[str]:
    rows = [(slot, one) for one in schedules for slot in slots(one, now, 1)]
    for slot, one in sorted(rows, key=lambda row: row[0]):
        told = DOES[one.job]
        if one.job in (Job.ANNOUNCE, Job.RESHARE):
            ready = {name: count for name, count in seen.ready[one.job].items() if one.concerns(name)}
            counted = ", ".join(f"{name} {count}" for name, count in sorted(ready.items()))
            bound = f"at most {one.max_per_run} a channel"
            told = f"{told}: {counted} ready, {bound}" if counted else f"{told}: none is approved yet"
        yield f"  {_when(slot, zone)}  {one.job.value:<8} {told}"
    if not rows:
        yield "  nothing: there is no schedule in schedules/; `clinic-broadcast init` writes the usual ones"
    elif not any(one.job is Job.ANNOUNCE for _slot, one in rows):
        yield "  no schedule announces anything: add schedules/announce.toml"


def _channels(seen: Survey) -> Iterator[str]:
    for name, states in sorted(seen.deliveries.items()):
        counted = ", ".join(f"{count} {state.value}" for state, count in states.items() if count)
        other = "WebSub" if is_hub(name) else "not enabled"
        guarantee = seen.guarantees.get(name, other)
        yield f"  {name}: {counted or 'nothing yet'}  ({KEEPS.get(guarantee, guarantee)})"
    if not seen.deliveries:
        yield "  nothing: no channel is enabled; add one to clinic.toml"
    for name, spend in sorted(seen.spend.items()):
        yield f"  {name} spend in {spend.month}: ${spend.usd:.2f} of ${spend.max_usd or 0:.2f}"


def _when(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %d %b %Y %H:%M %Z}"
