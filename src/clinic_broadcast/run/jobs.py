"""The jobs of schedules/: which are due, each slot once, and what each of them does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import assert_never

from clinic_broadcast.core.schedule import Job, Schedule, jitter_of, slot_to_run
from clinic_broadcast.run.broadcast import release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import Intake, poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.rescan import rescan
from clinic_broadcast.run.reshare import is_surging, plan_reshares


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One job that ran for one slot, and what came of it in words without any answer's text."""

    schedule: str
    job: Job
    slot_at: datetime
    told: str


def run_due_jobs(
    desk: Desk,
    schedules: Sequence[Schedule],
    *,
    since: datetime,
    errands: Mapping[Job, Callable[[], str]],
) -> Iterator[Ran]:
    """Run every job whose slot has come, and tell of each.

    A slot is taken in the ledger before its job runs, so that it runs once whoever rings and however often; after
    an outage only the newest missed slot of a schedule runs. A schedule that never ran counts from `since`.
    `errands` are the jobs that touch more than the desk: feeds, backup and digest.
    """
    for schedule in schedules:
        now = desk.clock.now()
        slot_at = slot_to_run(schedule, desk.ledger.last_slot(schedule.name) or since, now)
        if slot_at is None or not desk.ledger.take_slot(schedule.name, slot_at, at=now):
            continue
        told = run_job(desk, schedule, errands, slot_at)
        yield Ran(schedule=schedule.name, job=schedule.job, slot_at=slot_at, told=told)


def run_job(
    desk: Desk, schedule: Schedule, errands: Mapping[Job, Callable[[], str]], slot_at: datetime
) -> str:
    """Do what one schedule asks for at its slot, and say what came of it."""
    match schedule.job:
        case Job.POLL:
            return take_in(desk, errands)
        case Job.ANNOUNCE:
            return f"{_release(desk, schedule, slot_at)} released"
        case Job.RESHARE:
            planning = plan_reshares(desk, schedule)
            released = 0 if is_surging(desk) else _release(desk, schedule, slot_at)
            return f"{planning.planned} planned, {planning.held} held, {released} released"
        case Job.RESCAN:
            return read_again(desk, errands)
        case Job.FEEDS | Job.BACKUP | Job.DIGEST:
            errand = errands.get(schedule.job)
            return errand() if errand is not None else f"{schedule.job.value} is not part of this version"
        case _:
            assert_never(schedule.job)


def _release(desk: Desk, schedule: Schedule, slot_at: datetime) -> int:
    return release_planned(
        desk,
        channels=schedule.channels or None,
        count_max=schedule.max_per_run,
        job=schedule.job,
        later_by=partial(jitter_of, schedule, slot_at),
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
    return f"{intake.baseline} baseline, {intake.fresh} fresh, {intake.changed} changed"
