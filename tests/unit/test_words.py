"""Tokens and sentences, as people really type them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.core.words import (
    Span,
    bare,
    blank,
    normalise,
    parts,
    phrase_index,
    sentences,
    tokens,
)

SENTENCES: tuple[tuple[str, list[str]], ...] = (
    ("Fibroids are common. Most are harmless.", ["Fibroids are common.", "Most are harmless."]),
    ("It went well.Then it stopped.", ["It went well.", "Then it stopped."]),
    ("Ask Dr. Roe first. She knows.", ["Ask Dr. Roe first.", "She knows."]),
    ("Jane Roe, M.D. explains it.", ["Jane Roe, M.D. explains it."]),
    ("Some drugs, e.g. Heparin, help. Others do not.", ["Some drugs, e.g. Heparin, help.", "Others do not."]),
    ("IVF vs. IUI is a choice.", ["IVF vs. IUI is a choice."]),
    ("She lives in the U.S. and waits.", ["She lives in the U.S. and waits."]),
    ("A level of 10.5 is low. 40% of cycles fail.", ["A level of 10.5 is low.", "40% of cycles fail."]),
    ('He said "wait." "Why?" was the reply.', ['He said "wait."', '"Why?" was the reply.']),
    ("one line\nanother line", ["one line", "another line"]),
    ("Is it safe? Yes! It is.", ["Is it safe?", "Yes!", "It is."]),
    ("Anna B. went home. She slept.", ["Anna B. went home.", "She slept."]),
    ("(It is rare.) Most heal.", ["(It is rare.)", "Most heal."]),
    ("it was fine. no capital here", ["it was fine. no capital here"]),
    ("", []),
    (" \n ", []),
)


@pytest.mark.parametrize(("text", "expected"), SENTENCES)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert [text[span.start : span.end] for span in sentences(text)] == expected


@given(st.text(alphabet="Ab1 .!?\n\"')(\u2019\u0301\u00e9", max_size=80))
def test_sentences_hold_every_character_that_is_no_blank_once_and_in_order(text: str) -> None:
    spans = sentences(text)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert "".join("".join(text[span.start : span.end].split()) for span in spans) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("word.Word", ["word", "Word"]),
        ("10.5wks again", ["10.5wks", "again"]),
        ("well-known twenty-eight", ["well-known", "twenty-eight"]),
        ("woman's don\u2019t", ["woman's", "don\u2019t"]),
        ("40% of B.J.", ["40%", "of", "B", "J"]),
        ("1,200 units/day", ["1,200", "units", "day"]),
        ("PGT-A and 37+2", ["PGT-A", "and", "37", "2"]),
        ("a_b @name #2000", ["a", "b", "name", "2000"]),
    ],
)
def test_tokens_are_the_words_and_numbers(text: str, expected: list[str]) -> None:
    assert [token.text for token in tokens(text)] == expected


@given(st.text(max_size=80))
def test_a_token_is_the_slice_it_names(text: str) -> None:
    assert all(text[token.start : token.end] == token.text for token in tokens(text))


def test_parts_are_cut_at_hyphens_and_lose_their_possessive() -> None:
    assert parts("Anna-Maria's") == ("Anna", "Maria")
    assert parts("plain") == ("plain",)
    assert bare("women\u2019s") == "women"


@given(st.text(max_size=60))
def test_a_normalised_text_knows_where_each_character_came_from(text: str) -> None:
    normal = normalise(text)
    assert len(normal.places) == len(normal.text) + 1
    assert list(normal.places) == sorted(normal.places)
    assert normal.places[len(normal.text)] == len(text)


def test_blanking_moves_no_place() -> None:
    assert blank("Dr. Roe explains", [Span(0, 7)]) == "        explains"
    assert blank("same", []) == "same"


def test_the_longest_phrase_is_found_once_and_only_as_whole_words() -> None:
    index = phrase_index(["factor v", "factor v leiden", "100%", "sims-huhner test"])

    def found(text: str) -> list[str]:
        return [text[span.start : span.end] for span in index.find(text, tokens(text))]

    assert found("Factor V Leiden and factor V, but factor valve") == ["Factor V Leiden", "factor V"]
    assert found("works 100% of the time") == ["100%"]
    assert found("a Sims-Huhner test") == ["Sims-Huhner test"]
