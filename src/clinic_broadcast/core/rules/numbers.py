"""Number words and digits: which tokens count something, and all the ways to write the same number."""

from __future__ import annotations

from typing import Final

from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.words import bare, parts


def _in_order(words: str) -> list[str]:
    """Give words in their order, as short lists are written here."""
    return words.split()


_UNITS: Final = _in_order(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen"
)
_TENS: Final = _in_order("twenty thirty forty fifty sixty seventy eighty ninety")
_ORDINALS: Final = _in_order(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth"
    " fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
_OTHERS: Final = {
    "once": 1,
    "single": 0,
    "twice": 2,
    "thrice": 3,
    "twin": 2,
    "twins": 2,
    "triplet": 3,
    "triplets": 3,
    "quadruplet": 4,
    "quadruplets": 4,
    "quads": 4,
    "hundred": 100,
    "hundreds": 100,
    "thousand": 1000,
    "thousands": 1000,
    "dozen": 12,
    "dozens": 12,
    "thirtieth": 30,
    "fortieth": 40,
    "couple": 0,
    "million": 0,
    "firstly": 0,
    "secondly": 0,
}
VALUES: Final[dict[str, int]] = {
    **{word: value for value, word in enumerate(_UNITS)},
    **{word: 10 * value for value, word in enumerate(_TENS, start=2)},
    **{word: value for value, word in enumerate(_ORDINALS, start=1)},
    **{word: value for word, value in _OTHERS.items() if value},
}
"""Words that tell a number, and which; "couple" and "single" are everyday words and do not count."""

_DIGITS: Final = late(r"\d+")
_ORDINAL_FIGURE: Final = late(r"(\d+)(?:st|nd|rd|th)$")


def has_digit(word: str) -> bool:
    """Say whether a token holds a digit of any script."""
    return not word.isalpha() and any(char.isdigit() for char in word)


def is_number_word(word: str) -> bool:
    """Say whether a token, or a part of it between hyphens, is a number in words."""
    if word.isalpha():
        return word.lower() in VALUES
    return any(part.lower() in VALUES for part in parts(bare(word)))


def same_numbers(word: str) -> frozenset[str]:
    """Give the other ways to write the numbers of a token: "four" is "4" is "fourth" is "4th"."""
    values = {int(run) for run in _DIGITS.findall(word) if len(run) < 4}  # noqa: PLR2004 - Longer ones are copied as they are.
    values |= {VALUES[part.lower()] for part in parts(bare(word)) if part.lower() in VALUES}
    found: set[str] = set()
    for value in values:
        found.add(str(value))
        found.update((f"{value}th", f"{value}st", f"{value}nd", f"{value}rd"))
        found.update(other for other, its in VALUES.items() if its == value)
    return frozenset(found)
