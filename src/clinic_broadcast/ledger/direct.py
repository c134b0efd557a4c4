"""The statements of a delivery, written once by SQLAlchemy and run on the driver's own connection.

SQLAlchemy's own way through a statement costs ten times what SQLite does for it, and a delivery needs ten of them in
five transactions. Only text and values pass here; connections, their settings and the pool stay SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Dialect, Engine, Insert, Select, Update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError

from clinic_broadcast.ledger.database import ledger_error, transaction
from clinic_broadcast.ledger.schema import Instant, instant_in, instant_text, utc

Query: TypeAlias = Select[*tuple[Any, ...]]
Statement: TypeAlias = Insert | Update | Query

STATEMENTS_MAX: Final = 256
"""Far more than there are; a statement made for each call would find no place to stay for ever."""


class Direct:
    """One transaction on a driver's connection; statements take their values by name, instants among them aware."""

    __slots__ = ("_cursor", "_dialect", "_is_sqlite")

    def __init__(self, driver: Any, dialect: Dialect) -> None:  # noqa: ANN401  # Each driver has a type of its own.
        self._cursor: Any = driver.cursor()
        self._dialect = dialect
        self._is_sqlite = dialect.name == "sqlite"

    @property
    def dialect(self) -> str:
        """Give `sqlite` or `postgresql`."""
        return self._dialect.name

    def write(self, statement: Insert | Update, values: Mapping[str, object]) -> int:
        """Run a statement that writes, and give how many rows it has written."""
        self._run(statement, values)
        return int(self._cursor.rowcount)

    def write_all(self, statement: Insert | Update, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement that writes once for each of these, which all have the same names."""
        if rows:
            text, constants = words_of(statement, self._dialect, tuple(rows[0]))
            self._cursor.executemany(text, [{**constants, **self._bound(row)} for row in rows])

    def rows(self, statement: Query, values: Mapping[str, object]) -> list[dict[str, Any]]:
        """Give the rows of a query, each as a dict of its columns with instants as aware UTC datetimes."""
        self._run(statement, values)
        names, instants = _columns(statement)
        found = [dict(zip(names, row, strict=True)) for row in self._cursor.fetchall()]
        for row in found:
            for name in instants:
                row[name] = instant_in(row[name])
        return found

    def _run(self, statement: Statement, values: Mapping[str, object]) -> None:
        text, constants = words_of(statement, self._dialect, tuple(values))
        self._cursor.execute(text, {**constants, **self._bound(values)})

    def _bound(self, values: Mapping[str, object]) -> dict[str, object]:
        told = instant_text if self._is_sqlite else utc
        return {name: told(one) if isinstance(one, datetime) else one for name, one in values.items()}


@contextmanager
def directly(engine: Engine) -> Generator[Direct]:
    """Run the block in one transaction, committed at its end; any fault of the database is a LedgerError."""
    if engine.dialect.name != "sqlite":
        with transaction(engine) as db:
            yield direct_on(db)
        return
    begin = "BEGIN" if engine.get_execution_options().get("reader") else "BEGIN IMMEDIATE"
    try:
        pooled = engine.raw_connection()
        try:
            driver: Any = pooled.driver_connection
            driver.execute(begin)
            yield Direct(driver, engine.dialect)
            # The commit is inside the try: a full disk may show only there.
            driver.commit()
        except BaseException:
            with suppress(engine.dialect.loaded_dbapi.Error):
                pooled.rollback()
            raise
        finally:
            # It rolls back whatever is still open, and drops a connection with which that cannot be done.
            pooled.close()
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
        raise ledger_error(error) from None


def direct_on(db: Connection) -> Direct:
    """Give the same transaction as another one of SQLAlchemy's, for statements that run on the driver."""
    return Direct(db.connection.driver_connection, db.dialect)


@lru_cache(maxsize=STATEMENTS_MAX)
def words_of(
    statement: Statement, dialect: Dialect, names: tuple[str, ...]
) -> tuple[str, Mapping[str, object]]:
    """Give a statement that takes values of these names as this kind of database reads it, and its own constants."""
    # The driver of PostgreSQL takes values by name in any case, that of SQLite only when the text asks for it.
    spoken = sqlite.dialect(paramstyle="named") if dialect.name == "sqlite" else dialect
    compiled = statement.compile(dialect=spoken, column_keys=names)
    return str(compiled), {name: one for name, one in compiled.params.items() if name not in names}


@lru_cache(maxsize=STATEMENTS_MAX)
def _columns(statement: Query) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the names of all columns of a query, and of those that hold instants."""
    columns = statement.selected_columns
    return tuple(columns.keys()), tuple(
        name for name, one in columns.items() if isinstance(one.type, Instant)
    )
