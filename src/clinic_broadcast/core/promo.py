"""A promo: what would be published on one channel, with the origin of every word of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clinic_broadcast.core.answer import AnswerId


class Origin(StrEnum):
    """Where the words of a fragment stand: a reviewed template, the title, the answer, or the clinic's own settings."""

    TEMPLATE = "template"
    TITLE = "title"
    ANSWER = "answer"
    OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """A run of promo text; for title and answer, `source[start:end]` of that zone is the text exactly."""

    text: str
    origin: Origin
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A link card or picture that goes out with a promo; its words are gated like the text."""

    title: str
    description: str
    alt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The exact thing that is sent: frozen at planning, approved by its digest, sent byte for byte."""

    text: str
    link: str
    card: Card | None = None

    def to_json(self) -> str:
        """Give the canonical JSON of the payload: the same payload always gives the same bytes."""
        card = None
        if self.card is not None:
            card = {"title": self.card.title, "description": self.card.description, "alt": self.card.alt}
        shape = {"card": card, "link": self.link, "text": self.text}
        return json.dumps(shape, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @property
    def revision(self) -> str:
        """Give the sha256 of the canonical JSON: what an approval is bound to."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def payload_from_json(text: str) -> Payload:
    """Read back what `Payload.to_json` wrote; raises KeyError or ValueError on anything else."""
    shape = json.loads(text)
    card = shape["card"]
    return Payload(
        text=str(shape["text"]),
        link=str(shape["link"]),
        card=None
        if card is None
        else Card(title=str(card["title"]), description=str(card["description"]), alt=str(card["alt"])),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Promo:
    """What one channel would get for one answer or hand-written wording, before it is planned.

    `fragments` concatenate to `payload.text` exactly. `wording` is the template's file name, an at sign and
    the digest of its bytes, so that a later edit of the file never changes the history.
    """

    answer_id: AnswerId
    channel: str
    payload: Payload
    fragments: tuple[Fragment, ...]
    length: int
    length_max: int
    wording: str


ANNOUNCE = "announce"
WITHDRAW = "withdraw"
MANUAL = "manual"


def reshare(number: int) -> str:
    """Name the occasion of the `number`-th re-share of an answer, counted from 1."""
    return f"reshare:{number}"


def is_reshare(occasion: str) -> bool:
    """Say whether this is the occasion of a re-share."""
    return occasion.startswith("reshare:")


def is_correction(occasion: str) -> bool:
    """Say whether this is the occasion of a correction."""
    return occasion.startswith("correct:")


def correction(revision: str) -> str:
    """Name the occasion of a correction to the revision whose digest is given."""
    return f"correct:{revision[:12]}"


def delivery_key(clinic: str, answer_id: AnswerId, *, account: str, occasion: str) -> str:
    """Give the stable key of a delivery: one answer, on one account, on one occasion, at most once in public.

    The revision of the answer stays out of it, or an edit would announce again.
    """
    return hashlib.sha256(f"{clinic}\x1f{answer_id}\x1f{account}\x1f{occasion}".encode()).hexdigest()


def created_at_of(planned_at: datetime) -> datetime:
    """Give the instant a network is told the promo was made: whole seconds, the same on every attempt."""
    return planned_at.replace(microsecond=0)
