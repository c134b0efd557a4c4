"""Words and sentences of a text, with their places: what every rule of the gate reads."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from clinic_broadcast.core.own_names import word_set
from clinic_broadcast.core.patterns import late

HYPHENS: Final = "-\u2010\u2011"
APOSTROPHES: Final = "'\u2019\u02bc"

_WORD: Final = late(
    rf"\d+(?:[.,:]\d+)*%?(?:[{HYPHENS}]?[^\W\d_]\w*)?(?:[{HYPHENS}{APOSTROPHES}][^\W_]+)*"
    rf"|[^\W_]+(?:[{HYPHENS}{APOSTROPHES}][^\W_]+)*"
)
_MARK: Final = late(f"[{HYPHENS}{APOSTROPHES}]")
_HYPHEN: Final = late(f"[{HYPHENS}]")
_POSSESSIVE: Final = late(f"[{APOSTROPHES}][sS]$|[{APOSTROPHES}]$")

_END: Final = late("[.!?\u2026]+[\"'\u201d\u2019)\\]]*|[\n\r\u2028\u2029]+")
_OPENING: Final = "\"'\u201c\u2018("
_ABBREVIATIONS: Final = word_set(
    "dr drs mr mrs ms prof st vs e.g i.e eg ie cf al approx fig no nr dept min max inc ltd jr sr"
)
"""What a full stop may follow without ending a sentence."""

_BEFORE_STOP: Final = late(r"[^\W_]+(?:\.[^\W_]+)*$")
_DOTTED: Final = late(r"(?:[^\W\d_]\.)+[^\W\d_]$")
_AHEAD: Final = 60
"""How far to look past a stop; whoever types more blanks has ended the sentence."""

_GLUED_MIN: Final = 2
"""Letters before a stop without a blank ("clinic.It") that make it the end of a sentence, not an initial."""


class Span(NamedTuple):
    """A run of a text: `text[start:end]`."""

    start: int
    end: int


class Token(NamedTuple):
    """A word or number as it stands in the text, hyphens and apostrophes inside it included."""

    text: str
    start: int
    end: int


_READ_MAX: Final = 64
"""Texts whose words and sentences are remembered: those of one page, which several rules read."""


@lru_cache(maxsize=_READ_MAX)
def tokens(text: str) -> tuple[Token, ...]:
    """Give the words and numbers of a text in order; "word.Word" gives two, "10.5" gives one."""
    return tuple([Token(found[0], found.start(), found.end()) for found in _WORD.finditer(text)])


def bare(word: str) -> str:
    """Give a word without a final 's or apostrophe."""
    return word if word.isalnum() else _POSSESSIVE.sub("", word)


def parts(word: str) -> tuple[str, ...]:
    """Give the parts of a word between its hyphens, each without a final 's; a plain word is its only part."""
    if word.isalnum():
        return (word,)
    return tuple(bare(part) for part in _HYPHEN.split(word) if part)


@lru_cache(maxsize=_READ_MAX)
def sentences(text: str) -> tuple[Span, ...]:
    """Give the sentences of a text in order, without the blanks around them.

    A sentence ends after `.`, `!` or `?` before a blank and a capital, a digit or a quote, at each line's end,
    and in "word.Word", as people type it. It does not end after Dr., M.D., e.g., vs. and the like.
    """
    found: list[Span] = []
    start = 0
    for end in _END.finditer(text):
        if _ends_sentence(text, end.start(), end.end()):
            _add_trimmed(found, text, start, end.end())
            start = end.end()
    _add_trimmed(found, text, start, len(text))
    return tuple(found)


