"""The drugs that a text names, and the words that might be meant for one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from clinic_broadcast.core.lexicon import Drug, Lexicon, remembered
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.reading import Reading
from clinic_broadcast.core.words import Span, Token

_WORD: Final = late(r"[A-Za-z][A-Za-z-]{3,}")


@dataclass(frozen=True, slots=True)
class Named:
    """A drug where a text names it."""

    drug: Drug
    span: Span


def drugs_in(reading: Reading) -> tuple[Named, ...]:
    """Give the drugs that a text names, in order; a name of several words counts as one."""
    lexicon = reading.lexicon
    found: list[Named] = []
    phrases = reading.find(reading.tables.drug_phrases)
    for span in phrases:
        drug = lexicon.drug(reading.lower[span.start : span.end])
        if drug is not None:
            found.append(Named(drug, span))
    for word in reading.tokens:
        if phrases and any(span.start <= word.start < span.end for span in phrases):
            continue
        named = drug_of(reading, word)
        if named is not None:
            found.append(named)
    return tuple(sorted(found, key=lambda one: one.span))


def drug_of(reading: Reading, word: Token) -> Named | None:
    """Give the drug that a token names: as it stands, without a final 's or s, or its first part by a hyphen."""
    drug = _drug_called(reading.lexicon, word.text)
    return None if drug is None else Named(drug, Span(word.start, word.end))


@remembered
def _drug_called(lexicon: Lexicon, word: str) -> Drug | None:
    lower = word.lower()
    for form in (lower, re.sub(r"['\u2019]s$", "", lower), lower.removesuffix("s")):
        drug = lexicon.drug(form)
        if drug is not None and not (len(form) < 3 and lower == word):  # noqa: PLR2004 - "bb" says nothing.
            return drug
    first = re.split("[-\u2010\u2011]", lower, maxsplit=1)[0]
    return lexicon.drug(first) if len(first) > 3 and first != lower else None  # noqa: PLR2004 - The same.


def by_name(named: tuple[Named, ...]) -> Mapping[str, Drug]:
    """Give each drug once, by its name."""
    return {one.drug.name: one.drug for one in named}


def unknown_words(reading: Reading) -> Iterator[Token]:
    """Give the words that are no everyday word, no clinical term, no drug and no acronym: perhaps a slip of one."""
    for found in _WORD.finditer(reading.plain):
        word = found[0].strip("-")
        if is_unknown(reading, word):
            yield Token(word, found.start(), found.start() + len(word))


def is_unknown(reading: Reading, word: str) -> bool:
    """Say whether a word, and each of its parts between hyphens, is in no list of words."""
    return _is_unknown(reading.lexicon, word)


@remembered
def _is_unknown(lexicon: Lexicon, word: str) -> bool:
    forms = (word, word.removesuffix("s"))
    if any(lexicon.is_vocabulary(form) or lexicon.drug(form) is not None for form in forms):
        return False
    pieces = [part for part in word.split("-") if part]
    return not (len(pieces) > 1 and all(lexicon.is_vocabulary(part) for part in pieces))
