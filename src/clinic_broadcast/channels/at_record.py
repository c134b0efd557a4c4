"""What is written to Bluesky for a promo: the same key and the same bytes on every attempt."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime
from typing import Any, Final

from clinic_broadcast.core.promo import Payload, created_at_of

COLLECTION: Final = "app.bsky.feed.post"
TID_LENGTH: Final = 13
_ALPHABET: Final = "234567abcdefghijklmnopqrstuvwxyz"
_URL: Final = re.compile(r"https?://[^\s<>\"]+")
_TAG: Final = re.compile(r"(?<![\w#&/])#(\w*[^\W\d_]\w*)")
_TRAILING: Final = ".,;:!?'\"»\u201d\u2019"
_TAG_MAX: Final = 64
"""The lexicon app.bsky.richtext.facet: a tag has at most 64 graphemes."""


def tid(planned_at: datetime, key: str) -> str:
    """Give the record key of a delivery: its planned second, with 30 bits of its key below (atproto.com, TID).

    A TID is 53 bits of microseconds and 10 bits of a clock's id; any other shape is refused by the server.
    """
    micros = int(created_at_of(planned_at).timestamp()) * 1_000_000 + int(key[:5], 16) % 1_000_000
    number = micros << 10 | int(key[5:8], 16) & 0x3FF
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(TID_LENGTH - 1, -1, -1))


def record_of(payload: Payload, planned_at: datetime, picture: bytes = b"") -> dict[str, Any]:
    """Give the record of a promo: text, frozen creation time, facets for links and tags, and the card if any.

    A picture stands in the card by its content address, so the record is the same whenever it was uploaded. A post
    has room for one embed: the card keeps the link, and its title and description say what the picture shows.
    """
    record: dict[str, Any] = {
        "$type": COLLECTION,
        "text": payload.text,
        "createdAt": created_at_of(planned_at).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if facets := facets_of(payload.text):
        record["facets"] = facets
    if payload.card is not None and payload.link:
        external: dict[str, Any] = {
            "uri": payload.link,
            "title": payload.card.title,
            "description": payload.card.description,
        }
        if picture:
            external["thumb"] = blob_of(picture)
        record["embed"] = {"$type": "app.bsky.embed.external", "external": external}
    return record


def blob_of(picture: bytes) -> dict[str, Any]:
    """Give the reference to an uploaded PNG: its CID (version 1, raw, sha2-256) and its size."""
    address = b"\x01\x55\x12\x20" + hashlib.sha256(picture).digest()
    link = "b" + base64.b32encode(address).decode().lower().rstrip("=")
    return {"$type": "blob", "ref": {"$link": link}, "mimeType": "image/png", "size": len(picture)}


def facets_of(text: str) -> list[dict[str, Any]]:
    """Give a facet for every link and hashtag of the text; its offsets count UTF-8 bytes.

    Without a facet a link is plain text. The server does not check offsets, so they are made from the text alone.
    """
    found: list[tuple[int, int, dict[str, str]]] = []
    for match in _URL.finditer(text):
        url = _without_trailing(match.group())
        feature = {"$type": "app.bsky.richtext.facet#link", "uri": url}
        found.append((match.start(), match.start() + len(url), feature))
    links = [(start, end) for start, end, _ in found]
    for match in _TAG.finditer(text):
        inside = any(start <= match.start() < end for start, end in links)
        if not inside and len(match.group(1)) <= _TAG_MAX:
            found.append((*match.span(), {"$type": "app.bsky.richtext.facet#tag", "tag": match.group(1)}))
    return [
        {"index": {"byteStart": _bytes(text[:start]), "byteEnd": _bytes(text[:end])}, "features": [feature]}
        for start, end, feature in sorted(found, key=lambda one: one[0])
    ]


def _bytes(text: str) -> int:
    return len(text.encode())


def _without_trailing(url: str) -> str:
    """Leave out punctuation that ends the sentence, and a closing bracket that was opened before the link."""
    while url:
        unopened = url.endswith(")") and url.count(")") > url.count("(")
        if not unopened and url[-1] not in _TRAILING:
            return url
        url = url[:-1]
    return url
