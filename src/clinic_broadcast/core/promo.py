"""A promo: what would be published on one channel, with the origin of every word of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

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
    """What stands beside the text of a promo: the words of its link's preview, and a picture of words; both gated.

    `picture` is the sha256 of the picture's bytes, empty when there is none; then `alt` says what it shows, word for
    word (`alt_of`). `byline` and `disclaimer` stand on the picture alone.
    """

    title: str
    description: str
    alt: str = ""
    byline: str = ""
    disclaimer: str = ""
    picture: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """Give the words of the picture, from top to bottom: the picture and its alt text are made of these alone."""
        return tuple(one for one in (self.title, self.description, self.byline, self.disclaimer) if one)


def alt_of(card: Card) -> str:
    """Give the alt text of a card's picture: its own words in reading order, each line ended as a sentence."""
    return " ".join(line if line.endswith(_ENDS) else f"{line}." for line in card.lines)


_ENDS: Final = (".", "?", "!", ":", "\u2026", ")", '"', "\u201d", "\u2019")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The exact thing that is sent: frozen at planning, approved by its digest, sent byte for byte."""

    text: str
    link: str
    card: Card | None = None

    def to_json(self) -> str:
        """Give the canonical JSON of the payload: the same payload always gives the same bytes."""
        shape = {"card": _card_shape(self.card), "link": self.link, "text": self.text}
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
        else Card(
            title=str(card["title"]),
            description=str(card["description"]),
            alt=str(card["alt"]),
            **{key: str(card[key]) for key in _OF_PICTURE if key in card},
        ),
    )


_OF_PICTURE: Final = ("byline", "disclaimer", "picture")


def _card_shape(card: Card | None) -> dict[str, str] | None:
    """Give the JSON of a card; without a picture it has the keys that it had before there were any."""
    if card is None:
        return None
    shape = {"title": card.title, "description": card.description, "alt": card.alt}
    of_picture = {"byline": card.byline, "disclaimer": card.disclaimer, "picture": card.picture}
    return {**shape, **of_picture} if card.picture else shape


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
