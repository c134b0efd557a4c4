"""What a pure function has given is kept under all that it depends on: asked again, nothing is read again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from typing import Final, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

KEPT_MAX: Final = 4_096
"""What is kept of each kind, some hundred bytes apiece; then all is dropped, which only costs time."""


def seal_of(*things: object) -> bytes:
    """Give a digest of frozen dataclasses, text and numbers: the same only for the same."""
    # The text of a frozen dataclass names every field that it has or will have, and quotes every string.
    return hashlib.sha256(repr(things).encode()).digest()


def kept_in(kept: dict[K, V], key: K, make: Callable[[], V]) -> V:
    """Give what is kept under `key`; what is not there yet is made, and kept from now on."""
    found = kept.get(key)
    if found is None:
        found = make()
        if len(kept) >= KEPT_MAX:
            kept.clear()
        kept[key] = found
    return found
