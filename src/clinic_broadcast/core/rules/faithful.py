"""Faithfulness: whether one sentence of a promo says what its one sentence of the answer says.

The rule is facts of wording, not of meaning: the promo's words must be the source's words in the source's order,
and some words may not even be left out, because a claim turns without them.
"""

# ruff: noqa: SIM905 - A list of quoted words reads worse than its words.

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.promo import Fragment, Origin
from clinic_broadcast.core.words import sentences

_TOKEN: Final = late(
    r"\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:['\u2019][^\W\d_]+)*|[%‰°µ<>≤≥=±+~]",
)
_NEGATIONS: Final = frozenset(
    "not no never without cannot neither nor none nobody nothing nowhere rarely hardly barely scarcely seldom "
    "unlikely lower lowers lowered lowering reduce reduces reduced reducing decrease decreases decreased decreasing "
    "prevent prevents prevented preventing fail fails failed failing lack lacks lacking absent avoid avoids stop "
    "stops".split()
)
_MODALS: Final = frozenset(
    "may might can could should would must will shall ought need needs often sometimes usually generally typically "
    "normally commonly occasionally frequently rarely always mostly mainly largely partly possibly probably perhaps "
    "likely potentially about around approximately roughly nearly almost some many most much few several all "
    "every each any both half only just at least more less than least likely seem seems appear appears suggest "
    "suggests tend tends".split()
)
_JOINTS: Final = frozenset(
    "and or but nor if unless until when while whether because although though before after during except instead "
    "versus only between against with to from".split()
)
_UNITS: Final = frozenset(
    "mg mcg ug g kg ml l iu miu units unit percent cm mm nm ng pg mmol dl week weeks day days month months year years "
    "hour hours minute minutes cycle cycles fold times µ % ‰ ° < > ≤ ≥ = ± + ~".split()
)
KEPT: Final = _NEGATIONS | _MODALS | _JOINTS | _UNITS
"""Words that a shortened sentence must keep, each of them and in order: a claim turns when one goes."""


def words_of(text: str) -> tuple[str, ...]:
    """Give the words, numbers and signs of a text that count, in lower case with straight apostrophes."""
    return tuple(found.lower().replace("\u2019", "'") for found in _TOKEN.findall(text))


def fault_of(sentence: str, source: str) -> str:
    """Say why a sentence is not faithful to its source sentence; empty when it is.

    A sentence is faithful when its words are a subsequence of the source's, and both hold the same numbers,
    negations, modals, quantifiers, units and joints in the same order. A verbatim sentence always is.
    """
    said, stands = words_of(sentence), words_of(source)
    known = set(stands)
    for word in said:
        if word not in known:
            return f"the word {word!r} does not stand in the answer's sentence"
    for name, kept in (("numbers", _is_number), ("negations", _is_negation), ("hedges or joints", _is_kept)):
        if _only(said, kept) != _only(stands, kept):
            return f"the {name} differ from those of the answer's sentence"
    if not _is_subsequence(said, stands):
        return "the words stand in another order than in the answer's sentence"
    return ""


def is_faithful(sentence: str, source: str) -> bool:
    """Say whether a sentence is faithful to its source sentence; see `fault_of`."""
    return not fault_of(sentence, source)


def unfaithful(fragments: Sequence[Fragment], body: str) -> tuple[Finding, ...]:
    """Give a block for each sentence of the answer that a promo's fragments do not quote faithfully.

    Slices of the answer can be spliced into something that it does not say. So whatever stands in the promo from
    the first to the last word of a sentence is compared with all of that sentence, must begin and end where it
    does, and sentences must come in the answer's order. Source: own rule; a claim cut off its qualifier is another
    claim (FTC guidance of 20 December 2022).
    """
    spans = sentences(body)
    text = "".join(fragment.text for fragment in fragments)
    quoted: dict[int, list[_Quote]] = {}
    found: list[Finding] = []
    at = latest = 0
    for fragment in fragments:
        begin, at = at, at + len(fragment.text)
        if fragment.origin is not Origin.ANSWER or not fragment.text.strip():
            continue
        for number, span in enumerate(spans):
            start, end = max(span.start, fragment.start), min(span.end, fragment.end)
            if start >= end:
                continue
            if number < latest:
                found.append(_finding(begin, at, "The sentences stand in another order than in the answer."))
            latest = max(latest, number)
            place = begin + start - fragment.start
            quoted.setdefault(number, []).append(_Quote(start, end, place, place + end - start))
    for number, quotes in quoted.items():
        begin, end = quotes[0].begin, quotes[-1].finish
        span = spans[number]
        if quotes[0].start != span.start or quotes[-1].end != span.end:
            fault = "it cuts a sentence short"
        else:
            fault = fault_of(text[begin:end], body[span.start : span.end])
        if fault:
            found.append(_finding(begin, end, f"The promo does not say what the answer says: {fault}."))
    return tuple(found)


class _Quote(NamedTuple):
    """A slice of the answer, and where it stands in the promo."""

    start: int
    end: int
    begin: int
    finish: int


def _finding(start: int, end: int, message: str) -> Finding:
    return Finding(
        rule="form.unfaithful",
        severity=Severity.BLOCK,
        where="promo",
        start=start,
        end=end,
        excerpt="",
        message=message,
        source="own rule: a promo quotes sentences whole, or without a remark that no claim turns on",
    )


def may_be_left_out(text: str) -> bool:
    """Say whether a bracketed remark holds nothing that a claim could turn on: no number, negation, hedge, joint."""
    return not any(_is_number(word) or _is_kept(word) for word in words_of(text))


def _is_number(word: str) -> bool:
    return word[0].isdigit()


def _is_negation(word: str) -> bool:
    return word in _NEGATIONS or word.endswith("n't")


def _is_kept(word: str) -> bool:
    return word in KEPT or _is_negation(word)


def _only(words: Iterable[str], kept: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(word for word in words if kept(word))


def _is_subsequence(part: Sequence[str], whole: Sequence[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in part)
