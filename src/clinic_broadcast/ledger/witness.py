"""Two small files beside the database for what an old copy of it cannot know: its end, and what was withdrawn."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ledger.database import DIRECTORY_MODE, FILE_MODE
from clinic_broadcast.ledger.files import sync
from clinic_broadcast.ports import Head

BYTES_MAX: Final = 10_000
"""The file holds two short values; more than this was not written by us."""

DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class WitnessFile:
    """The witness of one home: two files, each replaced as a whole and on the disk before the write returns.

    Withdrawn answers stand in a file of their own, which outlives a witness that was lost or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._withdrawn = path.with_name("withdrawn.txt")

    def seen(self) -> Head | None:
        try:
            with self._path.open("rb") as file:
                shape = json.loads(file.read(BYTES_MAX))
            return Head(int(shape["number"]), str(shape["hash"]))
        except (OSError, ValueError, KeyError, TypeError):
            # What cannot be read proves nothing: the caller then trusts no record but an empty one.
            return None

    def renew(self, recall: Callable[[Head | None], Head | None]) -> bool:
        with self._held():
            seen = self.seen()
            head = recall(seen)
            if head is None:
                return False
            if head != seen:
                self._write(self._path, json.dumps({"number": head.number, "hash": head.hash}))
            return True

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
            self._path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            handle = os.open(
                self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE
            )
        except OSError as error:
            raise self._fault(self._path, "written", error) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

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
