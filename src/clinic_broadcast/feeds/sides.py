"""The documents beside the feeds: tombstones, the outline for feed readers, and the page that says how to subscribe."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

from lxml import etree

from clinic_broadcast.core.feed import NO_ANSWER_YET, FeedHead, Tombstone
from clinic_broadcast.feeds.places import (
    CORRECTIONS,
    FOLDER,
    LIVE,
    MEDIA_TYPES,
    OUTLINE,
    STYLE,
    WITHDRAWN,
    Form,
    url_of,
)
from clinic_broadcast.feeds.render import DECLARATION, instant, serialised
from clinic_broadcast.feeds.shell import NAMESPACES, clean

TOMBSTONES_MAX: Final = 500
"""The newest withdrawals; more would make the document larger than some readers take."""

COMMENT: Final = "The clinic has withdrawn this answer."
FORM_NAMES: Final = {Form.RSS: "RSS", Form.ATOM: "Atom", Form.JSON: "JSON Feed"}


def tombstones_of(head: FeedHead, tombstones: Sequence[Tombstone]) -> bytes:
    """Give the document of withdrawn answers (RFC 6721), for machines and for the record; no reader acts on it."""
    shown = sorted(tombstones, key=lambda one: (one.at, one.entry_id), reverse=True)[:TOMBSTONES_MAX]
    feed = etree.Element("feed", {"xmlns": NAMESPACES["atom"]}, nsmap={"at": NAMESPACES["at"]})
    _put(feed, "id", f"{head.id}#withdrawn")
    _put(feed, "title", clean(f"Withdrawn answers: {head.title}"))
    _put(feed, "updated", instant(max((one.at for one in shown), default=NO_ANSWER_YET)))
    _put(etree.SubElement(feed, "author"), "name", clean(head.author))
    if head.base_url:
        own = url_of(head.base_url, f"{FOLDER}/{WITHDRAWN}")
        etree.SubElement(feed, "link", {"rel": "self", "type": MEDIA_TYPES[Form.ATOM], "href": own})
    etree.SubElement(feed, "link", {"rel": "alternate", "type": "text/html", "href": head.home_url})
    for one in shown:
        row = {"ref": one.entry_id, "when": instant(one.at)}
        stone = etree.SubElement(feed, f"{{{NAMESPACES['at']}}}deleted-entry", row)
        _put(stone, f"{{{NAMESPACES['at']}}}comment", COMMENT)
    return serialised(feed, is_page=False)


def outline_of(head: FeedHead) -> bytes:
    """Give the OPML 2.0 file that a feed reader imports: one form of the feed, or each answer would come thrice."""
    opml = etree.Element("opml", {"version": "2.0"})
    _put(etree.SubElement(opml, "head"), "title", clean(head.title))
    row = {"text": clean(head.title), "title": clean(head.title), "type": "rss", "htmlUrl": head.home_url}
    row["xmlUrl"] = url_of(head.base_url, f"{FOLDER}/{LIVE[Form.RSS]}") or LIVE[Form.RSS]
    etree.SubElement(etree.SubElement(opml, "body"), "outline", row)
    made: bytes = etree.tostring(opml, encoding="utf-8", pretty_print=True, xml_declaration=False)
    return DECLARATION + made


def subscribe_page_of(head: FeedHead) -> bytes:
    """Give the page for people: what a feed is, the addresses, and the links by which readers find them."""
    title = escape(clean(head.title))
    addresses = {form: url_of(head.base_url, f"{FOLDER}/{LIVE[form]}") or LIVE[form] for form in Form}
    links = "\n".join(
        f'<link rel="alternate" type="{MEDIA_TYPES[form]}" title="{title} ({FORM_NAMES[form]})" href="{escape(href)}">'
        for form, href in addresses.items()
    )
    others = " · ".join(
        f'<a href="{escape(addresses[form])}">{FORM_NAMES[form]}</a>' for form in (Form.ATOM, Form.JSON)
    )
    first = escape(addresses[Form.RSS])
    broken = first.replace("/", "/<wbr>")
    return f"""<!DOCTYPE html>
<html lang="{escape(head.language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Subscribe to {title}</title>
{links}
<link rel="stylesheet" href="{STYLE}">
</head>
<body>
<main>
<h1>Subscribe to {title}</h1>
<p>A feed reader shows you each new answer as soon as it is public. It needs no account
with us.</p>
<ol>
<li>Take any feed reader: an app, a web site, or a mail program that knows feeds.</li>
<li>Give it this address:<br><a class="address" href="{first}">{broken}</a></li>
</ol>
<p>The same feed in other forms: {others}. One is enough. A reader that imports lists takes
<a href="{OUTLINE}">{OUTLINE}</a>.</p>
<p>Answers that were corrected or withdrawn are told as entries of their own; they also stand in
<a href="{CORRECTIONS}">{CORRECTIONS}</a>.</p>
<p><a href="{escape(head.home_url)}">To the answers</a></p>
</main>
</body>
</html>
""".encode()


def _put(parent: Any, name: str, words: str) -> None:  # noqa: ANN401  # lxml names its element privately.
    etree.SubElement(parent, name).text = words
