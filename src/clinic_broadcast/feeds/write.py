"""Files that readers fetch while we write them: replaced whole or not at all, and only when their bytes change."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, TypeAlias

from clinic_broadcast.core.feed import GONE
from clinic_broadcast.feeds.variants import SUFFIXES, WORTH_BYTES

OPEN_MAX: Final = 64
"""Files written before they are waited for together: a fourth of what the meanest system lets a process hold open."""

SECOND_NS: Final = 1_000_000_000

Compressors: TypeAlias = Mapping[str, Callable[[bytes], bytes]]

Dated: TypeAlias = tuple[Path, bytes, int]
"""A file to be written: its place, its bytes, and its time of change in nanoseconds."""


def write_atomically(path: Path, content: bytes) -> bool:
    """Put these bytes in place so that a reader sees the old file or the new one, also after kill -9.

    Gives False, and touches nothing, when the file holds them already. The file is durable on return. Its time of
    change grows by a second at least: servers that build an ETag from time and length would else hide a correction
    of equal length. Raises OSError when the disk is full or the folder cannot be written; the old file then stands.
    """
    if holds(path, content):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    for place, part in _drafts([(path, content, _next_time_ns(path))]):
        os.replace(part, place)  # noqa: PTH105  # As below.
    sync(path.parent)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What has to be written for one document: itself where `is_new`, and the copies with these endings."""

    path: Path
    content: bytes
    is_new: bool
    suffixes: tuple[str, ...]


def changes_of(documents: Iterable[tuple[Path, bytes]], compressors: Compressors) -> list[Change]:
    """Give what has to be written so that these documents and their compressed copies stand; reads only."""
    found: list[Change] = []
    for path, content in documents:
        is_new = not holds(path, content)
        suffixes = tuple(compressors) if len(content) >= WORTH_BYTES else ()
        if not is_new and suffixes:
            # Both are written with one time of change.
            at_ns = path.stat().st_mtime_ns
            suffixes = tuple(one for one in suffixes if _time_ns_of(f"{path}{one}") != at_ns)
        if is_new or suffixes:
            found.append(Change(path=path, content=content, is_new=is_new, suffixes=suffixes))
    return found


def write_changes(changes: Sequence[Change], compressors: Compressors, *, logs: Sequence[Path] = ()) -> None:
    """Put documents and their compressed copies in place, in this order.

    Everything is durable beside its place before the first document is put there, and so are `logs`, files to which
    the caller has added lines. Copies go before their document: a static server would else give old words to readers
    that accept compressed ones. The names are durable on return. Raises OSError; before the first document was put
    in place, all old ones still stand.
    """
    for folder in {one.path.parent for one in changes}:
        folder.mkdir(parents=True, exist_ok=True)
    drafts = _drafts(_files_of(changes, compressors), logs=logs)
    for one in changes:
        for suffix in SUFFIXES:
            if suffix not in one.suffixes and one.is_new:
                beside(one.path, suffix).unlink(missing_ok=True)
    for place, part in drafts:
        os.replace(part, place)  # noqa: PTH105  # A path object costs as much as the call.
    for folder in dict.fromkeys(one.path.parent for one in changes):
        sync(folder)


def holds(path: Path, content: bytes) -> bool:
    """Say whether the file has these very bytes."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def remove_document(path: Path) -> None:
    """Remove a document and its compressed copies, those first; what is left says that it was there."""
    beside(path, GONE).touch()
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


def sync(place: Path) -> None:
    """Make a file's bytes durable, or a folder's renames: POSIX keeps names in the folder, not in the file."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files_of(changes: Sequence[Change], compressors: Compressors) -> Iterator[Dated]:
    """Give the files of these changes one by one, the copies of a document before it, compressed as they are taken."""
    for one in changes:
        path, content = one.path, one.content
        at_ns = _next_time_ns(path) if one.is_new else path.stat().st_mtime_ns
        for suffix in one.suffixes:
            yield beside(path, suffix), compressors[suffix](content), at_ns
        if one.is_new:
            yield path, content, at_ns


def _drafts(files: Iterable[Dated], *, logs: Sequence[Path] = ()) -> list[tuple[Path, str]]:
    """Write files beside their places, durable and dated, and give each place with what waits for it.

    Raises OSError; nothing is then left beside any place.
    """
    # All are written before the first is waited for: the file system then makes them durable together, which costs less
    # of the processor and of time than threads that wait side by side (ADR 27).
    drafts: list[tuple[Path, str]] = []
    waiting = iter(files)
    try:
        while _draft_some(waiting, drafts):
            pass
        for log in logs:
            sync(log)
    except BaseException:
        for _, part in drafts:
            Path(part).unlink(missing_ok=True)
        raise
    return drafts


def _draft_some(files: Iterator[Dated], drafts: list[tuple[Path, str]]) -> int:
    """Write the next files and wait for them; they are added to `drafts`, and how many there were is given."""
    held: list[int] = []
    try:
        for place, content, at_ns in islice(files, OPEN_MAX):
            # One build of a home runs at a time, and a name that a killed one left is not taken again.
            part = f"{place.parent}/.{place.name}.{secrets.token_hex(4)}.part"
            held.append(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            drafts.append((place, part))
            _fill(held[-1], content, at_ns)
        if hasattr(os, "posix_fadvise"):
            for descriptor in held:
                # Linux begins to write what is said not to be needed in memory, and keeps it there all the same.
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        for descriptor in held:
            os.fsync(descriptor)
    finally:
        for descriptor in held:
            os.close(descriptor)
    return len(held)


def _fill(descriptor: int, content: bytes, at_ns: int) -> None:
    waiting = memoryview(content)
    while waiting:
        waiting = waiting[os.write(descriptor, waiting) :]
    os.fchmod(descriptor, 0o644)
    os.utime(descriptor, ns=(at_ns, at_ns))


def _time_ns_of(place: str) -> int | None:
    try:
        return os.stat(place).st_mtime_ns  # noqa: PTH116  # A build asks two dozen times, and changes three files.
    except FileNotFoundError:
        return None


def _next_time_ns(path: Path) -> int:
    """Give the time of change of what comes next: now, but at least a whole second after that of what stands."""
    now = time.time_ns()
    try:
        before = path.stat().st_mtime_ns // SECOND_NS
    except FileNotFoundError:
        return now
    return max(now, (before + 1) * SECOND_NS)
