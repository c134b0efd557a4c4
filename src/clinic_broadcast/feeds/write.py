"""Files that readers fetch while we write them: replaced whole or not at all, and only when their bytes change."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from clinic_broadcast.feeds.variants import SUFFIXES, WORTH_BYTES


def write_atomically(path: Path, content: bytes) -> bool:
    """Put these bytes in place so that a reader sees the old file or the new one, also after kill -9.

    Gives False, and touches nothing, when the file holds them already. The file is durable on return. Its time of
    change grows by a second at least: servers that build an ETag from time and length would else hide a correction
    of equal length. Raises OSError when the disk is full or the folder cannot be written; the old file then stands.
    """
    if _holds(path, content):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, content)
    sync_folder(path.parent)
    return True


def write_document(path: Path, content: bytes, compressors: Mapping[str, Callable[[bytes], bytes]]) -> bool:
    """Put a document and its compressed copies in place; False when all of them stand already.

    The old copies go before the new document comes: a static server would else give old words to those readers
    that accept compressed ones. The caller makes the folder durable (`sync_folder`). Raises OSError.
    """
    wanted = tuple(compressors) if len(content) >= WORTH_BYTES else ()
    is_new = not _holds(path, content)
    if is_new:
        path.parent.mkdir(parents=True, exist_ok=True)
        for suffix in SUFFIXES:
            beside(path, suffix).unlink(missing_ok=True)
        _replace(path, content)
    missing = [suffix for suffix in wanted if not beside(path, suffix).exists()]
    changed_at = path.stat().st_mtime_ns if missing else 0
    for suffix in missing:
        copy = beside(path, suffix)
        _replace(copy, compressors[suffix](content))
        os.utime(copy, ns=(changed_at, changed_at))
    return is_new or bool(missing)


def would_change(path: Path, content: bytes) -> bool:
    """Say whether writing these bytes would change the file."""
    return not _holds(path, content)


def remove_document(path: Path) -> None:
    """Remove a document and its compressed copies, those first."""
    for suffix in SUFFIXES:
        beside(path, suffix).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def sweep_parts(folder: Path) -> int:
    """Remove what a killed writer left behind, and give how many files that were."""
    left = list(folder.glob(".*.part")) if folder.is_dir() else []
    for part in left:
        part.unlink(missing_ok=True)
    return len(left)


def sweep_copies(folder: Path) -> int:
    """Remove compressed copies whose document is gone, and give how many that were."""
    left = [
        copy for suffix in SUFFIXES for copy in folder.glob(f"*{suffix}") if not copy.with_suffix("").exists()
    ]
    for copy in left:
        copy.unlink(missing_ok=True)
    return len(left)


def beside(path: Path, suffix: str) -> Path:
    """Give the place of a compressed copy."""
    return path.with_name(path.name + suffix)


def sync_folder(folder: Path) -> None:
    """Make renames durable; POSIX keeps names in the folder, not in the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            _grow_older(file.fileno(), path)
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _grow_older(descriptor: int, path: Path) -> None:
    """Give the new file a time of change at least a whole second after that of the one it replaces."""
    try:
        before = path.stat().st_mtime_ns // 1_000_000_000
    except FileNotFoundError:
        return
    if os.fstat(descriptor).st_mtime_ns // 1_000_000_000 <= before:
        at = (before + 1) * 1_000_000_000
        os.utime(descriptor, ns=(at, at))


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False
