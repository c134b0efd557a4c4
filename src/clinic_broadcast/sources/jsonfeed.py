"""Read a JSON Feed document (1.0 and 1.1) into RawAnswers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from clinic_broadcast.core.address import absolute_url, is_address
from clinic_broadcast.core.answer import AnswerId, Link, RawAnswer
from clinic_broadcast.errors import SourceError
from clinic_broadcast.sources.dates import read_instant
from clinic_broadcast.sources.entries import Document
from clinic_broadcast.sources.markup import html_to_text


def load_json(body: bytes, *, where: str) -> object:
    """Parse JSON; raises SourceError, without a word of it, when it is none."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        raise SourceError(f"{where} is not JSON; give the address of the blog's feed") from None
    return found


def fields_of(value: object) -> Mapping[str, object]:
    """Give a JSON object, or an empty one for anything else."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def items_of(value: object) -> list[object]:
    """Give a JSON list, or an empty one for anything else."""
    return cast("list[object]", value) if isinstance(value, list) else []


def text_of(fields: Mapping[str, object], key: str) -> str:
    """Give a text or a number as text, an empty string for anything else."""
    value = fields.get(key)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value).strip() if isinstance(value, str) or is_number else ""


def read_json_feed(body: bytes, *, where: str) -> Document:
    """Parse a JSON Feed; an item without id, link or date is a fault. Raises SourceError for what is no JSON Feed."""
    feed = fields_of(load_json(body, where=where))
    if "jsonfeed.org/version" not in text_of(feed, "version"):
        raise SourceError(f"{where} is not a JSON Feed; give the address of the blog's feed")
    answers: list[RawAnswer] = []
    faults: list[str] = []
    items = items_of(feed.get("items"))
    for item in items:
        try:
            answers.append(_read_item(fields_of(item)))
        except SourceError as error:
            faults.append(str(error))
    return Document(
        answers=tuple(answers),
        faults=tuple(faults),
        next_url=text_of(feed, "next_url"),
        entry_count=len(items),
    )


def _read_item(item: Mapping[str, object]) -> RawAnswer:
    item_id, url = text_of(item, "id"), text_of(item, "url")
    named = (item_id or url or "an item without id and link")[:200]
    if not is_address(url):
        raise SourceError(f"{named} has no public link; it is left out, as a draft would be")
    published_at = read_instant(text_of(item, "date_published") or text_of(item, "date_modified"))
    if published_at is None:
        raise SourceError(f"{named} has no date that can be read; it is left out")
    html = text_of(item, "content_html")
    body, links = html_to_text(html) if html else (text_of(item, "content_text").replace("\r\n", "\n"), ())
    # 1.0 has one author, 1.1 a list.
    authors = [fields_of(item.get("author")), *map(fields_of, items_of(item.get("authors")))]
    return RawAnswer(
        id=AnswerId(item_id or url),
        url=url,
        title=" ".join(text_of(item, "title").split()),
        body=body,
        published_at=published_at,
        updated_at=read_instant(text_of(item, "date_modified")) or published_at,
        links=tuple(Link(start=it.start, end=it.end, url=absolute_url(url, it.url)) for it in links),
        author=next((text_of(author, "name") for author in authors if text_of(author, "name")), ""),
        labels=tuple(tag for tag in items_of(item.get("tags")) if isinstance(tag, str)),
        origin=url,
    )
