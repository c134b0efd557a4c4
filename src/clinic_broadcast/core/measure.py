"""How long a text is, counted as each network counts it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from clinic_broadcast.core.emoji import WEIGHED_AS_EMOJI, joined_emoji, longest_joined
from clinic_broadcast.core.links import WORD_WITH_DOT, links_of
from clinic_broadcast.core.patterns import late

if TYPE_CHECKING:
    import regex


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """One network's rule of length: what is counted, and how much of it may be sent.

    `kind` names the way of counting; one that is not known is counted in graphemes. `url_length` is what any
    link counts, None where it counts as written. `bytes_max` bounds the UTF-8 bytes as well where the network
    has such a rule. `hashtags_max` and `sentences_max` are how much of each a promo there carries at most;
    `needs_disclaimer` says whether the disclaimer always stands in it.
    """

    kind: str
    length_max: int
    url_length: int | None = None
    bytes_max: int | None = None
    hashtags_max: int = 0
    sentences_max: int = 1
    needs_disclaimer: bool = False


LIMITS: Final[Mapping[str, Limits]] = MappingProxyType(
    {
        limits.kind: limits
        for limits in (
            # docs.x.com, counting-characters, 2026-05-20.
            Limits(kind="x", length_max=280, url_length=23, hashtags_max=2),
            Limits(kind="facebook", length_max=63_206, sentences_max=3, needs_disclaimer=True),
            # Defaults; a server's own stand in /api/v2/instance, configuration.statuses.
            Limits(kind="mastodon", length_max=500, url_length=23, hashtags_max=2),
            # The lexicon app.bsky.feed.post: maxGraphemes 300, maxLength 3,000 bytes.
            Limits(kind="bluesky", length_max=300, bytes_max=3_000, hashtags_max=2),
            Limits(kind="linkedin", length_max=3_000, hashtags_max=3, sentences_max=3, needs_disclaimer=True),
            # developers.facebook.com, Threads posts, 2026-04-14: an emoji counts as its UTF-8 bytes.
            Limits(kind="threads", length_max=500, hashtags_max=1),
            # core.telegram.org, sendMessage: 1 to 4,096 characters after parsing; UTF-16 units to be safe.
            Limits(kind="telegram", length_max=4_096, hashtags_max=2, sentences_max=3),
            # No network: a bound all the same, so that nothing grows without end.
            Limits(kind="webhook", length_max=10_000, hashtags_max=2, sentences_max=3),
            Limits(kind="folder", length_max=10_000, hashtags_max=2, sentences_max=3),
        )
    }
)
"""Each network's own rule; a channel may carry other numbers, for instance those its server tells."""

_HEAVY: Final = late(r"[^\u0000-\u10FF\u2000-\u200D\u2010-\u201F\u2032-\u2037]+")
"""Runs, since a text in a heavy script is hardly anything else."""
_LIGHT_EMOJI: Final = late(f"[{WEIGHED_AS_EMOJI}]")
_CONTINUING: Final = "\u200d\ufe0f\u20e3\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0061-\U000e007a"
_JOINING: Final = ("\u200d", "\ufe0f", "\u20e3")
_CONTINUES: Final = late(f"[{_CONTINUING}]")
_JOINT: Final = late(f".(?=[{_CONTINUING}])", re.DOTALL)
"""A character before one that can continue an emoji."""
_LINE_END: Final = late(r"\r\n?")
_CLUSTER: Final = r"\X"
_EMOJI_INSIDE: Final = r"[\p{Emoji_Presentation}\p{Extended_Pictographic}\uFE0F\u20E3]"
_WEB_LINK: Final = late(r"https?://", re.IGNORECASE)
_FAR_MENTION: Final = late(r"(?<![\w/=])(@\w+(?:[\w.-]+\w+)?)@[\w.-]+\w")
_LITTLE_TEXT: Final = late(r"[\\|{}@\[\]()<>#*_~]")
_X_URL: Final = 23
_EMOJI_WEIGHT: Final = 2


def length_of(text: str, limits: Limits) -> int:
    """Give the length of a text as the network of these limits counts it; 0 for no text."""
    return _COUNTERS.get(limits.kind, _graphemes)(text, limits)


def fits(text: str, limits: Limits) -> bool:
    """Say whether the network takes a text of this length, in its own count and in bytes where it limits those."""
    if limits.bytes_max is not None and len(text.encode()) > limits.bytes_max:
        return False
    return length_of(text, limits) <= limits.length_max


