"""Uploaded pictures: kept by the network, seen by nobody until something that is published carries them."""

import hashlib
from typing import Final

from clinic_broadcast.demo.networks.messages import Json
from clinic_broadcast.demo.networks.store import Store

PNG: Final = b"\x89PNG\r\n\x1a\n"


def is_picture(content: bytes) -> bool:
    """Say whether these bytes begin as a PNG does and name a size."""
    return content.startswith(PNG) and content[12:16] == b"IHDR"


def keep(store: Store, network: str, content: bytes, *, alt: str = "") -> str:
    """Keep an uploaded picture and return the network's id for it."""
    media_id = str(store.next_number(f"{network}.media", 1_000_000_000_000))
    store.put(f"{network}.media", media_id, {"sha256": hashlib.sha256(content).hexdigest(), "alt": alt})
    return media_id


def found(store: Store, network: str, media_id: object) -> Json | None:
    """Return what is kept under an id, or None."""
    kept = store.get(f"{network}.media", str(media_id))
    return dict(kept) if kept is not None else None


def describe(store: Store, network: str, media_id: str, alt: str) -> bool:
    """Give a picture its alt text; False when there is no such picture."""
    kept = found(store, network, media_id)
    if kept is None:
        return False
    store.put(f"{network}.media", media_id, {**kept, "alt": alt})
    return True
