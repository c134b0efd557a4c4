"""The durable state of the simulated networks: one SQLite file that outlives every kill."""

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from clinic_broadcast.demo.networks.accounts import DEFAULTS
from clinic_broadcast.demo.networks.messages import Json

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS publication (
    network TEXT NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL, link TEXT,
    at_ms INTEGER NOT NULL, deleted_ms INTEGER, public INTEGER NOT NULL, key TEXT, extra TEXT NOT NULL,
    PRIMARY KEY (network, id)) STRICT;
CREATE INDEX IF NOT EXISTS publication_by_number ON publication (network, number);
CREATE INDEX IF NOT EXISTS publication_by_text ON publication (network, text);
CREATE TABLE IF NOT EXISTS call (
    n INTEGER PRIMARY KEY AUTOINCREMENT, network TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    at_ms INTEGER NOT NULL, status INTEGER, fault TEXT) STRICT;
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY AUTOINCREMENT, plan TEXT NOT NULL,
    seen INTEGER NOT NULL DEFAULT 0, fired INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE IF NOT EXISTS entry (
    space TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (space, key)) STRICT;
CREATE INDEX IF NOT EXISTS entry_by_age ON entry (space, at_ms);
CREATE TABLE IF NOT EXISTS charge (
    n INTEGER PRIMARY KEY AUTOINCREMENT, network TEXT NOT NULL, kind TEXT NOT NULL,
    micro_usd INTEGER NOT NULL, at_ms INTEGER NOT NULL) STRICT;
"""
NUMBER_MAX: Final = (1 << 63) - 1
REACH: Final = 3_200  # How far back X's timeline goes; more than any test of the others needs.
TABLES: Final = ("publication", "call", "fault", "entry", "charge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One thing that stands, or stood, on a network, with the exact text it was sent with."""

    network: str
    id: str
    number: int
    text: str
    at_ms: int
    link: str | None = None
    deleted_ms: int | None = None
    is_public: bool = True
    key: str | None = None
    extra: Json = field(default_factory=dict[str, Any])


