"""What X takes for a link, with or without a scheme: the grammar of twitter-text 3.1, one word at a time.

A link holds no white space, so each run of other characters is read by itself. Almost every word is settled by
two quick looks; only the rest pays for the full grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Final, NamedTuple

from clinic_broadcast.core.domains import ASCII_DOMAINS, OTHER_DOMAINS
from clinic_broadcast.core.patterns import late

_SPACE: Final = r"\t-\r\x20\x85\xA0\u1680\u180E\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
_DIRECTION: Final = r"\u202A-\u202E\u061C\u200E\u200F\u2066-\u2069"
_INVALID: Final = r"\uFFFE\uFEFF\uFFFF"
_PUNCTUATION: Final = r"""!'#%&()*+,\\\-./:;<=>?@\[\]^_{|}~$"""
_ACCENTED: Final = (
    r"\xC0-\xD6\xD8-\xF6\xF8-\u024F\u0253\u0254\u0256\u0257\u0259\u025B\u0263\u0268\u026F\u0272\u0289\u028B\u02BB"
    r"\u0300-\u036F\u1E00-\u1EFF"
)
_CYRILLIC: Final = r"\u0400-\u04FF"
_URL_MAX: Final = 4096
_SHORT_SLUG_MAX: Final = 40
_BEFORE_NO_LINK: Final = frozenset("-_./")
_SHORT: Final = late(
    r"https?://t\.co/([a-z0-9]+)(?:\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-z0-9\-_&=#/])?", re.IGNORECASE
)

WORD_WITH_DOT: Final = late(rf"(?<![^{_SPACE}])[^{_SPACE}.]*+\.[^{_SPACE}]+")
"""A run without white space with a dot that is not its last character: nothing else can be a link."""

# An everyday link that is a whole word: what the full grammar says of it is certain.
_PLAIN: Final = late(
    r"(?P<scheme>https?://)?(?!t\.co[/?#])(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,60}[A-Za-z0-9])?\.)+(?P<top>[A-Za-z]{2,20})"
    r"(?P<path>/(?:[A-Za-z0-9_./=+%~-]*[A-Za-z0-9_/=+-])?)?(?P<query>\?[A-Za-z0-9_.&=%-]*[A-Za-z0-9_&=-])?"
    r"(?=[.,;!]*\Z)"
)
_SCHEME: Final = late("[hH][tT][tT][pP].?://")
# Words of East Asia, behind which a link may begin without white space; before it nothing can be one.
_EAST: Final = late("[^.:]*[\u3001-\ud7ff](?=https?://)")
_OF_NO_LABEL: Final = _PUNCTUATION.replace(r"\-", "").replace("_", "") + _SPACE + _INVALID + _DIRECTION
_LABEL: Final = late(rf"(?<![^{_OF_NO_LABEL}])[^{_OF_NO_LABEL}]++(?=\.)")
"""A whole run of what a domain's label is made of, with a full stop behind it."""
_LABEL_MAX: Final = 64
_PLAIN_MAX: Final = 1000
_MAYBE_DOMAIN: Final = late(r"\.([A-Za-z]+)(?![0-9A-Za-z@+-])|\.[Xx][Nn]--")


class Span(NamedTuple):
    """Where a link stands in its word. `skipped` is how many characters the counter leaps for it."""

    start: int
    end: int
    skipped: int


def links_of(word: str, *, is_first: bool) -> list[Span]:
    """Give the links of a word (a text without white space), leftmost first.

    `is_first` says that no white space stands before it: a link there may need its first character as a border.
    """
    plain = _everyday_link(word) if len(word) <= _PLAIN_MAX else None
    if plain is not None:
        return [Span(plain.start(), plain.end(), plain.end() - plain.start())]
    if word.isascii() and not _may_hold_domain(word):
        return []
    if is_first:
        return _by_grammar(word)
    return [Span(one.start - 1, one.end - 1, one.skipped) for one in _by_grammar(f" {word}")]


def _everyday_link(word: str) -> re.Match[str] | None:
    east = None if word.isascii() else _EAST.match(word)
    plain = _PLAIN.match(word, east.end() if east else 0)
    if plain is None or plain["top"].lower() not in ASCII_DOMAINS:
        return None
    # Without a scheme and a path, the grammar leaves the query out of the link.
    return plain if plain["scheme"] or plain["path"] or not plain["query"] else None


def _may_hold_domain(word: str) -> bool:
    """Say whether some dot of an ASCII word is followed by a known domain; no link can be without one."""
    return any(
        found[1] is None or found[1].lower() in ASCII_DOMAINS for found in _MAYBE_DOMAIN.finditer(word)
    )


