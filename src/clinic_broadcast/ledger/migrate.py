"""Which form has the record, and how it gets the newest one; Alembic is imported only while something is migrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ledger.database import (
    BUSY_TIMEOUT_S,
    Engines,
    file_of,
    open_engines,
    transaction,
)
from clinic_broadcast.ledger.files import copy_file
from clinic_broadcast.ledger.store import SqlLedger

REVISIONS: Final[tuple[str, ...]] = ("0001", "0002", "0003", "0004")
"""The forms that the record has had, oldest first: known without Alembic, and a test compares them."""

NEWEST: Final = REVISIONS[-1]

MIGRATION_LOCK: Final = 0x636C696E6963
"""The number of PostgreSQL's advisory lock: two programs that migrate at once would trip over each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """What `migrate` did: the revisions before (None: there was nothing) and after, and the copy made first."""

    before: str | None
    after: str
    copy: Path | None


def open_ledger(url: str, clinic: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> SqlLedger:
    """Give the record of a clinic; a new database is made ready, an old or unknown form is refused.

    Raises LedgerError when the record cannot be used, SettingsError when the URL cannot be meant.
    """
    ensure(url, busy_timeout_s=busy_timeout_s)
    return SqlLedger(url, clinic=clinic, busy_timeout_s=busy_timeout_s)


def ensure(url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
    """Make a new database ready; refuse, with a LedgerError, one whose form is not the newest we know."""
    found = revision(url, busy_timeout_s=busy_timeout_s)
    if found is None:
        migrate(url, busy_timeout_s=busy_timeout_s)
    elif found != NEWEST:
        older = f"the record has an older form ({found}): run `clinic-broadcast migrate`"
        raise LedgerError(older if found in REVISIONS else _unknown(found))


def revision(url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> str | None:
    """Give the form of the record, None when there is none yet; makes nothing. Raises LedgerError."""
    path = file_of(url)
    if path is not None and not (path.exists() and path.stat().st_size):
        return None
    engines = open_engines(url, busy_timeout_s=busy_timeout_s)
    try:
        with transaction(engines.reader) as db:
            return _revision(db)
    finally:
        engines.close()


def migrate(url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S, more: Sequence[Path] = ()) -> Migrated:
    """Bring the record to its newest form, all of it or nothing; an older SQLite file is copied first.

    Raises LedgerError, and nothing changed, for a form that this version does not know or a fault on the way.
    `more` names folders with further migrations: tests try tomorrow's with it.
    """
    engines = open_engines(url, busy_timeout_s=busy_timeout_s)
    try:
        return _migrate(engines, file_of(url), more)
    finally:
        engines.close()


def _migrate(engines: Engines, path: Path | None, more: Sequence[Path]) -> Migrated:
    # Imported here: 150 ms and 12 MB that no other command needs.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "clinic_broadcast.ledger:migrations")
    versions = Path(__file__).parent / "migrations" / "versions"
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, (versions, *more))).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    newest = str(scripts.get_current_head())
    known = {script.revision for script in scripts.walk_revisions()}
    with transaction(engines.writer) as db:
        if path is None:
            # Waits for another migration, which has then done the work; freed with the transaction.
            db.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": MIGRATION_LOCK})
        before = _revision(db)
        if before is not None and before not in known:
            raise LedgerError(_unknown(before))
        copy = _copy_before(path, before) if before not in {None, newest} else None
        config.attributes["connection"] = db
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise LedgerError(
                f"the record cannot be migrated from {before}: {type(error).__name__}"
            ) from None
    return Migrated(before=before, after=newest, copy=copy)


def _copy_before(path: Path | None, before: str | None) -> Path | None:
    """Copy the file while its writers wait; PostgreSQL has its own backups and its own transactional DDL."""
    if path is None:
        return None
    target = path.with_name(f"{path.stem}.form-{before}{path.suffix}")
    copy_file(path, target)
    return target


def _revision(db: Connection) -> str | None:
    if not inspect(db).has_table("alembic_version"):
        return None
    found = db.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def _unknown(found: str) -> str:
    return (
        f"the record has the form {found}, which this version does not know: install the newer version again"
    )
