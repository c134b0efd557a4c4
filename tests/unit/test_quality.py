"""The invented answers of docs/quality and the golden ones: how many are drafted without a person, none unsafe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from clinic_broadcast.core.finding import Verdict, verdict_of
from clinic_broadcast.core.gate import examine_payload
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.measure import LIMITS
from clinic_broadcast.core.promo import Origin
from clinic_broadcast.core.words import tokens
from drafts import ANSWERS, ROOT, assert_sound, gate, golden_material, material_of, promo_for

TITLE_MAX = 39
DRAFTED_FLOOR = 0.8
CLEAR_FLOOR = 0.6
SAID = "the a an and or of in on at to for from with by is are was be i my me we you your it this that not no so do"


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


@cache
def pages() -> tuple[dict[str, str], ...]:
    blocks = (ROOT / "docs" / "quality" / "answers.txt").read_text(encoding="utf-8").split("=== ")[1:]

    def read() -> Iterator[dict[str, str]]:
        for block in blocks:
            title, letter, greeting, answer = block.split("\n", 3)
            url = f"https://blog.example.com/2026/03/{slug_of(title)}.html"
            yield {
                "title": title,
                "question": letter.removeprefix("> "),
                "greeting": greeting.removeprefix("@ "),
                "answer": answer.strip(),
                "url": url,
            }

    return tuple(read())


@cache
def materials() -> tuple[Material, ...]:
    return (*(material_of(**page) for page in pages()), *(golden_material(name) for name in ANSWERS))


def words(text: str) -> set[str]:
    return {word.text.lower() for word in tokens(text)}


def test_four_of_five_answers_are_drafted_with_no_human_text() -> None:
    assert len(materials()) >= 60
    drafts = [promo_for(material, "x") for material in materials()]
    assert sum(one is not None for one in drafts) / len(drafts) >= DRAFTED_FLOOR
    verdicts = [
        verdict_of(examine_payload(gate(), one.payload, one.fragments, material))
        for one, material in zip(drafts, materials(), strict=True)
        if one is not None
    ]
    assert verdicts.count(Verdict.CLEAR) / len(drafts) >= CLEAR_FLOOR


@pytest.mark.parametrize("kind", LIMITS)
def test_no_draft_holds_a_word_that_only_the_letter_or_the_greeting_has(kind: str) -> None:
    drafted = 0
    for page in pages():
        promo = promo_for(material_of(**page), kind)
        if promo is None:
            continue
        drafted += 1
        theirs = words(f"{page['question']} {page['greeting']}") - words(f"{page['title']} {page['answer']}")
        said = words(
            "".join(one.text for one in promo.fragments if one.origin in (Origin.TITLE, Origin.ANSWER))
        )
        assert not (theirs - set(SAID.split())) & said
    assert drafted


@pytest.mark.parametrize("kind", ["x", "facebook", "mastodon", "bluesky"])
def test_every_draft_is_rebuilt_by_its_fragments_and_fits(kind: str) -> None:
    for material in materials():
        promo = promo_for(material, kind)
        if promo is not None:
            assert_sound(promo, material, kind)
