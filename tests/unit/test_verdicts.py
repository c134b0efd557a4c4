"""What the gate said is remembered for exactly the same bytes, and for nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.core import verdicts
from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.gate import Gate, examine_payload
from clinic_broadcast.core.keeping import KEPT_MAX
from clinic_broadcast.core.material import Material, Taint, taint_of
from clinic_broadcast.core.promo import Card, Fragment, Origin, Payload
from clinic_broadcast.core.verdicts import examine_once
from desks import gate as shared_gate

KEY = b"a key for tests only"
TITLE = "Why a Blood Test Comes First"
BODY = "A simple blood test shows how the thyroid works. Nobody has to fast for it."
TEXT = f"{TITLE}: a plain answer"
PAYLOAD = Payload(text=TEXT, link="", card=Card(title=TITLE, description=BODY))
FRAGMENTS = (
    Fragment(text=TITLE, origin=Origin.TITLE, start=0, end=len(TITLE)),
    Fragment(text=": a plain answer", origin=Origin.TEMPLATE, start=0, end=0),
)
MATERIAL = Material(
    answer_id=AnswerId("tag:blog.example,2026:1"),
    url="https://blog.example/1.html",
    title=TITLE,
    body=BODY,
    revision="0" * 64,
    taint=taint_of(["oslo"], ["marit"], key=KEY),
    findings=(),
    gate_version="1",
)


def gate() -> Gate:
    """Give a gate that has read nothing yet; the one of all other tests may have."""
    return replace(shared_gate())


def asked(at: Gate, payload: Payload = PAYLOAD, material: Material | None = MATERIAL) -> object:
    return examine_once(at, payload, FRAGMENTS, material)


def readings(monkeypatch: pytest.MonkeyPatch) -> list[Payload]:
    """Give the list in which every real reading of the gate is noted from now on."""
    read: list[Payload] = []

    def noted(
        at: Gate, payload: Payload, fragments: tuple[Fragment, ...], material: Material | None
    ) -> object:
        read.append(payload)
        return examine_payload(at, payload, fragments, material)

    monkeypatch.setattr(verdicts, "examine_payload", noted)
    return read


def test_the_same_bytes_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read, at = readings(monkeypatch), gate()
    again = replace(MATERIAL, taint=Taint(key=KEY, tokens=MATERIAL.taint.tokens, names=MATERIAL.taint.names))
    assert asked(at) == asked(at, replace(PAYLOAD), again)
    assert len(read) == 1


@pytest.mark.parametrize(
    ("payload", "material"),
    [
        (replace(PAYLOAD, text=TEXT + "."), MATERIAL),
        (replace(PAYLOAD, link="https://blog.example/2.html"), MATERIAL),
        (replace(PAYLOAD, card=None), MATERIAL),
        (replace(PAYLOAD, card=Card(title=TITLE, description=BODY, alt="Marit")), MATERIAL),
        (PAYLOAD, None),
        (PAYLOAD, replace(MATERIAL, body=BODY + " It never fails.")),
        (PAYLOAD, replace(MATERIAL, taint=taint_of(["oslo", "blood"], ["marit"], key=KEY))),
        (PAYLOAD, replace(MATERIAL, taint=taint_of(["oslo"], ["marit", "blood"], key=KEY))),
    ],
)
def test_one_thing_that_changed_is_read_again(
    payload: Payload, material: Material | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = gate()
    asked(at)
    read = readings(monkeypatch)
    assert asked(at, payload, material) == examine_payload(at, payload, FRAGMENTS, material)
    assert read == [payload]


def test_another_gate_reads_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    at = gate()
    asked(at)
    read = readings(monkeypatch)
    asked(replace(at, own_names=()))
    asked(replace(at, lexicon=replace(at.lexicon, eponyms=())))
    assert len(read) == 2


def test_what_is_kept_is_bounded() -> None:
    at = gate()
    at.said.update({bytes([number % 256, number // 256]): () for number in range(KEPT_MAX)})
    asked(at)
    assert len(at.said) == 1


GATE = gate()


@given(
    st.lists(st.tuples(st.sampled_from([TEXT, "Ask Marit.", "", "call 555 0199"]), st.booleans()), max_size=8)
)
def test_whatever_is_asked_in_whatever_order_the_answer_is_the_gates_own(
    asks: list[tuple[str, bool]],
) -> None:
    for text, has_material in asks:
        payload, material = replace(PAYLOAD, text=text), MATERIAL if has_material else None
        assert asked(GATE, payload, material) == examine_payload(GATE, payload, FRAGMENTS, material)
