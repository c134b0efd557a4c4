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
GZIP_LEVEL: Final = 6
"""The best ones save a tenth of the bytes and cost a hundred times as long: every build compresses what is live."""

BROTLI_WINDOWS: Final = (16, 22)
"""Powers of two: brotli's window holds the whole document and no more, for a larger one is cleared at each use."""


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
    least, most = BROTLI_WINDOWS
    window = min(max(least, len(content).bit_length()), most)
    made: bytes = brotli.compress(content, quality=BROTLI_QUALITY, lgwin=window)
    return made


def _zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_content_size=True).compress(content)


def _gzip(content: bytes) -> bytes:
    # Without the time of day, which would give other bytes and so another ETag for the same document.
    return gzip.compress(content, compresslevel=GZIP_LEVEL, mtime=0)
