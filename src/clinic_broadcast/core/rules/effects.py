"""Rules on claims of effect: folk remedies and scares told as facts, and outcomes promised to all or for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.claims import FTC
from clinic_broadcast.core.rules.reading import Reading
from clinic_broadcast.core.words import Span

_DENIED: Final = late(
    r"\b(?:no|not|cannot|nor|neither|hardly|barely|rarely|seldom|little|few|unproven|unclear|unlikely|"
    r"unknown|whether|if|lacks?|limited|weak|myth|less|never (?:been )?(?:supported|shown|proven|proved))\b"
    r"|n['\u2019]t\b|\?",
)
"""What takes a claim back or asks it; a mere "never", "nothing" and "no other" are claims themselves."""

_HEDGED: Final = late(
    r"\b(?:may|might|can|could|perhaps|possibly|probably|sometimes|often|usually|seems?|appears?|suggests?|"
    r"tends?|some|should|would|potentially|is thought|are thought)\b",
)
_HEDGED_SCARE: Final = late(_HEDGED.pattern.replace("can|could|", ""))
"""That something can do harm frightens as much as that it does."""

_EFFECT: Final = late(
    r"\b(?:improves?|boosts?|increases?|raises?|restores?|regulates?|balances?|cures?|heals?|treats?|shrinks?|"
    r"dissolves?|melts?|removes?|opens?|unblocks?|clears?|cleans(?:es?)?|prevents?|reverses?|strengthens?|thickens?|"
    r"helps?|makes?|gives?|brings?|keeps?|wakes?|ends?|lets?|doubles?|triples?|enhances?|ensures?|resets?|"
    r"rejuvenates?|renews?|repairs?|loosens?|fix(?:es)?|solves?|works?|eliminates?|flush(?:es)?|detoxif(?:y|ies)|lowers?|reduces?|"
    r"relieves?|builds?|thins?|promotes?|follows?|stimulates?|induces?|triggers?|supports?|saves?|beats?|calms?|protects?|"
    r"(?:is|are) (?:a|an|the|all|as|just as|good|great|helpful|effective|useful|better|enough)|will)\b",
)
_HARM: Final = late(
    r"\b(?:makes?|causes?|leads? to|leaves?|renders?|brings?|triggers?|ends? in|results? in|destroys?|damages?|"
    r"deforms?|poisons?|ruins?|kills?|harms?|(?:damag|destroy|poison|ruin|kill|harm|deform)ing|"
    r"tears?|costs?|ends?|uses? up|(?:is|are|was|were) (?:a|the) (?:cause|reason))\b"
    r"[^,;:.!?]{0,60}"
    r"\b(?:infertil\w*|steril\w*|miscarr\w*|barren|childless|fertility|ovar(?:y|ies)|eggs?|sperm|womb|uterus|"
    r"loss|losses|autis\w*|defects?|embryos?|bab(?:y|ies)|"
    r"pregnanc(?:y|ies)|menopause|term)\b",
)
_TO_ALL: Final = late(
    r"\b(?:every(?:body|one)?|each|all|any|always|never|nothing|no other|nobody|certainly|undoubtedly|inevitably|"
    r"forever|permanently|for good|for ever|once and for all|in the end|with certainty|in every case|"
    r"in all cases|every time|no doubt|without fail|all it takes|all that is needed|the only thing)\b",
)
_OUTCOME: Final = late(
    r"\b(?:(?:become|becomes|get|gets|be|fall|falls) pregnant|conceives?|succeeds?|(?<!at )(?<!of )works?|(?:be|"
    r"is|are) (?:prevented|"
    r"cured|avoided|reversed|solved|treated successfully|gone)|"
    r"vanish(?:es)?|disappears?|goes away|prevents?|avoids?|cures?|fails?|goes wrong|"
    r"(?:has|have|hold|holds) (?:a|their|her) (?:healthy )?(?:baby|child)|implants?|sticks?|takes home|"
    r"(?:pregnancy|baby|child) (?:follows|comes|happens|will \w+)|(?:increases?|raises?|improves?|boosts?|"
    r"restores?|thickens?|fix(?:es)?|solves?|reverses?) (?:the |her |his |their |every |all )?[\w' -]{0,30}"
    r"(?:chances?|odds|rates?|fertility|count|lining|quality|ovulation))\b",
)
_NOT_TO_ALL: Final = late(
    r"\b(?:not|no|nor|hardly|rarely|cannot|few|without|less)\b|n['\u2019]t\b|\b(?:may|might|whether|if|unless|"
    r"should|must|need|needs)\b|\?",
)
_NO_DOUBT: Final = late(r"\b(?:no doubt|no other|nothing|never|without fail)\b")
_OUTRIGHT: Final = (
    late(
        r"\b(?:doubl|tripl|quadrupl|multipl)(?:e|es|y|ies)\b[^,;:.!?]{0,30}\b(?:chances?|odds|success|pregnancy rates?|"
        r"implantation|fertility)\b(?! of (?:an? )?(?:miscarriage|loss|complication|ectopic|birth defect|defect))",
    ),
    late(
        r"\b(?:revers(?:e|es|ing)|turns? back|stops?|undo(?:es)?) (?:the )?(?:[\w-]+ )?(?:menopause|ag(?:e?)ing|"
        r"infertility|"
        r"(?:biological )?clock|ovarian failure|azoospermia)\b",
    ),
    late(
        r"\b(?:unblock|melt|rejuvenat|detoxif|cleans|flush)(?:e|es|s|y|ies|es out)?\b(?: away| out)? (?:the |a |"
        r"all |any |"
        r"scarred |blocked |fallopian )*(?:tubes?|fibroids?|womb|uterus|ovar(?:y|ies)|body|liver|eggs?|adhesions?|"
        r"hydrosalpin\w+|cysts?)\b",
    ),
    late(
        r"\bmakes? (?:the |an? |every |any |all |most )?[\w-]+ (?:implant|stick|work|succeed|fertile|infertile|sterile|"
        r"pregnant|conceive|perfect)\b",
    ),
    late(
        r"\b(?:totally|completely|absolutely|perfectly|entirely|fully|100%) (?:safe|painless|harmless|risk-free|"
        r"reliable|"
        r"free of (?:risks?|side effects|complications))\b"
        r"|\bno (?:risks?|side effects|complications|dangers?)\b(?! of\b)|\bwithout (?:any|all) (?:risks?|side effects|"
        r"complications)\b",
    ),
    late(
        r"\bwill (?:surely |certainly |definitely |always |finally |soon )?(?:save|cure|heal|fix|melt|dissolve|"
        r"bring (?:back|your|the|her)|restore|reverse|guarantee|ensure|follow|give (?:you|her|them|every))\b",
    ),
    late(
        r"\b(?:becomes?|is|are) (?:a )?(?:thing|memory|worry|problem) of the past\b"
        r"|\btakes? (?:the )?(?:failures?|risks?|losses|miscarriages?|doubt|guesswork) (?:off the table|out of)\b"
        r"|\b(?:fibroids?|cysts?|polyps?|adhesions?|endometriosis)\b[^,;:.!?]{0,20}\b(?:melts?|dissolves?|vanish(?:es)?|"
        r"goe?s?) away (?:when|once|if|with|after|within|on)\b"
        r"|\b(?:forever|for ever|indefinitely) without (?:any|a|losing|losses)\b"
        r"|\balways (?:comes? down to|means?|(?:the )?fault of)\b",
    ),
    late(r"\b(?:never|no longer|not) (?:miscarr(?:y|ies)|loses? \w+) (?:any ?more|again)\b"),
    late(r"\b(?:goe?s?|comes?|leaves?|walks?) (?:home|away) with (?:a|their|her) (?:\w+ )?(?:baby|child)\b"),
    late(
        r"\bwill [\w ]{1,20}\b(?:again|normally)\b|\balways (?:an? |some |one )?(?:solution|way|answer|hope|chance)\b"
        r"|\b(?:cannot|can not|can['\u2019]t) (?:fail|go wrong|miss)\b|\b(?:goodbye|farewell) to\b"
        r"|\bcan (?:safely|easily|happily) (?:wait|be postponed|be put off)\b"
        r"|\b(?:chances?|odds) of (?:having )?(?:an? )?(?:boy|girl)\b",
    ),
    late(
        r"\b(?:bab(?:y|ies)|child|children|pregnancy) (?:is|are) (?:on (?:its|the|their) way|coming|waiting)\b"
        r"|\b(?:solution|answer|cure|path|way) for (?:every|any|all)\b|\bwithout exception\b"
        r"|\balways (?:rewarded|pays)\b"
        r"|\ball (?:that )?(?:\w+ ){1,2}needs? (?:to|is|for)\b|\bhas no (?:trouble|difficulty|problem)s?\b"
        r"|\bnot a matter of luck\b|\block(?:s|ed|ing)? in\b|\b(?:boys|girls) are conceived\b"
    ),
    late(r"\b(?:works?|succeeds?|helps?) (?:every time|in every case|for every(?:one|body))\b"),
    late(
        r"\b(?:lets?|helps?) (?:\w+ ){1,2}(?:choose|select|decide) (?:a|the) (?:boy|girl|sex|gender)\b",
    ),
)
_TAKEN_BACK: Final = late(
    r"\b(?:no|not|never|cannot|nor|neither|nothing|hardly|unproven|whether|if|myth|without)\b[^,;:]{0,40}$"
    r"|n['\u2019]t\b[^,;:]{0,40}$",
)
_HEDGED_BEFORE: Final = late(r"\b(?:may|might|can|could|sometimes|rarely)\b[^,;:]{0,24}$")


def effect(reading: Reading) -> Iterator[Finding]:
    """Hold a claim of effect that nobody hedges: of a folk remedy, of a scare, for all women, for ever, or outright.

    What "may help" passes, and so does what is asked or denied.
    Source: FTC guidance of 20 December 2022: a claim of effect needs sound evidence, in social media too.
    """
    remedies = reading.find(reading.tables.remedies)
    scares = reading.find(reading.tables.scares)
    for sentence in reading.sentences:
        text = reading.lower[sentence.start : sentence.end]
        for start, end in (*_of_subjects(text, sentence, remedies, scares), *_of_all(text), *_outright(text)):
            yield reading.finding(
                "clinical.claim",
                Severity.HOLD,
                Span(sentence.start + start, sentence.start + end),
                message="This claims an effect without a doubt or a limit. Say what is known, with its limits"
                ' ("may help some women", "has not been shown to"), or leave it out.',
                source=FTC,
            )


def _of_subjects(
    text: str, sentence: Span, remedies: tuple[Span, ...], scares: tuple[Span, ...]
) -> Iterator[tuple[int, int]]:
    """Give what is claimed of a remedy without evidence, or of something that frightens people without cause."""
    for spans, claimed, hedged in ((remedies, _EFFECT, _HEDGED), (scares, _HARM, _HEDGED_SCARE)):
        for span in spans:
            if not sentence.start <= span.start < sentence.end:
                continue
            start, end = span.start - sentence.start, span.end - sentence.start
            found = claimed.search(text, end)
            if found and not _DENIED.search(text) and not hedged.search(text[: found.end()]):
                yield start, found.end()
                break


def _of_all(text: str) -> Iterator[tuple[int, int]]:
    """Give an outcome that is promised to all, always or for ever."""
    to_all = _TO_ALL.search(text)
    if to_all is None:
        return
    outcome = _OUTCOME.search(text)
    denied = _NOT_TO_ALL.search(_NO_DOUBT.sub(lambda found: " " * len(found[0]), text))
    if outcome is not None and denied is None:
        yield min(to_all.start(), outcome.start()), max(to_all.end(), outcome.end())


def _outright(text: str) -> Iterator[tuple[int, int]]:
    """Give effects that no evidence could bear out, unless the words before take them back or hedge them."""
    for pattern in _OUTRIGHT:
        for found in pattern.finditer(text):
            before = text[: found.start()]
            if not (
                _TAKEN_BACK.search(before) or _HEDGED_BEFORE.search(before) or text.rstrip().endswith("?")
            ):
                yield found.span()
