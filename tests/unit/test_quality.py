"""The invented answers of docs/quality and the golden ones: how many are drafted without a person, none unsafe."""

from __future__ import annotations

from functools import cache

import pytest

from clinic_broadcast.core.finding import Verdict, verdict_of
from clinic_broadcast.core.gate import examine_payload
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.measure import LIMITS
from clinic_broadcast.core.promo import Origin
from clinic_broadcast.core.words import tokens
from drafts import (
    ANSWERS,
    QUALITY,
    assert_sound,
    gate,
    golden_material,
    invented_answers,
    material_of,
    promo_for,
)

DRAFTED_FLOOR = 0.8
CLEAR_FLOOR = 0.6
QUOTING_FLOOR = 0.6
SAID = "the a an and or of in on at to for from with by is are was be i my me we you your it this that not no so do"


@cache
def pages() -> tuple[dict[str, str], ...]:
    return tuple(invented_answers(QUALITY / "answers.txt"))


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


@pytest.mark.parametrize("name", ["answers-2.txt", "answers-3.txt"])
def test_four_of_five_later_answers_are_drafted_and_three_of_five_with_a_sentence(name: str) -> None:
    pages = tuple(invented_answers(QUALITY / name))
    drafts = [one for page in pages if (one := promo_for(material_of(**page), "x")) is not None]
    quoting = [one for one in drafts if any(part.origin is Origin.ANSWER for part in one.fragments)]
    assert len(drafts) / len(pages) >= DRAFTED_FLOOR
    assert len(quoting) / len(pages) >= QUOTING_FLOOR


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
