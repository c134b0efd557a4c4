"""Pictures of cards: drawn and examined with the draft, frozen by their digest, and drawn again when they are sent."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from dataclasses import replace

from clinic_broadcast.core.compose import CARD_KINDS
from clinic_broadcast.core.delivery import Delivery
from clinic_broadcast.core.gate import examine_card
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.promo import Card, Payload, alt_of
from clinic_broadcast.core.sentences import weighs
from clinic_broadcast.run.desk import Desk

NO_LINK = "its text does not carry the link, which a picture would push aside"


def illustrated(desk: Desk, payload: Payload, material: Material, *, kind: str) -> tuple[Payload, str]:
    """Give the payload with the picture of its card drawn, or without one and the reason why it cannot have a good one.

    No picture: a word of it is held by the gate, it does not fit, a character has no glyph, or the text does not
    carry the link that a picture would push aside.
    """
    card = payload.card
    if card is None or desk.gallery is None:
        return payload, ""
    keeps_link = kind in CARD_KINDS or not payload.link or payload.link in payload.text
    card = replace(card, alt=alt_of(card))
    held = sorted({one.rule for one in examine_card(desk.gate, card, taint=material.taint) if weighs(one)})
    why = f"the gate holds its words: {', '.join(held)}" if held else "" if keeps_link else NO_LINK
    picture = None if why else desk.gallery.draw(card)
    if picture is not None:
        return replace(payload, card=replace(card, picture=_digest(picture))), ""
    plain = Card(title=card.title, description=card.description) if kind in CARD_KINDS else None
    return replace(payload, card=plain), why or desk.gallery.refusal(card)


def redrawn(desk: Desk, payload: Payload) -> Payload:
    """Give the payload as this version draws it: another one when the picture would not be the one approved."""
    card = payload.card
    if card is None or not card.picture:
        return payload
    picture = desk.gallery.draw(card) if desk.gallery is not None else None
    if picture is None:
        return replace(payload, card=Card(title=card.title, description=card.description))
    return replace(payload, card=replace(card, picture=_digest(picture)))


def picture_of(desk: Desk, payload: Payload) -> bytes:
    """Give the bytes of the payload's picture, exactly those that its digest names; empty when there are none."""
    card = payload.card
    if card is None or not card.picture or desk.gallery is None:
        return b""
    picture = desk.gallery.draw(card)
    return picture if picture is not None and _digest(picture) == card.picture else b""


def show_picture(desk: Desk, delivery: Delivery) -> None:
    """Put the picture of what has been sent under public/."""
    picture = picture_of(desk, delivery.payload)
    if picture and desk.gallery is not None:
        # What was sent is sent: a full disk must not make it look otherwise, and the next one tries again.
        with contextlib.suppress(OSError):
            desk.gallery.show(picture)


def take_down_pictures(desk: Desk, deliveries: Iterable[Delivery]) -> None:
    """Remove the pictures of these deliveries from public/; raises OSError when one cannot be removed."""
    for one in deliveries:
        card = one.payload.card
        if desk.gallery is not None and card is not None and card.picture:
            desk.gallery.take_down(card.picture)


def _digest(picture: bytes) -> str:
    return hashlib.sha256(picture).hexdigest()
