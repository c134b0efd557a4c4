"""Quick look-ups find what plain ones find: remembered words, phrases by their first word, own names, contact data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.core import lexicon as module
from clinic_broadcast.core.lexicon import LOW_BIRTHS, Lexicon, fold, normal
from clinic_broadcast.core.rules.reading import read
from clinic_broadcast.core.rules.tables import own_forms
from clinic_broadcast.core.words import Span
from gate_pages import gate, lexicon

PLAIN: dict[str, Callable[[Lexicon, str], bool]] = {
    "is_general": lambda lists, word: word in lists.general or fold(word) in lists.general,
    "is_common": lambda lists, word: word in lists.common,
    "is_clinical": lambda lists, word: word in lists.clinical or word in lists.extra,
    "is_acronym": lambda lists, word: word in lists.acronyms,
    "is_unit": lambda lists, word: word in lists.units,
    "is_core": lambda lists, word: word in lists.core,
    "is_function_word": lambda lists, word: word in lists.function_words,
    "is_title_word": lambda lists, word: word in lists.title_words,
    "is_drug_word": lambda lists, word: word in lists.drug_words,
    "is_place": lambda lists, word: word in lists.places or fold(word) in lists.places,
    "is_name": lambda lists, word: any(
        form in names for form in (word, fold(word)) for names in (lists.first_names, lists.proper_names)
    ),
    "may_be_a_place_in_lower_case": lambda lists, word: word in lists.word_places,
    "may_be_a_name_in_lower_case": lambda lists, word: (
        word in lists.word_names
        or (
            not any(word in known for known in (lists.common, lists.clinical, lists.extra, lists.title_words))
            and lists.births(word) >= LOW_BIRTHS
        )
    ),
    "is_vocabulary": lambda lists, word: (
        word in lists.general
        or fold(word) in lists.general
        or any(
            word in known
            for known in (lists.clinical, lists.extra, lists.acronyms, lists.units, lists.drug_words)
        )
    ),
}
KNOWN = (
    "Grace grace HOPE may Bath reading IVF mIU Yasmin Lupron fibroids the Aspirins Clomid\u2019s co-enzyme M\u00fcnchen"
    " \u0130stanbul na\u00efve Polyps Q10"
)
WORDS = st.one_of(
    st.sampled_from(KNOWN.split()),
    st.sampled_from([*sorted(lexicon().clinical)[::40], *sorted(lexicon().drugs)[::40]]),
    st.text(max_size=9),
)
TEXT = (
    "Dr. Jane Roe|dr roe|Jane  Roe, M.D.|the Example Fertility Center|Roe|x|Dr|.|@|\u0130|free of charge|"
    "@exampleclinic|von Willebrand disease|green tea|green-tea|the pill|'s|a@b.example|1.2.3.4|(555) 010-9999|dot"
)
PIECES = st.sampled_from(TEXT.split("|"))


@pytest.mark.parametrize("asked", PLAIN)
@given(word=WORDS)
def test_a_lexicon_remembers_what_its_lists_say(asked: str, word: str) -> None:
    for _ in range(2):
        assert getattr(lexicon(), asked)(word) == PLAIN[asked](lexicon(), normal(word))


def test_a_full_memory_is_emptied_and_answers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED_MAX", 3)
    fresh = replace(lexicon())
    words = ["fibroids", "Grace", "xqz", "Bath", "ivf", "fibroids"]
    assert [fresh.is_vocabulary(word) for word in words] == [True, True, False, True, True, True]
    assert all(len(memory) <= 3 for memory in fresh.memory.values())


@given(st.lists(PIECES, max_size=8).map(" ".join))
def test_phrases_and_own_names_are_found_as_by_a_plain_search(text: str) -> None:
    reading = read(gate().tables, text, where="text", is_lone=True)
    tables = gate().tables
    for phrases in (tables.eponyms, tables.remedies, tables.scares, tables.promises, tables.roles):
        assert reading.find(phrases) == phrases.find(reading.plain, reading.tokens)
    own = own_forms(gate().own_names)
    assert own is not None
    assert own.find(text) == tuple(Span(*found.span()) for found in own.pattern.finditer(text))
