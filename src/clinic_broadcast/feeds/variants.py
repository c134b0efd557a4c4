"""Compressed copies of a document, made once and the same for the same bytes, so that no request pays for them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping
from typing import Final

import brotli
import zstandard

SUFFIXES: Final = {".gz": "gzip", ".br": "br", ".zst": "zstd"}
"""All that lies beside a document."""

WORTH_BYTES: Final = 256
"""Below this a compressed copy is hardly smaller than the headers that announce it."""

BROTLI_QUALITY: Final = 5
ZSTD_LEVEL: Final = 3
"""The best ones save a tenth of the bytes and cost a hundred times as long: every build compresses what is live."""


def compressors() -> Mapping[str, Callable[[bytes], bytes]]:
    """Give what a document is compressed with, by the ending of the copy."""
    return {".gz": _gzip, ".br": _brotli, ".zst": _zstd}


def unpacked(suffix: str, copy: bytes) -> bytes:
    """Give the document of a copy with this ending; raises ValueError for what is no such copy."""
    try:
        if suffix == ".gz":
            return gzip.decompress(copy)
        if suffix == ".zst":
            return zstandard.ZstdDecompressor().decompress(copy)
        plain: bytes = brotli.decompress(copy)
    except (OSError, EOFError, zlib.error, brotli.error, zstandard.ZstdError):
        raise ValueError(f"no copy of the kind {suffix}") from None
    return plain


def _brotli(content: bytes) -> bytes:
    made: bytes = brotli.compress(content, quality=BROTLI_QUALITY)
    return made


def _zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_content_size=True).compress(content)


def _gzip(content: bytes) -> bytes:
    # Without the time of day, which would give other bytes and so another ETag for the same document.
    return gzip.compress(content, compresslevel=9, mtime=0)
