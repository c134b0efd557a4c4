"""What a pure function has given is kept under all that it depends on: asked again, nothing is read again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from typing import Any, Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Once(Generic[V]):
    """A property that an object works out when it is first asked, and keeps.

    `functools.cached_property` does the same and takes a lock for it in Python 3.11, which a page pays forty times.
    """

    def __init__(self, make: Callable[[Any], V]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, of: object, owner: type[object] | None = None) -> V:
        found = of.__dict__[self._name] = self._make(of)
        return found


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
