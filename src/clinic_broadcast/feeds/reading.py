"""One view of a feed document whatever its format, for the rules that hold for all of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from lxml import etree

from clinic_broadcast.feeds.places import Form
from clinic_broadcast.feeds.shell import NAMESPACES

ATOM: Final = "{" + NAMESPACES["atom"] + "}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEntry:
    """One entry as a reader sees it; instants are None where they cannot be read."""

    id: str
    url: str
    title: str
    summary: str
    html: str
    published_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDocument:
    """One document as a reader sees it: `links` by relation, and the parsed tree or object for rules of its form."""

    form: Form
    home_url: str
    updated_at: datetime | None
    links: dict[str, str]
    entries: tuple[SeenEntry, ...]
    tree: Any


def parse_xml(content: bytes) -> Any:  # noqa: ANN401  # lxml's elements have no types here.
    """Give the tree of a document; raises lxml's XMLSyntaxError. No entity and no address is ever followed."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    return etree.fromstring(content, parser)


def see(content: bytes, form: Form) -> SeenDocument:
    """Give a document as readers see it; raises ValueError when it is not what its name says."""
    if form is Form.JSON:
        return _see_json(json.loads(content.decode("utf-8")))
    try:
        tree = parse_xml(content)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"not well-formed XML, line {error.lineno}") from None
    return _see_rss(tree) if form is Form.RSS else _see_atom(tree)


def moment(text: str) -> datetime | None:
    """Give the instant of an RFC 3339 text; None when it is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _see_rss(tree: Any) -> SeenDocument:  # noqa: ANN401
    channel = tree.find("channel")
    if tree.tag != "rss" or channel is None:
        raise ValueError("no channel")
    return SeenDocument(
        form=Form.RSS,
        home_url=channel.findtext("link") or "",
        updated_at=_mail_date(channel.findtext("lastBuildDate")),
        links={link.get("rel", ""): link.get("href", "") for link in channel.findall(f"{ATOM}link")},
        entries=tuple(
            SeenEntry(
                id=item.findtext("guid") or "",
                url=item.findtext("link") or "",
                title=item.findtext("title") or "",
                summary=item.findtext("description") or "",
                html=item.findtext("{" + NAMESPACES["content"] + "}encoded") or "",
                published_at=_mail_date(item.findtext("pubDate")),
                updated_at=None,
            )
            for item in channel.findall("item")
        ),
        tree=tree,
    )


def _see_atom(tree: Any) -> SeenDocument:  # noqa: ANN401
    if tree.tag != f"{ATOM}feed":
        raise ValueError("no feed")
    return SeenDocument(
        form=Form.ATOM,
        home_url=_alternate(tree),
        updated_at=moment(tree.findtext(f"{ATOM}updated") or ""),
        links={link.get("rel", ""): link.get("href", "") for link in tree.findall(f"{ATOM}link")},
        entries=tuple(
            SeenEntry(
                id=entry.findtext(f"{ATOM}id") or "",
                url=_alternate(entry),
                title=entry.findtext(f"{ATOM}title") or "",
                summary=entry.findtext(f"{ATOM}summary") or "",
                html=entry.findtext(f"{ATOM}content") or "",
                published_at=moment(entry.findtext(f"{ATOM}published") or ""),
                updated_at=moment(entry.findtext(f"{ATOM}updated") or ""),
            )
            for entry in tree.findall(f"{ATOM}entry")
        ),
        tree=tree,
    )


def _see_json(feed: Any) -> SeenDocument:  # noqa: ANN401  # JSON comes in.
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise ValueError("no JSON feed")  # noqa: TRY004  # A document is what is wrong, not a call.
    hubs = feed.get("hubs")
    links = {
        "self": feed.get("feed_url"),
        "prev-archive": feed.get("next_url"),
        # Of several the last one, as the XML formats are read.
        "hub": hubs and hubs[-1].get("url"),
    }
    items = [item for item in feed["items"] if isinstance(item, dict)]
    entries = tuple(
        SeenEntry(
            id=str(item.get("id", "")),
            url=str(item.get("url", "")),
            title=str(item.get("title", "")),
            summary=str(item.get("summary", "")),
            html=str(item.get("content_html", "")),
            published_at=moment(str(item.get("date_published", ""))),
            updated_at=moment(str(item.get("date_modified", ""))),
        )
        for item in items
    )
    return SeenDocument(
        form=Form.JSON,
        home_url=str(feed.get("home_page_url", "")),
        updated_at=None,
        links={rel: str(href) for rel, href in links.items() if href},
        entries=entries,
        tree=feed,
    )


def _alternate(node: Any) -> str:  # noqa: ANN401
    link = node.find(f"{ATOM}link[@rel='alternate']")
    return "" if link is None else str(link.get("href", ""))


def _mail_date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text or "").astimezone(UTC)
    except ValueError:
        return None
