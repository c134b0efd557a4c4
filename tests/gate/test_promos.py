"""End to end in the core: pages with planted secrets, composed for a network; no secret in any byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clinic_broadcast.core.compose import compose, compose_entry
from clinic_broadcast.core.finding import Verdict, verdict_of
from clinic_broadcast.core.gate import examine_answer, examine_payload
from clinic_broadcast.core.measure import Limits
from clinic_broadcast.core.promo import ANNOUNCE
from clinic_broadcast.core.words import tokens
from clinic_broadcast.settings.wording import read_wordings
from gate_pages import Canary, canaries, gate, lexicon

POSTS = Path(__file__).parents[2] / "posts"
X = Limits(kind="x", length_max=280, hashtags_max=2, sentences_max=1)
SAFE = " Polyps are often removed before a transfer. Thyroid tests show how the gland works."
DRAFTED_FLOOR = 0.95
TEMPLATE = "Dr. Jane Roe explains: General information, not medical advice."


def words_of(text: str) -> set[str]:
    return {word.text.lower() for word in tokens(text)}


def secrets_of(canary: Canary) -> set[str]:
    """Give the words that the answer repeats of the letter, everyday words of the page's topic left out."""
    told = {word for secret, _ in canary.leaks for word in words_of(secret)}
    return {
        word
        for word in told
        if not lexicon().is_core(word) and not lexicon().is_function_word(word) and len(word) > 1
    }


def test_no_secret_stands_in_a_promo_or_feed_entry_and_nearly_every_page_gets_one() -> None:
    wording = read_wordings(POSTS).template_for(ANNOUNCE, "x", "x")
    pages = list(canaries(250, seed=21))
    drafted = 0
    for canary in pages:
        zones = replace(canary.answer.zones, answer=canary.answer.zones.answer + SAFE)
        material = examine_answer(gate(), replace(canary.answer, zones=zones))
        promo = compose(material, wording, channel="x", limits=X, gate=gate())
        secrets = secrets_of(canary) - words_of(material.title) - words_of(SAFE) - words_of(TEMPLATE)
        if promo is not None:
            verdict = verdict_of(examine_payload(gate(), promo.payload, promo.fragments, material))
            drafted += verdict is Verdict.CLEAR
            assert not secrets & words_of(promo.payload.text)
        entry = compose_entry(material, gate())
        if entry is not None:
            assert not secrets & words_of(f"{entry.title} {entry.summary}")
    assert drafted / len(pages) >= DRAFTED_FLOOR
