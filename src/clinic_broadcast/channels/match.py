"""Says whether something that a network lists is the promo we are looking for, whatever it did to text and link."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final, TypeAlias
from urllib.parse import unquote

from clinic_broadcast.core.address import parts_of
from clinic_broadcast.core.delivery import Absent, CannotTell, Found, Trace
from clinic_broadcast.core.promo import Payload
from clinic_broadcast.core.utm import untagged

PAGES_MAX: Final = 40
"""X lists at most 3,200 of an account, 100 a page; a look that needs more has not seen everything."""

# With or without a scheme: X shortens "blog.example.org/x" too. Both texts lose the same, so it may take too much.
_URL: Final = re.compile(r"(?:https?://\S+|\b[\w-]+(?:\.[\w-]+)+\S*)")
_ADDRESS: Final = re.compile(r"https?://[^\s\[\]]+")
_TRAILING: Final = ".,;:!?'\")»\u201d\u2019"
_MENTION: Final = re.compile(r"(@\w+)@[\w.-]+\w")


class Likeness(Enum):
    """How a listed thing relates to a promo: the same, the same link under other words, or something else."""

    SAME = "same"
    LINK_ONLY = "link only"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One thing that the account has published, as the network lists it."""

    post_id: str
    post_url: str
    text: str
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list; an empty cursor ends it.

    `is_whole` says that a server which repeats this page for any cursor has shown all there is with it.
    """

    listed: Sequence[Listed]
    cursor: str = ""
    is_whole: bool = False


LOOK_BACK: Final = timedelta(hours=1)
"""A look reaches so far behind the first attempt: our clock may be ahead of the network's, and what it took must not
lie before the look by that. What is older is another publication, a re-share's forerunner perhaps, and no trace."""

Fetch: TypeAlias = Callable[[str], Page | CannotTell]


def bare_words(text: str) -> str:
    """Give the words of a text without links, entities, remote halves of mentions, and differences of white space."""
    text = unicodedata.normalize("NFC", html.unescape(text))
    text = _URL.sub(" ", _MENTION.sub(r"\1", text))
    return " ".join(text.split())


def bare_link(url: str) -> str:
    """Give a link without what networks change in it: case of the host, escapes, a slash at the end, the scheme.

    UTM parameters go too: some networks take them away, and with or without them it is the same page.
    """
    parts = parts_of(untagged(html.unescape(url.strip())))
    query = f"?{unquote(parts.query)}" if parts.query else ""
    return f"{parts.netloc.lower()}{unquote(parts.path).rstrip('/')}{query}"


def likeness(payload: Payload, listed: Listed) -> Likeness:
    """Compare by link and words; where the network names no links, the words decide."""
    link = bare_link(payload.link) if payload.link else ""
    has_link = bool(link) and link in {bare_link(one) for one in listed.links}
    words = bare_words(payload.text)
    has_words = words == bare_words(listed.text)
    unlinked = bool(words) and not listed.links and not _names_another_page(payload.link, listed.text)
    if has_words and (has_link or not link or unlinked):
        return Likeness.SAME
    return Likeness.LINK_ONLY if has_link else Likeness.OTHER


def _names_another_page(link: str, text: str) -> bool:
    """Say whether a text shows whole addresses on the link's host, and the link is none of them.

    Two promos may have the same words and differ in their links alone; what a network has shortened tells nothing.
    """
    host = _host(link)
    shown = [one.rstrip(_TRAILING) for one in _ADDRESS.findall(html.unescape(text)) if not one.endswith("…")]
    here = {bare_link(one) for one in shown if host and _host(one) == host}
    return bool(here) and bare_link(link.rstrip(_TRAILING)) not in here


def _host(url: str) -> str:
    # Anybody's text may hold what only looks like an address.
    return parts_of(url).netloc.lower()


def look_through(payload: Payload, fetch: Fetch) -> Trace:
    """Read page after page until the promo is found or all is seen; Absent only when all was seen.

    The same link under other words may be another occasion's promo or ours, altered: a person must tell.
    """
    seen: set[str] = set()
    doubt: CannotTell | None = None
    cursor = ""
    for _ in range(PAGES_MAX):
        page = fetch(cursor)
        if isinstance(page, CannotTell):
            return page
        fresh = [one for one in page.listed if one.post_id not in seen]
        for one in fresh:
            match likeness(payload, one):
                case Likeness.SAME:
                    return Found(one.post_id, one.post_url)
                case Likeness.LINK_ONLY:
                    doubt = CannotTell(
                        f"{one.post_url or one.post_id} has the link but other words", forever=True
                    )
                case Likeness.OTHER:
                    pass
        seen.update(one.post_id for one in fresh)
        repeats = bool(page.listed) and not fresh
        if repeats and not page.is_whole:
            return doubt or CannotTell("the network repeats the same page, so not everything was seen")
        if repeats or not page.cursor:
            return doubt or Absent()
        cursor = page.cursor
    return doubt or CannotTell(f"more than {PAGES_MAX} pages to look through")
