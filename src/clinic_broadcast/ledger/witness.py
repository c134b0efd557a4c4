"""A small file beside the database that says how far the history had come: an old copy of the ledger cannot know it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ledger.database import DIRECTORY_MODE, FILE_MODE
from clinic_broadcast.ledger.files import sync
from clinic_broadcast.ports import Head

BYTES_MAX: Final = 10_000
"""The file holds two short values; more than this was not written by us."""


class WitnessFile:
    """The witness of one home, replaced as a whole and on the disk before `renew` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path

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
                self._write(head)
            return True

    @contextmanager
    def _held(self) -> Generator[None]:
        """Hold the lock beside the file: without it a slow writer could put an older head over a newer one."""
        try:
            self._path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            handle = os.open(
                self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE
            )
        except OSError as error:
            raise self._fault(error) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _write(self, head: Head) -> None:
        part = self._path.with_name(f".{self._path.name}.part")
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                json.dump({"number": head.number, "hash": head.hash}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self._path)  # noqa: PTH105  # Beside sync, which says when it has happened.
            sync(self._path.parent)
        except OSError as error:
            raise self._fault(error) from None

    def _fault(self, error: OSError) -> LedgerError:
        return LedgerError(f"{self._path}: cannot be written: {error.strerror}; nothing is sent without it")
