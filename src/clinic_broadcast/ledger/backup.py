"""Backups of an SQLite record that are known to be good, and the way back from one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from clinic_broadcast.errors import LedgerError, UsageError
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.database import file_of, ledger_error, sqlite_url
from clinic_broadcast.ledger.files import as_one_file, copy_file, copy_pages, sync
from clinic_broadcast.ledger.migrate import NEWEST, migrate, revision
from clinic_broadcast.ledger.schema import utc
from clinic_broadcast.ledger.store import SqlLedger
from clinic_broadcast.ports import Head

CLINICS_SQL: Final = (
    "SELECT clinic FROM answer UNION SELECT clinic FROM source UNION SELECT clinic FROM delivery "
    "UNION SELECT clinic FROM event UNION SELECT clinic FROM chain_head ORDER BY clinic"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a checked copy holds. `heads` gives the end of each clinic's history."""

    size_bytes: int
    answers: int
    deliveries: int
    events: int
    heads: dict[str, Head]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came back, and where the record that it replaced is kept (None: there was none).

    `ahead` says that the replaced record had lines which the restored one has not, or could not be asked: the world
    may know of deliveries that the record does not.
    """

    figures: Figures
    kept: Path | None
    ahead: bool


def backup(url: str, target: Path) -> Figures:
    """Write a consistent copy of the record in use, checked whole, in one file that is there or not.

    Raises UsageError for PostgreSQL, LedgerError when the record cannot be copied or is not whole.
    """
    live = _file(url)
    with _folder(target.parent) as folder:
        part = folder / "copy.db"
        copy_file(live, part)
        figures = check(part)
        os.replace(part, target)  # noqa: PTH105  # Beside sync, which says when it has happened.
        sync(target.parent)
    return figures


def restore(url: str, source: Path, *, clinic: str, actor: str, at: datetime) -> Restored:
    """Put a checked backup in the place of the record; what stood there is kept beside it.

    The backup itself is only read. An older form is migrated on the way. Programs that have the record open see
    the old or the new one; the caller stops them all the same, and holds what is open, for the restored record is
    behind the world. Raises UsageError or LedgerError; then the record is as it was.
    """
    live = _file(url)
    if not source.is_file():
        raise UsageError(f"there is no backup at {source}")
    with _folder(live.parent) as folder:
        part = folder / "copy.db"
        copy_file(source, part)
        if revision(sqlite_url(part)) is None:
            raise LedgerError(f"{source} is not a backup of a record")
        migrate(sqlite_url(part))
        found = check(part)
        if clinic not in found.heads:
            raise LedgerError(f"{source} is the backup of another clinic")
        replaced = _head_of(url, clinic)
        ahead = replaced is None or not _knows(part, clinic, replaced)
        _tell(part, clinic, actor=actor, at=at, replaced=replaced, restored=found.heads[clinic])
        figures = check(part)
        kept = _replace(live, part, at)
    return Restored(figures=figures, kept=kept, ahead=ahead)


def check(path: Path) -> Figures:
    """Give the figures of a copy; raises LedgerError unless every page and every chain in it is whole."""
    try:
        with closing(sqlite3.connect(path)) as copy:
            if copy.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                raise LedgerError(f"{path.name}: the file is damaged")
            found = revision(sqlite_url(path))
            if found != NEWEST:
                raise LedgerError(f"{path.name}: its form is {found}, not {NEWEST}")
            answers, deliveries, events = (
                int(copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608  # Three fixed names.
                for table in ("answer", "delivery", "event")
            )
            clinics = [str(clinic) for (clinic,) in copy.execute(CLINICS_SQL)]
    except sqlite3.Error as error:
        raise ledger_error(error) from None
    heads = {clinic: _sound_head(path, clinic) for clinic in clinics}
    as_one_file(path)
    return Figures(
        size_bytes=path.stat().st_size, answers=answers, deliveries=deliveries, events=events, heads=heads
    )


def _sound_head(path: Path, clinic: str) -> Head:
    ledger = SqlLedger(sqlite_url(path), clinic=clinic)
    try:
        problems = verify(ledger)
        if problems:
            raise LedgerError(f"the record is not whole ({len(problems)} problems): {problems[0]}")
        return ledger.head()
    finally:
        ledger.close()


def _head_of(url: str, clinic: str) -> Head | None:
    """Give the head of the record that is to be replaced, None when it is too damaged to say."""
    try:
        if revision(url) != NEWEST:
            return None
        ledger = SqlLedger(url, clinic=clinic)
        try:
            return ledger.head()
        finally:
            ledger.close()
    except LedgerError:
        return None


def _knows(path: Path, clinic: str, replaced: Head) -> bool:
    """Say whether a copy that is whole has the last line of the replaced record as one of its own."""
    ledger = SqlLedger(sqlite_url(path), clinic=clinic)
    try:
        return not verify(ledger, witness=replaced)
    finally:
        ledger.close()


def _tell(
    path: Path, clinic: str, *, actor: str, at: datetime, replaced: Head | None, restored: Head
) -> None:
    ledger = SqlLedger(sqlite_url(path), clinic=clinic)
    body = {
        "restored_line": str(restored.number),
        "replaced_line": "" if replaced is None else str(replaced.number),
        "replaced_hash": "" if replaced is None else replaced.hash,
    }
    try:
        ledger.note("restore", actor=actor, at=at, body=body)
    finally:
        ledger.close()


def _replace(live: Path, part: Path, at: datetime) -> Path | None:
    """Put the new record in its place; a record that SQLite cannot read any more is moved aside as it is."""
    kept = _unused(live.with_name(f"{live.stem}.before-restore-{utc(at):%Y%m%dT%H%M%SZ}{live.suffix}"))
    try:
        if live.exists() and live.stat().st_size and _is_readable(live):
            copy_file(live, kept)
            copy_pages(part, live)
        else:
            was_there = _move_aside(live, kept)
            os.replace(part, live)  # noqa: PTH105  # As above.
            if not was_there:
                return None
        sync(live)
        sync(live.parent)
    except (sqlite3.Error, OSError) as error:
        raise ledger_error(error) from None
    return kept


def _unused(path: Path) -> Path:
    """Give the path, or the first numbered one beside it that is free: a kept record is never written over."""
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
    return next(one for one in chain((path,), numbered) if not one.exists())


def _is_readable(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as live:
            return bool(live.execute("PRAGMA quick_check").fetchall() == [("ok",)])
    except sqlite3.DatabaseError:
        return False


def _move_aside(live: Path, kept: Path) -> bool:
    moved = False
    # A journal of the old file beside the new one would be read as its own.
    for ending in ("", "-wal", "-shm"):
        old = live.with_name(live.name + ending)
        if old.exists():
            old.rename(kept.with_name(kept.name + ending))
            moved = True
    return moved


def _file(url: str) -> Path:
    path = file_of(url)
    if path is None:
        raise UsageError("a record in PostgreSQL is backed up and restored with pg_dump and pg_restore")
    return path


@contextmanager
def _folder(parent: Path) -> Generator[Path]:
    """Give a private folder on the same disk, gone afterwards; raises LedgerError when there is no room for one."""
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".copy-", dir=parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise LedgerError(f"{parent}: {error.strerror}") from None
