"""A rule on what presses, blames, runs others down or tells readers that no doctor is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.claims import FTC
from clinic_broadcast.core.rules.reading import Reading
from clinic_broadcast.core.words import Span

_PRESSES: Final = late(
    r"\bclock (?:is|keeps) (?:not )?(?:ticking|running|screaming)\b"
    r"|\b(?:nature|time|age|eggs?) (?:will|does|do) not wait\b"
    r"|\b(?:call|ring|book|enrol|enroll|register|apply|sign up|reserve) (?:\w+ ){0,3}?(?:now|today|tonight|at once|"
    r"before (?:midnight|\w+day))\b|\b(?:only|just) (?:\w+ )?(?:places|spots|slots|seats) (?:remain|left|are left)\b"
)
_BLAMES: Final = late(
    r"\b(?:lazy|careless|selfish|stubborn|foolish) (?:patients?|wom[ae]n|mothers?|couples?|m[ae]n)\b"
    r"|\bshould not be surprised (?:when|if|that)\b|\b(?:truly|really) wants? (?:a|the|to have a) (?:child|baby)\b"
    r"|\b(?:only|nobody but) (?:herself|himself|themselves|"
    r"(?:her|his|their) (?:age|weight|careers?)) to (?:blame|thank)\b"
)
_RUNS_DOWN: Final = late(
    r"\b(?:money-making|scam|swindle|racket|rip-off|quacks?|nobody in power|"
    r"what (?:they|doctors) (?:do not|don't) want)\b"
    r"|\bno reason to (?:choose|try|use|want) (?:anything|anyone|any other)\b"
    r"|\bwhy (?:take|pay|use|bother|settle|swallow|go)\b[^.!?]{0,80}\bwhen\b"
    r"|\b(?:safer|safest|kinder|gentler|better) (?:option|choice|way) for (?:any|every|all)\b"
    r"|\b(?:babies|children)\b[^,;.!?]{0,30}\bare (?:healthier|stronger|cleverer|smarter) (?:than|from)\b"
)
_SENDS_HOME: Final = late(
    r"\bno (?:cause|need|reason) to (?:ring|call|tell|trouble|bother|see|ask) (?:\w+ )?(?:any(?:one|body)|doctors?|gp|"
    r"midwife|clinic|physician)\b"
)
_APPEALS: Final = (_PRESSES, _BLAMES, _RUNS_DOWN, _SENDS_HOME)


def appeal(reading: Reading) -> Iterator[Finding]:
    """Hold what presses readers to decide, blames patients, runs other care down, or sends them home unseen.

    Source: FTC guidance of 20 December 2022 on misleading health claims; GMC, Good medical practice, on advertising
    (do not exploit patients' vulnerability or lack of knowledge).
    """
    for one in _APPEALS:
        for found in one.finditer(reading.lower):
            yield reading.finding(
                "clinical.claim",
                Severity.HOLD,
                Span(found.start(), found.end()),
                message="This presses, blames, runs other care down, or says that no doctor is needed. Say what is"
                " known, or leave it out.",
                source=f"{FTC}; GMC, Good medical practice, on advertising",
            )
