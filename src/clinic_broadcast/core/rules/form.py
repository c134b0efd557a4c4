"""Form rules: mangled characters, brackets without a partner, lost links, hashtags that nobody reviewed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from clinic_broadcast.core.answer import Link
from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.reading import Reading
from clinic_broadcast.core.words import Span

OWN: Final = "own rule: a slip of the pen in medical text may change what it says"
_HASH: Final = late(r"#(?=\d)|(?<=\w)#|(?<=[\w)] )#(?=\s|$|[.,;:)])|&#\d+;?|&(?:amp|nbsp|quot|lt|gt|apos);")
_MOJIBAKE: Final = late(
    "\u00c3[\u0080-\u00bf\u2018-\u2122\u0152-\u0178]|\u00c2[\u0080-\u00bf]|\u00e2\u20ac[\u0080-\u2122]?"
    "|\u00e2\u0080[\u0080-\u00bf]|\u00ef\u00bb\u00bf|\ufffd"
)
_KEPT_CONTROLS: Final = "\n\r\t"
_JOINER: Final = "\u200d"
_SPACES: Final = "\u2028\u2029"
_USUAL: Final = dict.fromkeys(map(ord, "\n\r\t\u00a0"))


def mangled(reading: Reading) -> Iterator[Finding]:
    """Block characters that a copy has spoilt: `#` where a bracket was, mojibake, invisible and control characters.

    Source: own rule; "#2000 units" was "(2000 units", and the lost character may have been a digit.
    """
    text = reading.text
    # Our own hashtags are blanked in `plain`; everything invisible must be read in the text as given.
    for found in _HASH.finditer(reading.plain):
        start, end = reading.places[found.start()], reading.places[found.end()]
        yield _mangled(
            reading, start, end, "A # stands where a bracket or another character was lost; perhaps ( or )."
        )
    for found in _MOJIBAKE.finditer(text):
        yield _mangled(
            reading, found.start(), found.end(), "These characters were spoilt by a wrong encoding."
        )
    if text.translate(_USUAL).isprintable():
        return
    for at, char in enumerate(text):
        if _is_invisible(text, at, char):
            yield _mangled(reading, at, at + 1, "An invisible or control character stands here.")


def _mangled(reading: Reading, start: int, end: int, what: str) -> Finding:
    return Finding(
        rule="form.mangled",
        severity=Severity.BLOCK,
        where=reading.where,
        start=start,
        end=end,
        excerpt=reading.text[start:end],
        message=f"{what} Mend it at its source: nobody but its author knows what stood there.",
        source=OWN,
    )


def _is_invisible(text: str, at: int, char: str) -> bool:
    if char.isascii():
        return not char.isprintable() and char not in _KEPT_CONTROLS
    category = unicodedata.category(char)
    if char == _JOINER and 0 < at < len(text) - 1:
        # Between two signs it joins an emoji; between letters it hides something.
        return (
            unicodedata.category(text[at - 1]) not in ("So", "Sk", "Mn")
            or unicodedata.category(text[at + 1]) != "So"
        )
    return category in ("Cf", "Cc", "Co", "Cn") and char not in _SPACES


_BRACKET: Final = late(r"[()\[\]]")
_PAIRS: Final = {")": "(", "]": "["}
_MARKER: Final = late(
    r"(?:^|[\n.:;!?]\s*|,\s+|\band\s+)(?:\d{1,2}|[a-hA-H]|[ivx]{1,4})[.]?(\))", re.MULTILINE
)
_SMILEY: Final = late(r"[:;=]-?[()\[\]]")
_DOSE_NEAR: Final = late(r"\d|\b(?:units?|mg|mcg|iu|ml|dose)\b", re.IGNORECASE)
_NEAR: Final = 30


def bracket(reading: Reading) -> Iterator[Finding]:
    """Hold a bracket without its partner in its sentence; next to a drug or a dose it blocks.

    A bracket that opens before a sentence may close after a later one of the paragraph. Source: own rule; what a
    bracket encloses is often the dose or the other name of a drug.
    """
    text = reading.plain
    for at in _lone_brackets(reading):
        near = text[max(0, at - _NEAR) : at + _NEAR]
        grave = bool(_DOSE_NEAR.search(near)) or any(
            reading.lexicon.is_drug_word(word) for word in re.findall(r"[A-Za-z-]{4,}", near)
        )
        yield reading.finding(
            "form.bracket",
            Severity.BLOCK if grave else Severity.HOLD,
            Span(at, at + 1),
            message="A bracket has no partner"
            + (" next to a drug or a dose" if grave else "")
            + ": something may be lost here. Mend it at its source.",
            source=OWN,
        )


def _lone_brackets(reading: Reading) -> list[int]:
    """Give where brackets without a partner stand; list markers and smileys are none."""
    text = reading.plain
    if not _BRACKET.search(text):
        return []
    skip = {found.start(1) for found in _MARKER.finditer(text)}
    for smiley in _SMILEY.finditer(text):
        skip.update(range(smiley.start(), smiley.end()))
    alone: list[int] = []
    waiting: list[int] = []  # Those that opened before a whole sentence.
    for sentence in reading.sentences:
        places = [at for at in range(sentence.start, sentence.end) if text[at] in "()[]" and at not in skip]
        opened, closed = _unpaired(text, places)
        for at in closed:
            if waiting and text[waiting[-1]] == _PAIRS[text[at]] and at >= sentence.end - 2:
                waiting.pop()
            else:
                alone.append(at)
        if opened and opened[0] == sentence.start:
            waiting.append(opened.pop(0))
        alone += opened
        if text.startswith("\n\n", sentence.end):
            alone += waiting
            waiting = []
    return sorted(alone + waiting)


def _unpaired(text: str, places: Sequence[int]) -> tuple[list[int], list[int]]:
    """Give which of these brackets open without a close, and which close without an open."""
    opened: list[int] = []
    closed: list[int] = []
    for at in places:
        if text[at] in "([":
            opened.append(at)
        elif opened and text[opened[-1]] == _PAIRS[text[at]]:
            opened.pop()
        else:
            closed.append(at)
    return opened, closed


_LOST: Final = late(
    r"\b(?:check(?:ing)?(?: (?:out|me out on))?|visit|read|see|go to|find (?:me|us) (?:at|on))\s+(?:\w+\s+){0,2}?"
    r"(?:my|our|the|this)\s+(?:\w+\s+){0,2}?(?:blog|web ?site|web ?page|site|page|facebook page)\s+"
    r"(?:\w+\s+)?(?:at|here)\b:?"
    r"|\bclick (?:here|on (?:the|this) link)"
    r"|\b(?:at|on|see|use|follow) (?:the|this) (?:following )?(?:link|address) below\b"
    r"|\bat (?:the|this) following (?:link|address|site|web ?site|page)\b:?",
    re.IGNORECASE,
)
_ADDRESS_FOLLOWS: Final = late(
    r"[\s:\u00a0(<\"]*(?:https?:|www\.|(?:[a-z0-9-]+\.)+[a-z]{2,}\b)", re.IGNORECASE
)
_LINK_NEAR: Final = 4


def lost_link(reading: Reading, links: Sequence[Link] = ()) -> Iterator[Finding]:
    """Hold a phrase that announces an address where none follows; a hyperlink on or after it is one.

    `links` are those of the zone that is read; a start below 0 says that one lies somewhere in the zone.
    Source: own rule; readers are sent nowhere, and what was lost may be more than the link.
    """
    spare = sum(link.start < 0 for link in links)
    for found in _LOST.finditer(reading.text):
        if _ADDRESS_FOLLOWS.match(reading.text, found.end()):
            continue
        if any(
            link.start < found.end() + _LINK_NEAR and found.start() < link.end
            for link in links
            if link.start >= 0
        ):
            continue
        if spare > 0:
            spare -= 1
            continue
        yield Finding(
            rule="form.lost-link",
            severity=Severity.HOLD,
            where=reading.where,
            start=found.start(),
            end=found.end(),
            excerpt=found[0],
            message="An address is announced here, but none follows: the link was lost. Put it back, or take the"
            " sentence out.",
            source=OWN,
        )


def hashtag(reading: Reading) -> Iterator[Finding]:
    """Hold a hashtag that is not in the reviewed table.

    Source: own rule; a tag gathers all who used it, and a drug's brand in one is restricted on X (business.x.com).
    """
    for span in reading.strange_tags:
        yield reading.finding(
            "form.hashtag",
            Severity.HOLD,
            span,
            message="This hashtag is not in the reviewed table. Use one of the table, or none.",
            source="own rule; X ads policy on health products",
        )
