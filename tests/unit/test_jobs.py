"""The jobs of schedules: each slot's job comes to its end, however often it fails, and never holds up another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from clinic_broadcast.core.notice import Kind, Patience
from clinic_broadcast.core.schedule import Job, Schedule
from clinic_broadcast.core.slot import AGAIN_AFTER
from clinic_broadcast.errors import SourceError
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.broadcast import deliver
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.jobs import Ran, run_due_jobs, run_job
from clinic_broadcast.run.noticing import Watch, matters
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.survey import survey
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, raw_answer

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BACKUP = Schedule(name="backup", job=Job.BACKUP, cron="0 3 * * *", zone=ZoneInfo("UTC"))
FEEDS = Schedule(name="feeds", job=Job.FEEDS, cron="0 3 * * *", zone=ZoneInfo("UTC"))
ANNOUNCE = Schedule(name="announce", job=Job.ANNOUNCE, cron="0 3 * * *", zone=ZoneInfo("UTC"), max_per_run=1)


class Errand:
    """A job that fails as often as it is told."""

    def __init__(self, clock: FakeClock, *, failures: int) -> None:
        self.clock = clock
        self.failures = failures
        self.begun_at: list[datetime] = []

    def __call__(self) -> str:
        self.begun_at.append(self.clock.now())
        if len(self.begun_at) <= self.failures:
            raise OSError("a sentence of the system that may name anything")
        return "done"


def through(
    at: Desk,
    clock: FakeClock,
    schedules: list[Schedule],
    errands: Mapping[Job, Callable[[], str]],
    *,
    hours: float,
    since: datetime,
) -> list[Ran]:
    """Ring every half minute for so long."""
    ran: list[Ran] = []
    for _ in range(round(hours * 120)):
        ran.extend(run_due_jobs(at, schedules, since=since, errands=errands))
        clock.pass_by(seconds=30)
    return ran


def test_a_job_that_fails_once_runs_again_a_minute_later_and_then_no_more(tmp_path: Path) -> None:
    clock = FakeClock(AT.replace(hour=2, minute=59))
    at = desk(MemoryLedger("test"), [WallChannel(tmp_path / "one.wall")], clock=clock)
    errand = Errand(clock, failures=1)
    ran = through(at, clock, [BACKUP], {Job.BACKUP: errand}, hours=20, since=clock.now())
    assert errand.begun_at == [AT.replace(hour=3), AT.replace(hour=3, minute=1)]
    assert [(one.told, one.failure) for one in ran] == [("", "OSError"), ("done", "")]


def test_a_job_that_always_fails_is_tried_ever_more_seldom_and_holds_up_nobody(tmp_path: Path) -> None:
    clock = FakeClock(AT.replace(hour=2, minute=59))
    at = desk(MemoryLedger("test"), [WallChannel(tmp_path / "one.wall")], clock=clock)
    bad, good = Errand(clock, failures=1000), Errand(clock, failures=0)
    errands = {Job.BACKUP: bad, Job.FEEDS: good}
    through(at, clock, [BACKUP, FEEDS], errands, hours=72, since=clock.now())
    assert good.begun_at == [AT.replace(hour=3) + timedelta(days=day) for day in range(3)]
    waits = [later - earlier for earlier, later in zip(bad.begun_at, bad.begun_at[1:], strict=False)]
    assert waits[: len(AGAIN_AFTER)] == list(AGAIN_AFTER)
    assert len(bad.begun_at) == 1 + len(AGAIN_AFTER) + 2


def test_a_person_is_told_once_of_a_job_that_fails_and_status_says_until_when(tmp_path: Path) -> None:
    clock = FakeClock(AT.replace(hour=2, minute=59))
    at = desk(MemoryLedger("test"), [WallChannel(tmp_path / "one.wall")], clock=clock)
    watch = Watch(
        clinic_name="The Example Fertility Center",
        patience=Patience(remind_after=timedelta(days=1), escalate_after=timedelta(days=2)),
        silent_after=timedelta(days=21),
        schedules=("backup",),
    )
    errand = Errand(clock, failures=4)
    errands = {Job.BACKUP: errand}

    def told() -> list[str]:
        return [one.key for one in matters(at, watch) if one.kind is Kind.JOB]

    through(at, clock, [BACKUP], errands, hours=0.05, since=clock.now())
    assert told() == []
    through(at, clock, [BACKUP], errands, hours=0.5, since=clock.now())
    assert told() == ["job:backup"]
    (problem,) = [one for one in survey(at, [BACKUP]).problems if "backup.toml" in one]
    assert "failed 2 times in a row; it is tried again at 2026-03-02 03:36 UTC" in problem
    assert "may name anything" not in problem
    through(at, clock, [BACKUP], errands, hours=12, since=clock.now())
    assert len(errand.begun_at) == 5
    assert told() == []
    assert not [one for one in survey(at, [BACKUP]).problems if "backup.toml" in one]


def test_changed_settings_that_are_refused_are_told_without_what_stands_in_them(tmp_path: Path) -> None:
    at = desk(MemoryLedger("test"), [WallChannel(tmp_path / "one.wall")])
    watch = Watch(
        clinic_name="The Example Fertility Center",
        patience=Patience(remind_after=timedelta(days=1), escalate_after=timedelta(days=2)),
        silent_after=timedelta(days=21),
    )
    assert [one.kind for one in matters(at, watch)] == []
    (refused,) = matters(at, replace(watch, refused_at=AT))
    assert (refused.kind, refused.since) == (Kind.SETTINGS, AT)
    assert "the old ones stay in force" in refused.text


def test_an_error_of_ours_is_told_in_its_own_words(tmp_path: Path) -> None:
    clock = FakeClock(AT.replace(hour=3))
    at = desk(MemoryLedger("test"), [WallChannel(tmp_path / "one.wall")], clock=clock)

    def away() -> str:
        raise SourceError("the disk for copies is not there")

    (ran,) = run_due_jobs(at, [BACKUP], since=AT - timedelta(days=1), errands={Job.BACKUP: away})
    assert ran.failure == "the disk for copies is not there"


@pytest.mark.parametrize("out_first", [False, True])
def test_an_announcement_that_is_begun_again_lets_no_more_go_than_one_would(
    tmp_path: Path, *, out_first: bool
) -> None:
    source, clock, wall = FakeSource(), FakeClock(), WallChannel(tmp_path / "one.wall")
    at = desk(MemoryLedger("test"), [wall], sources=[source], clock=clock, surge_max=100)
    poll(at)
    clock.pass_by(days=1)
    for number in range(3):
        source.answers.append(
            raw_answer(number, published_at=clock.now(), title=f"Thyroid Tests Part {number}")
        )
    poll(at)
    plan_fresh(at)
    approve_all(at)
    slot_at = clock.now()
    assert run_job(at, ANNOUNCE, {}, slot_at) == "1 released"
    if out_first:
        deliver(at)
    clock.pass_by(minutes=1)
    assert run_job(at, ANNOUNCE, {}, slot_at, again=True) == "0 released"
    deliver(at)
    assert len(wall.rows()) == 1
    clock.pass_by(days=1)
    assert run_job(at, ANNOUNCE, {}, clock.now()) == "1 released"