def _add_trimmed(found: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    if left < len(piece):
        found.append(Span(start + left, start + len(piece.rstrip())))


def _ends_sentence(text: str, at: int, end: int) -> bool:
    """Say whether the stop at `at`, which ends at `end` with its closing quotes, ends a sentence."""
    if text[at] in "\n\r\u2028\u2029" or end >= len(text):
        return True
    tail = text[end : end + _AHEAD]
    after = tail.lstrip(" \t\u00a0")
    if not after or after[0] in "\n\r\u2028\u2029":
        return True
    before = _BEFORE_STOP.search(text, max(0, at - 40), at)
    word = before[0] if before is not None else ""
    if text[at:end] == "." and (word.lower() in _ABBREVIATIONS or _DOTTED.fullmatch(word)):
        return False
    if len(after) == len(tail):  # No blank in between.
        return len(word) >= _GLUED_MIN and word.isalpha() and after[0].isupper()
    opens = after.lstrip(_OPENING)
    single = text[at:end] == "." and len(word) == 1 and word.isupper()  # An initial: "Anna B. went".
    return bool(opens) and (opens[0].isupper() or opens[0].isdigit()) and not single


class Normal(NamedTuple):
    """A text in the form NFKC, and for each of its characters the place in the original, plus the end."""

    text: str
    places: Sequence[int]


def normalise(text: str) -> Normal:
    """Give the NFKC form of a text with its places, so that a finding can point into the original."""
    if text.isascii() or unicodedata.is_normalized("NFKC", text):
        return Normal(text, range(len(text) + 1))
    pieces: list[str] = []
    places: list[int] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        piece = unicodedata.normalize("NFKC", text[start:end])
        pieces.append(piece)
        places.extend([start] * len(piece))
        start = end
    places.append(len(text))
    return Normal("".join(pieces), places)


def blank(text: str, spans: Iterable[Span], *, filler: str = " ") -> str:
    """Give the text with these spans overwritten by `filler`, one character each: no place moves."""
    chars: list[str] | None = None
    for span in spans:
        if chars is None:
            chars = list(text)
        chars[span.start : span.end] = filler * (span.end - span.start)
    return text if chars is None else "".join(chars)


@dataclass(frozen=True, slots=True)
class PhraseIndex:
    """Phrases by their first word, so that a look-up costs one step a word, however many phrases there are."""

    by_first: Mapping[str, tuple[str, ...]]

    def find(self, text: str, words: Sequence[Token]) -> tuple[Span, ...]:
        """Give where the phrases stand in a text of these words, each place once, the longest phrase there."""
        lower = fold_apostrophes(text.lower())
        found: list[Span] = []
        until = 0
        by_first = self.by_first
        for word in words:
            written, start, stop = word
            phrases = by_first.get(lower[start:stop])
            if phrases is None:
                if written.isalnum():
                    continue
                phrases = self._within(lower, word)
            if start < until:
                continue
            for phrase in phrases:
                end = start + len(phrase)
                if lower.startswith(phrase, start) and not lower[end : end + 1].isalnum():
                    found.append(Span(start, end))
                    until = end
                    break
        return tuple(found)

    def _within(self, lower: str, word: Token) -> tuple[str, ...]:
        """Give the phrases that begin with the first part of a word with a hyphen or an apostrophe in it."""
        return self.by_first.get(_MARK.split(lower[word.start : word.end], maxsplit=1)[0], ())


def first_words(words: Iterable[Token]) -> frozenset[str]:
    """Give every word by which a phrase could begin in a text of these words."""
    found: set[str] = set()
    for word in words:
        lower = fold_apostrophes(word.text.lower())
        found.add(lower)
        if not lower.isalnum():
            found.add(_MARK.split(lower, maxsplit=1)[0])
    return frozenset(found)


def phrase_index(phrases: Iterable[str]) -> PhraseIndex:
    """Prepare phrases in lower case for finding."""
    by_first: dict[str, list[str]] = {}
    for phrase in sorted(set(phrases), key=lambda one: (-len(one), one)):
        words = tokens(phrase)
        if words and words[0].start == 0:
            by_first.setdefault(words[0].text, []).append(phrase)
    return PhraseIndex({first: tuple(group) for first, group in by_first.items()})


def fold_apostrophes(text: str) -> str:
    """Give the text with straight apostrophes and hyphens, of the same length."""
    return text if text.isascii() else text.translate(_FOLDED)


_FOLDED: Final = str.maketrans({**dict.fromkeys(APOSTROPHES, "'"), **dict.fromkeys(HYPHENS, "-")})
