"""The jobs of schedules/: which are due, each slot once, and what each of them does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import assert_never

from clinic_broadcast.core.schedule import Job, Schedule, is_quiet, jitter_of, slot_to_run
from clinic_broadcast.errors import BroadcastError
from clinic_broadcast.run.broadcast import release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import Intake, poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.rescan import rescan
from clinic_broadcast.run.reshare import is_surging, plan_reshares


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One job that ran for one slot, and what came of it in words without any answer's text.

    `failure` is what kept it from its end; it then runs once more later.
    """

    schedule: str
    job: Job
    slot_at: datetime
    told: str = ""
    failure: str = ""


def run_due_jobs(
    desk: Desk,
    schedules: Sequence[Schedule],
    *,
    since: datetime,
    errands: Mapping[Job, Callable[[], str]],
) -> Iterator[Ran]:
    """Run every job whose slot has come, and tell of each.

    A slot is taken in the ledger before its job runs, so that one worker runs it however often it is rung; after
    an outage only the newest missed slot of a schedule runs. A schedule that never ran counts from `since`. A job that
    died or failed runs once more for its slot, ever more seldom, until it ends or a later slot comes; it holds up
    none of the others. `errands` are the jobs that touch more than the desk: feeds, backup and digest.
    """
    for schedule in schedules:
        begun = _begin(desk, schedule, since)
        if begun is None:
            continue
        slot_at, again = begun
        try:
            told = run_job(desk, schedule, errands, slot_at, again=again)
        except Exception as error:  # noqa: BLE001  # The other jobs must go on, and status tells of this one.
            failure = str(error) if isinstance(error, BroadcastError) else type(error).__name__
            yield Ran(schedule=schedule.name, job=schedule.job, slot_at=slot_at, failure=failure)
            continue
        desk.ledger.finish_slot(schedule.name, slot_at, at=desk.clock.now())
        yield Ran(schedule=schedule.name, job=schedule.job, slot_at=slot_at, told=told)


def _begin(desk: Desk, schedule: Schedule, since: datetime) -> tuple[datetime, bool] | None:
    """Take the slot that is to run now, and say whether it was begun before; None when there is none."""
    now = desk.clock.now()
    last = desk.ledger.last_run(schedule.name)
    slot_at = slot_to_run(schedule, last.slot_at if last is not None else since, now)
    if slot_at is not None:
        return (slot_at, False) if desk.ledger.take_slot(schedule.name, slot_at, at=now) else None
    if last is None or last.again_at is None or last.again_at > now or is_quiet(schedule, now):
        return None
    return (last.slot_at, True) if desk.ledger.take_again(schedule.name, last, at=now) else None


def run_job(
    desk: Desk,
    schedule: Schedule,
    errands: Mapping[Job, Callable[[], str]],
    slot_at: datetime,
    *,
    again: bool = False,
) -> str:
    """Do what one schedule asks for at its slot, and say what came of it.

    `again` says that it was begun before and did not come to its end.
    """
    match schedule.job:
        case Job.POLL:
            return take_in(desk, errands)
        case Job.ANNOUNCE:
            return f"{_release(desk, schedule, slot_at, again=again)} released"
        case Job.RESHARE:
            planning = plan_reshares(desk, schedule)
            released = 0 if is_surging(desk) else _release(desk, schedule, slot_at, again=again)
            return f"{planning.planned} planned, {planning.held} held, {released} released"
        case Job.RESCAN:
            return read_again(desk, errands)
        case Job.FEEDS | Job.BACKUP | Job.DIGEST:
            errand = errands.get(schedule.job)
            return errand() if errand is not None else f"{schedule.job.value} is not part of this version"
        case _:
            assert_never(schedule.job)


def _release(desk: Desk, schedule: Schedule, slot_at: datetime, *, again: bool) -> int:
    return release_planned(
        desk,
        channels=schedule.channels or None,
        count_max=schedule.max_per_run,
        job=schedule.job,
        later_by=partial(jitter_of, schedule, slot_at),
        begun_at=slot_at if again else None,
    )


def read_again(desk: Desk, errands: Mapping[Job, Callable[[], str]]) -> str:
    """Rescan, plan what is fresh, and build the feeds when anything has changed."""
    done = rescan(desk)
    planning = plan_fresh(desk)
    told = [
        _told_of(done.intake),
        f"{done.held} held again, {done.cancelled} re-shares cancelled, {planning.held} held",
        *done.intake.troubles,
    ]
    if done.intake.fresh or done.intake.changed:
        told.append(errands[Job.FEEDS]())
    return "; ".join(told)


def take_in(desk: Desk, errands: Mapping[Job, Callable[[], str]]) -> str:
    """Poll, plan what is fresh, and build the feeds when anything came."""
    intake = poll(desk)
    planning = plan_fresh(desk)
    told = [
        _told_of(intake),
        f"{planning.planned} planned, {planning.held} held",
        *intake.troubles,
    ]
    if intake.baseline or intake.fresh or intake.changed:
        told.append(errands[Job.FEEDS]())
    return "; ".join(told)


def _told_of(intake: Intake) -> str:
    twins = f", {len(intake.twins)} known already at another address" if intake.twins else ""
    return f"{intake.baseline} baseline, {intake.fresh} fresh, {intake.changed} changed{twins}"