class Store:
    """Everything the networks know, behind one lock and one connection.

    Write-ahead logging without a sync per commit: what was answered survives a kill of the server, not
    a loss of power, which no test of a client needs.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self.era = 0
        """Counts the resets, so that a call begun before one does not write after it."""
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        self._settings: dict[str, Json] = self._read_settings()

    @contextlib.contextmanager
    def change(self) -> Generator[sqlite3.Connection]:
        """Hold the lock and one transaction; nested uses join the outer one."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._db
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file, after the transaction in hand."""
        with self._lock:
            self._db.close()

    def reset(self) -> None:
        """Forget everything: what was published, calls, faults, settings, the blog."""
        with self.change() as db:
            for table in TABLES:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - A constant of this module.
            self.era += 1
        self._settings = self._read_settings()

    # Clock and settings ------------------------------------------------------------------------------

    def now_ms(self) -> int:
        """Return the networks' time in milliseconds since 1970."""
        return round((time.time() + float(self.setting("all", "clock_offset_s"))) * 1000)

    def setting(self, network: str, name: str) -> Any:  # noqa: ANN401 - Settings are JSON.
        """Return the value in force."""
        return self._settings[network][name]

    def settings(self) -> dict[str, Json]:
        """Return every setting in force."""
        return {network: dict(values) for network, values in self._settings.items()}

    def set(self, network: str, changes: Json) -> None:
        """Change settings of one network.

        Raises:
            KeyError: there is no such network or setting.
        """
        for name in changes:
            DEFAULTS[network][name]
        with self.change():
            for name, value in changes.items():
                self.put("setting", f"{network}.{name}", value)
        self._settings = self._read_settings()

    def _read_settings(self) -> dict[str, Json]:
        settings = {network: dict(values) for network, values in DEFAULTS.items()}
        for key, value in self.entries("setting"):
            network, _, name = key.partition(".")
            settings[network][name] = value
        return settings

    # Publications ------------------------------------------------------------------------------------

    def publish(self, it: Publication) -> None:
        """Add a publication, or replace the one of the same id."""
        with self.change() as db:
            db.execute(
                "INSERT OR REPLACE INTO publication VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    *(it.network, it.id, it.number, it.text, it.link, it.at_ms, it.deleted_ms),
                    *(int(it.is_public), it.key, json.dumps(it.extra)),
                ),
            )

    def next_number(self, network: str, at_least: int) -> int:
        """Return a number that is larger than every one before, so that it can be an id."""
        with self.change():
            number = max(at_least, int(self.get("number", network) or 0) + 1)
            self.put("number", network, number)
            return number

    def find(self, network: str, publication_id: str) -> Publication | None:
        """Return one publication, deleted or not."""
        with self._lock:
            row = self._db.execute(
                "SELECT * FROM publication WHERE network = ? AND id = ?", (network, publication_id)
            ).fetchone()
        return None if row is None else _publication(row)

    def publications(self, network: str | None = None) -> list[Publication]:
        """Return every publication, newest first, deleted ones too."""
        with self._lock:
            rows = self._db.execute(
                "SELECT * FROM publication WHERE ? IS NULL OR network = ? ORDER BY at_ms DESC, number DESC",
                (network, network),
            ).fetchall()
        return [_publication(row) for row in rows]

    def listed(
        self,
        network: str,
        lag_s: float,
        *,
        above: int = 0,
        below: int = NUMBER_MAX,
        since_ms: int = 0,
        until_ms: int = NUMBER_MAX,
        limit: int = REACH,
    ) -> list[Publication]:
        """Return what a timeline shows: public, newest first, both news and deletions seen late.

        Numbers lie between `above` and `below`, both left out; instants in [since_ms, until_ms).
        """
        seen_until_ms = self.now_ms() - round(lag_s * 1000)
        with self._lock:
            rows = self._db.execute(
                "SELECT * FROM publication WHERE network = ? AND number > ? AND number < ? AND public = 1 "
                "AND at_ms >= ? AND at_ms < ? AND at_ms <= ? AND (deleted_ms IS NULL OR deleted_ms > ?) "
                "ORDER BY number DESC LIMIT ?",
                (network, above, below, since_ms, until_ms, seen_until_ms, seen_until_ms, limit),
            ).fetchall()
        return [_publication(row) for row in rows]

    def newest(self, network: str) -> Publication | None:
        """Return the newest publication, deleted or not."""
        with self._lock:
            row = self._db.execute(
                "SELECT * FROM publication WHERE network = ? ORDER BY number DESC LIMIT 1", (network,)
            ).fetchone()
        return None if row is None else _publication(row)

    def newest_twin(self, network: str, text: str, since_ms: int) -> Publication | None:
        """Return the newest publication with exactly this text, deleted or not."""
        with self._lock:
            row = self._db.execute(
                "SELECT * FROM publication WHERE network = ? AND text = ? AND at_ms >= ? "
                "ORDER BY number DESC LIMIT 1",
                (network, text, since_ms),
            ).fetchone()
        return None if row is None else _publication(row)

    # Small entries: keys, nonces, sessions, windows ----------------------------------------------------

    def get(self, space: str, key: str) -> Any:  # noqa: ANN401 - Entries are JSON.
        """Return an entry's value, or None."""
        with self._lock:
            row = self._db.execute(
                "SELECT value FROM entry WHERE space = ? AND key = ?", (space, key)
            ).fetchone()
        return None if row is None else json.loads(row["value"])

    def put(self, space: str, key: str, value: object) -> None:
        """Write an entry over whatever was there."""
        at_ms = round(time.time() * 1000)
        with self.change() as db:
            db.execute(
                "INSERT OR REPLACE INTO entry VALUES (?,?,?,?)", (space, key, json.dumps(value), at_ms)
            )

    def add(self, space: str, key: str, value: object) -> bool:
        """Write an entry only if there is none; say whether it was written."""
        at_ms = round(time.time() * 1000)
        with self.change() as db:
            done = db.execute(
                "INSERT OR IGNORE INTO entry VALUES (?,?,?,?)", (space, key, json.dumps(value), at_ms)
            )
            return done.rowcount == 1

    def drop(self, space: str, key: str) -> bool:
        """Remove an entry; say whether there was one."""
        with self.change() as db:
            return db.execute("DELETE FROM entry WHERE space = ? AND key = ?", (space, key)).rowcount == 1

    def prune(self, space: str, older_than_s: float) -> None:
        """Remove the entries of a space that are older than that, by this machine's clock."""
        before_ms = round((time.time() - older_than_s) * 1000)
        with self.change() as db:
            db.execute("DELETE FROM entry WHERE space = ? AND at_ms < ?", (space, before_ms))

    def entries(self, space: str) -> list[tuple[str, Any]]:
        """Return all keys and values of a space."""
        with self._lock:
            rows = self._db.execute(
                "SELECT key, value FROM entry WHERE space = ? ORDER BY key", (space,)
            ).fetchall()
        return [(str(row["key"]), json.loads(row["value"])) for row in rows]

    # Calls and money -----------------------------------------------------------------------------------

    def begin_call(self, network: str, method: str, path: str) -> int:
        """Log a call when it arrives; the path holds no query and no token."""
        with self.change() as db:
            done = db.execute(
                "INSERT INTO call (network, method, path, at_ms) VALUES (?,?,?,?)",
                (network, method, path, self.now_ms()),
            )
            return int(done.lastrowid or 0)

    def end_call(self, n: int, *, status: int | None, fault: str | None) -> None:
        """Note how a call ended; no status means that it got no answer."""
        with self.change() as db:
            db.execute("UPDATE call SET status = ?, fault = ? WHERE n = ?", (status, fault, n))

    def calls(self) -> list[Json]:
        """Return the log of calls, oldest first."""
        with self._lock:
            rows = self._db.execute("SELECT * FROM call ORDER BY n").fetchall()
        return [dict(row) for row in rows]

    def charge(self, network: str, kind: str, micro_usd: int) -> None:
        """Put an amount on the bill."""
        with self.change() as db:
            db.execute(
                "INSERT INTO charge (network, kind, micro_usd, at_ms) VALUES (?,?,?,?)",
                (network, kind, micro_usd, self.now_ms()),
            )

    def bill(self, network: str) -> dict[str, int]:
        """Return the sums of micro-dollars per kind of charge."""
        with self._lock:
            rows = self._db.execute(
                "SELECT kind, SUM(micro_usd) AS total FROM charge WHERE network = ? GROUP BY kind", (network,)
            ).fetchall()
        return {str(row["kind"]): int(row["total"]) for row in rows}


def _publication(row: sqlite3.Row) -> Publication:
    return Publication(
        network=row["network"],
        id=row["id"],
        number=row["number"],
        text=row["text"],
        link=row["link"],
        at_ms=row["at_ms"],
        deleted_ms=row["deleted_ms"],
        is_public=bool(row["public"]),
        key=row["key"],
        extra=json.loads(row["extra"]),
    )
