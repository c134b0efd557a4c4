"""The jobs of schedules/: which are due, each slot once, and what each of them does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from clinic_broadcast.core.schedule import Job, Schedule, slot_to_run
from clinic_broadcast.run.broadcast import release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh


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
    `errands` are the jobs that touch more than the desk: feeds and backup.
    """
    for schedule in schedules:
        now = desk.clock.now()
        slot_at = slot_to_run(schedule, desk.ledger.last_slot(schedule.name) or since, now)
        if slot_at is None or not desk.ledger.take_slot(schedule.name, slot_at, at=now):
            continue
        told = run_job(desk, schedule, errands)
        yield Ran(schedule=schedule.name, job=schedule.job, slot_at=slot_at, told=told)


def run_job(desk: Desk, schedule: Schedule, errands: Mapping[Job, Callable[[], str]]) -> str:
    """Do what one schedule asks for, and say what came of it."""
    if schedule.job is Job.POLL:
        return take_in(desk, errands)
    if schedule.job is Job.ANNOUNCE:
        released = release_planned(desk, channels=schedule.channels or None, count_max=schedule.max_per_run)
        return f"{released} released"
    errand = errands.get(schedule.job)
    return (
        errand() if errand is not None else f"{schedule.job.value} is not part of this version; nothing done"
    )


def take_in(desk: Desk, errands: Mapping[Job, Callable[[], str]]) -> str:
    """Poll, plan what is fresh, and build the feeds when anything came."""
    intake = poll(desk)
    planning = plan_fresh(desk)
    told = [
        f"{intake.baseline} baseline, {intake.fresh} fresh, {intake.changed} changed",
        f"{planning.planned} planned, {planning.held} held",
        *intake.errors,
        *intake.faults,
    ]
    if (intake.baseline or intake.fresh or intake.changed) and Job.FEEDS in errands:
        told.append(errands[Job.FEEDS]())
    return "; ".join(told)
