"""Taking back and correcting: every channel is reached or named, and nothing withdrawn goes out any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import Standing
from clinic_broadcast.core.delivery import Outcome, Sent, State, Unsure
from clinic_broadcast.core.promo import WITHDRAW
from clinic_broadcast.errors import UsageError
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.correct import correct, plan_withdrawals, withdraw
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, lost_reply, raw_answer


@dataclass
class ErasableWall(WallChannel):
    """A wall from which a promo can be taken back; `answers` are given first, for bad days."""

    answers: list[Outcome] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)

    def withdraw(self, post_id: str) -> Outcome:
        if self.answers:
            return self.answers.pop(0)
        self.erased.append(post_id)
        return Sent(post_id=post_id, post_url="")


def published(tmp_path: Path, *walls: WallChannel) -> tuple[Desk, FakeClock]:
    """Give a desk on whose channels one fresh answer has been published."""
    source, clock = FakeSource(), FakeClock()
    del tmp_path
    at = desk(MemoryLedger("test"), walls, sources=[source], clock=clock)
    poll(at)
    clock.pass_by(days=1)
    source.answers.append(raw_answer(1, published_at=clock.now()))
    poll(at)
    plan_fresh(at)
    approve_all(at)
    release_planned(at)
    deliver(at)
    return at, clock


def test_a_withdrawal_deletes_what_is_public_and_is_tracked_per_channel(tmp_path: Path) -> None:
    wall = ErasableWall(tmp_path / "a.wall", name="a")
    at, _clock = published(tmp_path, wall)
    known = at.ledger.answers()[0]
    assert withdraw(at, known, why="the patient asked", by="Pat").planned == 1
    deliver(at)
    rows = {one.occasion: one for one in at.ledger.deliveries()}
    assert rows[WITHDRAW].state is State.SENT
    assert rows["announce"].state is State.WITHDRAWN
    assert wall.erased == [rows["announce"].post_id]
    assert at.ledger.count_answers()[Standing.WITHDRAWN] == 1


def test_a_delete_whose_reply_was_lost_is_made_again(tmp_path: Path) -> None:
    wall = ErasableWall(tmp_path / "a.wall", name="a", answers=[Unsure("reset")])
    at, clock = published(tmp_path, wall)
    withdraw(at, at.ledger.answers()[0], why="x", by="Pat")
    deliver(at)
    assert wall.erased == []
    clock.pass_by(minutes=5)
    deliver(at)
    assert len(wall.erased) == 1


def test_a_channel_that_cannot_take_back_says_so_and_waits_for_a_person(tmp_path: Path) -> None:
    at, _clock = published(tmp_path, WallChannel(tmp_path / "a.wall", name="a"))
    withdraw(at, at.ledger.answers()[0], why="x", by="Pat")
    deliver(at)
    one = next(one for one in at.ledger.deliveries() if one.occasion == WITHDRAW)
    assert one.state is State.HELD
    assert "by hand" in one.why[0]


def test_what_was_not_sent_yet_is_cancelled_and_never_goes_out(tmp_path: Path) -> None:
    source, clock = FakeSource(), FakeClock()
    wall = ErasableWall(tmp_path / "a.wall", name="a")
    at = desk(MemoryLedger("test"), [wall], sources=[source], clock=clock)
    poll(at)
    source.answers.append(raw_answer(1, published_at=clock.now()))
    poll(at)
    plan_fresh(at)
    approve_all(at)
    assert withdraw(at, at.ledger.answers()[0], why="x", by="Pat").cancelled == 1
    release_planned(at)
    deliver(at)
    assert wall.rows() == []


def test_a_promo_in_doubt_is_settled_first_and_then_taken_back(tmp_path: Path) -> None:
    wall = ErasableWall(tmp_path / "a.wall", name="a", behave=lost_reply)
    at, clock = published(tmp_path, wall)
    assert withdraw(at, at.ledger.answers()[0], why="x", by="Pat").planned == 0
    clock.pass_by(minutes=5)
    deliver(at)
    assert plan_withdrawals(at) == 1
    deliver(at)
    assert len(wall.erased) == 1


def test_a_correction_is_planned_only_where_older_words_are_public_and_waits_for_approval(
    tmp_path: Path,
) -> None:
    wall = WallChannel(tmp_path / "a.wall", name="a")
    at, clock = published(tmp_path, wall)
    assert correct(at, at.ledger.answers()[0]) == []
    source = at.sources["fake:blog"]
    assert isinstance(source, FakeSource)
    body = source.answers[0].body.replace("A simple blood test", "A plain blood test")
    source.answers[0] = raw_answer(1, body=body, published_at=clock.now())
    poll(at)
    planned = correct(at, at.ledger.answers()[0])
    assert [(one.state, one.occasion.split(":")[0]) for one in planned] == [(State.HELD, "correct")]
    assert correct(at, at.ledger.answers()[0]) == []


def test_a_withdrawn_answer_has_nothing_to_correct(tmp_path: Path) -> None:
    at, _clock = published(tmp_path, ErasableWall(tmp_path / "a.wall", name="a"))
    withdraw(at, at.ledger.answers()[0], why="x", by="Pat")
    with pytest.raises(UsageError):
        correct(at, at.ledger.answers()[0])
