"""Pictures on the way of a promo: drawn with the draft, frozen, sent as approved, shown in public, taken down."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from clinic_broadcast.cards.gallery import CardGallery
from clinic_broadcast.core.delivery import Delivery, Outcome, State
from clinic_broadcast.core.gate import examine_answer
from clinic_broadcast.core.promo import Card, alt_of
from clinic_broadcast.core.zones import read_answer
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ports import Parcel
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.correct import withdraw
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.pictures import illustrated
from clinic_broadcast.run.promotion import draft, plan_fresh
from clinic_broadcast.settings.config import read_settings
from desks import FakeSource, WallChannel, approve_all, desk, gate
from e2e.homes import SETTINGS
from fakes import FakeClock, raw_answer


@dataclass
class Receiving(WallChannel):
    """A wall that keeps what else it was handed."""

    received: bytes = b""

    def send(self, parcel: Parcel) -> Outcome:
        self.received = parcel.picture
        return super().send(parcel)


@dataclass(frozen=True)
class OtherHand:
    """A gallery of a later version: the same words, other bytes."""

    home: CardGallery

    def draw(self, card: Card) -> bytes | None:
        picture = self.home.draw(card)
        return None if picture is None else picture + b"!"

    def refusal(self, card: Card) -> str:
        return self.home.refusal(card)

    def show(self, picture: bytes) -> None:
        self.home.show(picture)

    def take_down(self, digest: str) -> None:
        self.home.take_down(digest)


def pictured_desk(folder: Path) -> tuple[Desk, Receiving, FakeSource]:
    wall, source = Receiving(wall=folder / "wall.jsonl"), FakeSource()
    made = desk(MemoryLedger("test"), [wall], sources=[source], clock=FakeClock())
    poll(made)
    gallery = CardGallery(folder / "public")
    return replace(made, gallery=gallery, pictured=frozenset({"wall"})), wall, source


def announced(at: Desk, source: FakeSource) -> Delivery:
    source.answers.append(raw_answer(1))
    poll(at)
    plan_fresh(at)
    (planned,) = at.ledger.deliveries()
    return planned


def shown(folder: Path) -> list[Path]:
    place = folder / "public" / "cards"
    return sorted(place.glob("*.png")) if place.is_dir() else []


def test_a_picture_is_sent_as_it_was_approved_and_shown_only_then(tmp_path: Path) -> None:
    at, wall, source = pictured_desk(tmp_path)
    planned = announced(at, source)
    card = planned.payload.card
    assert card is not None
    assert card.alt == alt_of(card)
    assert "not medical advice" in card.alt
    assert card.description in planned.payload.text
    assert shown(tmp_path) == []

    approve_all(at)
    release_planned(at)
    (sent,) = deliver(at)
    assert sent.state is State.SENT
    assert hashlib.sha256(wall.received).hexdigest() == card.picture
    assert [one.stem for one in shown(tmp_path)] == [card.picture]


def test_a_picture_that_would_be_another_one_waits_for_a_new_approval(tmp_path: Path) -> None:
    at, wall, source = pictured_desk(tmp_path)
    planned = announced(at, source)
    approve_all(at)
    release_planned(at)
    later = replace(at, gallery=OtherHand(CardGallery(tmp_path / "public")))
    (held,) = deliver(later)
    assert held.state is State.HELD
    assert held.why[0].startswith("card: ")
    assert held.payload.revision != planned.payload.revision
    assert wall.rows() == []

    approve_all(later)
    release_planned(later)
    (sent,) = deliver(later)
    assert sent.state is State.SENT
    assert wall.received.endswith(b"!")


def test_a_withdrawal_takes_the_picture_down_at_once(tmp_path: Path) -> None:
    at, _, source = pictured_desk(tmp_path)
    announced(at, source)
    approve_all(at)
    release_planned(at)
    deliver(at)
    (picture,) = shown(tmp_path)
    known = at.ledger.answer(raw_answer(1).id)
    assert known is not None
    withdraw(at, known, why="an error", by="Pat")
    assert shown(tmp_path) == []
    assert picture.with_name(picture.name + ".gone").read_bytes() == b""


def test_a_word_that_the_gate_holds_leaves_the_promo_without_a_picture(tmp_path: Path) -> None:
    at, wall, _ = pictured_desk(tmp_path)
    raw = raw_answer(1)
    material = examine_answer(gate(), read_answer(raw, gate().own_names))
    wording = at.wordings.template_for("announce", "wall", "folder")
    payload = draft(at, material, wall, wording).promo.payload
    assert payload.card is not None
    careless = replace(payload, card=replace(payload.card, description="Ingrid from Norway should test."))
    assert illustrated(at, payload, material, kind="folder") == (payload, "")
    bare, why = illustrated(at, careless, material, kind="folder")
    assert bare.card is None
    assert why.startswith("the gate holds its words: privacy.")
    assert illustrated(at, careless, material, kind="bluesky")[0].card == Card(
        title=payload.card.title, description="Ingrid from Norway should test."
    )


def test_a_picture_that_cannot_be_drawn_is_missed_with_its_reason(tmp_path: Path) -> None:
    at, wall, _ = pictured_desk(tmp_path)
    named = replace(at, gate=replace(gate(), own_names=("Dr. \u9e97\u83ef Roe",)))
    material = examine_answer(named.gate, read_answer(raw_answer(1), named.gate.own_names))
    drafted = draft(named, material, wall, named.wordings.template_for("announce", "wall", "folder"))
    assert drafted.promo.payload.card is None
    assert drafted.unpictured == "no font of ours has all of its characters: U+83EF, U+9E97"


def test_without_the_setting_there_is_no_picture(tmp_path: Path) -> None:
    at, _, source = pictured_desk(tmp_path)
    planned = announced(replace(at, pictured=frozenset()), source)
    assert planned.payload.card is None


@pytest.mark.parametrize("kind", ["telegram", "folder", "threads"])
def test_a_picture_is_refused_where_no_alt_text_could_go_with_it(kind: str, tmp_path: Path) -> None:
    text = SETTINGS.replace("{mode}", "hold") + f'\n[channels.extra]\nkind = "{kind}"\npicture = true\n'
    (tmp_path / "clinic.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"channels\.extra\.picture: .* allowed for"):
        read_settings(tmp_path, {})
