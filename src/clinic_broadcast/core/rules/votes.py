"""Votes: optional readers of a text beside the lists, a recogniser or a model, which may only ever add a hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.rules.privacy import GMC, SAFE_HARBOR
from clinic_broadcast.core.rules.reading import Reading
from clinic_broadcast.core.words import Span

Objections: TypeAlias = Callable[[str], Iterable[tuple[int, int]]]
"""Gives the places of a text that may point to a person, as (start, end); it must not ask a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voter:
    """A reader beside the lists: `name` and its version stand in the gate's version, so a change voids approvals."""

    name: str
    object_to: Objections


def vote(reading: Reading, voters: Iterable[Voter]) -> Iterator[Finding]:
    """Hold what a voter takes for a name, a place or another sign of a person; nobody's vote lifts a hold.

    A voter sees `plain`: the text without the clinic's own names. Source: 45 CFR 164.514(b)(2)(i)(A) to (R); GMC
    18-19: a name that a doctor misremembers stands nowhere else on the page.
    """
    for voter in voters:
        for start, end in voter.object_to(reading.plain):
            if 0 <= start < end <= len(reading.plain):
                yield reading.finding(
                    "privacy.vote",
                    Severity.HOLD,
                    Span(start, end),
                    message=f"{voter.name} takes this for a sign of a person. Leave it out if it is one.",
                    source=f"{SAFE_HARBOR}; {GMC}",
                )
