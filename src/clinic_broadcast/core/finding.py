"""What the gate has to say about a text: findings, and the verdict that follows from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


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
