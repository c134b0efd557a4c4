"""Read one XML feed document (Atom, RSS, RDF) into RawAnswers, entry by entry, failing closed."""

from __future__ import annotations

import calendar
import codecs
import html
import io
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from clinic_broadcast.core.address import absolute_url, is_address, parts_of
from clinic_broadcast.core.answer import AnswerId, Comments, Link, RawAnswer
from clinic_broadcast.errors import SourceError
from clinic_broadcast.sources.markup import html_to_text

KIND_SCHEME: Final = "http://schemas.google.com/g/2005#kind"
KIND_POST: Final = "http://schemas.google.com/blogger/2008/kind#post"

FEED_TYPES: Final = ("application/atom+xml", "application/rss+xml")

_ENTITY: Final = re.compile(rb"<!ENTITY", re.IGNORECASE)
_DECLARED: Final = re.compile(
    rb"[\s\xef\xbb\xbf]*<\?[^>]*?encoding\s*=\s*[\"']\s*([\w.:-]{1,40})", re.IGNORECASE
)
_EBCDIC: Final = "<?xm".encode("cp037")
_PLAIN_ENCODINGS: Final = (
    "ascii",
    "utf-8",
    "utf-16",
    "utf-32",
    "iso8859",
    "cp125",
    "koi8",
    "mac",
    "shift_jis",
    "euc",
    "gb",
    "big5",
)
"""Encodings in which a markup character stands for nothing but itself; UTF-7 or an escape could hide a declaration."""

_ENDS: Final = re.compile(rb"</(?:\w+:)?(?:feed|rss|rdf)\s*>", re.IGNORECASE)
_END_SEEN: Final = 8_192
"""Bytes at the end in which a document closes; caches add comments after it."""

_CUT: Final = re.compile(
    r"(?:\[\s*)?(?:\u2026|\.{3})(?:\s*\])?\s*"
    r"(?:(?:continue|keep) reading\b.{0,200}|read more\b.{0,200}|the post .{0,400})?\Z",
    re.IGNORECASE | re.DOTALL,
)
"""How the beginning of a post ends: WordPress writes dots in square brackets, others dots and "Read more"."""

_MORE: Final = re.compile(r"more(?:-\d+)?", re.ASCII)
"""The fragment by which Blogger and WordPress lead from a jump break to the rest of the post."""

_CUT_SEEN: Final = 500
_TAG: Final = re.compile(r"<[^<>]*>")

_COUNT_DIGITS: Final = 8
"""No answer of a clinic has a hundred million comments."""

Entry = Mapping[str, Any]
"""One entry as feedparser gives it: keys and types depend on the feed, so it stops at this module."""

Reader = Callable[[Entry], "RawAnswer | None"]
"""Reads one entry: None for one that is not positively public; raises SourceError for one that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One parsed feed document: answers in its order, what could not be read, and where the next page is."""

    answers: tuple[RawAnswer, ...]
    faults: tuple[str, ...]
    next_url: str
    entry_count: int


def read_document(body: bytes, *, where: str, reader: Reader, has_content: bool = False) -> Document:
    """Parse a feed document and read its entries; `has_content` where whole posts are never told as summaries.

    A malformed document counts as long as entries come out of it; one that is no feed, that is cut off before its
    end or that declares entities raises SourceError, because nothing may be concluded from it.
    """
    parsed = parse_feed(body, where=where)
    lacks_content = has_content and parsed.entries and not any(one.get("content") for one in parsed.entries)
    if lacks_content or _is_cut_short(parsed.entries):
        raise SourceError(
            f"{where} holds only the beginnings of its posts; have the blog's feed show them whole (WordPress:"
            " Settings, Reading; Blogger: Settings, Site feed), or take its posts from an export"
        )
    answers: list[RawAnswer] = []
    faults: list[str] = []
    for entry in parsed.entries:
        try:
            answer = reader(entry)
        except SourceError as error:
            faults.append(str(error))
            continue
        if answer is not None:
            answers.append(answer)
    links = parsed.feed.get("links", [])
    following = next((link.get("href", "") for link in links if link.get("rel") == "next"), "")
    return Document(
        answers=tuple(answers), faults=tuple(faults), next_url=following, entry_count=len(parsed.entries)
    )


