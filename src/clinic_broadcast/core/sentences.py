"""Which sentences of an answer may stand in a promo, and which of them says most."""

# ruff: noqa: SIM905 - A list of quoted words reads worse than its words.

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.gate import Gate, refutation_near, sentence_findings
from clinic_broadcast.core.lexicon import Lexicon
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.rules.faithful import is_faithful, may_be_left_out
from clinic_broadcast.core.words import Span, sentences

WORDS_MIN, WORDS_MAX = 7, 40
LENGTH_MAX: Final = 230
"""Longer than this no sentence leaves room for a title and a link on the tightest network."""

ALIKE_MAX: Final = 0.5
"""From this likeness on two texts say the same to a reader."""

_GOOD_MIN, _GOOD_MAX, _SHORT = 60, 140, 20
_NEAR: Final = 2
"""How many sentences before and after one may refute it."""

_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_END: Final = re.compile(r"[.!][)\]\u2019']?$")
_QUOTED: Final = re.compile(r"[\"“”«»]")
_BRACKET: Final = re.compile(r" \(([^()\[\]]{1,80})\)")
_BACK: Final = re.compile(
    r"\b(?:th(?:is|ese|ose)(?! (?:who|whose|with|that)\b)|above|below|latter|former|aforementioned|therefore|thus"
    r"|hence|however|here|(?:in|at|for|with|on|after|before|during|by|from|of) that(?! (?:the|a|an)\b)"
    r"|such an? \w+)\b|\b(?:that|the same)[.,;!]",
    re.IGNORECASE,
)
_PRONOUN: Final = re.compile(r"\b(?:it|itself|they|them|themselves)\b", re.IGNORECASE)
_POSSESSIVE: Final = re.compile(r"\b(?:its|their|theirs)\b", re.IGNORECASE)
# Where one clause ends and the next begins: a pronoun behind it may stand for what came before.
_NEXT_CLAUSE: Final = re.compile(
    r",|\b(?:and|but|because|when|if|that|which|since|so|while|until|although)\b", re.IGNORECASE
)
_PLURAL: Final = re.compile(r"\b(?:\w+s|women|men|people|children|sperm)\b", re.IGNORECASE)
_BACK_AT_END: Final = re.compile(
    r"\b(?:(?<!just )as well|too|either|though|otherwise|instead|again|so)[.!]", re.IGNORECASE
)
_DONE_TO_IT: Final = re.compile(r"\b\w+ing (?:it|them)\b", re.IGNORECASE)
"""What is done to it stands outside: "trials have not shown that using it helps"."""
_TURNS: Final = re.compile(r"(?:However|But|Yet|Whether|Nevertheless|On the other hand|That said)\b")
_THEN: Final = re.compile(r"\bthen\b", re.IGNORECASE)
_THEN_OF: Final = re.compile(r"\b(?:if|when|once|first|and then)\b", re.IGNORECASE)
_ALSO_EARLY: Final = 5
# Openers that the reviewed list of anaphora does not hold: each takes up something said before.
_OPENERS: Final = frozenset(
    "another other others additional further next first second last again here one both either who which where what "
    "why how when whose please obviously especially particularly including except rather perhaps maybe sure ok okay "
    "hello hi dear".split()
)
# A clause that begins with one of these needs a main clause behind its comma.
_SUBORDINATES: Final = frozenset("although because since though unless until whereas while".split())
# "The procedure is safe": which procedure? With "of", "for" or the like behind it, such a noun is told apart.
_BARE_NOUN: Final = re.compile(
    r"^The (?:(?:best|exact|final|first|last|main|new|next|only|other|recommended|right|same|usual|whole) )?"
    r"(?:procedure|treatment|test|tissue|drug|medication|medicine|surgery|operation|problem|issue|answer|question|reason"
    r"|result|results|key|goal|idea|point|best|same|only|main|rest|risk|risks|chance|chances|cause|dose|level|levels"
    r"|process|method|technique|approach|study|studies|patient|patients|doctor|clinic|condition|option|options)"
    r" (?!of\b|for\b|in\b|with\b|to\b|that\b|between\b|after\b|before\b)\w+",
    re.IGNORECASE,
)
_ORDERS: Final = frozenset(
    "ask avoid be begin call check come consider consult contact continue discuss do don't drink eat find follow get "
    "give go have keep know let lose look make never note relax remember request rest schedule see seek speak start "
    "stay stop take talk tell think try use visit wait watch worry".split()
)
_PLURAL_VERBS: Final = frozenset(
    "block clear control decline implant last leave lower measure outweigh protect receive release rest return sit "
    "spread stem support thin trigger use weigh worsen".split()
)
_NOUN_AFTER: Final = frozenset("of in for and or is are was were can may might will with at".split())
_PAST: Final = re.compile(r"\b(?:was|were|had|did|been|would have|could have)\b", re.IGNORECASE)
_GENERIC: Final = re.compile(
    r"^(?:An?|Most|Many|Some|All|Every|Each|Several|Women|Men|Couples|There|No)\b|^[\w-]+s\b"
)
_STEM: Final = re.compile(r"(?:ies|es|s|ed|ing)$")
_STOP: Final = frozenset(
    "a an the and or of in on at to for from with by is are was were be been do does did has have had can could should "
    "would may might will not no how what when why who which it its as if than then that this your you i my".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An eligible sentence: the runs of the answer that are kept, its score, and its place among the sentences."""

    runs: tuple[tuple[int, int], ...]
    text: str
    score: float
    index: int


def candidates_of(material: Material, gate: Gate) -> tuple[Candidate, ...]:
    """Give the sentences of the answer that may stand in a promo, best first; ties go to the earlier one."""
    return tuple(best_first(material, gate))


def best_first(material: Material, gate: Gate) -> Iterator[Candidate]:
    """Give the same one by one: the gate, which costs most, reads only as many as are asked for."""
    body, lexicon = material.body, gate.lexicon
    spans = [Span(*_trimmed(body, start, end)) for start, end in sentences(body)]
    refuting = [_holds(lexicon.refutations, body[span.start : span.end]) for span in spans]
    title_stems = _stems(material.title)
    possible: list[Candidate] = []
    for index, span in enumerate(spans):
        if index + 1 < len(spans) and _TURNS.match(body, spans[index + 1].start):
            continue  # What follows takes part of it back, and would be cut off.
        if any(refuting[max(0, index - _NEAR) : index + _NEAR + 1]):
            continue
        position = 1.0 if len(spans) == 1 else 1 - index / (len(spans) - 1)
        for runs in dict.fromkeys(((span,), _without_brackets(body, span, lexicon))):
            text = "".join(body[start:end] for start, end in runs)
            if stands_alone(text, lexicon):
                score = (
                    0.35 * _overlap(title_stems, _stems(text))
                    + 0.25 * position
                    + 0.20 * _generality(text, lexicon)
                    + 0.20 * _length_fit(text)
                )
                possible.append(Candidate(runs=runs, text=text, score=round(score, 6), index=index))
    given: set[int] = set()
    # The whole sentence goes before the one without its brackets, whatever their scores.
    best = {one.index: max(other.score for other in possible if other.index == one.index) for one in possible}
    for one in sorted(possible, key=lambda one: (-best[one.index], one.index, len(one.runs))):
        if one.index not in given and _is_eligible(material, gate, one):
            given.add(one.index)
            yield one


def _is_eligible(material: Material, gate: Gate, one: Candidate) -> bool:
    start, end = one.runs[0][0], one.runs[-1][1]
    if len(one.runs) > 1 and not is_faithful(one.text, material.body[start:end]):
        return False
    if _has_open_block(material.findings) and holds_drug(one.text, gate.lexicon):
        return False
    if any(_touches(finding, one.runs) for finding in material.findings):
        return False
    if any(weighs(finding) for finding in sentence_findings(gate, one.text, taint=material.taint)):
        return False
    return not refutation_near(gate, material.body, start, end)


def stands_alone(text: str, lexicon: Lexicon) -> bool:
    """Say whether a sentence is whole, general and readable without those around it, and promises nothing."""
    words = _WORD.findall(text)
    if not (WORDS_MIN <= len(words) <= WORDS_MAX and len(text) <= LENGTH_MAX):
        return False
    if not text[0].isupper() or not _END.search(text) or _QUOTED.search(text) or "\n" in text:
        return False
    return not (
        _opens_by_referring(text, words, lexicon.anaphora)
        or _refers_back(text, words)
        or _orders(words)
        or _holds(lexicon.promises, text)
        or not (lexicon.has_finite_verb(words) or _has_plural_verb(words))
    )


def _has_plural_verb(words: Sequence[str]) -> bool:
    """Say whether a verb that is often no verb ("lower", "block") follows a plural, which makes it one."""
    pairs = pairwise(words)
    return any(word.lower() in _PLURAL_VERBS and before.endswith("s") for before, word in pairs)


def holds_drug(text: str, lexicon: Lexicon) -> bool:
    """Say whether a text names a drug of the table, by a name of one word or of several."""
    if _holds(lexicon.drug_phrases, text):
        return True
    return any(
        lexicon.drug(part) is not None for word in _WORD.findall(text) for part in {word, *word.split("-")}
    )


def likeness(one: str, other: str) -> float:
    """Give the share of three-word runs that two texts have in common, 0 to 1 (Jaccard)."""
    runs = [
        {tuple(words[at : at + 3]) for at in range(len(words) - 2)}
        for words in (one.lower().split(), other.lower().split())
    ]
    either = runs[0] | runs[1]
    return len(runs[0] & runs[1]) / len(either) if either else 1.0


def weighs(finding: Finding) -> bool:
    """Say whether a finding holds or blocks; a note does neither."""
    return finding.severity is not Severity.NOTE


def _has_open_block(findings: Sequence[Finding]) -> bool:
    return any(
        one.severity is Severity.BLOCK and one.rule.startswith(("clinical.", "form.")) for one in findings
    )


def _touches(finding: Finding, runs: Sequence[tuple[int, int]]) -> bool:
    if finding.where != "answer" or not weighs(finding):
        return False
    return any(finding.start < end and start < finding.end for start, end in runs)


def _without_brackets(body: str, span: tuple[int, int], lexicon: Lexicon) -> tuple[tuple[int, int], ...]:
    runs: list[tuple[int, int]] = []
    start = span[0]
    for found in _BRACKET.finditer(body, *span):
        if may_be_left_out(found[1]) and not holds_drug(found[1], lexicon):
            runs.append((start, found.start()))
            start = found.end()
    runs.append((start, span[1]))
    return tuple(runs)


def _trimmed(body: str, start: int, end: int) -> tuple[int, int]:
    text = body[start:end]
    return start + len(text) - len(text.lstrip()), start + len(text.rstrip())


def _opens_by_referring(text: str, words: Sequence[str], anaphora: tuple[str, ...]) -> bool:
    first = words[0].lower()
    if first in _OPENERS or (first in _SUBORDINATES and "," not in text):
        return True
    opening = _phrases(anaphora).match(text)
    return opening is not None or bool(_BARE_NOUN.match(text))


def _refers_back(text: str, words: Sequence[str]) -> bool:
    """Say whether something in the sentence points out of it: a demonstrative, or a pronoun before any noun."""
    if _BACK.search(text) or _BACK_AT_END.search(text):
        return True
    if _DONE_TO_IT.search(text):
        return True
    if _THEN.search(text) and not _THEN_OF.search(text):
        return True
    if "also" in (word.lower() for word in words[:_ALSO_EARLY]):
        return True
    return not _stands_for_something(text)


def _stands_for_something(text: str) -> bool:
    """Say whether each pronoun has words before it that it can stand for: in an earlier clause, plural for plural."""
    for pronoun in (*_PRONOUN.finditer(text), *_POSSESSIVE.finditer(text)):
        before = text[: pronoun.start()]
        if pronoun[0].lower().startswith("th") and not _PLURAL.search(before):
            return False
        if pronoun.re is _PRONOUN and not _NEXT_CLAUSE.search(before):
            return False
        if not any(word.lower() not in _STOP for word in _WORD.findall(before)):
            return False
    return True


def _orders(words: Sequence[str]) -> bool:
    first, second = words[0].lower().replace("\u2019", "'"), words[1].lower()
    return first in _ORDERS and second not in _NOUN_AFTER


def _overlap(title: frozenset[str], sentence: frozenset[str]) -> float:
    return len(title & sentence) / len(title) if title else 0.0


def _generality(text: str, lexicon: Lexicon) -> float:
    signs = (
        not _PAST.search(text),
        bool(_GENERIC.match(text)),
        not holds_drug(text, lexicon),
        not any(char.isdigit() for char in text),
    )
    return sum(signs) / len(signs)


def _length_fit(text: str) -> float:
    length = len(text)
    if length < _GOOD_MIN:
        return max(0.0, (length - _SHORT) / (_GOOD_MIN - _SHORT))
    return min(1.0, max(0.0, (LENGTH_MAX - length) / (LENGTH_MAX - _GOOD_MAX)))


def _stems(text: str) -> frozenset[str]:
    words = (word.lower() for word in _WORD.findall(text))
    return frozenset(stem_of(word) for word in words if word not in _STOP)


def stem_of(word: str) -> str:
    """Give a word without the ending of its plural or tense, if it is longer than four letters."""
    return _STEM.sub("", word) if len(word) > 4 else word  # noqa: PLR2004 - Shorter words are their own stem.


def _holds(phrases: tuple[str, ...], text: str) -> bool:
    return _phrases(phrases).search(text.replace("\u2019", "'")) is not None


@lru_cache(maxsize=8)
def _phrases(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Compile a reviewed list: any of its phrases as whole words, the longest first."""
    longest_first = sorted(phrases, key=len, reverse=True)
    alternatives = "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in longest_first)
    return re.compile(rf"(?<![\w-])(?:{alternatives})(?![\w-])" if alternatives else r"(?!)", re.IGNORECASE)
