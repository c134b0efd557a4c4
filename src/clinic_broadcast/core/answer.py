"""An answer as the blog shows it: what a source delivers, and the same with its zones told apart."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

AnswerId = NewType("AnswerId", str)
"""The source's own id of an answer; it never changes and is published as the id of the feed entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A hyperlink of the body: the run of text it covers, and where it leads."""

    start: int
    end: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comments:
    """Where the public comments under an answer stand, as far as its source tells: page, feed, and how many.

    `count` is None where the source names a place and no number. No word of a comment is ever read.
    """

    url: str = ""
    feed_url: str = ""
    feed_type: str = ""
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAnswer:
    """One page of a source before its zones are told apart.

    `body` is plain text: blocks are separated by a blank line, `<br>` is a newline, and `links` are offsets
    into it. `published_at` and `updated_at` are aware UTC instants.
    """

    id: AnswerId
    url: str
    title: str
    body: str
    published_at: datetime
    updated_at: datetime
    links: tuple[Link, ...] = ()
    author: str = ""
    labels: tuple[str, ...] = ()
    comments: Comments | None = None
    origin: str = ""
    """Where a person finds it: a file name or an address, for messages only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zones:
    """The parts of an answer; several pieces of one zone are joined by a blank line.

    Only `title` and `answer` may feed a promo. `furniture` is what the blog itself adds ("Post a Comment").
    `doubt` is empty when the zones are certain, else it says why a person must look.
    """

    title: str
    question: str
    greeting: str
    answer: str
    signature: str
    furniture: str = ""
    doubt: str = ""
    links: tuple[Link, ...] = ()
    """The hyperlinks that lie in `answer` or `signature`, offsets into `answer`, or -1 in the signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question and answer as the blog shows it at one moment, zones told apart."""

    id: AnswerId
    url: str
    zones: Zones
    published_at: datetime
    updated_at: datetime
    author: str = ""
    labels: tuple[str, ...] = ()
    comments: Comments | None = None

    @property
    def revision(self) -> str:
        """Give the digest of the answer's words: it changes when they do, and never with a date."""
        return revision_of(self.zones)


def revision_of(zones: Zones) -> str:
    """Give the sha256 of title, question, greeting, answer and signature, white space and form folded."""
    parts = (zones.title, zones.question, zones.greeting, zones.answer, zones.signature)
    folded = "\x1f".join(" ".join(unicodedata.normalize("NFC", part).split()) for part in parts)
    return hashlib.sha256(folded.encode()).hexdigest()


class Standing(StrEnum):
    """What an answer is to us: known before we came, new since, or taken back."""

    BASELINE = "baseline"
    FRESH = "fresh"
    WITHDRAWN = "withdrawn"