def parse_feed(body: bytes, *, where: str) -> Any:  # noqa: ANN401 - feedparser has no types.
    """Parse XML with feedparser; raises SourceError for what is no feed, cut off, or declares entities."""
    plain = body.replace(b"\x00", b"")
    if _ENTITY.search(plain):
        raise SourceError(f"{where} declares XML entities, which no feed needs; it is not read")
    if not _has_plain_encoding(plain):
        raise SourceError(f"{where} is in an encoding that no blog uses; have it written as UTF-8")
    import feedparser  # noqa: PLC0415 - A start asks no source, and it loads a dozen modules.

    # A file object: bytes or text that happen to name a local file would be opened (measured with 6.0.14).
    try:
        parsed = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    except ValueError:
        # It reads whatever stands as the name of an encoding before it knows that it is one (seen with 6.0.14).
        raise SourceError(
            f"{where} declares an encoding that cannot be read; have it written as UTF-8"
        ) from None
    if not parsed.get("version") and not parsed.entries:
        raise SourceError(f"{where} is not a feed; give the address of the blog's feed")
    if not _ENDS.search(plain[-_END_SEEN:]):
        raise SourceError(f"{where} is cut off before its end; it will be read again")
    return parsed


def _is_cut_short(entries: Iterable[Entry]) -> bool:
    """Say whether a feed holds summaries alone, at least half of them cut: the rest of an answer may turn it round."""
    summaries: list[str] = []
    for entry in entries:
        if entry.get("content"):
            return False
        summaries.append(str(entry.get("summary") or ""))
    ends = (html.unescape(_TAG.sub(" ", one[-4 * _CUT_SEEN :]))[-_CUT_SEEN:].rstrip() for one in summaries)
    cut = sum(_CUT.search(end) is not None for end in ends)
    return cut > 0 and 2 * cut >= len(summaries)


def _leads_to_its_rest(body: str, links: Sequence[Link]) -> bool:
    """Say whether a post ends with a link to what comes after its jump break."""
    if not links or links[-1].end < len(body.rstrip()):
        return False
    return _MORE.fullmatch(parts_of(links[-1].url).fragment) is not None


def _has_plain_encoding(body: bytes) -> bool:
    """Say whether what was looked for in the bytes cannot stand there in another form."""
    if body.startswith(_EBCDIC):
        return False
    declared = _DECLARED.match(body)
    if declared is None:
        return True
    try:
        name = codecs.lookup(declared[1].decode("ascii")).name
    except (LookupError, UnicodeDecodeError):
        return True  # The parser falls back to UTF-8.
    return name.startswith(_PLAIN_ENCODINGS)


def read_entry(entry: Entry, *, needs_link: bool = True) -> RawAnswer:
    """Give the answer of one entry: named fields only, so that places, mail addresses and comments stay outside.

    Raises SourceError for an entry without a public link (feedparser would give its id instead) or without a date.
    """
    entry_id = str(entry.get("id") or "").strip()
    link = public_link(entry)
    named = entry_id or link or "an entry without id and link"
    if needs_link and not link:
        raise SourceError(f"{named[:200]} has no public link; it is left out, as a draft would be")
    published_at = _instant(entry, "published_parsed") or _updated(entry)
    if published_at is None:
        raise SourceError(f"{named[:200]} has no date that can be read; it is left out")
    body, links = _body(entry, link)
    if _leads_to_its_rest(body, links):
        raise SourceError(
            f"{named[:200]} shows only what stands before its jump break, so it is left out; have the blog's feed show"
            " posts in full"
        )
    author = entry.get("author_detail")
    return RawAnswer(
        id=AnswerId(entry_id or link),
        url=link,
        title=_title(entry),
        body=body,
        published_at=published_at,
        updated_at=_updated(entry) or published_at,
        links=links,
        author=str(author.get("name") or "").strip() if isinstance(author, Mapping) else "",
        labels=_labels(entry),
        comments=_comments(entry),
        origin=link or entry_id,
    )


def public_link(entry: Entry) -> str:
    """Give the address of the page for readers, an empty string if the entry names none."""
    for link in entry.get("links") or []:
        href = str(link.get("href") or "").strip()
        is_page = link.get("rel") == "alternate" and str(link.get("type") or "text/html").startswith(
            "text/html"
        )
        if is_page and is_address(href):
            return href
    return ""


