"""Feed documents as bytes: RSS 2.0, Atom and JSON Feed 1.1, each entry rendered once and spliced in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from importlib.resources import files
from typing import Any, Final, TypeAlias

from lxml import etree

from clinic_broadcast.core.feed import FeedDocument, FeedEntry
from clinic_broadcast.feeds.places import STYLE, Form, links_of, path_of, url_of
from clinic_broadcast.feeds.shell import NAMESPACES, clean, entry_element, refuse_unusable, shell_of

DECLARATION: Final = b'<?xml version="1.0" encoding="utf-8"?>\n'
JSON_FEED: Final = "https://jsonfeed.org/version/1.1"
KEPT_MAX: Final = 1365
"""Entries kept in all formats: far more than the live documents and one page hold, and a few megabytes at most."""


SHELLS_MAX: Final = 16
"""Shells kept: those of the documents that every build makes, and no more."""

UNDATED: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""Stands in a shell for the day of the newest change, which is filled in when a document is put together."""

Shell: TypeAlias = tuple[bytes, bytes, bytes]
"""What stands in a document before its date, between that and its entries, and after them."""

Seal: TypeAlias = tuple[str, int | None]
"""What the bytes of an entry are kept under (`FeedEntry.seal`)."""


@dataclass(slots=True)
class Presses:
    """Entries already rendered, by the digest of what they are made of, and those that could not be."""

    shells: dict[tuple[Form, FeedDocument], Shell] = field(
        default_factory=dict[tuple[Form, FeedDocument], Shell]
    )
    kept: dict[Seal, dict[Form, bytes]] = field(default_factory=dict[Seal, dict[Form, bytes]])
    quarantined: dict[str, str] = field(default_factory=dict[str, str])

    def entry(self, entry: FeedEntry, form: Form) -> bytes | None:
        """Give the bytes of one entry; None, and its reason in `quarantined`, when it cannot be written."""
        kept = self.kept.get(entry.seal)
        if kept is not None and form in kept:
            return kept[form]
        try:
            made = _json_item(entry) if form is Form.JSON else _xml_item(entry, form)
        except Exception as error:  # noqa: BLE001  # One entry that no rule foresaw must not stop the feed of all.
            reason = str(error) if type(error) is ValueError else type(error).__name__
            self.quarantined[entry.id] = reason
            return None
        self.kept.setdefault(entry.seal, {})[form] = made
        return made

    def shell(self, document: FeedDocument, form: Form) -> Shell:
        """Give the parts around the entries of a document; those of an archive page are not needed twice."""
        key = (form, replace(document, entries=()))
        found = self.shells.get(key)
        if found is None:
            found = _shell(key[1], form)
            if not document.page:
                if len(self.shells) >= SHELLS_MAX:
                    self.shells.clear()
                self.shells[key] = found
        return found

    def forget(self, live: FeedDocument) -> None:
        """Keep only what the live documents hold, so that no word taken back stays in memory."""
        prints = {entry.print for entry in live.entries}
        self.kept = {seal: made for seal, made in self.kept.items() if seal[0] in prints}
        self.quarantined = {}

    def trim(self) -> None:
        """Forget everything when too much is kept."""
        if len(self.kept) > KEPT_MAX:
            self.kept.clear()


def rss(document: FeedDocument, presses: Presses | None = None) -> bytes:
    """Give the document as RSS 2.0; the same document gives the same bytes."""
    return render(document, Form.RSS, presses or Presses())


def atom(document: FeedDocument, presses: Presses | None = None) -> bytes:
    """Give the document as Atom (RFC 4287); the same document gives the same bytes."""
    return render(document, Form.ATOM, presses or Presses())


def json_feed(document: FeedDocument, presses: Presses | None = None) -> bytes:
    """Give the document as JSON Feed 1.1; the same document gives the same bytes."""
    return render(document, Form.JSON, presses or Presses())