def _weighted(text: str, limits: Limits) -> int:
    """Count for X: weight 1 or 2 by code point after NFC, every link alike, an emoji of any length 2.

    Source: docs.x.com, counting-characters, 2026-05-20; equal to twitter-text-parser 3.0.0 with its third
    configuration, which knows the domains of 2021 and the emoji of Unicode 12.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    leaps = {
        found.start() + span.start: span.skipped
        for found in WORD_WITH_DOT.finditer(text)
        for span in links_of(found[0], is_first=found.start() == 0)
    }
    return _walk(text, leaps, _X_URL if limits.url_length is None else limits.url_length)


def _plain_weight(text: str) -> int:
    if text.isascii():
        return len(text)
    return len(text) + sum(map(len, _HEAVY.findall(text))) + len(_LIGHT_EMOJI.findall(text))


def _walk(text: str, leaps: Mapping[int, int], url_length: int) -> int:
    """Weigh a text from left to right; at the keys of `leaps` a link begins, and that much is skipped."""
    emoji = _joined_emoji_in(text)
    total = at = 0
    for start in sorted({*leaps, *emoji}):
        if start < at:
            continue  # It stands inside what was counted already.
        total += _plain_weight(text[at:start])
        if start in leaps:
            total += url_length
            at = start + leaps[start]
        else:
            total += _EMOJI_WEIGHT
            at = start + emoji[start]
    return total + _plain_weight(text[at:])


def _may_hold_joined(text: str) -> bool:
    """Say quickly whether there can be a joined emoji: all that joins is one of three signs or beyond U+FFFF."""
    return not text.isascii() and (
        any(sign in text for sign in _JOINING)
        or len(text.encode("utf-16-le", "surrogatepass")) != 2 * len(text)
    )


def _joined_emoji_in(text: str) -> dict[int, int]:
    """Give the length of each joined emoji by where it starts, the longest at every place, leftmost first."""
    found: dict[int, int] = {}
    if not _may_hold_joined(text) or not _CONTINUES.search(text):
        return found
    known, longest, done = joined_emoji(), longest_joined(), 0
    for joint in _JOINT.finditer(text):
        start = joint.start()
        if start < done:
            continue
        for length in range(min(longest, len(text) - start), 1, -1):
            if text[start : start + length] in known:
                found[start] = length
                done = start + length
                break
    return found


def _graphemes(text: str, limits: Limits) -> int:
    """Count what a reader sees as one character, with links at the network's price where it has one."""
    if limits.url_length is not None:
        text = _with_priced_links(text, limits.url_length)
    if text.isascii():
        return len(text) - text.count("\r\n")
    return len(_by_properties(_CLUSTER).findall(text))


def _with_priced_links(text: str, url_length: int) -> str:
    """Give the text with each http link as long as it counts, and far mentions without their server.

    Source: docs.joinmastodon.org, user/posting, 2026-03: "links are counted as 23 characters", and of
    `@user@host` only `@user`.
    """
    if "." in text and "://" in text:
        text = WORD_WITH_DOT.sub(lambda found: _word_with_priced_links(found[0], url_length), text)
    return _FAR_MENTION.sub(r"\1", text) if "@" in text else text


def _word_with_priced_links(word: str, url_length: int) -> str:
    pieces: list[str] = []
    done = 0
    for span in links_of(word, is_first=False):
        if _WEB_LINK.match(word, span.start):
            pieces += [word[done : span.start], "x" * url_length]
            done = span.end
    return "".join([*pieces, word[done:]])


def _emoji_as_bytes(text: str, _limits: Limits) -> int:
    """Count for Threads: code points, but an emoji as its UTF-8 bytes."""
    if text.isascii():
        return len(text)
    clusters: list[str] = _by_properties(_CLUSTER).findall(text)
    has_emoji = _by_properties(_EMOJI_INSIDE).search
    return sum(len(one.encode()) if has_emoji(one) else len(one) for one in clusters)


@cache
def _by_properties(pattern: str) -> regex.Pattern[str]:
    """Give a pattern that goes by the properties of Unicode, which the standard library does not know."""
    import regex  # noqa: PLC0415 - It takes longer to load than all else here, and many starts count no text.

    return regex.compile(pattern)


def _utf16_units(text: str, _limits: Limits) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _escaped(text: str, limits: Limits) -> int:
    """Count for LinkedIn: graphemes and one more for each character that little text must escape.

    Whether LinkedIn counts its own escapes is not documented; counting them is the safe side.
    """
    return _graphemes(text, limits) + len(_LITTLE_TEXT.findall(text))


_COUNTERS: Final[Mapping[str, Callable[[str, Limits], int]]] = MappingProxyType(
    {
        "x": _weighted,
        "facebook": _utf16_units,
        "mastodon": _graphemes,
        "bluesky": _graphemes,
        "linkedin": _escaped,
        "threads": _emoji_as_bytes,
        "telegram": _utf16_units,
        "webhook": _graphemes,
        "folder": _graphemes,
    }
)
