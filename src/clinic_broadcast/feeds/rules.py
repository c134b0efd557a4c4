"""The rules that one feed document must keep, each named by its number in docs/howto/host-the-feeds.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any, Final

from lxml import etree

from clinic_broadcast.feeds.places import Form
from clinic_broadcast.feeds.reading import ATOM, SeenDocument
from clinic_broadcast.feeds.render import JSON_FEED
from clinic_broadcast.feeds.shell import NAMESPACES, TTL_MINUTES, clean

SIZE_MAX_BYTES: Final = 512_000
ENTRIES_MAX: Final = 50
CLOCKS_APART: Final = timedelta(minutes=5)
RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
RFC_822: Final = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
TAGS: Final = re.compile(r"</?[A-Za-z][^<>]*>|&(?:[a-z]+|#\d+);")
MAILBOX: Final = re.compile(r"[^@\s]+@[^@\s]+ \(.+\)")
WEB: Final = re.compile(r"https?://\S+")
STYLE: Final = re.compile(rb'<\?xml-stylesheet type="text/css" href="[^"]+"\?>')
UNSAFE_TAGS: Final = frozenset(
    {"script", "style", "iframe", "object", "embed", "form", "base", "meta", "link"}
)
JSON_KEYS: Final = frozenset(
    {
        "version", "title", "home_page_url", "feed_url", "description", "user_comment", "next_url", "icon", "favicon",
        "authors", "language", "expired", "hubs", "items",
    }
)  # fmt: skip
ITEM_KEYS: Final = frozenset(
    {
        "id", "url", "external_url", "title", "content_html", "content_text", "summary", "image", "banner_image",
        "date_published", "date_modified", "authors", "tags", "language", "attachments",
    }
)  # fmt: skip


def bytes_problems(content: bytes, form: Form, *, is_live: bool) -> Iterator[str]:
    """Give what is wrong with the bytes of a document, whatever it says."""
    text = content.decode("utf-8", errors="replace")
    if "\ufffd" in text or clean(text) != text:
        yield "R2: characters that XML cannot carry, or no UTF-8"
    if is_live and len(content) > SIZE_MAX_BYTES:
        yield f"R23: larger than {SIZE_MAX_BYTES} bytes: some readers give up"
    if form is not Form.JSON and not STYLE.search(content[:400]):
        yield "R38: no style sheet for browsers"
    if b"text/xsl" in content[:1000]:
        yield "R38: XSLT, which browsers are giving up"


def document_problems(seen: SeenDocument, *, written_at: datetime, is_live: bool) -> Iterator[str]:
    """Give what is wrong with a document, the rules of its own format and those of all formats."""
    ids = [one.id for one in seen.entries]
    if not all(one.strip() for one in ids):
        yield "R3: an entry has no id"
    if len(set(ids)) < len(ids):
        yield "R3: two entries share one id"
    if is_live and len(ids) > ENTRIES_MAX:
        yield f"R23: more than {ENTRIES_MAX} entries"
    yield from _date_problems(seen, written_at=written_at, is_live=is_live)
    for one in seen.entries:
        yield from _words_problems(one.id, one.title, one.html)
        if not WEB.fullmatch(one.url):
            yield f"R16: {one.id}: its link is no web address"
        if not one.summary.strip():
            yield f"R15: {one.id}: no summary"
    own = {Form.RSS: _rss_problems, Form.ATOM: _atom_problems, Form.JSON: _json_problems}
    yield from own[seen.form](seen)


def _date_problems(seen: SeenDocument, *, written_at: datetime, is_live: bool) -> Iterator[str]:
    published = [one.published_at for one in seen.entries if one.published_at is not None]
    if is_live and published != sorted(published, reverse=True):
        yield "R22: not newest first"
    updated = [one.updated_at for one in seen.entries if one.updated_at is not None]
    if len(set(updated)) < len(updated):
        yield "R39: two entries share one updated second"
    if seen.form is Form.ATOM and updated and seen.updated_at != max(updated):
        yield "R9: updated of the feed is not that of its newest entry"
    for at in (*published, *updated):
        if at > written_at + CLOCKS_APART:
            yield f"R7: a date in the future: {at.isoformat()}"


def schema_problems(tree: Any) -> Iterator[str]:  # noqa: ANN401
    """Give what the grammar of our Atom documents says against a tree."""
    schema = _schema()
    if not schema.validate(tree):
        for error in list(schema.error_log)[:3]:
            yield f"R10: line {error.line}: {error.message}"


@cache
def _schema() -> Any:  # noqa: ANN401
    return etree.RelaxNG(etree.fromstring((files("clinic_broadcast.feeds") / "atom.rng").read_bytes()))


def _words_problems(entry_id: str, title: str, html: str) -> Iterator[str]:
    if TAGS.search(title):
        yield f"R14: {entry_id}: markup in the title"
    if not html.strip():
        yield f"R15: {entry_id}: no body"
    walker = _Walker()
    walker.feed(html)
    walker.close()
    for problem in dict.fromkeys(walker.problems):
        yield f"{problem.partition(':')[0]}: {entry_id}:{problem.partition(':')[2]}"


class _Walker(HTMLParser):
    """Walks through a body and notes what no feed may carry."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSAFE_TAGS:
            self.problems.append(f"R17: <{tag}> in the body")
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "srcdoc"):
                self.problems.append(f"R17: attribute {name} in the body")
            if name in ("href", "src", "srcset", "poster", "action") and not WEB.fullmatch(
                (value or "").strip()
            ):
                self.problems.append(f"R16: {name} is no absolute web address")


