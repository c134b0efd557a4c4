"""Where each document stands under public/ and how documents link to each other."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from clinic_broadcast.core.feed import FeedDocument

FOLDER: Final = "feeds"
ARCHIVE: Final = "archive"
STYLE: Final = "feed.css"
SUBSCRIBE: Final = "index.html"
WITHDRAWN: Final = "withdrawn.atom.xml"
CORRECTIONS: Final = "corrections.atom.xml"
OUTLINE: Final = "feeds.opml"


class Form(StrEnum):
    """The formats of a document; the value is the end of an archive page's name."""

    RSS = "rss.xml"
    ATOM = "atom.xml"
    JSON = "json"


MEDIA_TYPES: Final = {
    Form.RSS: "application/rss+xml",
    Form.ATOM: "application/atom+xml",
    Form.JSON: "application/feed+json",
}
LIVE: Final = {Form.RSS: "rss.xml", Form.ATOM: "atom.xml", Form.JSON: "feed.json"}


def path_of(page: int, form: Form) -> str:
    """Give the path of a document below public/: the live one for page 0, else an archive page."""
    return f"{FOLDER}/{ARCHIVE}/{page:04d}.{form.value}" if page else f"{FOLDER}/{LIVE[form]}"


def url_of(base_url: str, path: str) -> str:
    """Give the address of a document; empty while nobody has said where public/ is reachable."""
    return f"{base_url.rstrip('/')}/{path}" if base_url else ""


def links_of(document: FeedDocument, form: Form) -> list[dict[str, str]]:
    """Give a document's links to itself, its hubs and its neighbours (RFC 5005 section 4, WebSub section 4)."""
    base, media_type = document.head.base_url, MEDIA_TYPES[form]
    if not base:
        return []
    if document.part:
        own = url_of(base, f"{FOLDER}/{document.part}.{Form.ATOM.value}")
        return [{"rel": "self", "type": media_type, "href": own}]
    wanted = [("self", document.page)]
    if document.page:
        wanted.append(("current", 0))
    if document.older:
        wanted.append(("prev-archive", document.older))
    if document.newer:
        wanted.append(("next-archive", document.newer))
    links = [
        {"rel": rel, "type": media_type, "href": url_of(base, path_of(page, form))} for rel, page in wanted
    ]
    hubs = () if document.page else document.head.hubs
    return [*links, *({"rel": "hub", "href": hub} for hub in hubs)]
