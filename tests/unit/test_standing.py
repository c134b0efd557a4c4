"""Phrases of reviewed lists in a sentence: looked for only where one of their first words stands, and never missed."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.core.standing import holds_phrase
from gate_pages import lexicon

LISTS = (lexicon().refutations, lexicon().promises, lexicon().anaphora, lexicon().drug_phrases)
WORDS = st.sampled_from(
    [phrase for each in LISTS for phrase in each[::7]] + ["the", "a", "it\u2019s", "\u017fo"]
)
JOINS = st.sampled_from([" ", "  ", "\n", "-", ", ", "", "_", "\u2019", ". "])
CASES = st.sampled_from([str, str.upper, str.title])


@given(st.lists(st.tuples(WORDS, CASES, JOINS), max_size=6), st.sampled_from(LISTS))
def test_a_phrase_is_found_exactly_where_its_words_stand_by_themselves(
    parts: list[tuple[str, type[str], str]], phrases: tuple[str, ...]
) -> None:
    text = "".join(case(word) + join for word, case, join in parts)
    either = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases)
    whole = re.compile(rf"(?<![\w-])(?:{either})(?![\w-])", re.IGNORECASE)
    assert holds_phrase(phrases, text) is (whole.search(text.replace("\u2019", "'")) is not None)


def test_two_lists_of_the_same_words_are_told_apart_from_others() -> None:
    assert holds_phrase(("old wives' tale",), "That is an old wives\u2019 tale.")
    assert not holds_phrase(("another tale",), "That is an old wives\u2019 tale.")
