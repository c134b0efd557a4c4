"""The people, places and handles that may be named in public, prepared for comparing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from clinic_broadcast.core.patterns import late

_WORD: Final = late(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_MARKS: Final = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014\u00a0\u2026", "''\"\"-- .")


def word_set(text: str) -> frozenset[str]:
    """Give the words of a text as a set: the way short word lists are written in this package."""
    return frozenset(text.split())


def fold_marks(text: str) -> str:
    """Give the text with its typographic quotes, dashes and blanks as plain ones, of the same length."""
    return text.translate(_MARKS)


_GENERIC: Final = word_set(
    "dr doctor prof professor the and of for at in on to a an our center centre clinic clinics fertility gynecology "
    "gynaecology institute hospital medical medicine program programme ivf md do phd facog health womens women "
    "group practice associates reproductive bay city north south east west new san santa saint st com org net www "
    "http https"
)
"""Words of an own name that do not point to us when they stand alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNames:
    """The clinic's own names: `words` point to us one by one, `phrases` are the whole names in lower case."""

    words: frozenset[str]
    phrases: tuple[str, ...]

    def names_us(self, text: str) -> bool:
        """Say whether one word of a short text is a word of an own name."""
        return any(word.lower() in self.words for word in _WORD.findall(text))

    def opens(self, text: str) -> bool:
        """Say whether a text begins with a whole own name."""
        folded = fold_marks(text).lower()
        return any(
            folded.startswith(phrase) and not folded[len(phrase) : len(phrase) + 1].isalnum()
            for phrase in self.phrases
        )


def own_names_of(names: Sequence[str]) -> OwnNames:
    """Prepare the clinic's `own_names` setting; the same names are prepared only once."""
    return _prepare(tuple(names))


@lru_cache(maxsize=16)
def _prepare(names: tuple[str, ...]) -> OwnNames:
    words = frozenset(
        word.lower()
        for name in names
        if not name.startswith("@") and "." not in name.removesuffix(".").split(" ")[-1][:-1]
        for word in _WORD.findall(fold_marks(name))
        if len(word) > 2 and word.lower() not in _GENERIC  # noqa: PLR2004 - Initials and "de" point to nobody.
    )
    return OwnNames(
        words=words, phrases=tuple(fold_marks(name.strip()).lower() for name in names if name.strip())
    )
