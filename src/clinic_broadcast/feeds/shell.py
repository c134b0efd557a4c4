"""The parts of a feed document around its entries, and the entries alone, as feedgen makes them with its faults mended.

The faults are numbered in ADR 0007: feedgen 1.0.0 switches the locale of the whole process for each RSS date (D1),
loses the attributes of Atom entry links (D2), keeps the hub out of RSS (D3), writes the last link as the channel's
(D4), knows no `replies` (D5), takes the present time for a missing date (D6), writes `+00:00` for `Z` (D7), fails on
one bad character (D8), drops an author without mail (D9), turns the order round (D10) and puts a body without summary
where the summary belongs (D11). It is pinned, and a test holds each workaround.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final

from lxml import etree  # Must come before anything of feedgen, which forgets to import it.

# isort: split
import feedgen.entry
import feedgen.feed
from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.ext.dc import DcEntryExtension, DcExtension

from clinic_broadcast.core.answer import Comments
from clinic_broadcast.core.feed import LINK, FeedDocument, FeedEntry
from clinic_broadcast.feeds.places import Form, links_of

# D1, told by nobody yet: the original calls setlocale for every date, a race that turns reads of UTF-8 files in
# other threads into UnicodeDecodeError. These two modules are the only ones that use the name.
feedgen.entry.formatRFC2822 = format_datetime
feedgen.feed.formatRFC2822 = format_datetime

UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff"
    + "".join(chr(plane * 0x10000 + low) for plane in range(1, 17) for low in (0xFFFE, 0xFFFF))
    + "]"
)
"""What XML 1.0 forbids or discourages (section 2.2): one such character would make the whole feed unreadable."""

NAMESPACES: Final = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "wfw": "http://wellformedweb.org/CommentAPI/",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "thr": "http://purl.org/syndication/thread/1.0",
    "fh": "http://purl.org/syndication/history/1.0",
    "at": "http://purl.org/atompub/tombstones/1.0",
}
"""One map for all documents, so that the bytes of an entry fit into each of them."""

TTL_MINUTES: Final = 60


def clean(text: str) -> str:
    """Give the text without characters that XML cannot carry (D8).

    One of them in one post makes lxml refuse the whole feed: dgtlmoon/changedetection.io#1766, ckan/ckan#6378.
    """
    # Most texts have nothing of the kind; to ask so is ten times as fast as to look at every character.
    return text if text.isprintable() and text.isascii() else UNPRINTABLE.sub("", text)


class _Entry(feedgen.entry.FeedEntry):  # type: ignore[misc]  # feedgen has no types
    """feedgen's entry, whose Atom links keep rel and type (D2: its loop hides its own variable, issue 135)."""

    def atom_entry(self, extensions: bool = True) -> Any:  # noqa: ANN401, FBT002  # feedgen's own signature
        element = super().atom_entry(extensions)
        for node, link in zip(element.findall("link"), self.link() or [], strict=False):
            for name in ("rel", "type", "hreflang", "title", "length"):
                if link.get(name):
                    node.set(name, link[name])
        return element


class _Head(BaseExtension):  # type: ignore[misc]  # feedgen has no types
    """What feedgen cannot write: hub and archive links in RSS (D3, its issue 122), the mark of a page (D14)."""

    def __init__(self) -> None:
        self.links: list[dict[str, str]] = []
        self.is_archive = False

    def extend_ns(self) -> dict[str, str]:
        return NAMESPACES

    def extend_rss(self, feed: Any) -> Any:  # noqa: ANN401
        channel = feed.find("channel")
        for link in self.links:
            if link["rel"] != "self":
                etree.SubElement(channel, _named("atom", "link"), link)
        return self._marked(channel, feed)

    def extend_atom(self, feed: Any) -> Any:  # noqa: ANN401
        return self._marked(feed, feed)

    def _marked(self, parent: Any, feed: Any) -> Any:  # noqa: ANN401
        if self.is_archive:
            etree.SubElement(parent, _named("fh", "archive"))
        return feed