def may_be_public(entry: Entry) -> bool:
    """Say whether nothing marks the entry as a draft, a comment or a page: an unknown word counts as a mark."""
    draft = str(entry.get("app_draft") or entry.get("draft") or "no").strip().lower()
    status = str(entry.get("blogger_status") or "LIVE").strip().upper()
    kind = str(entry.get("blogger_type") or "POST").strip().upper()
    kinds = {tag.get("term") for tag in entry.get("tags") or [] if tag.get("scheme") == KIND_SCHEME}
    is_reply = "thr_in-reply-to" in entry or "in-reply-to" in entry
    return draft == "no" and status == "LIVE" and kind == "POST" and kinds <= {KIND_POST} and not is_reply


def _instant(entry: Entry, key: str) -> datetime | None:
    found = entry.get(key)
    if not isinstance(found, time.struct_time):
        return None
    try:
        return datetime.fromtimestamp(calendar.timegm(found), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _updated(entry: Entry) -> datetime | None:
    # Without the test feedparser answers a missing `updated` from `published`, with a warning.
    return _instant(entry, "updated_parsed") if "updated_parsed" in entry else None


def _title(entry: Entry) -> str:
    detail = entry.get("title_detail")
    written = str(entry.get("title") or "")
    if isinstance(detail, Mapping) and "html" in str(detail.get("type")):
        written = html_to_text(written)[0]
    elif re.search(r"&(?:#\d+|#x[0-9a-fA-F]+|amp|quot|apos|lt|gt|nbsp);", written):
        written = html.unescape(written)  # Some blogs escape a plain title twice.
    return " ".join(written.split())


def _body(entry: Entry, link: str) -> tuple[str, tuple[Link, ...]]:
    contents = [one for one in entry.get("content") or [] if one.get("value")]
    detail = entry.get("summary_detail")
    if not contents and isinstance(detail, Mapping):
        contents = [detail]
    for wanted in ("html", "text/plain", ""):
        for one in contents:
            if wanted in str(one.get("type")):
                return _to_text(str(one.get("value") or ""), str(one.get("type")), link)
    return "", ()


def _to_text(value: str, kind: str, base: str) -> tuple[str, tuple[Link, ...]]:
    if kind == "text/plain":
        return value.replace("\r\n", "\n").replace("\r", "\n").strip(), ()
    text, links = html_to_text(value)
    return text, tuple(Link(start=it.start, end=it.end, url=absolute_url(base, it.url)) for it in links)


def _labels(entry: Entry) -> tuple[str, ...]:
    found = (tag for tag in entry.get("tags") or [] if tag.get("scheme") != KIND_SCHEME)
    return tuple(dict.fromkeys(str(tag.get("term") or "").strip() for tag in found if tag.get("term")))


def _comments(entry: Entry) -> Comments | None:
    """Give where the comments stand: RFC 4685 in Atom, as Blogger writes it; three elements in RSS, as WordPress does.

    None unless the entry names a page or a feed of them.
    """
    replies = [one for one in entry.get("links") or [] if one.get("rel") == "replies"]
    counts = [entry.get("slash_comments"), entry.get("thr_total"), *(one.get("thr:count") for one in replies)]
    pages = [entry.get("comments"), *(one.get("href") for one in replies if one.get("type") == "text/html")]
    feeds = {
        "application/rss+xml": _first_address([entry.get("wfw_commentrss")]),
        **{
            str(one.get("type")): _first_address([one.get("href")])
            for one in replies
            if one.get("type") in FEED_TYPES
        },
    }
    url = _first_address(pages)
    feed_type, feed_url = next((pair for pair in feeds.items() if pair[1]), ("", ""))
    if not (url or feed_url):
        return None
    found = (str(one).strip() for one in counts if one is not None)
    count = next(
        (int(one) for one in found if one.isascii() and one.isdigit() and len(one) < _COUNT_DIGITS), None
    )
    return Comments(url=url, feed_url=feed_url, feed_type=feed_type, count=count)


def _first_address(found: Iterable[object]) -> str:
    addresses = (str(one or "").strip() for one in found)
    return next((one for one in addresses if one.startswith(("http://", "https://"))), "")
