"""Whether a sentence stands alone: whole, general, readable without those around it, and promising nothing."""

# ruff: noqa: SIM905 - A list of quoted words reads worse than its words.

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from clinic_broadcast.core.lexicon import Lexicon
from clinic_broadcast.core.patterns import late

WORDS_MIN, WORDS_MAX = 7, 40
SHORT_MIN: Final = 5
"""So few words are enough where the sentence opens the answer or takes up a word of the title."""

LENGTH_MAX: Final = 230
"""Longer than this no sentence leaves room for a title and a link on the tightest network."""

_RUN: Final = late(r"\w+")
WORD: Final = late(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
STOP: Final = frozenset(
    "a an the and or of in on at to for from with by is are was were be been do does did has have had can could should "
    "would may might will not no how what when why who which it its as if than then that this your you i my".split()
)
_STEM: Final = late(r"(?:ies|es|s|ed|ing)$")
_END: Final = late(r"[.!][)\]\u2019']?$")
_QUOTED: Final = late(r"[\"“”«»]")
_BACK: Final = late(
    r"\b(?:th(?:is|ese|ose)(?! (?:who|whose|with|that)\b)|above|below|latter|former|aforementioned|therefore|thus"
    r"|hence|however|here|(?:in|at|for|with|on|after|before|during|by|from|of) that(?! (?:the|a|an)\b)"
    r"|such an? \w+)\b|\b(?:that|(?<!all )the same)[.,;!]",
    re.IGNORECASE,
)
# "To skip that visit", unlike "a drug that works".
_THAT_NOUN: Final = late(r"\bthat (\w+)[.,;!]", re.IGNORECASE)
# "It" that stands for nothing, and what a thing takes along with it.
_BOUND: Final = late(
    r"\b(?:mak(?:e|es|ing)|made|finds?) it (?:\w+ )?(?:difficult|hard|harder|easy|easier|possible|impossible|likely"
    r"|clear|safer?|necessary)\b|\bit (?:is|takes|may be|can be) (?:\w+ )?(?:\w+) (?:to|that)\b"
    r"|(?:\b(?:takes?|took|brings?|brought|carr(?:y|ies)) [^.,;]*)\bwith (?:it|them)\b",
    re.IGNORECASE,
)
_PRONOUN: Final = late(r"\b(?:it|they|them)\b", re.IGNORECASE)
_POSSESSIVE: Final = late(r"\b(?:its|their|theirs|itself|themselves)\b", re.IGNORECASE)
# Where one clause ends and the next begins: a pronoun behind it may stand for what came before.
_NEXT_CLAUSE: Final = late(
    r"[,;:]|\b(?:and|but|because|when|if|that|which|since|so|while|until|although|than|as soon as)\b",
    re.IGNORECASE,
)
_OF_IT: Final = late(r"\b(?:of|for|with|in|on|by|to|from|about|at|after|before) $", re.IGNORECASE)
_WHO: Final = late(r"\b(?:who|whose)\b", re.IGNORECASE)
_PLURAL: Final = late(
    r"\b(?:\w+s|women|men|people|children|sperm)\b|\b\w+ and (?:the |an? )?\w+", re.IGNORECASE
)
_BACK_AT_END: Final = late(
    r"\b(?:too|either|though|otherwise|instead|again|so)[.!]|(?<!just )\bas well[.,;!]|\bafterwards?[.,;!]",
    re.IGNORECASE,
)
_DONE_TO_IT: Final = late(r"\b\w+ing (?:it|them)\b|\bto \w+ (?:it|them)[.,;!]", re.IGNORECASE)
"""What is done to it stands outside: "trials have not shown that using it helps"."""
_OBJECT: Final = late(
    r"\b(?:can|could|may|might|must|shall|should|will|would|do|does|did|not|never|always|often|usually) \w+ (?:it|them)"
    r"\b",
    re.IGNORECASE,
)
"""The object of a main clause stands for something before it: "some diseases can push it down"."""
_SUBORDINATE: Final = late(
    r"\b(?:because|when|if|that|which|since|so|while|until|although|but)\b|, (?:and|or)\b", re.IGNORECASE
)
# More than what, another than which? The measure was given in a sentence that is not shown.
_COMPARES: Final = late(
    r"\b(?:higher|lower|better|greater|smaller|larger|bigger|worse|similar|same) (?:chances?|rates?|risks?|effects?"
    r"|odds|results?|success|way)\b(?! (?:of|for|that|than|as|when|if|with|to|in|after|among|at)\b)"
    r"|\b(?:is|are) (?:(?:just|only|still|simply) )?(?:another|other|different)\b(?! from\b)"
    r"|\bthe (?:other|second|first|last|rest)(?: one)?[.,;!]|\b(?:later|earlier|sooner)[.,;]"
    r"|\b(?:is|are) (?:\w+ )?the (?:reasons?|causes?|answers?|problems?|results?)[.,;!]",
    re.IGNORECASE,
)
_ANNOUNCES: Final = late(
    r"\bin the meantime\b|\b(?:matters?|helps?|hurts?|costs?) (?:more|less)\b(?! than\b)"
    r"|\b(?:in|for) (?:a few|many|several|some|various|different) (?:ways|reasons)[.,]|\b(?:depends|varies)[.]",
    re.IGNORECASE,
)
"""What announces sentences that are not shown, or takes up one of them."""
# What others do or think is an aside: it answers nothing, and reads as a slight on colleagues.
_OF_OTHERS: Final = late(
    r"(?:Some|Other|Certain|A few) (?:clinics|centers|centres|doctors|physicians|specialists|colleagues|labs)\b"
)
# "Please see somebody today": what a doctor writes to one who must not wait. With a condition it is advice to all.
_URGENT: Final = late(
    r"\b(?:see|call|phone|contact|visit|go to|be seen by)\b[^.?!;:]{0,50}\b(?:today|tonight|at once|immediately"
    r"|(?:right|straight) away|without delay|(?:the|an) emergency (?:room|department))\b",
    re.IGNORECASE,
)
_CONDITION: Final = late(
    r"\b(?:if|when|whenever|should you|unless|in case|with any|reasons? to)\b", re.IGNORECASE
)
# A promise that the sentence itself takes back.
_TAKEN_BACK: Final = late(r"\bpromising\b(?=[^.]*\bbut\b)|\bnone\b[^.,;]*\bsuperior\b", re.IGNORECASE)
_THEN: Final = late(r"\bthen\b", re.IGNORECASE)
_THEN_OF: Final = late(r"\b(?:if|when|once|first|and then)\b|, and\b.*\bthen\b", re.IGNORECASE)
_ALSO_EARLY: Final = 5
# Openers that the reviewed list of anaphora does not hold: each takes up something said before.
_OPENERS: Final = frozenset(
    "another other others additional further next first second last again here one both either who which what "
    "why how whose please obviously especially particularly including except rather perhaps maybe sure ok okay "
    "hello hi dear".split()
)
# Openers of that list that say it of nothing before them: "No test can tell", "There is no reason to wait".
_FRESH: Final = late(
    r"No (?!one\b|such\b|other\b|more\b)[\w-]+ [\w-]+|There (?:is|are|may be|can be|has been|have been)\b"
)
# A clause that begins with one of these needs a main clause behind its comma.
_SUBORDINATES: Final = frozenset(
    "although because since though unless until whereas while when where".split()
)
# "The procedure is safe": which procedure? With "of", "for" or the like behind it, such a noun is told apart.
_BARE_NOUN: Final = late(
    r"^The (?:(?:best|exact|final|first|good|honest|idea|last|main|new|next|old|only|other|real|recommended|right|same"
    r"|short|simple|usual|whole) )?(?P<noun>procedure|treatment|test|tissue|drug|medication|medicine|surgery|operation"
    r"|problem|issue|answer|question|reason|result|results|key|goal|idea|hope|point|truth|best|same|only|main|rest|risk"
    r"|risks|chance|chances|cause|dose|level|levels|process|method|technique|approach|study|studies|patient|patients"
    r"|doctor|clinic|condition|option|options|fluid|dye|effect|effects|plan|tablet|injection|injections|stitch|device"
    r"|biopsy|number|letter|first|second)"
    r" (?!of\b|for\b|in\b|with\b|to\b|that\b|between\b|after\b|before\b)\w+",
    re.IGNORECASE,
)
_ORDERS: Final = frozenset(
    "ask avoid be begin breathe call check come consider consult contact continue discuss do don't drink eat find "
    "follow get give go have keep know let look lose make never note pause relax remember repeat request rest save "
    "schedule see seek set speak start stay stop take talk tell think try use visit wait walk warm watch worry".split()
)
_NOUN_AFTER: Final = frozenset("of in for and or is are was were can may might will with at".split())
_ORDERED: Final = frozenset("the a an your any it them every".split())
_PLURAL_VERBS: Final = frozenset(
    "block clear control decline implant last leave lower measure outweigh protect receive release rest return sit "
    "spread stem support thin trigger use weigh worsen".split()
)
# What studies and their authors did is told in the past, in forms that are participles elsewhere.
_FOUND: Final = late(
    r"\b(?:stud(?:y|ies)|trials?|reviews?|research|experts|societies|surgeons)\b[^.,;:]*\b(?:found|showed|suggested"
    r"|reported|concluded|failed|compared|linked|advise|agree|disagree|doubled)\b",
    re.IGNORECASE,
)


def stands_alone(text: str, lexicon: Lexicon, *, title: str = "", opens_answer: bool = False) -> bool:
    """Say whether a sentence is whole, general and readable without those around it, and promises nothing.

    What the title names may be taken as known: it stands before the sentence. A sentence that opens the answer, or
    takes up a word of the title, may be shorter than others.
    """
    words = WORD.findall(text)
    known = stems_of(title)
    words_min = SHORT_MIN if opens_answer or known & stems_of(text) else WORDS_MIN
    if not (words_min <= len(words) <= WORDS_MAX and len(text) <= LENGTH_MAX):
        return False
    if not text[0].isupper() or not _END.search(text) or _QUOTED.search(text) or "\n" in text:
        return False
    return not (
        _opens_by_referring(text, words, lexicon.anaphora, known)
        or _refers_back(text, words, lexicon)
        or _OF_OTHERS.match(text)
        or _orders(words, lexicon)
        or holds_phrase(lexicon.promises, _TAKEN_BACK.sub("", text))
        or not (lexicon.has_finite_verb(words) or _has_plural_verb(words) or _FOUND.search(text))
    )


def is_urgent(text: str) -> bool:
    """Say whether a sentence sends its reader to a doctor now, whatever else holds."""
    return _URGENT.search(text) is not None and _CONDITION.search(text) is None


def stems_of(text: str) -> frozenset[str]:
    """Give the stems of the words that say something."""
    words = (word.lower() for word in WORD.findall(text))
    return frozenset(stem_of(word) for word in words if word not in STOP)


def stem_of(word: str) -> str:
    """Give a word without the ending of its plural or tense, if it is longer than four letters."""
    return _STEM.sub("", word) if len(word) > 4 else word  # noqa: PLR2004 - Shorter words are their own stem.


def holds_phrase(phrases: tuple[str, ...], text: str) -> bool:
    """Say whether a text holds a phrase of a reviewed list as whole words."""
    text = text.replace("\u2019", "'")
    pattern, firsts = _phrases(phrases)
    # Where the first word of no phrase stands, no phrase does; of other letters the pattern knows more cases.
    if text.isascii() and firsts.isdisjoint(_RUN.findall(text.lower())):
        return False
    return pattern.search(text) is not None


def _has_plural_verb(words: Sequence[str]) -> bool:
    """Say whether a verb that is often no verb ("lower", "block") follows a plural, which makes it one."""
    pairs = pairwise(words)
    return any(word.lower() in _PLURAL_VERBS and before.endswith("s") for before, word in pairs)


def _opens_by_referring(
    text: str, words: Sequence[str], anaphora: tuple[str, ...], known: frozenset[str]
) -> bool:
    first = words[0].lower()
    if first in _OPENERS or (first in _SUBORDINATES and "," not in text):
        return True
    if _phrases(anaphora)[0].match(text) is not None and not _FRESH.match(text):
        return True
    bare = _BARE_NOUN.match(text)
    return bare is not None and stem_of(bare["noun"].lower()) not in known


def _refers_back(text: str, words: Sequence[str], lexicon: Lexicon) -> bool:
    """Say whether something in the sentence points out of it: a demonstrative, or a pronoun before any noun."""
    if any(each.search(text) for each in (_BACK, _BACK_AT_END, _COMPARES, _ANNOUNCES)):
        return True
    thats = (found[1].lower() for found in _THAT_NOUN.finditer(text))
    if any(word not in lexicon.verbs and word not in lexicon.doubtful_verbs for word in thats):
        return True
    text = _BOUND.sub("", text)
    if _DONE_TO_IT.search(text):
        return True
    if _THEN.search(text) and not _THEN_OF.search(text):
        return True
    if any(not _SUBORDINATE.search(text[: found.start()]) for found in _OBJECT.finditer(text)):
        return True
    if "also" in (word.lower() for word in words[:_ALSO_EARLY]):
        return True
    return not _stands_for_something(text)


def _stands_for_something(text: str) -> bool:
    """Say whether each pronoun has words before it that it can stand for: in an earlier clause, plural for plural."""
    for kind in (_PRONOUN, _POSSESSIVE):
        for pronoun in kind.finditer(text):
            before = text[: pronoun.start()]
            is_plural = pronoun[0].lower().startswith("th")
            if is_plural and not _PLURAL.search(before):
                return False
            # Right behind "because" a subject may stand for what comes next, "of it" for nothing.
            begins = 1 if _OF_IT.search(before) else 0
            if (
                kind is _PRONOUN
                and not _NEXT_CLAUSE.search(before, begins)
                and not (is_plural and _WHO.search(before))
            ):
                return False
            if not any(word.lower() not in STOP for word in WORD.findall(before)):
                return False
    return True


def _orders(words: Sequence[str], lexicon: Lexicon) -> bool:
    first, second = words[0].lower().replace("\u2019", "'"), words[1].lower()
    if first in _ORDERS:
        return second not in _NOUN_AFTER
    return first in lexicon.doubtful_verbs and not first.endswith("s") and second in _ORDERED


def _phrases(phrases: tuple[str, ...]) -> tuple[re.Pattern[str], frozenset[str]]:
    """Give a reviewed list compiled, any of its phrases as whole words, and the words by which they begin."""
    # Asked for by identity: to hash a list of hundreds takes longer than to search a sentence for it.
    kept = _compiled.get(id(phrases))
    if kept is None or kept[0] is not phrases:
        if len(_compiled) >= _COMPILED_MAX:
            _compiled.clear()
        kept = _compiled[id(phrases)] = (phrases, *_compile(phrases))
    return kept[1], kept[2]


_compiled: Final[dict[int, tuple[tuple[str, ...], re.Pattern[str], frozenset[str]]]] = {}
_COMPILED_MAX: Final = 8


def _compile(phrases: tuple[str, ...]) -> tuple[re.Pattern[str], frozenset[str]]:
    longest_first = sorted(phrases, key=len, reverse=True)
    alternatives = "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in longest_first)
    whole = re.compile(rf"(?<![\w-])(?:{alternatives})(?![\w-])" if alternatives else r"(?!)", re.IGNORECASE)
    return whole, frozenset(run for phrase in phrases for run in _RUN.findall(phrase.lower())[:1])
