"""Rules on what a sentence claims: promises of outcome, and claims that stand there only to be refuted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.drugs import drugs_in
from clinic_broadcast.core.rules.reading import Reading
from clinic_broadcast.core.rules.tables import Tables
from clinic_broadcast.core.words import Span, sentences, tokens

FTC: Final = "FTC, Health Products Compliance Guidance, December 2022"
_OUTRIGHT: Final = late(
    r"guarantee|\bcur(?:e|es|ed|ing)\b|miracl|\bpromis(?:e|es|ed)\b|never fail|foolproof|\b100 ?(?:%|percent)|risk.free"
    r"|\bwill (?!not\b)|always (?:work|succe)|(?:success|pregnancy) rate|confident|beat any|certain to|sure to"
    r"|is certain|young(?:er)? again|['\u2019]s leading|leading (?:clinic|program)|top (?:clinic|program|specialist)",
    re.IGNORECASE,
)
_DENIES_DESPAIR: Final = late(r"hopeless|empty (?:crib|cradle|nursery)", re.IGNORECASE)
"""To say that this is not so is itself a promise."""
_NEGATED: Final = late(
    r"\b(?:no|not|never|cannot|without|nor|neither|nothing|n['\u2019]t|isn|don|doesn)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_COUNTED_WRONG: Final = late(r"\bwrong(?= numbers? of\b)", re.IGNORECASE)
_NEGATION_REACH: Final = 28
REFUTATION_SENTENCES: Final = 2
"""How many sentences on each side may refute a claim."""


def promise(reading: Reading) -> Iterator[Finding]:
    """Hold promises of outcome; plain superlatives and negated promises are a note.

    Source: FTC guidance of 20 December 2022: a claim of effect needs sound evidence, in social media too.
    """
    for span in reading.find(reading.tables.promises):
        text = reading.plain[span.start : span.end]
        before = reading.plain[max(0, span.start - _NEGATION_REACH) : span.start]
        is_promised = _OUTRIGHT.search(text) is not None and not _NEGATED.search(before)
        outright = is_promised or _DENIES_DESPAIR.search(text) is not None
        yield reading.finding(
            "clinical.promise",
            Severity.HOLD if outright else Severity.NOTE,
            span,
            message="This promises an outcome or praises. Say what is known, with its limits."
            if outright
            else "Praise or a promise that is denied: check that nothing is promised.",
            source=FTC,
        )


def drug(reading: Reading) -> Iterator[Finding]:
    """Note each drug that a text names: such a promo never goes out unseen.

    Source: X ads policy on health products; own rule that drugs are looked at by a person.
    """
    for one in drugs_in(reading):
        yield reading.finding(
            "clinical.drug",
            Severity.NOTE,
            one.span,
            message="A drug is named: a person looks at it before it goes out.",
            source="own rule; X ads policy on health products",
        )


def of_claims(text: str) -> str:
    """Give a text of the same length in which "wrong" tells of claims: a wrong number refutes nothing."""
    return _COUNTED_WRONG.sub("     ", text)


def refuted(tables: Tables, body: str, start: int, end: int) -> str:
    """Give the cue by which a sentence near `body[start:end]`, or itself, is told to be untrue; empty if none."""
    spans = sentences(body)
    first = next((at for at, span in enumerate(spans) if span.end > start), len(spans))
    last = next((at for at in range(len(spans) - 1, -1, -1) if spans[at].start < end), -1)
    near = spans[max(0, first - REFUTATION_SENTENCES) : last + 1 + REFUTATION_SENTENCES]
    for span in near:
        text = body[span.start : span.end]
        text = of_claims(text)
        cues = tables.refutations.find(text, tokens(text))
        if cues:
            return text[cues[0].start : cues[0].end]
    return ""


def refuted_finding(cue: str, *, where: str, span: Span, text: str) -> Finding:
    """Give the finding that a sentence was taken from where the answer refutes something.

    Source: FTC guidance of 20 December 2022: a claim of effect needs sound evidence.
    """
    return Finding(
        rule="clinical.refuted",
        severity=Severity.HOLD,
        where=where,
        start=span.start,
        end=span.end,
        excerpt=text[span.start : span.end],
        message=f'The answer says "{cue}" near this sentence: it may be quoted only to be refuted. Take another'
        " sentence, or none.",
        source=FTC,
    )
