"""Old answers drip: at most so many a week, oldest first, never twice, and behind everything fresh."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from clinic_broadcast.core.answer import AnswerId, RawAnswer, Standing
from clinic_broadcast.core.delivery import State
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ports import Marks
from clinic_broadcast.run.backfill import Backfill, backfill
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


def twin_of(raw: RawAnswer, number: int) -> RawAnswer:
    """Give the same answer as another blog shows it: another id, another address, the same words."""
    url = f"https://moved.example/{number}"
    return replace(raw, id=AnswerId(f"tag:moved.example,2026:{number}"), url=url)


def test_the_same_words_at_another_address_are_never_announced_by_the_drip(tmp_path: Path) -> None:
    at, clock, source, wall = old_blog(tmp_path, 3)
    clock.pass_by(days=1)
    fresh = raw_answer(9, published_at=clock.now())
    source.answers.append(fresh)
    poll(at)
    plan_fresh(at)
    approve_all(at)
    release_planned(at)
    deliver(at)
    assert len(wall.rows()) == 1
    # The blog moves: every answer comes again with another id and address, the one that was sent among them.
    source.answers += [twin_of(raw, number) for number, raw in enumerate(source.answers)]
    poll(at, as_baseline=True)
    assert len(at.ledger.answers(Standing.BASELINE)) == 3 + 4
    clock.pass_by(days=30)
    drip = backfill(at, max_per_week=50)
    words = [known.material.revision for known in drip.planned]
    assert len(words) == len(set(words)) == 3
    approve_all(at)
    release_planned(at)
    deliver(at)
    assert len(wall.rows()) == 4
    clock.pass_by(days=30)
    assert backfill(at, max_per_week=50) == Backfill(planned=(), left=0)


def test_two_old_answers_with_the_same_words_drip_once(tmp_path: Path) -> None:
    source, wall = (
        FakeSource(answers=[raw_answer(1), twin_of(raw_answer(1), 1)]),
        WallChannel(tmp_path / "wall"),
    )
    at = desk(MemoryLedger("test"), [wall], sources=[source])
    poll(at)
    drip = backfill(at, max_per_week=9)
    assert (len(drip.planned), drip.left) == (1, 0)
    assert backfill(at, max_per_week=9) == Backfill(planned=(), left=0)


def test_the_twin_of_a_withdrawn_answer_does_not_drip(tmp_path: Path) -> None:
    at, clock, source, _wall = old_blog(tmp_path, 2)
    first = source.answers[0]
    at.ledger.restand(
        first.id, before=Standing.BASELINE, after=Standing.WITHDRAWN, actor="test", at=clock.now()
    )
    source.answers.append(twin_of(first, 1))
    poll(at, as_baseline=True)
    drip = backfill(at, max_per_week=9)
    assert [known.material.answer_id for known in drip.planned] == [source.answers[1].id]


def test_a_note_of_the_intake_keeps_an_old_answer_for_a_person(tmp_path: Path) -> None:
    at, clock, source, wall = old_blog(tmp_path, 1)
    at = replace(at, review=replace(at.review, mode="auto-clean", first_n=0))
    (known,) = at.ledger.answers()
    other = MemoryLedger("test")
    other.remember(source.name, [replace(known, note="a reason to look")], marks=Marks(), at=clock.now())
    backfill(replace(at, ledger=other), max_per_week=1)
    (one,) = other.deliveries()
    assert (one.state, one.why[0]) == (State.HELD, "intake: a reason to look")
    assert wall.rows() == []


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
