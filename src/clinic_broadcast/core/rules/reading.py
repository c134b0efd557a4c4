"""A text prepared once for all rules: normalised, own names blanked, tokens and sentence starts known."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.keeping import Once
from clinic_broadcast.core.lexicon import Lexicon
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.tables import Tables
from clinic_broadcast.core.words import (
    PhraseIndex,
    Span,
    Token,
    blank,
    first_words,
    normalise,
    sentences,
    tokens,
)

_ABBREVIATIONS: Final = late(r"\b(?:e\.g|i\.e|vs|etc|cf|approx)\.", re.IGNORECASE)
_HASHTAG: Final = late(r"(?<![\w&#])#([^\W\d_]\w*)")
_URL: Final = late(r"https?://[^\s<>\"'\u201c\u201d]+|www\.[^\s<>\"']+", re.IGNORECASE)
_NUMBER_WORD: Final = late(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|zero|once|twice|twins?|triplets|single|"
    r"first|second|third|fourth|fifth|sixth|seventh|eighth|tenth|twelfth|"
    r"(?:four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|thirteen)\b",
    re.IGNORECASE,
)
_LINE: Final = late(r"[^\n]+(?=\n)")
_BEFORE_FIRST: Final = "\"'\u201c\u2018(* -\u2013"
_TITLE_LETTERS_MIN: Final = 4
_TITLE_SHARE: Final = 0.6
_TITLE_WORDS_MIN: Final = 3
_SHORT_TITLE_MAX: Final = 4


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One text as the rules see it.

    `plain` is its NFKC form, of the same places as `places` tells, with our own names, addresses and hashtags
    blanked. `is_lone` says that no letter is known to compare it with. `links` are our own addresses in it,
    `strange_tags` the hashtags that no reviewed table holds.
    """

    text: str
    where: str
    tables: Tables
    plain: str
    places: Sequence[int]
    is_lone: bool
    links: tuple[Span, ...] = ()
    strange_tags: tuple[Span, ...] = ()

    @property
    def lexicon(self) -> Lexicon:
        """Give the reviewed lists."""
        return self.tables.lexicon

    @Once
    def lower(self) -> str:
        """Give `plain` in lower case, of the same length, and without the dotless i, which no English word has."""
        lower = self.plain.lower().replace("\u0131", "i")
        return lower if len(lower) == len(self.plain) else "".join(char.lower()[0] for char in self.plain)

    @Once
    def tokens(self) -> tuple[Token, ...]:
        """Give the words and numbers that are not ours."""
        return tokens(self.plain)

    @Once
    def sentences(self) -> tuple[Span, ...]:
        """Give the sentences of `plain`."""
        return sentences(self.plain)

    @Once
    def _first_words(self) -> frozenset[str]:
        return first_words(self.tokens)

    def find(self, phrases: PhraseIndex) -> tuple[Span, ...]:
        """Give where phrases stand in `plain`; most texts hold no first word of them, which is told at once."""
        if phrases.by_first.keys().isdisjoint(self._first_words):
            return ()
        return phrases.find(self.plain, self.tokens)

    @Once
    def eponyms(self) -> tuple[Span, ...]:
        """Give where reviewed eponym phrases stand."""
        return self.find(self.tables.eponyms)

    @Once
    def words(self) -> tuple[Token, ...]:
        """Give the tokens outside eponym phrases."""
        if not self.eponyms:
            return self.tokens
        return tuple(word for word in self.tokens if not _lies_in(word.start, self.eponyms))

    @Once
    def counted(self) -> tuple[Span, ...]:
        """Give where closed forms of words tell a number of a population."""
        if not any(map(str.isdigit, self.plain)) and not _NUMBER_WORD.search(self.plain):
            return ()
        return tuple(
            Span(found.start(), found.end())
            for pattern in self.tables.numbers
            for found in pattern.finditer(self.plain)
        )

    @Once
    def openers(self) -> frozenset[int]:
        """Give where the tokens start that open a sentence, a line, a quote or what follows a colon."""
        starts: set[int] = set()
        for word in self.tokens:
            before = self.plain[max(0, word.start - 8) : word.start].rstrip(" \t\u00a0")
            if (
                not before
                or before[-1] in ':\n\r\u2022"\u201c('
                or (before[-1] in "-\u2013*" and "\n" in before)
            ):
                starts.add(word.start)
        for sentence in self.sentences:
            first = next(iter(self.words_in(sentence)), None)
            if first is not None and not self.plain[sentence.start : first.start].strip(_BEFORE_FIRST):
                starts.add(first.start)
        return frozenset(starts)

    @Once
    def titled(self) -> tuple[Span, ...]:
        """Give the sentences, and what stands before a colon, written like a title, where a capital tells nothing."""
        whole = self._is_title(Span(0, len(self.plain)), few=0)
        colons = ((span, self.plain.find(": ", span.start, span.end)) for span in self.sentences)
        heads = (Span(span.start, colon) for span, colon in colons if colon > span.start)
        return tuple(
            span
            for span in (*self.sentences, *heads)
            if self._is_title(span, few=_TITLE_WORDS_MIN)
            or (whole and len(self._long_words(span)) < _TITLE_WORDS_MIN)
        )

    @Once
    def short_titles(self) -> tuple[Span, ...]:
        """Give the few words before a colon, and the short questions, in which each word has its capital."""
        heads = (
            Span(span.start, self.plain.find(": ", span.start, span.end) + 1)
            for span in self.sentences
            if ": " in self.plain[span.start : span.end]
        )
        # What follows a title in a promo is a template's, and counts as the end of a line.
        lines = (Span(found.start(), found.end()) for found in _LINE.finditer(self.plain))
        asked = (span for span in self.sentences if self.plain[span.end - 1 : span.end] == "?")
        return tuple(span for span in (*heads, *lines, *asked) if self._is_short_title(span))

    def _is_short_title(self, span: Span) -> bool:
        said = [word.text for word in self.words_in(span) if not self.lexicon.is_function_word(word.text)]
        return 0 < len(said) <= _SHORT_TITLE_MAX and all(word[0].isupper() for word in said)

    def is_in_short_title(self, word: Token) -> bool:
        """Say whether a token stands in a title too short to be told from its capitals alone."""
        return _lies_in(word.start, self.short_titles)

    def is_in_title(self, word: Token) -> bool:
        """Say whether a token stands in a sentence written like a title."""
        return _lies_in(word.start, self.titled)

    def words_in(self, span: Span) -> tuple[Token, ...]:
        """Give the tokens that start in a span."""
        starts = self._starts
        return self.tokens[bisect_left(starts, span.start) : bisect_left(starts, span.end)]

    @Once
    def _starts(self) -> tuple[int, ...]:
        return tuple(word.start for word in self.tokens)

    def _long_words(self, span: Span) -> list[str]:
        return [word.text for word in self.words_in(span) if len(word.text) >= _TITLE_LETTERS_MIN]

    def _is_title(self, span: Span, *, few: int) -> bool:
        long = self._long_words(span)
        # A title seldom ends with a full stop: with one, each long word must have its capital.
        share = 0.99 if self.plain[span.start : span.end].rstrip().endswith(".") else _TITLE_SHARE
        return len(long) >= max(few, 1) and sum(word[0].isupper() for word in long) > share * len(long)

    def finding(self, rule: str, severity: Severity, span: Span, *, message: str, source: str) -> Finding:
        """Give a finding about a span of `plain`, with its place and words in the text as given."""
        start = self.places[span.start]
        end = max(self.places[span.end], start)
        return Finding(
            rule=rule,
            severity=severity,
            where=self.where,
            start=start,
            end=end,
            excerpt=self.text[start:end],
            message=message,
            source=source,
        )


