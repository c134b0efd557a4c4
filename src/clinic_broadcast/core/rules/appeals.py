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
    r"|\b(?:call|ring|book|enrol|enroll|register|apply|sign up|reserve) (?:\w+ ){0,3}?(?:now|today|tonight|"
    r"at once|before (?:midnight|\w+day))\b"
    r"|\b(?:only|just) (?:\w+ )?(?:places|spots|slots|seats) (?:remain|left|are left)\b"
    r"|\b(?:stop|quit) (?:hesitating|waiting|wondering|overthinking|delaying)\b"
    r"|\b(?:start|begin)\b[^,;:.!?]{0,30}\b(?:this (?:very )?(?:cycle|month|week)|today)\b"
    r"|\b(?:find out|learn|discover|come|realise|realize) (?:it |this )?(?:much |far )?too late\b"
    r"|\bnothing (?:more )?can be done\b|\bact now\b|\bdoor (?:slams|closes|shuts|is closing)\b"
    r"|\b(?:poisoning|killing|destroying|starving)\b[^,;:.!?]{0,20}\b(?:embryos?|eggs|bab(?:y|ies)|sperm)\b"
    r"|\b(?:childless|lonely) old age\b|\bhow much is a (?:child|baby) worth\b|\bgambl(?:e|es|ing) with\b"
    r"|\bends? in (?:childlessness|infertility|divorce|tragedy)\b"
)
_BLAMES: Final = late(
    r"\b(?:lazy|careless|selfish|stubborn|foolish) (?:patients?|wom[ae]n|mothers?|couples?|m[ae]n)\b"
    r"|\bshould not be surprised\b"
    r"|\b(?:responsible|sensible|good) (?:parents|couples|mothers|women)\b|\btakes? responsibility for\b"
    r"|\b(?:body|embryo|womb|uterus) (?:senses|feels|refuses|punishes|rejects|forgets|remembers)\b"
    r"|\bnot ready for a (?:child|baby)\b|\bga?ve up too (?:early|soon)\b"
    r"|\blet(?:ting)? (?:themselves|herself|himself) go\b"
    r"|\b(?:did|do|does) not (?:look after|take care of|listen|follow (?:instructions|advice|orders))\b"
    r"|\brefus(?:e|es|ing) to (?:cooperate|work|conceive)\b"
    r"|\bnegative (?:thoughts|thinking|attitudes?)\b"
    r"|\btoo many (?:partners|lovers|abortions|parties)\b"
    r"|\bit is (?:\w+ )?the (?:patient|woman|mother|wife) who\b"
    r"|\b(?:is|are) (?:usually|often|mostly|almost always|nearly always) (?:the reason|to blame|the culprit)\b"
    r"|\b(?:truly|really) wants? (?:a|the|to have a) (?:child|baby)\b"
    r"|\b(?:only|nobody but) (?:herself|himself|themselves|(?:her|his|their) (?:age|weight|"
    r"careers?)) to (?:blame|thank)\b"
)
_RUNS_DOWN: Final = late(
    r"\b(?:money-making|scam|swindle|racket|rip-off|quacks?|nobody in power|what (?:they|doctors) (?:do not|"
    r"don't) want)\b"
    r"|\bno reason to (?:choose|try|use|want) (?:anything|anyone|any other)\b"
    r"|\bwhy (?:take|pay|use|bother|settle|swallow|go)\b[^.!?]{0,80}\bwhen\b"
    r"|\b(?:safer|safest|kinder|gentler|better) (?:option|choice|way) for (?:any|every|all)\b"
    r"|\b(?:doctors|specialists|clinics|gyna?ecologists|physicians|programs|"
    r"programmes)\b[^,;:.!?]{0,20}\b(?:(?:have )?never (?:heard|tell|mention|look|check|bother)|(?:do|"
    r"will) not (?:tell|bother)|hide|ignore|overlook)\b"
    r"|\b(?:big chains|the competition|competitors|clinics across town)\b"
    r"|\bother (?:clinics|doctors|centers|centres|programs)\b[^,;:.!?]{0,20}\b(?:will|just|only|happily|still)\b"
    r"|\b(?:that|which|what) (?:surgeons|doctors|specialists|clinics) (?:cannot|could not|never)\b"
    r"|\bthe answer (?:was|is) (?:always )?(?:a )?no\b"
    r"|\b(?:babies|children)\b[^,;.!?]{0,30}\bare (?:healthier|stronger|cleverer|smarter) (?:than|from)\b"
)
_SENDS_HOME: Final = late(
    r"\bno (?:cause|need|reason|point in) (?:to )?(?:ring|call|tell|trouble|bother|see|ask|run|rush|go|hurry|"
    r"drive|running|rushing|going|calling)\b[^,;:.!?]{0,20}\b(?:any(?:one|body)|doctors?|gp|midwife|clinic|"
    r"physician|hospital|emergency|er)\b"
    r"|\bsit (?:it|this|that) out\b"
    r"|\balways (?:settles?|passes|clears?|heals?|resolves?|stops?) (?:up )?(?:on its own|by itself)\b"
    r"|\bneeds? no (?:visit|doctors?|tests?|treatment|hospital|scans?)\b|\breplaces? (?:every|any|all)\b"
    r"|\bmedicine\b[^,;:.!?]{0,20}\bgets in the way\b|\b(?:best|better) put off\b"
    r"|\bshould be stopped (?:at once|immediately|on the day|as soon as)\b"
    r"|\b(?:is|are) (?:simply |quite |just )?(?:unnecessary for (?:any|every)\w*|useless|pointless|a waste)\b"
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
