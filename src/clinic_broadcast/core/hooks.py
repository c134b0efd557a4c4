"""What a promo opens with, and its hashtags: the title where it is clean, else a topic of the closed table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, assert_never

from clinic_broadcast.core.gate import Gate, sentence_findings, title_findings, title_is_clean
from clinic_broadcast.core.lexicon import HashtagTopic, Lexicon
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.sentences import weighs

TOPIC_MENTIONS_MIN: Final = 3
"""How often a topic must stand in an answer that neither title nor quoted words name, before it counts as one."""

QUOTED_MENTIONS_MIN: Final = 2
"""How often, when the quoted words name it."""

_TITLE_MAX: Final = 200
_WORDS_MIN: Final = 2
_SENTENCE_END: Final = late(r"[.?!…][)\]\"'\u201d\u2019]?$")
_CUT: Final = late(r"\s*[:;]\s|\s+[-\u2013\u2014]+\s|\s+(?:after|at|for|from|in|of|with)\s", re.IGNORECASE)
"""Where a title may end early: before a remark, or before a word that tells for whom, where or when."""

_CLAIMS: Final = late(r"\b(?:no|not|never|none|without|safe|cure|myth|n't)\b", re.IGNORECASE)
"""With one of these a title may turn into another claim when its end is cut off."""

_WORD: Final = late(r"\w+")
_TAG: Final = late(r"[A-Z][A-Za-z0-9]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleHook:
    """The run of the title that a promo opens with; `ends_itself` says that no mark needs to follow."""

    start: int
    end: int
    ends_itself: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicHook:
    """The reviewed name of a topic that a promo opens with, because the title may not be used.

    `says_enough` is true when the title names it and it is no wide topic: then it may stand without a sentence.
    """

    words: str
    tag: str
    says_enough: bool


Hook = TitleHook | TopicHook


def title_hook(material: Material, gate: Gate) -> TitleHook | None:
    """Give the title as a hook, its bytes kept; None when the gate does not pass it or it is no line of words.

    A title that ends as a sentence does (question mark, full stop) is one; a noun title needs a mark after it. Of
    a noun title that is not clean, the beginning is given that is, if it still names a topic of the table.
    """
    title = material.title
    text = title.strip()
    if not text or len(text) > _TITLE_MAX or len(text.splitlines()) > 1 or len(text.split()) < _WORDS_MIN:
        return None
    start = title.index(text)
    if title_is_clean(gate, material):
        ends_itself = bool(_SENTENCE_END.search(text)) or text.endswith(":")
        return TitleHook(start=start, end=start + len(text), ends_itself=ends_itself)
    if _SENTENCE_END.search(text):
        return None  # The beginning of a question is no question.
    for cut in reversed(list(_CUT.finditer(text))):
        begun = text[: cut.start()]
        if len(begun.split()) < _WORDS_MIN or _CLAIMS.search(begun) or not _mentions(gate.lexicon, begun):
            continue
        if not any(weighs(one) for one in title_findings(gate, begun, taint=material.taint)):
            return TitleHook(start=start, end=start + len(begun), ends_itself=False)
    return None


def topic_hook(material: Material, gate: Gate) -> TopicHook | None:
    """Give the name of the answer's topic as a hook; None when no topic of the table shows or the gate holds it.

    A topic that the title names goes first, then a narrow one that the answer names again and again: what it names
    only twice may be a side of the matter.
    """
    in_title = _by_place(gate.lexicon, material.title)
    mentions = _mentions(gate.lexicon, material.body)
    often = _often(mentions, count_min=TOPIC_MENTIONS_MIN)
    for topic in (*in_title, *(one for one in often if not one.is_wide)):
        findings = sentence_findings(gate, topic.display, taint=material.taint)
        if not any(weighs(one) for one in findings):
            says_enough = topic in in_title and not topic.is_wide
            return TopicHook(words=topic.display, tag=topic.tag, says_enough=says_enough)
    return None


def hashtags_of(
    material: Material, gate: Gate, *, hook: Hook | None, count_max: int, quoted: str = ""
) -> tuple[str, ...]:
    """Give at most `count_max` tags of the closed table, without the number sign, the most telling first.

    Topics of the title come first, in its order, if it is the hook, else the hook's own; then those that the answer
    names again and again, of which a quoted sentence may be one time. A wide topic ("Pregnancy") is taken from the
    title alone. A tag is never made from free text and never a drug's brand.
    """
    match hook:
        case TitleHook():
            first = [topic.tag for topic in _by_place(gate.lexicon, material.title)]
        case TopicHook(tag=tag):
            first = [tag]
        case None:
            first = []
        case _:
            assert_never(hook)
    mentions = _mentions(gate.lexicon, material.body)
    often = _often(mentions, count_min=TOPIC_MENTIONS_MIN)
    twice = _often(mentions, count_min=QUOTED_MENTIONS_MIN)
    others = [*(one for one in _by_place(gate.lexicon, quoted) if one in twice), *often]
    tags = dict.fromkeys([*first, *(topic.tag for topic in others if not topic.is_wide)])
    chosen: list[str] = []
    for tag in tags:
        # "Pregnancy" says nothing beside "EarlyPregnancy".
        if _TAG.fullmatch(tag) and not _is_brand(gate, tag) and not any(tag in one for one in chosen):
            chosen.append(tag)
    return tuple(chosen[:count_max])


def _is_brand(gate: Gate, tag: str) -> bool:
    drug = gate.lexicon.drug(tag)
    return drug is not None and drug.is_brand


def _by_place(lexicon: Lexicon, text: str) -> list[HashtagTopic]:
    """Give the topics that a text names, in the order in which it first does."""
    places: dict[str, HashtagTopic] = {}
    for topic in _mentions(lexicon, text):
        places.setdefault(topic.tag, topic)
    return list(places.values())


def _often(mentions: Sequence[HashtagTopic], *, count_min: int) -> list[HashtagTopic]:
    """Give the topics that stand there at least so many times, most often first."""
    counts = Counter(topic.tag for topic in mentions)
    often = {topic.tag: topic for topic in mentions if counts[topic.tag] >= count_min}
    return sorted(often.values(), key=lambda topic: -counts[topic.tag])


def _mentions(lexicon: Lexicon, text: str) -> list[HashtagTopic]:
    """Give the topic of every mention in order; a narrower topic covers a wider one that stands inside it."""
    taken = bytearray(len(text))
    found: list[tuple[int, HashtagTopic]] = []
    # Where the first word of no term stands, no term does: most topics need no search.
    words = frozenset(_WORD.findall(text.lower()))
    for place in sorted({place for word in words for place in lexicon.topics_opening(word)}):
        topic = lexicon.hashtags[place]
        for match in _terms(topic.terms).finditer(text):
            start, end = match.span()
            if not any(taken[start:end]):
                taken[start:end] = b"\x01" * (end - start)
                found.append((start, topic))
    return [topic for _, topic in sorted(found, key=lambda one: one[0])]


@lru_cache(maxsize=512)
def _terms(terms: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(terms, key=len, reverse=True)
    alternatives = "|".join(re.escape(term).replace(r"\ ", r"[\s-]+") for term in longest_first)
    return re.compile(rf"(?<![\w-])(?:{alternatives})(?![\w-])" if alternatives else r"(?!)", re.IGNORECASE)
