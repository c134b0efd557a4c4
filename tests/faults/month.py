"""A month of the daemon on a clock that a test moves: outages, restarts, reloads, late approvals, a DST night.

`live(seed)` plays one month around a change of clocks and gives what came of it. The daemon's own three callables are
played at its own intervals: the jobs of schedules/, one delivery round, and a person's decisions when they come.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from clinic_broadcast.core.delivery import Delivery, Outcome, State
from clinic_broadcast.core.pace import DAY, HOUR, Pace
from clinic_broadcast.core.schedule import (
    Job,
    Schedule,
    is_channel_quiet,
    next_slot_for,
    pace_of,
    parsed_quiet,
)
from clinic_broadcast.ledger import memory, rows
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ledger.rows import Row
from clinic_broadcast.ports import Parcel
from clinic_broadcast.run import review
from clinic_broadcast.run.broadcast import deliver
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.jobs import run_due_jobs
from desks import desk
from fakes import FakeClock, FakeSource, WallChannel, raw_answer

ZONE: Final = ZoneInfo("America/Los_Angeles")
BEGUN_AT: Final = datetime(2026, 10, 19, 7, 0, tzinfo=UTC)
"""Clocks go back on 1 November, in the middle of the month that is played."""

DAYS: Final = 30
CALM_DAYS: Final = 12
"""At the end nothing goes wrong any more, nothing new comes, and all that waits must go out."""

STEP: Final = timedelta(minutes=10)
ANSWERS: Final = 24
SPACING: Final = timedelta(minutes=40)
PER_DAY_MAX: Final = 3
MAX_PER_RUN: Final = 2


@dataclass
class ClockedWall(WallChannel):
    """A wall that notes at which instant each promo went up."""

    clock: FakeClock = field(default_factory=FakeClock)
    went_up: list[tuple[datetime, str]] = field(default_factory=list[tuple[datetime, str]])

    def send(self, parcel: Parcel) -> Outcome:
        outcome = super().send(parcel)
        if not self.down:
            self.went_up.append((self.clock.now(), parcel.key))
        return outcome


@dataclass
class Month:
    """What came of a month."""

    seed: int
    desk: Desk
    walls: list[ClockedWall]
    schedules: list[Schedule]
    approved_at: dict[str, datetime] = field(default_factory=dict[str, datetime])
    outages: list[tuple[datetime, datetime]] = field(default_factory=list[tuple[datetime, datetime]])
    released_at_approval: list[str] = field(default_factory=list[str])


def schedules_of(per_day_max: int = PER_DAY_MAX) -> list[Schedule]:
    """Give the schedules of the clinic: two announcements a day, one of them in the hour that clocks repeat."""
    pace = Pace(spacing=SPACING, per_hour_max=1, per_day_max=per_day_max)
    every = partial(Schedule, zone=ZONE)
    quiet = parsed_quiet("21:00-00:30")
    return [
        every(name="poll", job=Job.POLL, cron="5 * * * *"),
        every(
            name="night", job=Job.ANNOUNCE, cron="30 1 * * *", max_per_run=MAX_PER_RUN, pace=pace, quiet=quiet
        ),
        every(
            name="day", job=Job.ANNOUNCE, cron="0 12 * * *", max_per_run=MAX_PER_RUN, pace=pace, quiet=quiet
        ),
        every(name="feeds", job=Job.FEEDS, cron="0 4 * * *"),
    ]


def live(folder: Path, seed: int) -> Month:
    """Play one month."""
    read: dict[int, tuple[Row, Delivery]] = {}

    def delivery_of(row: Row) -> Delivery:
        # A row that is kept here keeps its number too; a move makes another row.
        if id(row) not in read:
            read[id(row)] = (row, rows.delivery_of(row))
        return read[id(row)][1]

    with pytest.MonkeyPatch.context() as patch:
        # A month has thousands of rounds, and each reads every row.
        patch.setattr(memory, "delivery_of", delivery_of)
        return _live(folder, seed)


def _live(folder: Path, seed: int) -> Month:
    draw, clock, source = random.Random(seed), FakeClock(BEGUN_AT), FakeSource()
    walls = [ClockedWall(folder / f"{name}.wall", name=name, clock=clock) for name in ("one", "two")]
    ledger = MemoryLedger("test")
    plain = desk(ledger, walls, sources=[source], clock=clock, surge_max=100)
    month = Month(seed=seed, desk=plain, walls=walls, schedules=schedules_of())
    month.desk = _opened(plain, month.schedules)
    fresh_at = sorted(
        BEGUN_AT + timedelta(hours=2 + draw.random() * 24 * (DAYS - CALM_DAYS)) for _ in range(ANSWERS)
    )
    approve_at: dict[str, datetime] = {}
    day = month.desk.clock.now()
    for _ in range(draw.randint(3, 5)):
        begin = day + timedelta(hours=draw.random() * 24 * (DAYS - CALM_DAYS))
        month.outages.append((begin, begin + timedelta(hours=draw.choice((1, 5, 30, 80)))))
    dead: list[tuple[datetime, datetime]] = []
    for _ in range(draw.randint(4, 8)):
        begin = day + timedelta(hours=draw.random() * 24 * (DAYS - CALM_DAYS))
        dead.append((begin, begin + timedelta(hours=draw.choice((0, 0, 1, 14, 49)))))
    since = clock.now()
    was_dead = False
    while clock.now() < BEGUN_AT + timedelta(days=DAYS):
        now = clock.now()
        while fresh_at and fresh_at[0] <= now:
            fresh_at.pop(0)
            number = ANSWERS - len(fresh_at)
            source.answers.append(raw_answer(number, published_at=now, title=f"Thyroid Tests Part {number}"))
        for wall in walls:
            wall.down = any(begin <= now < end for begin, end in month.outages)
        _decide(month, approve_at, draw, now)
        is_dead = any(begin <= now < end for begin, end in dead)
        if not is_dead:
            if was_dead or draw.random() < 0.002:
                # A restart, or the settings read again: a new office on the same record.
                since = now
                month.desk = _opened(plain, month.schedules)
            _tick(month, since)
        was_dead = is_dead
        clock.pass_by(seconds=STEP.total_seconds())
    return month


def _opened(plain: Desk, schedules: list[Schedule]) -> Desk:
    def next_slot_at(channel: str, at: datetime) -> datetime:
        return next_slot_for(schedules, channel, at, job=Job.ANNOUNCE) or at

    return replace(
        plain,
        is_quiet=lambda channel, at: is_channel_quiet(schedules, channel, at, job=Job.ANNOUNCE),
        next_slot_at=next_slot_at,
        pace_of=lambda channel, job: pace_of(schedules, channel, job),
    )


def _tick(month: Month, since: datetime) -> None:
    errands: dict[Job, Callable[[], str]] = {Job.FEEDS: lambda: "feeds"}
    for ran in run_due_jobs(month.desk, month.schedules, since=since, errands=errands):
        assert not ran.failure, ran
    deliver(month.desk)


def _decide(month: Month, approve_at: dict[str, datetime], draw: random.Random, now: datetime) -> None:
    """Approve what a person has come to: within minutes, after a night, or days later."""
    for one in month.desk.ledger.deliveries(states=(State.HELD,)):
        wait = draw.choice((timedelta(minutes=10), timedelta(hours=9), timedelta(days=3)))
        if now < approve_at.setdefault(one.id, now + wait):
            continue
        approved = review.approve(month.desk, one.id, by="Pat").delivery
        month.approved_at[one.id] = now
        if approved.released_at is not None:
            month.released_at_approval.append(one.id)


def judge(month: Month) -> None:
    """Hold the promises of a month against what went up."""
    rows = month.desk.ledger.deliveries()
    assert len(rows) == ANSWERS * len(month.walls), f"seed {month.seed}: an answer was lost"
    assert {one.state for one in rows} == {State.SENT}, f"seed {month.seed}: something never went out"
    for wall in month.walls:
        keys = [key for _at, key in wall.went_up]
        assert len(keys) == len(set(keys)) == ANSWERS, f"seed {month.seed}: not each once on {wall.name}"
        instants = [at for at, _key in wall.went_up]
        for place, at in enumerate(instants):
            said = f"seed {month.seed}: {wall.name} from {at.isoformat()}"
            assert sum(at <= one < at + DAY for one in instants) <= PER_DAY_MAX, f"{said}: over the day's cap"
            assert sum(at <= one < at + HOUR for one in instants) <= 1, f"{said}: over the hour's cap"
            if place:
                assert at - instants[place - 1] >= SPACING, f"{said}: too soon after the one before"
            assert not is_channel_quiet(month.schedules, wall.name, at, job=Job.ANNOUNCE), (
                f"{said}: quiet hours"
            )
    assert not month.released_at_approval, f"seed {month.seed}: an approval let something go by itself"
    for one in rows:
        assert one.sent_at is not None
        assert one.released_at is not None
        due_at = next_slot_for(
            month.schedules, one.channel, month.approved_at[one.id] - STEP, job=Job.ANNOUNCE
        )
        assert due_at is not None
        assert one.released_at >= due_at, (
            f"seed {month.seed}: {one.id} went before the slot after its approval"
        )
