"""Consistent copies of a database in use, by SQLite's own backup interface."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from clinic_broadcast.ledger.database import ledger_error, make_private

PAGES_AT_A_TIME: Final = -1
"""All pages in one step: a copy in parts would begin again at each write of the daemon."""

WAIT_S: Final = 0.25
WAITS_MAX: Final = 120
"""The driver would wait for a locked database for ever; half a minute is enough."""


class _Waiting:
    """Counts how often a copy found the database locked."""

    def __init__(self) -> None:
        self.waits = 0

    def __call__(self, status: int, remaining: int, total: int) -> None:
        del remaining, total
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            self.waits += 1
        if self.waits > WAITS_MAX:
            raise TimeoutError


def copy_pages(origin: Path, target: Path) -> None:
    """Make `target` what `origin` is, in one transaction: a program that has it open sees the old or the new.

    Raises sqlite3.Error or OSError; the target is then as it was.
    """
    address = f"{origin.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as read, closing(sqlite3.connect(target)) as written:
        written.execute("PRAGMA synchronous = FULL")
        read.backup(written, pages=PAGES_AT_A_TIME, progress=_Waiting(), sleep=WAIT_S)


def copy_file(origin: Path, target: Path) -> None:
    """Write a consistent copy into a new file, readable by its owner alone; raises LedgerError and leaves none."""
    try:
        make_private(target)
        copy_pages(origin, target)
        as_one_file(target)
    except (sqlite3.Error, OSError) as error:
        target.unlink(missing_ok=True)
        raise ledger_error(error) from None


def as_one_file(path: Path) -> None:
    """Take the journal beside a copy into it, so that moving the file moves all of it; on the disk on return."""
    with closing(sqlite3.connect(path)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")
    sync(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
