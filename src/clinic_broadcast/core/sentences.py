"""Which sentences of an answer may stand in a promo, and which of them says most."""

# ruff: noqa: SIM905 - A list of quoted words reads worse than its words.

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.gate import Gate, refutation_near, sentence_findings, title_is_clean
from clinic_broadcast.core.keeping import kept_in, seal_of
from clinic_broadcast.core.lexicon import Lexicon
from clinic_broadcast.core.material import Candidate, Material
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.claims import of_claims
from clinic_broadcast.core.rules.faithful import is_faithful, may_be_left_out
from clinic_broadcast.core.standing import LENGTH_MAX, WORD, holds_phrase, is_urgent, stands_alone, stems_of
from clinic_broadcast.core.words import Span, sentences

ALIKE_MAX: Final = 0.5
"""From this likeness on two texts say the same to a reader."""

_GOOD_MIN, _GOOD_MAX, _SHORT = 45, 140, 15
_NEAR: Final = 2
"""How many sentences before and after one may refute it."""

_BRACKET: Final = late(r" \(([^()\[\]]{1,80})\)")
_TURNS: Final = late(r"(?:However|But|Yet|Whether|Nevertheless|On the other hand|That said)\b")
_PAST: Final = late(r"\b(?:was|were|had|did|been|would have|could have)\b", re.IGNORECASE)
_GENERIC: Final = late(
    r"^(?:An?|Most|Many|Some|All|Every|Each|Several|Women|Men|Couples|There|No)\b|^[\w-]+s\b"
)
_DEFINITE: Final = late(r"\bthe (?P<one>[\w-]+)(?: (?P<two>[\w-]+))?(?: (?P<three>\w+))?", re.IGNORECASE)
_TELLS_APART: Final = frozenset(
    "of that for in with to who which whose between when where after before from on at".split()
)
# What everybody has one of, so that "the" needs nothing before it.
_KNOWN: Final = frozenset(
    "uterus uterine womb ovary ovaries embryo embryos egg eggs lining cervix cervical vagina tube tubes pelvis body "
    "baby placenta pituitary thyroid blood brain heart sperm testicle testicles woman women man men mother father "
    "couple child pregnancy cycle period immune chromosomes genes age evidence calendar law freezer".split()
)
_WEIGHTS: Final = {
    "title": 0.30,
    "subject": 0.10,
    "centre": 0.15,
    "place": 0.20,
    "general": 0.10,
    "length": 0.15,
}
_SUBJECT_WORDS: Final = 3
_KEPT: Final = 4
"""As many as the longest promo looks at, and the feed."""
_DANGLES: Final = 0.1
"""What each definite noun costs that nothing before it tells apart."""


def candidates_of(material: Material, gate: Gate) -> tuple[Candidate, ...]:
    """Give the sentences of the answer that may stand in a promo, best first; ties go to the earlier one."""
    return tuple(best_first(material, gate))


def best_first(material: Material, gate: Gate) -> Iterator[Candidate]:
    """Give the same one by one: the gate, which costs most, reads few more than are asked for.

    The first ones stay with the gate: each channel and the feed ask for those of the same answer.
    """
    first = kept_in(gate.best, seal_of(material), lambda: tuple(islice(_ranked(material, gate), _KEPT)))
    yield from first
    if len(first) == _KEPT:
        yield from islice(_ranked(material, gate), _KEPT, None)


def _ranked(material: Material, gate: Gate) -> Iterator[Candidate]:
    body, lexicon = material.body, gate.lexicon
    spans = [Span(*_trimmed(body, start, end)) for start, end in sentences(body)]
    told = [body[span.start : span.end] for span in spans]
    if any(is_urgent(text) for text in told):
        return  # Whatever is quoted of it could keep a reader from going.
    refuting = [holds_phrase(lexicon.refutations, of_claims(text)) for text in told]
    title = material.title if title_is_clean(gate, material) else ""
    title_stems, stems = stems_of(material.title), [stems_of(text) for text in told]
    possible: list[Candidate] = []
    for index, span in enumerate(spans):
        if index + 1 < len(spans) and _TURNS.match(body, spans[index + 1].start):
            continue  # What follows takes part of it back, and would be cut off.
        if any(refuting[max(0, index - _NEAR) : index + _NEAR + 1]):
            continue
        for runs in dict.fromkeys(((span,), _without_brackets(body, span, lexicon))):
            text = "".join(body[start:end] for start, end in runs)
            if stands_alone(text, lexicon, title=title, opens_answer=index == 0):
                marks = {
                    "title": _overlap(title_stems, stems[index]),
                    "subject": _overlaps(title_stems, WORD.findall(text)[:_SUBJECT_WORDS]),
                    "centre": _centrality(stems, index),
                    "place": 1.0 if len(spans) == 1 else 1 - index / (len(spans) - 1),
                    "general": _generality(text, lexicon),
                    "length": _length_fit(text),
                }
                score = sum(weight * marks[name] for name, weight in _WEIGHTS.items())
                score -= _DANGLES * _dangling(text, title_stems)
                possible.append(Candidate(runs=runs, text=text, score=round(score, 6), index=index))
    given: set[int] = set()
    # The whole sentence goes before the one without its brackets, whatever their scores.
    best = {one.index: max(other.score for other in possible if other.index == one.index) for one in possible}
    for one in sorted(possible, key=lambda one: (-best[one.index], one.index, len(one.runs))):
        if one.index not in given and _is_eligible(material, gate, one):
            given.add(one.index)
            yield one


def is_quotable(material: Material, gate: Gate, one: Candidate) -> bool:
    """Say whether the gate passes these runs of one sentence, and they read as a sentence that stands alone."""
    title = material.title if title_is_clean(gate, material) else ""
    return stands_alone(one.text, gate.lexicon, title=title) and _is_eligible(material, gate, one)


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


def holds_drug(text: str, lexicon: Lexicon) -> bool:
    """Say whether a text names a drug of the table, by a name of one word or of several."""
    if holds_phrase(lexicon.drug_phrases, text):
        return True
    return any(
        lexicon.drug(part) is not None for word in WORD.findall(text) for part in {word, *word.split("-")}
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


def _overlap(title: frozenset[str], sentence: frozenset[str]) -> float:
    return len(title & sentence) / len(title) if title else 0.0


def _overlaps(title: frozenset[str], opening: Sequence[str]) -> float:
    """Say whether a sentence opens with what the title speaks of: 1 if it does, else 0."""
    return float(bool(title & stems_of(" ".join(opening))))


def _centrality(stems: Sequence[frozenset[str]], index: int) -> float:
    """Give how much of what the rest of the answer speaks of a sentence takes up, 0 to 1; the most of all is 1."""
    shares = [
        sum(len(one & other) / len(one | other) for other in stems if other is not one and one | other)
        for one in stems
    ]
    most = max(shares)
    return shares[index] / most if most else 0.0


def _dangling(text: str, title: frozenset[str]) -> int:
    """Count the definite nouns that neither the title nor the words before them tell apart."""
    count = 0
    for found in _DEFINITE.finditer(text):
        words = [word.lower() for word in found.groups() if word]
        before = title | stems_of(text[: found.start()])
        is_told = (
            any(word in _TELLS_APART for word in words[1:])
            or any(word in _KNOWN for word in words[:2])
            or bool(before & stems_of(" ".join(words[:2])))
            or words[0].endswith(("est", "same"))
        )
        count += not is_told
    return count


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
