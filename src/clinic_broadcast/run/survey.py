"""How things stand: counts, what needs a person, what comes next, and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from clinic_broadcast.core.answer import Standing
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.intake import WAITS
from clinic_broadcast.core.promo import is_reshare
from clinic_broadcast.core.schedule import Job, Schedule, slots
from clinic_broadcast.core.spend import Spend
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.noticing import REFUSED_MENDS
from clinic_broadcast.run.pacing import may_go_at
from clinic_broadcast.run.reconcile import open_lapse, remembered
from clinic_broadcast.run.spending import spend_of
from clinic_broadcast.run.unread import unread_of

OVERDUE = timedelta(hours=1)
"""A delivery that was let go and is still not out after this long is a problem that somebody must see."""

POLL_STALE_SLOTS = 3
"""So many poll slots may pass without a recorded poll before the source counts as silent."""


UNSETTLED = (State.PLANNED, State.HELD, State.SENDING, State.UNSURE, State.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """One look at the record. `next` has each schedule's next slot, soonest first.

    `dated_ahead` names, by source, pages that are left out until the date they carry.
    `ready` counts by channel what is approved and waits for the next slot of a job.
    """

    answers: Mapping[Standing, int]
    deliveries: Mapping[str, Mapping[State, int]]
    guarantees: Mapping[str, str]
    needs_a_person: int
    ready: Mapping[Job, Mapping[str, int]]
    last_poll_at: datetime | None
    dated_ahead: tuple[str, ...]
    next: tuple[tuple[str, datetime], ...]
    problems: tuple[str, ...]
    spend: Mapping[str, Spend]


def survey(desk: Desk, schedules: Iterable[Schedule]) -> Survey:
    """Give how things stand now; raises LedgerError when the record cannot be read."""
    now = desk.clock.now()
    planned = list(schedules)
    upcoming = [(one.job.value, slot) for one in planned for slot in slots(one, now, 1)]
    open_ones = desk.ledger.deliveries(states=UNSETTLED)
    last_poll_at = desk.ledger.last_poll_at()
    counted: dict[str, dict[State, int]] = {name: {} for name in desk.channels} | {
        name: dict(states) for name, states in desk.ledger.count_deliveries().items()
    }
    return Survey(
        answers=desk.ledger.count_answers(),
        deliveries=counted,
        guarantees={name: channel.guarantee.value for name, channel in desk.channels.items()},
        needs_a_person=sum(one.state is State.HELD or bool(one.needs_person) for one in open_ones),
        ready=_ready(open_ones),
        last_poll_at=last_poll_at,
        dated_ahead=tuple(_dated_ahead(desk)),
        next=tuple(sorted(upcoming, key=lambda pair: pair[1])),
        problems=(*_memory_problems(desk), *_problems(desk, open_ones, planned, last_poll_at=last_poll_at)),
        spend={name: spend for name in desk.channels if (spend := spend_of(desk, name)) is not None},
    )


def _dated_ahead(desk: Desk) -> Iterable[str]:
    for name in desk.sources:
        marks = desk.ledger.marks(name)
        if marks is not None and marks.state.startswith(WAITS):
            yield marks.state.removeprefix(WAITS)


def _ready(open_ones: Iterable[Delivery]) -> Mapping[Job, Mapping[str, int]]:
    counted: dict[Job, Counter[str]] = {Job.ANNOUNCE: Counter(), Job.RESHARE: Counter()}
    for one in open_ones:
        if one.state is State.PLANNED and one.released_at is None:
            counted[Job.RESHARE if is_reshare(one.occasion) else Job.ANNOUNCE][one.channel] += 1
    return counted


def failing_jobs(desk: Desk, schedules: Iterable[str]) -> Iterable[str]:
    """Name the jobs that have failed, or died with the daemon, each time they began lately."""
    for name in schedules:
        run = desk.ledger.last_run(name)
        if run is None or not run.is_failing:
            continue
        again = "at its next slot" if run.again_at is None else f"at {run.again_at:%Y-%m-%d %H:%M} UTC"
        yield (
            f"schedules/{name}.toml: its job has failed {run.runs - 1} times in a row; it is tried again {again}; "
            "the daemon's log has the reason"
        )


def _memory_problems(desk: Desk) -> Iterable[str]:
    if desk.witness is None:
        return
    lapse = open_lapse(desk.ledger)
    if lapse is not None:
        ends_at = lapse.ends_at(desk.timing)
        rest = "then" if desk.clock.now() < ends_at else "now"
        yield (
            f"the record was put back from an older copy ({lapse.noticed_at:%Y-%m-%d %H:%M} UTC): nothing goes out "
            f"before {ends_at:%H:%M} UTC; {rest} the daemon or `clinic-broadcast run --once` looks on each channel "
            "for what the record has forgotten"
        )
    elif remembered(desk.ledger, desk.witness.seen()) is None:
        yield (
            "the record is older than its witness (state/witness.json): an old copy was put in its place; "
            "`clinic-broadcast run --once` holds everything and looks on each channel for what was forgotten"
        )


def _problems(
    desk: Desk, open_ones: list[Delivery], schedules: list[Schedule], *, last_poll_at: datetime | None
) -> Iterable[str]:
    now = desk.clock.now()
    if last_poll_at is None:
        yield "no source has been polled yet: run `clinic-broadcast init` or `run --once`"
    else:
        polls = [
            slot
            for one in schedules
            if one.job is Job.POLL
            for slot in slots(one, last_poll_at, POLL_STALE_SLOTS)
        ]
        if polls and max(polls) < now:
            yield f"the last poll is from {last_poll_at.isoformat(timespec='minutes')}: is the daemon running?"
    for name, unread in unread_of(desk.ledger).items():
        if name in desk.sources:
            yield (
                f"{name} cannot be read (since {unread.since:%Y-%m-%d %H:%M} UTC): {unread.reason}; "
                "it is tried at every poll, see `clinic-broadcast doctor`"
            )
    yield from failing_jobs(desk, (one.name for one in schedules))
    accounts = {one.channel: one.needs_person for one in open_ones if one.needs_person.startswith("account:")}
    for name, words in sorted(accounts.items()):
        yield f"{name}: {words.removeprefix('account: ')}"
    unsure = sum(one.state is State.UNSURE and bool(one.needs_person) for one in open_ones)
    if unsure:
        yield f"{unsure} unsure: look on the network, then `clinic-broadcast resolve ID`"
    refused = sum(one.state is State.REFUSED and bool(one.needs_person) for one in open_ones)
    if refused:
        yield f"{refused} refused by a network: `clinic-broadcast log --state refused`, then {REFUSED_MENDS}"
    capped = {one.channel: one.reason for one in open_ones if one.reason.startswith("spend:")}
    for name, words in sorted(capped.items()):
        yield f"{name}: {words}"
    late = sum(
        one.state is State.PLANNED
        and not one.reason.startswith("spend:")
        and one.released_at is not None
        and one.released_at + OVERDUE < now
        and not desk.is_quiet(one.channel, now)
        and may_go_at(desk, one, now) <= now
        for one in open_ones
    )
    if late:
        yield f"{late} overdue: `clinic-broadcast log --state planned` has the reasons"
