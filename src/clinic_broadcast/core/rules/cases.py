"""Privacy rules on what makes a case: a tale of one person, told in the past, and who or what that person is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.privacy import GMC, SAFE_HARBOR
from clinic_broadcast.core.rules.reading import Reading
from clinic_broadcast.core.words import Span

_TOLD: Final = late(
    r"\b(?:was|were|had|did|came|went|became|began|took|gave|wrote|fell|saw|knew|grew|broke|froze|chose|underwent|"
    r"bled|died|miscarried|drove|flew|forgot)\b",
)
_SUBORDINATE: Final = late(
    r"\b(?:who|whom|whose|that|which|if|when|once|before|after|until|unless|where|because|since|as|though|although|"
    r"whether|how|why|what|while|than|wish|to)\b[^,;:.!?]*$",
)
_RESEARCH: Final = late(
    r"\b(?:stud(?:y|ies)|trials?|research(?:ers)?|evidence|data|surveys?|reviews?|meta-analys[ie]s|analys[ie]s|"
    r"guidelines?|committees?|scientists|investigators|cohorts?|regist(?:er|ry)|experiments?)\b",
)
_ONE: Final = (
    r"patient|woman|lady|man|gentleman|girl|boy|person|somebody|someone|couple|colleague|client|surrogate|mother|"
    r"father|child|baby|embryo donor|donor|recipient|nurse|doctor|team|clinic|hospital|user|reader|case|"
    r"surgeon|midwife|radiologist|embryologist|obstetrician|gyna?ecologist|specialist|physician|lab|laboratory|"
    r"twin|family"
)
_DONE: Final = (
    r"conceived|miscarried|lost|froze|used|told|said|asked|wrote|refused|had|took|got|went|came|decided|wanted|waited|"
    r"tried|needed|delivered|ovulated|responded|bled|died|missed|stopped|started|underwent|chose|allowed|was|were|did|"
    r"gave|advised|removed|found|saw|failed|became|left|moved|married|paid|walked|felt"
)
_ONE_DID: Final = late(
    rf"(?:\b(?:an?|the|this|that|one|another|some|any)\s+(?:[\w'-]+\s+){{0,2}}(?:{_ONE})"
    rf"|\b(?:somebody|someone|nobody|they))\b(?!s)(?:\s+(?!who\b|that\b|"
    rf"which\b)[\w'-]+){{0,4}}?\s+(?:{_DONE})\b(?!\s+by\b)",
)
_NO_AUXILIARY: Final = (
    r"(?!who\b|that\b|which\b|is\b|are\b|be\b|been\b|being\b|can\b|may\b|might\b|must\b|should\b|could\b|"
    r"would\b|will\b|"
    r"if\b|when\b|to\b)"
)
_ONE_DID_ONCE: Final = late(
    rf"\b(?:an?|the|this|that|one|another)\s+(?:[\w'-]+\s+){{0,2}}(?:{_ONE})\b(?!s)(?:\s+{_NO_AUXILIARY}[\w'-]+){{0,4}}?\s+"
    r"(?:won|bought|sold|fought|met|kept|sent|spent|brought|made|hid|held|heard|led|ran|sat|slept|stood|taught|thought|"
    r"wore|swam|sang|sued|adopted|divorced|insisted|appeared|emigrated|escaped|survived|returned|travell?ed|"
    r"hoped|feared|caught|ate|drank|rode|woke|wept|sought|spoke|threw|drew|fed|fled|hurt|rang|rose|stole|struck|swore|"
    r"understood|withdrew|"
    r"complained|reported|claimed|shared|blamed|mixed|dropped|mislabell?ed|cut|tore|perforated|injured|punctured|"
    r"overlooked|confused|swapped|ignored|lied|promised|offered|arrived|recovered|received|borrowed|hired|begged)\b",
)
_ONE_WISHES: Final = late(
    rf"(?:^|[,;:]\s+)\W*(?:an?|the|this|one|another)\s+(?:[\w'-]+\s+){{0,3}}?(?:{_ONE})\b(?!s)"
    r"(?:\s+(?:of|with|from|in|on|without|at)\s+(?:[\w'-]+\s+){0,4}?[\w'-]+)?\s+(?:now\s+|still\s+|also\s+|already\s+)?"
    r"(?:wants|wishes|hopes|wonders|plans|insists|refuses|fears|complains|reports|writes|tells|says|claims|"
    r"lives|works|teaches|studies|drives|serves|"
    r"intends|begs|blames|regrets|is (?:doing (?:well|fine)|now|still|planning|hoping|married|"
    r"engaged))\b",
)
_SUPPOSES: Final = late(r"\b(?:if|unless|whether|suppose|even if)\s+$")
_LETTER: Final = late(
    r"\bas (?:the question|the letter|was asked|asked|described above)\b|\bthe (?:letter|e-?mail|"
    r"message|writer|poster|ex)\b"
    r"|\b(?:sorry|congratulations|congrats|condolences|wishing|best of luck|keep in touch|let (?:me|us) know)\b"
    r"|\bth(?:is|at) (?:young |older |poor |particular )?(?:woman|lady|couple|man|patient|girl|family|gentleman|"
    r"person)\b"
    r"(?! population)"
    r"|\b(?:umpteenth|back.to.back)\b|\ba pair of (?:losses|miscarriages|transfers|embryos)\b",
)


def story(reading: Reading) -> Iterator[Finding]:
    """Hold what is told in the past or of one person: advice for everyone stands in the present.

    Subordinate clauses ("women who had surgery", "if the tube was removed") and what research found may be past.
    Source: GMC social media guidance 18-19: the sum of harmless pieces may let a case be recognised.
    """
    for sentence in reading.sentences:
        text = reading.lower[sentence.start : sentence.end]
        spans = [found.span() for found in _LETTER.finditer(text)]
        spans += [
            found.span() for found in _ONE_DID.finditer(text) if not _SUPPOSES.search(text[: found.start()])
        ]
        spans += [found.span() for one in (_ONE_DID_ONCE, _ONE_WISHES) for found in one.finditer(text)]
        if not _RESEARCH.search(text):
            spans += [
                found.span()
                for found in _TOLD.finditer(text)
                if not _SUBORDINATE.search(text[: found.start()])
            ]
        for start, end in spans:
            yield reading.finding(
                "privacy.story",
                Severity.HOLD,
                Span(sentence.start + start, sentence.start + end),
                message="This tells what happened to somebody. Say what is so in general, in the present:"
                ' "women with ... may ...".',
                source=GMC,
            )


def role(reading: Reading) -> Iterator[Finding]:
    """Hold words for one person by work, belief or family, for an employer, and for an event that dates a text.

    Source: 45 CFR 164.514(b)(2)(i), relatives, employers and household members, and (C); GMC 18-19.
    """
    spans = [*reading.find(reading.tables.roles)]
    spans += [Span(*found.span()) for found in _INSTITUTION.finditer(reading.lower)]
    for span in spans:
        yield reading.finding(
            "privacy.role",
            Severity.HOLD,
            span,
            message="Work, belief, family, an employer or an event helps to recognise a person. Leave it out.",
            source=f"{SAFE_HARBOR}, relatives, employers, household members; {GMC}",
        )


_INSTITUTION: Final = late(
    r"\b(?:county|local|city|district|regional|teaching|university|children's|women's|village|town|state|national) "
    r"(?:hospital|infirmary|clinic|surgery|office|school|station|paper|newspaper|team|club|lottery|church|"
    r"council)\b|\b(?:at|in|from|for|by|of) the (?:firm|office|company|"
    r"factory|school|bank|prison|"
    r"embassy|church|mosque|temple|village|farm|university|college|council|barracks|shop|school board)\b"
    r"|\bthe (?:firm|employer|airline|factory|army|navy)\b"
    r"|\b(?:down under|upstate|back home|up north|outback|year of the \w+|(?:during|after|"
    r"before) (?:lent|advent|eid))\b",
)