def _rss_problems(seen: SeenDocument) -> Iterator[str]:
    channel = seen.tree.find("channel")
    for name in ("title", "link", "description"):
        if not (channel.findtext(name) or "").strip():
            yield f"R1: the channel has no {name}"
    if seen.home_url in (seen.links.get("hub"), seen.links.get("self")):
        yield "R1: the channel's link is not the site"
    if channel.findtext("ttl") != str(TTL_MINUTES):
        yield f"R21: ttl is not {TTL_MINUTES}"
    if channel.find("skipHours") is not None or channel.find("skipDays") is not None:
        yield "R21: skipHours or skipDays, which readers do not keep"
    if not LANGUAGE.fullmatch(channel.findtext("language") or ""):
        yield "R20: language is no language tag"
    yield from _mail_date_problems("lastBuildDate", channel.findtext("lastBuildDate") or "")
    for item in channel.findall("item"):
        yield from _item_problems(item)


def _item_problems(item: Any) -> Iterator[str]:  # noqa: ANN401
    guid = item.find("guid")
    name = "" if guid is None else guid.text
    if guid is not None and guid.get("isPermaLink") != "false":
        yield f"R3: {name}: the guid does not say isPermaLink=false"
    yield from _mail_date_problems(f"{name}: pubDate", item.findtext("pubDate") or "")
    order = [child.tag for child in item]
    encoded = "{" + NAMESPACES["content"] + "}encoded"
    if encoded in order and ("description" not in order or order.index("description") > order.index(encoded)):
        yield f"R15: {name}: the summary does not stand before the body"
    if not (item.findtext("{" + NAMESPACES["dc"] + "}creator") or "").strip():
        yield f"R18: {name}: no dc:creator"
    author = item.findtext("author")
    if author is not None and not MAILBOX.fullmatch(author):
        yield f"R18: {name}: author is no mailbox with a name"
    yield from _talk_problems(
        name,
        urls=(item.findtext("comments"), item.findtext("{" + NAMESPACES["wfw"] + "}commentRss")),
        counts=(item.findtext("{" + NAMESPACES["slash"] + "}comments"),),
    )


def _atom_problems(seen: SeenDocument) -> Iterator[str]:
    yield from schema_problems(seen.tree)
    if not LANGUAGE.fullmatch(seen.tree.get("{http://www.w3.org/XML/1998/namespace}lang") or ""):
        yield "R20: xml:lang is no language tag"
    for entry in seen.tree.findall(f"{ATOM}entry"):
        name = entry.findtext(f"{ATOM}id")
        links = entry.findall(f"{ATOM}link")
        if any(not link.get("rel") or not link.get("type") for link in links):
            yield f"R11: {name}: a link without rel or type"
        for date in ("updated", "published"):
            if not RFC_3339.fullmatch(entry.findtext(f"{ATOM}{date}") or ""):
                yield f"R6: {name}: {date} is not an RFC 3339 date in UTC"
        replies = [link for link in links if link.get("rel") == "replies"]
        counts = [link.get("{" + NAMESPACES["thr"] + "}count") for link in replies]
        yield from _talk_problems(name, urls=[link.get("href") for link in replies], counts=counts)


def _json_problems(seen: SeenDocument) -> Iterator[str]:
    feed = seen.tree
    if feed.get("version") != JSON_FEED:
        yield f"R30: version is not {JSON_FEED}"
    if not str(feed.get("title", "")).strip() or not WEB.fullmatch(seen.home_url):
        yield "R30: no title or no home_page_url"
    yield from _key_problems(feed, JSON_KEYS)
    if not LANGUAGE.fullmatch(str(feed.get("language", ""))):
        yield "R20: language is no language tag"
    for key in ("feed_url", "next_url"):
        if key in feed and not WEB.fullmatch(str(feed[key])):
            yield f"R30: {key} is no absolute address"
    if "next_url" in feed and feed.get("next_url") == feed.get("feed_url"):
        yield "R30: next_url leads back to the feed"
    for item in feed["items"]:
        if isinstance(item, dict) and isinstance(item.get("id"), str):
            yield from _json_item_problems(item["id"], item)
        else:
            yield "R30: an item without a text for its id"


def _json_item_problems(name: str, item: dict[str, Any]) -> Iterator[str]:
    yield from _key_problems(item, ITEM_KEYS)
    for key in ("date_published", "date_modified"):
        if not RFC_3339.fullmatch(str(item.get(key, ""))):
            yield f"R6: {name}: {key} is not an RFC 3339 date in UTC"
    if not all(isinstance(one, dict) and one.get("name") for one in item.get("authors", ())):
        yield f"R30: {name}: an author without a name"
    if not all(isinstance(one, str) for one in item.get("tags", ())):
        yield f"R30: {name}: a tag that is no text"


def _key_problems(row: dict[str, Any], known: frozenset[str]) -> Iterator[str]:
    odd = [
        key for key in row if key not in known and not (key.startswith("_") and isinstance(row[key], dict))
    ]
    if odd:
        yield f"R30: keys that JSON Feed 1.1 does not know: {', '.join(odd)}"


def _mail_date_problems(name: str, text: str) -> Iterator[str]:
    if not RFC_822.fullmatch(text):
        yield f"R5: {name} is not an RFC 822 date with a four-digit year and a numeric zone"
    elif DAYS[parsedate_to_datetime(text).weekday()] != text[:3]:
        yield f"R5: {name} names the wrong day of the week"


def _talk_problems(
    name: str | None, *, urls: Iterable[str | None], counts: Iterable[str | None]
) -> Iterator[str]:
    if not all(one is None or WEB.fullmatch(one) for one in urls):
        yield f"R19: {name}: comments are no address"
    if not all(one is None or one.isdigit() for one in counts):
        yield f"R19: {name}: the count of comments is no number"
