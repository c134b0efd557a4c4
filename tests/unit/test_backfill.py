"""Old answers drip: at most so many a week, oldest first, never twice, and behind everything fresh."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.backfill import backfill
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from desks import approve_all, desk
from fakes import START_AT, FakeClock, FakeSource, WallChannel, raw_answer


def old_blog(tmp_path: Path, count: int) -> tuple[Desk, FakeClock, FakeSource, WallChannel]:
    """Give a desk whose baseline holds so many old answers, the last one the oldest."""
    old = [
        raw_answer(number, published_at=START_AT - timedelta(days=number)) for number in range(1, count + 1)
    ]
    source, clock, wall = FakeSource(answers=old), FakeClock(), WallChannel(tmp_path / "wall")
    at = desk(MemoryLedger("test"), [wall], sources=[source], clock=clock)
    poll(at)
    return at, clock, source, wall


def test_the_oldest_come_first_and_no_more_than_allowed_in_seven_days(tmp_path: Path) -> None:
    at, clock, _source, _wall = old_blog(tmp_path, 5)
    first = backfill(at, max_per_week=2)
    assert [known.material.answer_id[-1] for known in first.planned] == ["5", "4"]
    assert first.left == 3
    assert backfill(at, max_per_week=2).planned == ()
    clock.pass_by(days=7)
    assert [known.material.answer_id[-1] for known in backfill(at, max_per_week=2).planned] == ["3", "2"]


def test_a_dry_run_plans_nothing(tmp_path: Path) -> None:
    at, _clock, _source, _wall = old_blog(tmp_path, 2)
    assert len(backfill(at, max_per_week=9, write=False).planned) == 2
    assert at.ledger.deliveries() == []


def test_an_answer_published_by_hand_before_is_not_planned_again(tmp_path: Path) -> None:
    at, clock, _source, wall = old_blog(tmp_path, 1)
    backfill(at, max_per_week=1)
    approve_all(at)
    release_planned(at)
    deliver(at)
    clock.pass_by(days=30)
    assert backfill(at, max_per_week=1).planned == ()
    assert len(wall.rows()) == 1


def test_a_fresh_answer_overtakes_the_old_ones(tmp_path: Path) -> None:
    at, clock, source, wall = old_blog(tmp_path, 2)
    backfill(at, max_per_week=2)
    words = (
        "Hello Dr. Roe, what of polyps?\n\nHello Ingrid from Norway,\n\n"
        "Polyps inside the uterus are usually removed before a transfer.\n\nJane Roe, M.D."
    )
    fresh = raw_answer(
        9, title="Do Polyps Need to Come Out Before a Transfer?", body=words, published_at=clock.now()
    )
    source.answers.append(fresh)
    poll(at)
    plan_fresh(at)
    approve_all(at)
    assert release_planned(at, count_max=1) == 1
    deliver(at)
    (row,) = wall.rows()
    assert "Polyps" in row["text"]


def test_only_answers_with_one_of_the_labels_drip(tmp_path: Path) -> None:
    source, clock, wall = FakeSource(answers=[]), FakeClock(), WallChannel(tmp_path / "wall")
    labels = {1: ("Thyroid",), 2: ("IVF", "thyroid"), 3: ("IVF",), 4: ()}
    source.answers += [
        replace(raw_answer(number, published_at=START_AT - timedelta(days=number)), labels=named)
        for number, named in labels.items()
    ]
    at = desk(MemoryLedger("test"), [wall], sources=[source], clock=clock)
    poll(at)
    first = backfill(at, max_per_week=1, labels=["THYROID"])
    assert [known.material.answer_id[-1] for known in first.planned] == ["2"]
    assert first.left == 1
    assert backfill(at, max_per_week=2, labels=["IVF", "thyroid"], write=False).planned[0].labels == ("IVF",)
    assert backfill(at, max_per_week=1, labels=["IVF"]).planned == ()
    assert backfill(at, max_per_week=9, labels=["cysts"]).left == 0