def read(tables: Tables, text: str, *, where: str, is_lone: bool, reviewed: Iterable[Span] = ()) -> Reading:
    """Prepare a text for the rules; `reviewed` are spans of it that a template or our own link fills.

    They count as the end of a line, so that what follows begins a sentence.
    """
    normal = normalise(blank(text, reviewed, filler="\n"))
    plain, links = _without_own(tables, normal.text)
    known: list[Span] = []
    strange: list[Span] = []
    for tag in _HASHTAG.finditer(plain):
        span = Span(tag.start(), tag.end())
        (known if tag[1].lower() in tables.tags else strange).append(span)
    plain = blank(plain, known)
    plain = blank(plain, (Span(each.start(), each.end()) for each in _ABBREVIATIONS.finditer(plain)))
    return Reading(
        text=text,
        where=where,
        tables=tables,
        plain=plain,
        places=normal.places,
        is_lone=is_lone,
        links=links,
        strange_tags=tuple(strange),
    )


def _without_own(tables: Tables, text: str) -> tuple[str, tuple[Span, ...]]:
    """Blank our own addresses and names; give the addresses too, since their paths are read by themselves."""
    links: list[Span] = []
    lower = text.lower()
    for found in _URL.finditer(text) if "http" in lower or "www." in lower else ():
        end = found.end() - (len(found[0]) - len(found[0].rstrip(".,;:!?)]")))
        if host_of(text[found.start() : end]) in tables.own_hosts:
            links.append(Span(found.start(), end))
    if links:
        text = blank(text, links)
        lower = text.lower()
    for host in sorted(tables.own_hosts, key=len, reverse=True):
        at = lower.find(host)
        while at >= 0:
            end = at + len(host)
            if (
                not text[at - 1 : at].isalnum()
                and text[at - 1 : at] not in ("@", "-", ".")
                and not (text[end : end + 1].isalnum() or text[end : end + 1] in ("/", "-"))
            ):
                text = blank(text, (Span(at, end),))
                lower = text.lower()
            at = lower.find(host, end)
    if tables.own is not None:
        text = blank(text, tables.own.find(text))
    return text, tuple(links)


def host_of(url: str) -> str:
    """Give the host of an address in lower case, without www. and port; user names before an @ are no host."""
    rest = url.split("://", 1)[-1]
    return re.split(r"[/?#]", rest, maxsplit=1)[0].lower().partition(":")[0].removeprefix("www.")


def _lies_in(at: int, spans: Sequence[Span]) -> bool:
    return any(span.start <= at < span.end for span in spans)