def render(document: FeedDocument, form: Form, presses: Presses) -> bytes:
    """Give the document in one format; entries that cannot be written are left out and told in `presses`."""
    # D10: spliced in their order; feedgen's add_entry would turn it round (its PRs 55 and 70).
    made = (presses.entry(entry, form) for entry in document.entries)
    items = [one for one in made if one is not None]
    presses.trim()
    if form is Form.JSON:
        return _json_document(document, items)
    before, between, after = presses.shell(document, form)
    at = document.updated_at
    date = format_datetime(at) if form is Form.RSS else instant(at)
    return b"".join((before, date.encode(), between, *items, after))


def _shell(document: FeedDocument, form: Form) -> Shell:
    whole = serialised(shell_of(document, form, updated_at=UNDATED), is_page=document.page > 0)
    # With its marks, which no text of a feed can have unescaped, the date is found where it stands alone.
    date = format_datetime(UNDATED) if form is Form.RSS else instant(UNDATED)
    before, _, rest = whole.partition(f">{date}<".encode())
    end = b"</channel>" if form is Form.RSS else b"</feed>"
    between, _, after = rest.rpartition(end)
    return before + b">", b"<" + between.rstrip() + b"\n", end + after


def serialised(tree: Any, *, is_page: bool) -> bytes:  # noqa: ANN401
    """Give a tree as a document that browsers show with our style sheet."""
    body: bytes = etree.tostring(tree, encoding="utf-8", pretty_print=True, xml_declaration=False)
    place = f"../{STYLE}" if is_page else STYLE
    return DECLARATION + f'<?xml-stylesheet type="text/css" href="{place}"?>\n'.encode() + body


def stylesheet() -> bytes:
    """Give the style sheet with which a browser shows a feed as a page."""
    return (files("clinic_broadcast.feeds") / STYLE).read_bytes()


def instant(at: datetime) -> str:
    """Give an instant as RFC 3339 text in UTC without fractions."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _xml_item(entry: FeedEntry, form: Form) -> bytes:
    """Give one entry without a declaration of its own: its names are bound at the root of every document of ours."""
    frame = etree.Element("frame", nsmap=NAMESPACES)
    frame.append(entry_element(entry, form))
    made: bytes = etree.tostring(frame, encoding="utf-8", pretty_print=True, xml_declaration=False)
    return made[made.index(b">") + 1 : made.rindex(b"</frame>")].lstrip(b"\n")


def _json_item(entry: FeedEntry) -> bytes:
    refuse_unusable(entry)
    item: dict[str, object] = {
        "id": entry.id,
        "url": entry.url,
        "title": clean(entry.title),
        "summary": clean(entry.plain),
        "content_html": clean(entry.html),
        "date_published": instant(entry.published_at),
        "date_modified": instant(entry.updated_at),
        "authors": [{"name": clean(entry.author)}],
    }
    if entry.labels:
        item["tags"] = [clean(label) for label in entry.labels]
    return json.dumps(item, ensure_ascii=False).encode()


def _json_document(document: FeedDocument, items: list[bytes]) -> bytes:
    head = document.head
    shell: dict[str, object] = {
        "version": JSON_FEED,
        "title": clean(head.title),
        "home_page_url": head.home_url,
        "description": clean(head.subtitle),
        "language": head.language,
        "authors": [{"name": clean(head.author)}],
    }
    links = {link["rel"]: link["href"] for link in links_of(document, Form.JSON)}
    if "self" in links:
        shell["feed_url"] = url_of(head.base_url, path_of(document.page, Form.JSON))
    if "prev-archive" in links:
        shell["next_url"] = links["prev-archive"]
    if "hub" in links:
        shell["hubs"] = [{"type": "WebSub", "url": hub} for hub in head.hubs]
    opened = json.dumps(shell, ensure_ascii=False).encode()[:-1]
    return b"".join((opened, b', "items": [\n', b",\n".join(items), b"\n]}\n"))