def _by_grammar(word: str) -> list[Span]:
    spans: list[Span] = []
    for found in _matches(word):
        before, url, scheme, domain, path = found.group("before", "url", "scheme", "domain", "path")
        start = found.end() - len(url)
        if not _is_valid(url, scheme or "https://", domain):
            continue
        if scheme is None:
            if before not in _BEFORE_NO_LINK:
                spans += _without_scheme(url, domain, path, start=start)
            continue
        short = _SHORT.match(url)
        if short is not None:
            if len(short[1]) > _SHORT_SLUG_MAX:
                continue
            url = short[0]
        spans.append(Span(start, start + len(url), len(url)))
    return spans


def _matches(word: str) -> Iterator[re.Match[str]]:
    """Give the matches of the grammar as `finditer` would, tried only where a scheme or a domain can begin.

    A domain begins in a run of its letters that a full stop follows; without this look, a long run of any other
    script is read again from each of its letters.
    """
    starts = {found.start() for found in _SCHEME.finditer(word)}
    for label in _LABEL.finditer(word):
        starts.update(range(*label.span()))
    done = 0
    # A link needs one character before it, or the start of the word.
    for at in sorted({max(0, start - 1) for start in starts}):
        found = _link().match(word, at) if at >= done else None
        if found is not None:
            done = found.end()
            yield found


def _without_scheme(url: str, domain: str, path: str | None, *, start: int) -> list[Span]:
    """Give the ASCII domains of a link without a scheme; the last one takes the path along."""
    spans = [
        Span(start + one.start(), start + one.end(), len(one[0])) for one in _ascii_domain().finditer(domain)
    ]
    if spans and path:
        last = spans[-1]
        name = domain[last.start - start : last.end - start]
        # The reference leaps the url with its whole domain shortened to the ASCII part, wherever it occurs.
        spans[-1] = Span(last.start, start + len(url), len(url.replace(domain, name)))
    return spans


def _is_valid(url: str, scheme: str, domain: str) -> bool:
    """Say whether the domain has a form in ASCII and the link is not too long."""
    if domain.isascii():
        # What the codec says of ASCII, without its cost.
        *labels, last = domain.split(".")
        fits = len(last) < _LABEL_MAX and all(0 < len(label) < _LABEL_MAX for label in labels)
        return fits and len(scheme) + len(url) <= _URL_MAX
    try:
        encoded = domain.encode("idna")
    except UnicodeError:
        return False
    return bool(encoded) and len(scheme) + len(url) + len(encoded) - len(domain) <= _URL_MAX


@cache
def _top_level() -> str:
    # Longest first among the others; the ASCII ones must end where their letters end, so that order is free.
    groups = groupby(sorted(ASCII_DOMAINS), key=lambda domain: domain[:2])
    ascii_ones = (f"{pair}(?:{'|'.join(domain[2:] for domain in group)})" for pair, group in groups)
    letters = groupby(ascii_ones, key=lambda pattern: pattern[0])
    by_letter = (f"(?={letter})(?:{'|'.join(group)})" for letter, group in letters)
    generic = "|".join((*OTHER_DOMAINS, *by_letter))
    return rf"(?:(?:{generic})(?=[^0-9a-zA-Z@+-]|$)|xn--[\-0-9a-z]+)"


@cache
def _link() -> re.Pattern[str]:
    letter = f"[^{_PUNCTUATION}{_SPACE}{_INVALID}{_DIRECTION}]"
    label = rf"(?={letter})(?:{letter}|-)++(?<!-)\."
    sub = rf"(?={letter})(?:{letter}|[_-])++(?<![_-])\."
    general = rf"[a-z{_CYRILLIC}0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&{_ACCENTED}]"
    balanced = rf"\((?:{general}+|(?:{general}*\({general}+\){general}*))\)"
    ending = rf"(?:[+\-a-z{_CYRILLIC}0-9=_#/{_ACCENTED}]|{balanced})"
    path = rf"(?:(?:{general}*(?:{balanced}{general}*)*{ending})|(?:@{general}+/))"
    query = r"[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]"
    return re.compile(
        rf"(?P<before>[^A-Za-z0-9@\uFF20$#\uFF03{_INVALID}]|[{_DIRECTION}]|^)"
        rf"(?P<url>(?P<scheme>https?://)?(?P<domain>(?:{sub})*{label}{_top_level()})(?::[0-9]+)?"
        rf"(?P<path>/{path}*)?(?:\?{query}*[a-z0-9\-_&=#/])?)",
        re.IGNORECASE,
    )


@cache
def _ascii_domain() -> re.Pattern[str]:
    return re.compile(rf"(?:[\-a-z0-9{_ACCENTED}]+\.)+{_top_level()}", re.IGNORECASE)
