"""Invented answers as the gate lets them through, their promos, and what holds for every promo."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from clinic_broadcast.core.answer import Answer, AnswerId, Zones
from clinic_broadcast.core.compose import compose
from clinic_broadcast.core.gate import Gate, examine_answer
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.measure import LIMITS, fits
from clinic_broadcast.core.promo import Origin, Promo
from clinic_broadcast.core.rules.faithful import unfaithful
from clinic_broadcast.settings.lexicon import load_lexicon
from clinic_broadcast.settings.wording import Wordings, read_wordings

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "promos"
ANSWERS = sorted(path.stem for path in GOLDEN.glob("*.toml"))
QUALITY = ROOT / "docs" / "quality"
TITLE_MAX = 39
OWN_NAMES = ("The Harbor Clinic", "Dr. Jane Roe", "@theharborclinic")
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@cache
def gate() -> Gate:
    hosts = ("blog.example.com",)
    return Gate(lexicon=load_lexicon(), own_names=OWN_NAMES, own_hosts=hosts, taint_key=b"k" * 32)


@cache
def wordings() -> Wordings:
    return read_wordings(ROOT / "posts")


def material_of(
    *, title: str, answer: str, question: str = "", greeting: str = "", url: str = ""
) -> Material:
    zones = Zones(title=title, question=question, greeting=greeting, answer=answer, signature="")
    url = url or "https://blog.example.com/2026/02/answer.html"
    page = Answer(id=AnswerId("tag:1"), url=url, zones=zones, published_at=AT, updated_at=AT)
    return examine_answer(gate(), page)


def slug_of(title: str) -> str:
    """Give the end of an address as Blogger makes it: whole words, at most 39 characters."""
    slug = ""
    for word in re.findall(r"[a-z0-9]+", title.lower()):
        if word in {"a", "the"}:
            continue
        if len(f"{slug}-{word}") > TITLE_MAX:
            break
        slug = f"{slug}-{word}" if slug else word
    return slug


def invented_answers(path: Path) -> Iterator[dict[str, str]]:
    """Read a file of docs/quality: each answer has its title, its letter, its greeting and its words."""
    for block in path.read_text(encoding="utf-8").split("=== ")[1:]:
        title, letter, greeting, answer = block.split("\n", 3)
        yield {
            "title": title,
            "question": letter.removeprefix("> "),
            "greeting": greeting.removeprefix("@ "),
            "answer": answer.strip(),
            "url": f"https://blog.example.com/2026/03/{slug_of(title)}.html",
        }


@cache
def golden_material(name: str) -> Material:
    page = tomllib.loads((GOLDEN / f"{name}.toml").read_text(encoding="utf-8"))
    page.pop("signature")
    return material_of(**page)


def promo_for(material: Material, kind: str, *, template: str = "announce") -> Promo | None:
    wording = wordings().template_for(template, kind)
    return compose(material, wording, channel=kind, limits=LIMITS[kind], gate=gate())


def assert_sound(promo: Promo, material: Material, kind: str) -> None:
    """Assert what holds for every promo: its fragments rebuild it, each at its place, and it fits."""
    text = promo.payload.text
    assert "".join(one.text for one in promo.fragments) == text
    for one in promo.fragments:
        if one.origin is Origin.TITLE:
            assert material.title[one.start : one.end] == one.text
        elif one.origin is Origin.ANSWER:
            assert material.body[one.start : one.end] == one.text
        else:
            assert (one.start, one.end) == (0, len(one.text))
    assert unfaithful(promo.fragments, material.body) == ()
    assert fits(text, LIMITS[kind])
    assert promo.length <= promo.length_max
    assert not re.search(r"[ \t]{2,}|[ \t]\n|^\s|\s$| [.,;:!?](?!\w)", text)
