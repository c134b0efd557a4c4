"""The zone rule: a page whose letter and answer are not told apart with certainty feeds nothing."""

from __future__ import annotations

import re
from typing import Final

from clinic_broadcast.core.answer import Zones
from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.privacy import GMC, SAFE_HARBOR

_SALUTATION: Final = late(
    r"^\W*(?:hello|hi|hey|dear|good (?:morning|afternoon|evening|day)|greetings)\b",
    re.IGNORECASE | re.MULTILINE,
)
_PATIENT_SPEAKS: Final = late(
    r"\bmy (?:husband|wife|hubby|partner|boyfriend|girlfriend|doctor|gyna?e?(?:cologist)?|obgyn|consultant|periods?|"
    r"(?:last|first|second|third|next) (?:period|cycle|ivf|iui|miscarriage|pregnancy|beta|scan|transfer|attempt)|"
    r"miscarriages?|uterus|tubes?|ovar(?:y|ies)|embryos?|eggs?|fsh|amh|hcg|tsh|daughter|son|mother|mum|mom|sister)\b"
    r"|\b(?:my|our) (?:clinic|hospital) (?:gave|told|said|wants)"
    r"|\bI(?:['\u2019]?m| am) (?:an? )?(?:\d\d\b|pregnant|ttc|trying (?:to conceive|for)|writing from|"
    r"so (?:worried|scared|sad))"
    r"|\bI (?:have )?(?:miscarried|got pregnant|"
    r"lost (?:an?|my|our|the|two|three) (?:\w+ )?(?:bab|pregnan|twin|son|daughter|child)|"
    r"had (?:an?|my|two|three) (?:miscarriage|d ?& ?c|scan|ivf|iui|transfer|chemical|ectopic|loss))"
    r"|\bwe(?:['\u2019]ve| have)? (?:are|been) (?:ttc|trying (?:to conceive|for))",
    re.IGNORECASE,
)
_SOURCE: Final = f"{SAFE_HARBOR}; {GMC}"


def doubt_of(zones: Zones) -> str:
    """Say why the zones of a page cannot be trusted; empty when nothing speaks against them.

    Besides the doubt of whoever split them, two salutations in the greeting and a patient's voice in the answer
    tell that part of a letter stands where the answer should be.
    """
    if zones.doubt:
        return zones.doubt
    if len(_SALUTATION.findall(zones.greeting)) > 1:
        return "There are two salutations: part of a letter may stand in the answer."
    if _PATIENT_SPEAKS.search(zones.answer):
        return "The answer speaks like a patient in one place: part of a letter may stand in it."
    return ""


def zone(doubt: str) -> tuple[Finding, ...]:
    """Block a page whose zones are in doubt; nothing of it may be quoted.

    Source: 45 CFR 164.514(b)(2)(i): without zones every word may be the patient's.
    """
    if not doubt:
        return ()
    return (
        Finding(
            rule="privacy.zone",
            severity=Severity.BLOCK,
            where="answer",
            start=0,
            end=0,
            excerpt="",
            message=f"Letter and answer cannot be told apart with certainty: {doubt} Nothing of the page is used."
            ' Mark the parts with "Question:" and "Answer:", or write the promo by hand.',
            source=_SOURCE,
        ),
    )
