"""What the gate has to say about a text: findings, and the verdict that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """How much a finding weighs: a note never holds, a hold waits for a person, a block for the clinician."""

    NOTE = "note"
    HOLD = "hold"
    BLOCK = "block"


class Verdict(StrEnum):
    """What the findings of one text add up to."""

    CLEAR = "clear"
    HOLD = "hold"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that one rule saw at one place.

    `where` names the text that was read (`title`, `question`, `answer`, `promo`, `link`, `card`, `text`);
    `start` and `end` are character offsets into it. `source` is the law or standard behind the rule.
    """

    rule: str
    severity: Severity
    where: str
    start: int
    end: int
    excerpt: str
    message: str
    source: str

    def seen_in(self, where: str) -> Finding:
        """Give the finding as one of the same text under another name."""
        return self if self.where == where else replace(self, where=where)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Give the verdict of the gravest finding; notes alone are clear."""
    gravest = Verdict.CLEAR
    for finding in findings:
        if finding.severity is Severity.BLOCK:
            return Verdict.BLOCK
        if finding.severity is Severity.HOLD:
            gravest = Verdict.HOLD
    return gravest


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Give findings once each, by place, then by rule: the same text always gives the same tuple."""
    if not (once := set(findings)):
        return ()
    return tuple(
        sorted(
            once,
            key=lambda one: (one.where, one.start, one.end, one.rule, one.severity.value, one.message),
        )
    )


IN_WORDS: Final[Mapping[str, str]] = {
    "clinical.asked-not-answered": "a drug that only the question names",
    "clinical.claim": "an unproved claim, or words that press readers",
    "clinical.dose": "a dose to confirm",
    "clinical.drug": "a drug that is named",
    "clinical.gloss": "a drug and its explanation that do not fit",
    "clinical.look-alike": "a drug that looks like another one",
    "clinical.other-name": "a drug that the question names otherwise",
    "clinical.promise": "a promise of success",
    "clinical.real-word": "a word that may be a mistyped drug",
    "clinical.refuted": "something that the answer takes back",
    "form.bracket": "a bracket without its other half",
    "form.fragments": "words whose origin does not fit",
    "form.hashtag": "a hashtag that nobody has reviewed",
    "form.lost-link": "a link that was lost",
    "form.mangled": "mangled characters",
    "form.model": "a model's choice that cannot be taken",
    "form.unfaithful": "words that do not stand in the answer",
    "privacy.capital": "a capital that may be a name",
    "privacy.contact": "an address or a number to reach somebody",
    "privacy.initial": "initials",
    "privacy.kin": "a relative",
    "privacy.language": "words that are not English",
    "privacy.name": "a name",
    "privacy.number": "a number that may tell of one person",
    "privacy.role": "what somebody is or does",
    "privacy.story": "what happened to one person",
    "privacy.taint": "a word of the patient's letter",
    "privacy.time": "a time that may tell of one person",
    "privacy.url": "a link that may tell of a person",
    "privacy.vocabulary": "a word that the gate does not know",
    "privacy.voice": "somebody who speaks or is spoken to",
    "privacy.vote": "an objection of an installed voter",
    "privacy.zone": "a letter that cannot be told from its answer",
}
"""What each rule of the gate sees, for a person who has never heard of rules."""


def in_words(rule: str) -> str:
    """Say what a rule sees; a rule of another version is called by its name."""
    return IN_WORDS.get(rule, rule)
