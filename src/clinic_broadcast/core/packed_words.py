"""Big sorted word lists kept as one block of bytes, unpacked when the first word is asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Final, NamedTuple

_STEP: Final = 4096
"""Bytes between two keys of a packed list: a look-up scans about this much, in about a microsecond."""


class _Packed(NamedTuple):
    block: bytes
    keys: tuple[bytes, ...]
    starts: tuple[int, ...]


class PackedWords:
    """A sorted list kept as one block of UTF-8: a tenth of a set's memory, look-ups of a microsecond.

    Make it with `pack` or `pack_late`. A line is a word, or a word, a tab and a count.
    """

    __slots__ = ("_packed", "_text")

    def __init__(self, text: Callable[[], bytes]) -> None:
        self._text = text
        self._packed: _Packed | None = None

    @property
    def block(self) -> bytes:
        """Give all lines, each between two newlines."""
        return self._unpacked().block

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self._line(word)[0] >= 0

    def __len__(self) -> int:
        return self.block.count(b"\n") - 1

    def __repr__(self) -> str:
        return f"PackedWords({len(self)} words)"

    def count(self, word: str) -> int:
        """Give the count that stands with the word; 0 if the word or its count is missing."""
        at, end = self._line(word)
        block = self.block
        if at < 0 or block[end : end + 1] != b"\t":
            return 0
        return int(block[end + 1 : block.index(b"\n", end)])

    def _line(self, word: str) -> tuple[int, int]:
        """Give the offset of the newline before the word's line, or -1, and where the word ends."""
        key = word.encode()
        if not key or b"\n" in key or b"\t" in key:
            return -1, 0
        block, keys, starts = self._unpacked()
        nth = bisect_right(keys, key) - 1
        if nth < 0:
            return -1, 0
        at = block.find(b"\n" + key, starts[nth], starts[nth + 1] + 1)
        end = at + 1 + len(key)
        # The lines are sorted, and no word has a byte below the tab: the word itself stands before its longer kin.
        return (at, end) if at >= 0 and block[end : end + 1] in (b"\n", b"\t") else (-1, 0)

    def _unpacked(self) -> _Packed:
        # In this order: a thread that finds the text gone finds what another one has made of it.
        text, packed = self._text, self._packed
        if packed is None:
            packed = self._packed = _index(text())
            self._text = bytes
        return packed


def pack(text: bytes) -> PackedWords:
    """Make a packed list of lines sorted by their bytes; lines that begin with `#` must be gone already."""
    return PackedWords(lambda: text)


def pack_late(text: Callable[[], bytes]) -> PackedWords:
    """Make a packed list whose text is asked for with the first word; it must be the same whenever it is asked for."""
    return PackedWords(text)


def _index(text: bytes) -> _Packed:
    lines = text.strip(b"\n")
    block = b"\n" + lines + b"\n" if lines else b"\n"
    keys: list[bytes] = []
    starts: list[int] = []
    at = 0
    while at < len(block) - 1:
        end = block.index(b"\n", at + 1)
        keys.append(block[at + 1 : end].partition(b"\t")[0])
        starts.append(at)
        at = block.find(b"\n", min(at + _STEP, len(block) - 1))
    starts.append(len(block) - 1)
    return _Packed(block, tuple(keys), tuple(starts))
