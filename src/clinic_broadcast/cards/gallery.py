"""The gallery: draws cards, and keeps those that went out under public/cards/."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from clinic_broadcast.core.feed import GONE
from clinic_broadcast.core.promo import Card


@dataclass(frozen=True, slots=True)
class CardGallery:
    """The gallery of a home; `public` is its folder for the public."""

    public: Path

    def draw(self, card: Card) -> bytes | None:
        from clinic_broadcast.cards.paint import paint  # noqa: PLC0415  # Pillow loads when a picture is wanted.

        return paint(card)

    def refusal(self, card: Card) -> str:
        from clinic_broadcast.cards.paint import refusal_of  # noqa: PLC0415  # Pillow loads when a picture is wanted.

        return refusal_of(card)

    def show(self, picture: bytes) -> None:
        place = self._place(hashlib.sha256(picture).hexdigest())
        if place.exists():
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        # Readers see the whole picture or none, also after kill -9.
        part = place.with_name(f".{place.name}.{os.getpid()}.part")
        with part.open("wb") as file:
            file.write(picture)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)

    def take_down(self, digest: str) -> None:
        place = self._place(digest)
        if place.exists():
            # The port and a static server then answer 410, which caches and readers keep, and not 404.
            place.with_name(place.name + GONE).touch()
            place.unlink(missing_ok=True)

    def _place(self, digest: str) -> Path:
        return self.public / "cards" / f"{digest}.png"
