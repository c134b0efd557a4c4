"""A rule on effects that are told without a hedge of something whose effects nobody has reviewed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.claims import FTC
from clinic_broadcast.core.rules.reading import Reading
from clinic_broadcast.core.words import Span

_TOLD: Final = late(
    r"\b(?:improves?|boosts?|increases|raises?|restores?|regulates?|balances|heals?|treats|shrinks?|"
    r"dissolves?|removes|opens|unblocks?|clears|cleanses?|prevents?|reverses?|strengthens?|thickens|makes?|"
    r"gives?|brings?|keeps?|ends? in|enhances?|ensures?|resets?|rejuvenates?|renews?|solves?|eliminates?|"
    r"lowers|reduces?|relieves?|rebuilds?|builds|promotes?|stimulates?|induces?|triggers|saves?|protects|"
    r"causes|leads? to|leaves (?:women|men|no)|destroys?|damages|kills?|harms|ruins?|breaks? down|frees|"
    r"switch(?:es)? (?:off|on)|blocks|attacks|wrecks?|drains|dries|settles in|pulls|turns|washes|feeds|"
    r"nourish(?:es)?|wakes?(?: up)?|can now|loosens?|repairs?|is behind|are behind|(?:is|are) (?:giving|"
    r"bringing|restoring|rebuilding|reversing)|(?:is|are) (?:an? |the )?(?:common |main |usual |usually the |"
    r"real |true |hidden |biggest |leading |first )?(?:causes?|reasons?|answers?|keys?|secrets?))\b"
)
_OF_A_FAMILY: Final = late(
    r"\b(?:pregnan\w+|miscarr\w+|conceiv\w*|conception|fertility|infertil\w+|steril\w+|eggs?|sperm|ovar(?:y|ies|ian)|"
    r"ovulat\w+|womb|uterus|uterine|lining|embryos?|implant\w*|menopause|tubes?|childless\w*|child|children|bab(?:y|ies)|"
    r"boys?|girls?|birth|loss|losses|hormones?|amh|fsh|periods?|cycles?|cysts?|fibroids?|endometriosis)\b"
)
_OPEN: Final = late(
    r"\b(?:may|might|could|perhaps|possibly|probably|sometimes|often|usually|seems?|appears?|suggests?|tends?|"
    r"some|should|would|potentially|thought|not|no|nor|cannot|unlikely|rarely|seldom|whether|if|unclear|"
    r"unknown|myth|(?<!more )likely|most|many|few|commonly|generally|typically|normally|mainly|partly|"
    r"associated|linked|recommended|advised|evidence|studies|trials|depends?|depending)\b|\bcan (?!now\b)|"
    r"n['\u2019]t\b|\?"
)
"""What leaves room for doubt or tells of a share; "never" and "nothing" leave none."""


def strange_effect(reading: Reading) -> Iterator[Finding]:
    """Hold an effect on fertility or pregnancy that is told as a fact, unless its subject is reviewed or a drug.

    The lists of remedies and scares cannot name everything that is praised or feared; this one admits what is known.
    Source: FTC guidance of 20 December 2022: a claim of effect needs sound evidence, in social media too.
    """
    agents: tuple[Span, ...] | None = None
    for sentence in reading.sentences:
        text = reading.lower[sentence.start : sentence.end]
        told = _TOLD.search(text)
        if told is None or _OPEN.search(text) or not _OF_A_FAMILY.search(text):
            continue
        if agents is None:
            agents = reading.find(reading.tables.agents)
        before = Span(sentence.start, sentence.start + told.start())
        if any(before.start <= one.start < before.end for one in agents) or any(
            reading.lexicon.is_drug_word(word.text) for word in reading.words_in(before)
        ):
            continue
        if not reading.words_in(before):
            continue  # A title without a subject ("Causes of ...") tells no effect.
        yield reading.finding(
            "clinical.claim",
            Severity.HOLD,
            Span(before.start, sentence.start + told.end()),
            message="This tells an effect as a fact, of something that is on no reviewed list. Say what is known, with"
            ' its limits ("may help some women", "has not been shown to"), or leave it out.',
            source=FTC,
        )