class _Talk(BaseEntryExtension):  # type: ignore[misc]  # feedgen has no types
    """The comments under an answer: feedgen knows no `replies` (D5), and nothing of thr, slash and wfw (D14)."""

    def __init__(self) -> None:
        self.comments: Comments | None = None

    def extend_rss(self, feed: Any) -> Any:  # noqa: ANN401  # feedgen calls an entry so, too.
        told = self.comments
        if told is not None and told.count is not None:
            etree.SubElement(feed, _named("slash", "comments")).text = str(told.count)
        if told is not None and told.feed_url:
            etree.SubElement(feed, _named("wfw", "commentRss")).text = told.feed_url
        return feed

    def extend_atom(self, feed: Any) -> Any:  # noqa: ANN401
        told = self.comments
        if told is None:
            return feed
        count = {} if told.count is None else {_named("thr", "count"): str(told.count)}
        for href, media_type in ((told.feed_url, told.feed_type), (told.url, "text/html")):
            if href:
                etree.SubElement(feed, "link", {"rel": "replies", "type": media_type, "href": href, **count})
        if told.count is not None:
            etree.SubElement(feed, _named("thr", "total")).text = str(told.count)
        return feed


def shell_of(document: FeedDocument, form: Form, *, updated_at: datetime) -> Any:  # noqa: ANN401
    """Give the tree of a document without its entries, as of this instant."""
    head = document.head
    generator: Any = feedgen.feed.FeedGenerator()  # Its extensions are attributes that no type knows.
    generator.register_extension("dc", DcExtension, DcEntryExtension)
    generator.register_extension("head", _Head, _Talk)
    generator.id(f"{head.id}#{document.part}" if document.part else head.id)
    generator.title(clean(f"{document.part.capitalize()}: {head.title}" if document.part else head.title))
    generator.subtitle(clean(head.subtitle))
    generator.description(clean(head.subtitle))
    generator.author({"name": clean(head.author)})
    generator.language(head.language)
    generator.generator("clinic-broadcast")
    generator.docs("https://www.rssboard.org/rss-specification")
    generator.ttl(TTL_MINUTES)
    generator.updated(
        updated_at
    )  # D6: else feed and entries would carry the time of building, with microseconds.
    generator.head.is_archive = document.page > 0
    generator.head.links = links_of(document, form)
    for link in generator.head.links:
        generator.link(dict(link))
    generator.link(
        href=head.home_url, rel="alternate", type="text/html"
    )  # D4: the last link is the channel's.
    # The public calls hide the tree.
    tree, _ = generator._create_rss() if form is Form.RSS else generator._create_atom()  # noqa: SLF001
    return in_utc(tree)


def entry_element(entry: FeedEntry, form: Form) -> Any:  # noqa: ANN401
    """Give one entry's element; raises ValueError for what no document could carry."""
    refuse_unusable(entry)
    made: Any = _Entry()
    made.register_extension("dc", DcEntryExtension)
    made.register_extension("talk", _Talk)
    made.id(entry.id)
    made.guid(entry.id, permalink=False)
    made.title(clean(entry.title))
    made.link(href=entry.url, rel="alternate", type="text/html")
    made.author({"name": clean(entry.author)})
    if form is Form.RSS:  # D9: an author without mail is dropped there; in Atom it has an element of its own.
        made.dc.dc_creator(clean(entry.author))
    # D11: without a summary the body would go where the summary belongs, and nowhere else.
    made.summary(clean(entry.plain))
    made.description(clean(entry.plain))
    made.content(
        clean(entry.html), type="html"
    )  # D12: of `CDATA` it makes a type that Atom does not know (PR 123).
    made.published(entry.published_at)
    made.updated(entry.updated_at)
    for label in entry.labels:
        made.category({"term": clean(label)})
    made.talk.comments = entry.comments
    if entry.comments is not None and entry.comments.url:
        made.comments(entry.comments.url)
    return made.rss_entry() if form is Form.RSS else in_utc(made.atom_entry())


def refuse_unusable(entry: FeedEntry) -> None:
    """Raise ValueError for an entry that readers could not show, whatever the format."""
    if not LINK.fullmatch(entry.url):
        raise ValueError("its link is no web address")
    if not clean(entry.title).strip():
        raise ValueError("it has no title")
    if entry.id != clean(entry.id) or not entry.id:
        raise ValueError("its id has characters that no document can carry")


def in_utc(tree: Any) -> Any:  # noqa: ANN401
    """Give the tree with its Atom dates ending in `Z` (D7)."""
    for node in tree.iter("updated", "published"):
        node.text = (node.text or "").replace("+00:00", "Z")
    return tree


def _named(prefix: str, name: str) -> str:
    return f"{{{NAMESPACES[prefix]}}}{name}"
