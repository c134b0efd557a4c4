"""Taking back and correcting: every channel is reached or named, and nothing withdrawn goes out any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import Standing
from clinic_broadcast.core.delivery import Outcome, Refused, Sent, State, Unsure
from clinic_broadcast.core.notice import Patience
from clinic_broadcast.core.promo import WITHDRAW
from clinic_broadcast.errors import UsageError
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run import review
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.correct import correct, plan_withdrawals, withdraw
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.noticing import Watch, matters
from clinic_broadcast.run.promotion import plan_fresh
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, lost_reply, raw_answer

WATCH = Watch(
    clinic_name="The Example Fertility Center",
    patience=Patience(remind_after=timedelta(hours=24), escalate_after=timedelta(hours=48)),
    silent_after=timedelta(days=30),
)


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


def test_what_a_person_has_deleted_by_hand_counts_as_withdrawn_and_asks_for_nobody(tmp_path: Path) -> None:
    at, _clock = published(tmp_path, WallChannel(tmp_path / "a.wall", name="a"))
    withdraw(at, at.ledger.answers()[0], why="x", by="Pat")
    one = next(one for one in at.ledger.deliveries() if one.occasion == WITHDRAW)
    assert f"resolve {one.id} --deleted" in review.approve(at, one.id, by="Pat").refused
    assert review.edit(at, one.id, text="Words", by="Pat").refused
    assert review.hold(at, one.id, why="x", by="Pat", for_good=True).refused
    assert review.settle_as_deleted(at, one.id, by="Pat", write=False).refused == ""
    assert at.ledger.deliveries(states=(State.WITHDRAWN,)) == []
    assert review.settle_as_deleted(at, one.id, by="Pat").refused == ""
    rows = {each.occasion: each for each in at.ledger.deliveries()}
    assert (rows["announce"].state, rows[WITHDRAW].state) == (State.WITHDRAWN, State.CANCELLED)
    assert "deleted by hand, says Pat" in rows["announce"].reason
    assert matters(at, WATCH) == []
    assert plan_withdrawals(at) == 0
    assert "nothing is left" in review.settle_as_deleted(at, one.id, by="Pat").refused


def test_a_network_that_refuses_to_delete_leaves_it_to_a_person_who_can_say_that_it_is_done(
    tmp_path: Path,
) -> None:
    wall = ErasableWall(tmp_path / "a.wall", name="a", answers=[Refused("too old to delete")])
    at, _clock = published(tmp_path, wall)
    withdraw(at, at.ledger.answers()[0], why="x", by="Pat")
    deliver(at)
    (one,) = at.ledger.deliveries(states=(State.REFUSED,))
    assert review.settle_as_deleted(at, one.id, by="Pat").refused == ""
    assert {each.state for each in at.ledger.deliveries()} == {State.WITHDRAWN, State.CANCELLED}


def test_only_a_withdrawal_can_be_settled_as_deleted(tmp_path: Path) -> None:
    at, _clock = published(tmp_path, WallChannel(tmp_path / "a.wall", name="a"))
    (one,) = at.ledger.deliveries()
    assert "withdraw` comes first" in review.settle_as_deleted(at, one.id, by="Pat").refused
    assert at.ledger.deliveries()[0].state is State.SENT


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
