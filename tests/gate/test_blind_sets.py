"""The second to the seventh blind set: lines and whole pages written before the rules that they judge.

What passed at the first look stands in docs/gate.md, with what was mended since: such a line is blind no more. The
floors of clean lines only ever rise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from clinic_broadcast.core.answer import AnswerId, RawAnswer
from clinic_broadcast.core.finding import Severity
from clinic_broadcast.core.gate import examine_answer, examine_payload, examine_text
from clinic_broadcast.core.zones import read_answer
from drafts import AT, gate, promo_for

HERE = Path(__file__).parent
KINDS = ("x", "facebook", "linkedin")


def lines_of(name: str) -> list[str]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def decoded(line: str) -> str:
    return line.encode("ascii").decode("unicode_escape")


@cache
def documents() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(line) for line in lines_of("blind2-documents.jsonl"))


def is_held(text: str) -> bool:
    return any(one.severity is not Severity.NOTE for one in examine_text(gate(), text))


def stands_in(word: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None


@pytest.mark.parametrize(("number", "lines"), [(2, 398), (3, 80), (4, 160), (5, 100), (6, 260), (7, 200)])
def test_every_risky_line_is_held(
    number: int, lines: int, record_property: Callable[[str, object], None]
) -> None:
    rows = [line.partition("\t") for line in lines_of(f"blind{number}-risky.tsv")]
    passed = [(kind, decoded(text)) for kind, _, text in rows if not is_held(decoded(text))]
    record_property("told", f"blind set {number}, risky lines held: {len(rows) - len(passed)} of {len(rows)}")
    assert len(rows) == lines
    assert passed == []


@pytest.mark.parametrize(
    ("number", "lines", "clear_min"),
    [(2, 264, 240), (3, 80, 79), (4, 160, 147), (5, 160, 143), (6, 160, 159), (7, 120, 115)],
)
def test_no_fewer_clean_lines_are_clear_than_before(
    number: int, lines: int, clear_min: int, record_property: Callable[[str, object], None]
) -> None:
    texts = [decoded(line) for line in lines_of(f"blind{number}-clean.txt")]
    clear = sum(not is_held(text) for text in texts)
    record_property("told", f"blind set {number}, clean lines clear: {clear} of {len(texts)}")
    assert len(texts) == lines
    assert clear >= clear_min


@pytest.mark.parametrize("document", documents(), ids=lambda one: one["id"])
def test_no_promo_of_a_whole_page_shows_what_points_to_its_patient(document: dict[str, Any]) -> None:
    title, _, body = document["text"].partition("\n")
    raw = RawAnswer(
        id=AnswerId(document["id"]),
        url="https://blog.example.com/2026/03/a-question.html",
        title=title.strip(),
        body=body.strip(),
        published_at=AT,
        updated_at=AT,
    )
    material = examine_answer(gate(), read_answer(raw, gate().own_names))
    for kind in KINDS:
        promo = promo_for(material, kind)
        if promo is None:
            continue
        found = examine_payload(gate(), promo.payload, promo.fragments, material)
        card = promo.payload.card
        shown = "\n".join([promo.payload.text, *([card.title, card.description, card.alt] if card else [])])
        leaked = [one for one in document["must_not_appear"] if stands_in(one, shown)]
        held = any(one.severity is not Severity.NOTE for one in found)
        assert not leaked or held, (kind, leaked)
