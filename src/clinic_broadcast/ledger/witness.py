"""Two small files beside the database for what an old copy of it cannot know: its end, and what was withdrawn."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ledger.database import DIRECTORY_MODE, FILE_MODE
from clinic_broadcast.ledger.files import sync
from clinic_broadcast.ports import Head

HALF_BYTES: Final = 4096
"""A disk may spoil the whole block that it was writing as the power went, and this is the largest there is."""

WORDS_MAX: Final = 300
"""What stands in a half is shorter than this; the rest of its block is blank."""

_wait_for_disk: Final = getattr(os, "fdatasync", os.fsync)
"""The size of the file never changes, and on some systems it is cheaper not to wait for its times."""

DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Half:
    """One half of the file: a head, and the turn in which it was written; the higher turn is the later one."""

    turn: int
    head: Head

    @property
    def place(self) -> int:
        """Give the offset of the half that this turn writes: never the one that holds what was written before."""
        return self.turn % 2 * HALF_BYTES

    def words(self) -> str:
        """Give the half as it is written, with a check by which half a write is known."""
        shape = {"turn": self.turn, "number": self.head.number, "hash": self.head.hash}
        return json.dumps({**shape, "check": self._check()}).ljust(HALF_BYTES - 1) + "\n"

    def _check(self) -> str:
        return hashlib.sha256(f"{self.turn} {self.head.number} {self.head.hash}".encode()).hexdigest()[:16]

    @classmethod
    def read(cls, words: bytes) -> _Half | None:
        """Read a half; None for a blank or spoilt one. One of a head alone is the file of an older version."""
        try:
            shape = json.loads(words)
            head = Head(int(shape["number"]), str(shape["hash"]))
            if shape.keys() == {"number", "hash"}:
                return cls(0, head)
            half = cls(int(shape["turn"]), head)
            return half if shape["check"] == half._check() else None
        except (ValueError, KeyError, TypeError):
            return None


class WitnessFile:
    """The witness of one home, on the disk before a write returns.

    The file of the head has two halves that are written in turns, so that half a write spoils only itself, and costs
    one wait for the disk where a new file would cost two. Withdrawn answers stand in a file of their own, which is
    replaced as a whole and outlives a witness that was lost or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = path.with_suffix(".lock")
        self._withdrawn = path.with_name("withdrawn.txt")

    def seen(self) -> Head | None:
        half = self._newest()
        return None if half is None else half.head

    def renew(self, recall: Callable[[Head | None], Head | None]) -> bool:
        with self._held():
            newest = self._newest()
            seen = None if newest is None else newest.head
            head = recall(seen)
            if head is None:
                return False
            if head != seen:
                self._keep(_Half(1 if newest is None else newest.turn + 1, head))
            return True

    def _newest(self) -> _Half | None:
        """Give the half that was written last; what cannot be read proves nothing, and the caller trusts no record."""
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                halves = [os.pread(handle, WORDS_MAX, place) for place in (0, HALF_BYTES)]
            finally:
                os.close(handle)
        except OSError:
            return None
        return max(filter(None, map(_Half.read, halves)), key=lambda one: one.turn, default=None)

    def _keep(self, half: _Half) -> None:
        """Write one half over the older one, or a whole new file where none of this form stands."""
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return self._write(self._path, _whole(half))
        except OSError as error:
            raise self._fault(self._path, "written", error) from None
        try:
            if os.fstat(handle).st_size != 2 * HALF_BYTES:
                return self._write(self._path, _whole(half))
            os.pwrite(handle, half.words().encode("ascii"), half.place)
            _wait_for_disk(handle)
        except OSError as error:
            # The words may be readable and yet never reach the disk: they must not count as kept.
            with suppress(OSError):
                os.pwrite(handle, b" " * WORDS_MAX, half.place)
            raise self._fault(self._path, "written", error) from None
        finally:
            os.close(handle)

    def withdrawn(self) -> frozenset[str]:
        try:
            lines = self._withdrawn.read_text(encoding="ascii", errors="replace").splitlines()
        except FileNotFoundError:
            return frozenset()
        except OSError as error:
            raise self._fault(self._withdrawn, "read", error) from None
        return frozenset(line for line in lines if DIGEST.fullmatch(line))

    def keep_withdrawn(self, digests: Collection[str]) -> None:
        with self._held():
            kept = self.withdrawn()
            if not kept.issuperset(digests):
                self._write(self._withdrawn, "\n".join(sorted(kept.union(digests))) + "\n")

    @contextmanager
    def _held(self) -> Generator[None]:
        """Hold the lock beside the file: without it a slow writer could put an older head over a newer one."""
        try:
            handle = self._locked_by()
        except OSError as error:
            raise self._fault(self._path, "written", error) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _locked_by(self) -> int:
        """Open the file of the lock, in a folder that the first writer makes."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self._lock, flags, FILE_MODE)
        except FileNotFoundError:
            self._path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            return os.open(self._lock, flags, FILE_MODE)

    def _write(self, path: Path, text: str) -> None:
        part = path.with_name(f".{path.name}.part")
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)  # noqa: PTH105  # Beside sync, which says when it has happened.
            sync(path.parent)
        except OSError as error:
            raise self._fault(path, "written", error) from None

    def _fault(self, path: Path, done: str, error: OSError) -> LedgerError:
        return LedgerError(f"{path}: cannot be {done}: {error.strerror}; nothing is sent without it")


def _whole(half: _Half) -> str:
    """Give a new file of which the other half is blank."""
    blank = " " * (HALF_BYTES - 1) + "\n"
    return blank + half.words() if half.place else half.words() + blank
