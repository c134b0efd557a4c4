"""The link rule: a path often repeats the title, so its words are read like any text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.material import Taint
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules import names, privacy
from clinic_broadcast.core.rules.privacy import GMC, SAFE_HARBOR
from clinic_broadcast.core.rules.reading import host_of, read
from clinic_broadcast.core.rules.tables import Tables
from clinic_broadcast.core.rules.taint import tainted
from clinic_broadcast.core.utm import OURS
from clinic_broadcast.core.words import Span, blank

_STRUCTURE: Final = late(
    r"^[a-z][a-z0-9+.-]*://[^/?#]*|/(?:19|20)\d\d/(?:(?:0[1-9]|1[0-2])/)?(?:(?:[0-2]\d|3[01])/)?|\.html?(?=$|[?#])"
    r"|_\d{1,4}(?=\.html?(?:$|[?#]))|\?m=[01](?=$|[&#])|\?p=\d+(?=$|[&#])"
    rf"|{OURS}",
    re.IGNORECASE,
)
_NUMBERED: Final = late(r"[-_/](\d{1,4})(?=(?:\.html?)?/?(?:$|[?#]))", re.IGNORECASE)
"""What blogs put behind the second page of one title, or number their pages with."""

_PADDING: Final = "\x00"
_ENCODED: Final = late(r"(?:%[0-9A-Fa-f]{2})+")
_RULES: Final = (
    privacy.voice,
    privacy.kin,
    privacy.time,
    privacy.number,
    names.vocabulary,
    names.name,
)
_MESSAGE: Final = (
    "The address of the page tells too much ({rules}): everyone who gets the link reads it. Use a neutral redirect"
    " page under public_url, or let a person accept it."
)


def url(tables: Tables, address: str, *, taint: Taint | None, title: str | None = None) -> Iterator[Finding]:
    """Hold a link whose path, split at `/ - _ .`, would not pass as words, or that leads to a host not ours.

    `title` is given for the address of an answer: it comes from a source that the clinic has named, and may have
    a host of its own. The blog's own `/YYYY/MM/`, `.html` and its number for equal titles are structure, and so
    are our UTM parameters; a number that title or letter hold is not.
    Source: 45 CFR 164.514(b)(2)(i)(N) and whatever the words themselves fall under.
    """
    if not address:
        return
    if title is None and host_of(address) not in tables.own_hosts:
        yield _finding(address, 0, len(address), "a host that is not the clinic's own")
    path = _ENCODED.sub(_decoded, address)
    structure = [Span(found.start(), found.end()) for found in _STRUCTURE.finditer(path)]
    numbered = _NUMBERED.search(path) if title is not None else None
    if (
        numbered
        and title is not None
        and numbered[1] not in title
        and not (taint and taint.holds(numbered[1]))
    ):
        structure.append(Span(numbered.start(), numbered.end()))
    words = re.sub(r"[/\-_.+?&=#%~,:;!()\x00]", " ", blank(path, structure))
    reading = replace(read(tables, words, where="link", is_lone=True), text=address)
    reasons: dict[Span, set[str]] = {}
    found = [one for rule in _RULES for one in rule(reading)]
    if taint is not None:
        found += tainted(reading, taint)
    for one in found:
        if one.severity is not Severity.NOTE:
            reasons.setdefault(Span(one.start, one.end), set()).add(one.rule)
    for span, rules in sorted(reasons.items()):
        end = span.end
        while path[end : end + 1] == _PADDING:
            end += 1
        yield _finding(address, span.start, end, ", ".join(sorted(rules)))


def _decoded(found: re.Match[str]) -> str:
    """Give a percent-encoded run as its characters, padded so that no place moves."""
    return bytes.fromhex(found[0].replace("%", "")).decode(errors="replace").ljust(len(found[0]), _PADDING)


def _finding(address: str, start: int, end: int, rules: str) -> Finding:
    return Finding(
        rule="privacy.url",
        severity=Severity.HOLD,
        where="link",
        start=start,
        end=end,
        excerpt=address[start:end],
        message=_MESSAGE.format(rules=rules),
        source=f"{SAFE_HARBOR}(N); {GMC}",
    )
