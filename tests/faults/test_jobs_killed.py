"""kill -9 in the middle of every job: its slot is not lost, and nothing that it does is done twice in public."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clinic_broadcast.core.schedule import Job
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.migrate import open_ledger
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.rescan import rescan
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, raw_answer
from faults.forks import dies
from faults.kill_child import BODY
from faults.kill_job_child import run_jobs_child

# Hundreds of processes in all: the two that send something are for every run, the others for the heavy one.
JOBS = [
    pytest.param(job.value, marks=() if job in (Job.ANNOUNCE, Job.DIGEST) else pytest.mark.heavy)
    for job in Job
]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home with two approved promos of fresh answers, and a third answer on the blog that is not read yet."""
    folder = tmp_path_factory.mktemp("ready")
    clock, source = FakeClock(), FakeSource(answers=[raw_answer(1)])
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}", "test")
    at = desk(ledger, [WallChannel(folder / "one.wall", name="one")], sources=[source], clock=clock)
    rescan(at)
    clock.pass_by(hours=1)
    for number in (2, 3):
        source.answers.append(
            raw_answer(
                number, body=BODY, title=f"What Does a Hysteroscopy Show? {number}", published_at=clock.now()
            )
        )
    rescan(at)
    plan_fresh(at)
    approve_all(at)
    ledger.close()
    return folder


def told_of(folder: Path) -> Any:
    return json.loads((folder / "ran").read_text(encoding="utf-8"))


@pytest.mark.parametrize("job", JOBS)
def test_a_job_that_is_killed_at_any_edge_comes_to_its_end_within_minutes_and_doubles_nothing(
    ready: Path, tmp_path: Path, job: str
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(ready, whole)
    assert not dies(run_jobs_child, whole, 0, 0, job, "")
    edges = told_of(whole)["edges"]
    assert edges >= 4
    for edge in range(1, edges + 1):
        folder = tmp_path / f"edge{edge}"
        shutil.copytree(ready, folder)
        assert dies(run_jobs_child, folder, edge, 0, job, "")
        ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}", "test")
        run = ledger.last_run(job)
        ledger.close()
        is_over = run is not None and run.done_at is not None
        assert not dies(run_jobs_child, folder, 0, 1, job, "deliver")
        told = told_of(folder)["ran"]
        assert len(told) == (0 if is_over else 1), (edge, told)
        assert all(not failure for _told, failure in told)
        assert not dies(run_jobs_child, folder, 0, 60, job, "deliver")
        assert told_of(folder)["ran"] == []
        _prove(folder, edge, lets_go=job in ("announce", "reshare"))


def _prove(folder: Path, edge: int, *, lets_go: bool) -> None:
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}", "test")
    try:
        assert verify(ledger) == []
    finally:
        ledger.close()
    wall = folder / "one.wall"
    rows = [json.loads(line)["key"] for line in wall.read_text().splitlines()] if wall.exists() else []
    assert all(count == 1 for count in Counter(rows).values()), edge
    assert len(rows) <= int(lets_go), edge
