"""Compressed copies of a document, made once and the same for the same bytes, so that no request pays for them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

SUFFIXES: Final = {".gz": "gzip", ".br": "br", ".zst": "zstd"}
"""All that may lie beside a document, also those that this installation cannot make: old ones are removed."""

WORTH_BYTES: Final = 256
"""Below this a compressed copy is hardly smaller than the headers that announce it."""


def compressors() -> Mapping[str, Callable[[bytes], bytes]]:
    """Give what this installation can compress with: gzip always, the others where their packages are."""
    made: dict[str, Callable[[bytes], bytes]] = {".gz": _gzip}
    if find_spec("brotli") is not None:
        made[".br"] = import_module("brotli").compress
    if find_spec("zstandard") is not None:
        zstandard: Any = import_module("zstandard")
        made[".zst"] = zstandard.ZstdCompressor(level=19, write_content_size=True).compress
    return made


def _gzip(content: bytes) -> bytes:
    # Without the time of day, which would give other bytes and so another ETag for the same document.
    return gzip.compress(content, compresslevel=9, mtime=0)
