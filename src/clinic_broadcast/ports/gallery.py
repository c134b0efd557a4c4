"""The pictures of cards."""

from __future__ import annotations

from typing import Protocol

from clinic_broadcast.core.promo import Card


class Gallery(Protocol):
    """Draws the pictures of cards, and keeps those that went out where the public may fetch them."""

    def draw(self, card: Card) -> bytes | None:
        """Give the picture of a card, the same bytes for the same words; None when it would not look right."""
        ...

    def refusal(self, card: Card) -> str:
        """Say in words why a card has no picture; empty when it has one."""
        ...

    def show(self, picture: bytes) -> None:
        """Put a picture under public/cards/, named by its sha256; raises OSError when it cannot be written."""
        ...

    def take_down(self, digest: str) -> None:
        """Remove the picture of this sha256 from public/cards/, if it is there."""
        ...
