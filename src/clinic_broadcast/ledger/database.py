"""How a database is opened, and how its errors are told without quoting a row: one set of rules for both kinds."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Connection, Engine, Select, create_engine, event, make_url
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.sql.schema import Table

from clinic_broadcast.errors import DamageError, LedgerError, SettingsError

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

BUSY_TIMEOUT_S: Final = 15.0
"""Longer than any transaction of ours on a slow disk (a first poll of a whole archive), far below a lease."""

CONNECT_TIMEOUT_S: Final = 10
STATEMENT_TIMEOUT_S: Final = 120
"""A query that runs longer than this is at fault; it must not keep a lock for ever."""

DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600

WHAT_TO_DO: Final = {
    "SQLITE_BUSY": "another program holds it; try again when that is done",
    "SQLITE_FULL": "the disk is full; free some space",
    "SQLITE_READONLY": "the file or its folder is not writable",
    "SQLITE_CANTOPEN": "the file cannot be opened; look at its folder and rights",
    "SQLITE_NOTADB": "the file is not a database; restore a backup",
    "SQLITE_CORRUPT": "the file is damaged; restore a backup",
    "SQLITE_IOERR_SHMSIZE": "the disk is full; free some space",
    "SQLITE_IOERR": "the disk has failed; look at it before anything else",
    "55P03": "another program holds it; try again when that is done",
    "53100": "the disk of the database server is full; free some space",
    "57014": "the query took too long",
    "08006": "the connection to the database server was lost",
}

UNREACHED: Final = (
    "the database server of clinic.database_url cannot be reached; see that it runs and that its host, port, name and"
    " user are right"
)

DAMAGED: Final = frozenset({"SQLITE_NOTADB", "SQLITE_CORRUPT"})


@dataclass(frozen=True, slots=True)
class Engines:
    """Two ways into one database: `writer` locks it at BEGIN, `reader` never waits for a writer."""

    writer: Engine
    reader: Engine

    def close(self) -> None:
        """Close every pooled connection."""
        self.writer.dispose()


def sqlite_url(path: Path) -> str:
    """Give the database URL of a file, whatever characters its path has."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def file_of(url: str) -> Path | None:
    """Give the file of an SQLite URL, None for PostgreSQL; raises SettingsError for anything else."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "postgresql":
        return None
    return Path(str(parsed.database))


def open_engines(url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Engines:
    """Open the record; no connection is made yet. Raises SettingsError for a URL that cannot be meant.

    A new SQLite file is made readable by its owner alone, and so is its folder if it has to be made.
    """
    path = file_of(url)
    if path is None:
        return _open_postgresql(url, busy_timeout_s)
    make_private(path)
    engine = create_engine(_parsed(url), hide_parameters=True).execution_options(preserve_rowcount=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: SqliteConnection, _record: object) -> None:
        # The driver's own transactions leave out SELECT and DDL; ours are begun below.
        connection.isolation_level = None
        # Waiting comes first: to turn on WAL is itself a write.
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout_s * 1000)}")
        for setting in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
        ):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("reader")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return Engines(engine, engine.execution_options(reader=True))


def _open_postgresql(url: str, busy_timeout_s: float) -> Engines:
    settings = {
        "lock_timeout": int(busy_timeout_s * 1000),
        "statement_timeout": STATEMENT_TIMEOUT_S * 1000,
        "synchronous_commit": "on",
    }
    options = " ".join(f"-c {name}={setting}" for name, setting in settings.items())
    try:
        engine = create_engine(
            _parsed(url),
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={"options": options, "connect_timeout": CONNECT_TIMEOUT_S},
        ).execution_options(preserve_rowcount=True)
    except ModuleNotFoundError:
        raise SettingsError(
            "database_url: PostgreSQL needs one more package: install clinic-broadcast[postgres]"
        ) from None
    # A reader sees one moment through all its queries, as on SQLite.
    return Engines(
        engine, engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    )


def _parsed(url: str) -> URL:
    allowed = "leave it empty for a file, or write postgresql+psycopg://USER@HOST/NAME"
    try:
        parsed = make_url(url)
        drivername = f"{parsed.get_backend_name()}+{parsed.get_driver_name()}"
    except (ArgumentError, NoSuchModuleError):
        raise SettingsError(f"database_url: this is no address of a database; {allowed}") from None
    is_file = drivername == "sqlite+pysqlite" and parsed.database not in {None, "", ":memory:"}
    if is_file or drivername == "postgresql+psycopg":
        return parsed
    raise SettingsError(f"database_url: {drivername} is not supported; {allowed}")


def make_private(path: Path) -> None:
    """Make the file and its folder, for the owner alone; leave them as they are if they are there.

    Raises LedgerError when that cannot be done.
    """
    try:
        path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
    except OSError as error:
        raise LedgerError(f"the record cannot be made at {path}: {error.strerror}") from None


def insert_into(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    """Give the insert of `sqlite` or `postgresql`, the only one that knows ON CONFLICT."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  # A home with a file starts without it.

    return postgresql.insert(table)


def code_of(error: BaseException | None) -> str:
    """Give the database's own code of an error (SQLITE_BUSY, 55P03), or nothing."""
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    return str(code or "")


def ledger_error(error: Exception) -> LedgerError:
    """Give the error to raise instead: class and code only, for a database's own text may quote a row."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = code_of(cause)
    name = type(cause).__name__ + (f", {code}" if code else "")
    # Extended codes say more behind the family's name: SQLITE_IOERR_WRITE, SQLITE_BUSY_SNAPSHOT.
    family = "_".join(code.split("_")[:2]) if code.startswith("SQLITE_") else code
    hint = WHAT_TO_DO.get(code) or WHAT_TO_DO.get(family, "see `doctor`")
    if not code and isinstance(cause, Exception) and type(cause).__module__.startswith("psycopg"):
        # The driver has no code for a server that never answered.
        hint = UNREACHED
    kind = DamageError if family in DAMAGED else LedgerError
    return kind(f"the record cannot be read or written ({name}): {hint}")


@contextmanager
def transaction(engine: Engine) -> Generator[Connection]:
    """Run the block in one transaction, committed at its end; any fault of the database is a LedgerError."""
    try:
        # The commit is inside the try: a full disk may show only there.
        with engine.begin() as db:
            yield db
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
        raise ledger_error(error) from None


def rows_of(
    db: Connection, statement: Select[Any], bound: Mapping[str, object] | None = None
) -> Iterator[dict[str, Any]]:
    """Give the rows of a query as they are fetched, each as a dict of its columns; `bound` fills its parameters."""
    for row in db.execute(statement, bound):
        yield row._asdict()  # pyright: ignore[reportPrivateUsage]  # Its documentation names it.
