"""An approval is of exact bytes, of an answer's words, and of the gate that read them: any change voids it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.gate import Gate
from clinic_broadcast.core.promo import Card
from clinic_broadcast.core.review import edit
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run import review
from clinic_broadcast.run.broadcast import GATE_CHANGED, deliver, release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.settings.lexicon import load_lexicon
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, raw_answer


@pytest.fixture
def approved(tmp_path: Path) -> tuple[Desk, WallChannel]:
    """Give a desk whose one promo is approved, and its channel."""
    source, clock = FakeSource(), FakeClock()
    wall = WallChannel(tmp_path / "one.wall")
    at = desk(MemoryLedger("test"), [wall], sources=[source], clock=clock)
    poll(at)
    clock.pass_by(days=1)
    source.answers.append(raw_answer(1, published_at=clock.now()))
    poll(at)
    plan_fresh(at)
    approve_all(at)
    return at, wall


def sent_by(at: Desk) -> list[Delivery]:
    release_planned(at)
    return deliver(at)


def test_nothing_changed_and_it_goes_out_with_the_gate_that_judged_it(
    approved: tuple[Desk, WallChannel],
) -> None:
    at, wall = approved
    (one,) = sent_by(at)
    assert (one.state, one.gate_version) == (State.SENT, at.gate.version)
    assert len(wall.rows()) == 1


def test_a_word_added_to_the_lexicon_voids_an_approval(approved: tuple[Desk, WallChannel]) -> None:
    at, wall = approved
    gate = Gate(
        lexicon=load_lexicon(["glimmerology"]),
        own_names=at.gate.own_names,
        own_hosts=at.gate.own_hosts,
        taint_key=at.gate.taint_key,
    )
    assert gate.version != at.gate.version
    later = replace(at, gate=gate)
    (one,) = sent_by(later)
    assert (one.state, one.approved_by, one.why) == (State.HELD, "", (GATE_CHANGED,))
    assert wall.rows() == []
    review.approve(later, one.id, by="Pat")
    assert [each.state for each in sent_by(later)] == [State.SENT]


def test_other_words_of_the_source_void_an_approval(approved: tuple[Desk, WallChannel]) -> None:
    at, wall = approved
    source = at.sources["fake:blog"]
    assert isinstance(source, FakeSource)
    body = source.answers[0].body.replace("simple", "plain")
    source.answers[0] = raw_answer(1, body=body, published_at=at.clock.now())
    poll(at)
    assert [one.state for one in sent_by(at)] == [State.HELD]
    assert wall.rows() == []


def test_other_words_of_the_promo_void_an_approval(approved: tuple[Desk, WallChannel]) -> None:
    at, wall = approved
    (one,) = at.ledger.deliveries()
    edited = review.edit(at, one.id, text=f"Thyroid tests are useful. {one.payload.link}", by="Pat").delivery
    assert (edited.state, edited.approved_by) == (State.HELD, "")
    assert edited.payload.revision != one.payload.revision
    assert sent_by(at) == []
    assert wall.rows() == []


@pytest.mark.parametrize(
    "card",
    [
        Card(title="A", description=""),
        Card(title="", description="B"),
        Card(title="", description="", alt="C"),
    ],
)
def test_another_card_voids_an_approval(approved: tuple[Desk, WallChannel], card: Card) -> None:
    at, wall = approved
    (one,) = at.ledger.deliveries()
    other = edit(
        one,
        replace(one.payload, card=card),
        fragments=one.fragments,
        findings=one.findings,
        why=("card: other",),
    )
    assert at.ledger.move(one, other, kind="edited", actor="test", at=at.clock.now())
    assert (other.state, other.approved_by) == (State.HELD, "")
    assert sent_by(at) == []
    assert wall.rows() == []
    assert "has changed since" in review.approve(at, one.id, revision=one.payload.revision, by="Pat").refused


def test_a_reason_to_overrule_is_recorded_with_the_approval(approved: tuple[Desk, WallChannel]) -> None:
    at, _wall = approved
    (one,) = at.ledger.deliveries()
    review.edit(at, one.id, text="Two tests are usual.", by="Pat")
    assert "say why" in review.approve(at, one.id, by="Kim", asks_why=True).refused
    assert not review.approve(at, one.id, by="Kim", why="said of women in general", asks_why=True).refused
    told = [each for each in at.ledger.history(one.id) if each.kind == "approved"]
    assert told[-1].body["why"] == "said of women in general"
