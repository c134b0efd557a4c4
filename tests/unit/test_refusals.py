"""What a network has refused: a person sends it again, gives it other words, or gives it up; then nobody is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clinic_broadcast.core.delivery import Outcome, Refused, State
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ports import Parcel
from clinic_broadcast.run import review
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.survey import survey
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, raw_answer


@dataclass
class StrictWall(WallChannel):
    """A wall that says no as often as `refusals` has words for it, and puts nothing up then."""

    refusals: list[str] = field(default_factory=list)

    def send(self, parcel: Parcel) -> Outcome:
        if self.refusals:
            return Refused(self.refusals.pop(0))
        return WallChannel.send(self, parcel)


@pytest.fixture
def refused(tmp_path: Path) -> tuple[Desk, StrictWall]:
    """Give a desk whose one promo was refused, and the wall that refused it."""
    source, clock = FakeSource(), FakeClock()
    wall = StrictWall(tmp_path / "one.wall", refusals=["no such words here"])
    at = desk(MemoryLedger("test"), [wall], sources=[source], clock=clock)
    poll(at)
    clock.pass_by(days=1)
    source.answers.append(raw_answer(1, published_at=clock.now()))
    poll(at)
    plan_fresh(at)
    approve_all(at)
    release_planned(at)
    assert [one.state for one in deliver(at)] == [State.REFUSED]
    return at, wall


def told(at: Desk) -> str:
    return " ".join(survey(at, ()).problems)


def test_a_refused_promo_makes_a_home_unhealthy_and_names_what_mends_it(
    refused: tuple[Desk, StrictWall],
) -> None:
    at, _wall = refused
    for command in ("edit ID --text TEXT", "resolve ID --not-sent", "hold ID --for-good"):
        assert command in told(at)


def test_a_refused_promo_goes_out_when_a_person_has_mended_the_cause(
    refused: tuple[Desk, StrictWall],
) -> None:
    at, wall = refused
    (one,) = at.ledger.deliveries()
    assert review.resolve(at, one.id, sent_url=None, by="Pat").refused == ""
    assert [each.state for each in deliver(at)] == [State.SENT]
    assert len(wall.rows()) == 1
    assert "refused" not in told(at)


def test_a_refused_promo_with_other_words_waits_for_approval_and_goes_out_once(
    refused: tuple[Desk, StrictWall],
) -> None:
    at, wall = refused
    (one,) = at.ledger.deliveries()
    assert (
        review.edit(at, one.id, text="A simple blood test shows how the thyroid works.", by="Pat").refused
        == ""
    )
    (held,) = at.ledger.deliveries()
    assert (held.state, held.needs_person, held.reason, held.approved_by) == (State.HELD, "", "", "")
    assert review.approve(at, one.id, by="Dr. Roe").refused == ""
    release_planned(at)
    assert [each.state for each in deliver(at)] == [State.SENT]
    assert len(wall.rows()) == 1
    assert "refused" not in told(at)


@pytest.mark.parametrize("state", [State.REFUSED, State.HELD, State.PLANNED])
def test_what_a_person_gives_up_never_goes_out_and_nobody_is_asked_again(
    refused: tuple[Desk, StrictWall], state: State
) -> None:
    at, wall = refused
    (one,) = at.ledger.deliveries()
    if state is not State.REFUSED:
        review.edit(at, one.id, text="A simple blood test shows how the thyroid works.", by="Pat")
    if state is State.PLANNED:
        review.approve(at, one.id, by="Pat")
    assert at.ledger.deliveries()[0].state is state
    assert review.hold(at, one.id, why="not for this network", by="Pat", for_good=True).refused == ""
    (after,) = at.ledger.deliveries()
    assert (after.state, after.reason) == (State.CANCELLED, "given up by Pat: not for this network")
    poll(at)
    plan_fresh(at)
    release_planned(at)
    assert deliver(at) == []
    assert wall.rows() == []
    assert "refused" not in told(at)
    assert review.approve(at, one.id, by="Pat").refused == "it is cancelled, not held"


def test_what_is_public_can_neither_be_given_up_nor_sent_again(refused: tuple[Desk, StrictWall]) -> None:
    at, _wall = refused
    (one,) = at.ledger.deliveries()
    review.resolve(at, one.id, sent_url=None, by="Pat")
    deliver(at)
    assert "only what is not sent" in review.hold(at, one.id, why="x", by="Pat", for_good=True).refused
    assert "only what is unsure" in review.resolve(at, one.id, sent_url=None, by="Pat").refused
