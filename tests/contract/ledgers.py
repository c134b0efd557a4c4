"""The ledgers that the contract is tested on, and what a test needs to fill one."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg

from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.material import KnownAnswer, Material, taint_of
from clinic_broadcast.core.notice import Step, Told
from clinic_broadcast.core.promo import Card, Fragment, Origin, Payload, delivery_key
from clinic_broadcast.ledger.chain import Audited
from clinic_broadcast.ledger.database import sqlite_url
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ledger.migrate import ensure
from clinic_broadcast.ledger.store import SqlLedger
from clinic_broadcast.ports import Head, Ledger

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CLINIC: Final = "harbor-clinic"


class AuditedLedger(Ledger, Audited, Protocol):
    """A ledger with all that ours can do beyond the port."""

    def head(self) -> Head: ...

    def restand(
        self, answer_id: AnswerId, *, before: Standing, after: Standing, actor: str, at: datetime
    ) -> bool: ...

    def note(
        self, kind: str, *, actor: str, at: datetime, body: Mapping[str, str], delivery_id: str = ""
    ) -> Head: ...


@dataclass
class Place:
    """One database, or one memory, in which the ledgers of several clinics may be opened."""

    url: str
    make: Callable[[str], AuditedLedger]
    opened: list[AuditedLedger] = field(default_factory=list)

    def open(self, clinic: str = CLINIC) -> AuditedLedger:
        """Give the ledger of a clinic."""
        ledger = self.make(clinic)
        self.opened.append(ledger)
        return ledger

    def close(self) -> None:
        """Close every ledger that was opened."""
        for ledger in self.opened:
            ledger.close()


def _memory(_folder: Path) -> Place:
    shared: dict[str, MemoryLedger] = {}
    return Place(url="", make=lambda clinic: shared.setdefault(clinic, MemoryLedger(clinic)))


def _sqlite(folder: Path) -> Place:
    path = folder / "state" / "ledger.db"
    path.parent.mkdir()
    shutil.copyfile(_migrated_file(), path)
    url = sqlite_url(path)
    return Place(url=url, make=lambda clinic: SqlLedger(url, clinic=clinic))


def _postgresql(_folder: Path) -> Place:
    url = fresh_database(template=_migrated_database())
    return Place(url=url, make=lambda clinic: SqlLedger(url, clinic=clinic))


LEDGERS: Final[dict[str, Callable[[Path], Place]]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "postgresql": _postgresql,
}


@cache
def _migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ensure(sqlite_url(folder / "template.db"))
    return folder / "template.db"


# A PostgreSQL of our own: started once per test process, at the first test that asks for it.

_databases = count()


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL that trusts everybody on the loopback."""

    port: int

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str) -> None:
        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres", autocommit=True) as db:
            db.execute(statement.encode())


def fresh_database(template: str = "template0") -> str:
    """Give the URL of a new database on the tests' own server."""
    name = f"t{next(_databases)}"
    server().run(f"CREATE DATABASE {name} TEMPLATE {template}")
    return server().url(name)


@cache
def _migrated_database() -> str:
    url = fresh_database()
    ensure(url)
    return url.rpartition("/")[2]


@cache
def server() -> Server:
    """Start the server; fails with a sentence when Debian's PostgreSQL is not installed."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("postgres") or (str(binaries[-1] / "postgres") if binaries else "")
    assert found, "PostgreSQL is not installed: .ci/run installs it and runs these tests"
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    as_whom: list[str] = []
    if os.geteuid() == 0:
        # It refuses to run as root.
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_whom = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
    # setpriv lets it die with the tests, however they end.
    private = ["setpriv", *as_whom, "--pdeathsig", "SIGINT"]
    cluster = folder / "cluster"
    subprocess.run(
        [*private, str(Path(found).with_name("initdb")), "-D", str(cluster), "-A", "trust", "-U", "postgres"],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=60"]
    options = [word for setting in settings for word in ("-c", setting)]
    running = subprocess.Popen(
        [*private, found, "-D", str(cluster), "-p", str(port), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    atexit.register(_stop, running, folder)
    started = Server(port)
    for _ in range(300):
        try:
            started.run("SELECT 1")
        except psycopg.OperationalError:
            assert running.poll() is None, "PostgreSQL ended at once"
            time.sleep(0.05)
        else:
            return started
    raise AssertionError("PostgreSQL did not start in 15 seconds")


def _stop(running: subprocess.Popen[bytes], folder: Path) -> None:
    running.terminate()
    try:
        running.wait(timeout=5)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
    shutil.rmtree(folder, ignore_errors=True)


# What stands in them

KEY: Final = b"an invented key of a home"
LETTER_FINDING: Final = Finding(
    rule="clinical.look-alike",
    severity=Severity.HOLD,
    where="question",
    start=4,
    end=9,
    excerpt="Wilbur",
    message="two names that look alike",
    source="invented",
)
ANSWER_FINDING: Final = replace(LETTER_FINDING, where="answer", excerpt="a cream")


def known(number: int = 1, **changes: object) -> KnownAnswer:
    """Give an invented answer; `changes` may name fields of it or of its material."""
    material = Material(
        answer_id=AnswerId(f"tag:{number:05}"),
        url=f"https://blog.example/{number}.html",
        title=f"Is lesson {number} worth it? É",
        body="Rest helps.\n\nSo does water.",
        revision=f"{number:064x}",
        taint=taint_of(["wilbur", "tulsa"], ["wilbur"], key=KEY),
        findings=(ANSWER_FINDING,),
        gate_version="gate-1",
    )
    of_material = {name: changes.pop(name) for name in list(changes) if hasattr(material, name)}
    published_at = START + timedelta(minutes=number, microseconds=number)
    plain = KnownAnswer(
        material=replace(material, **of_material),  # type: ignore[arg-type]  # The test names real fields.
        standing=Standing.FRESH,
        source="folder answers",
        published_at=published_at,
        updated_at=published_at,
        first_seen_at=START,
        author="The doctor",
        labels=("sleep", "naïve"),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # The same.


def planned(number: int = 1, **changes: object) -> Delivery:
    """Give an invented delivery in state planned."""
    answer_id = AnswerId(str(changes.get("answer_id", f"tag:{number:05}")))
    account = str(changes.get("account", "x:1001"))
    occasion = str(changes.get("occasion", "announce"))
    key = delivery_key(CLINIC, answer_id, account=account, occasion=occasion)
    text = f"Is lesson {number} worth it?"
    plain = Delivery(
        id=key[:24],
        key=key,
        answer_id=answer_id,
        answer_url=f"https://blog.example/{number}.html",
        channel="x",
        account=account,
        occasion=occasion,
        state=State.PLANNED,
        payload=Payload(
            text=text, link="https://blog.example/a", card=Card(title="A card", description="of a page")
        ),
        fragments=(Fragment(text=text, origin=Origin.TITLE, start=0, end=len(text)),),
        wording="announce.md@abc",
        source_revision=f"{number:064x}",
        gate_version="gate-1",
        planned_at=START,
        due_at=START + timedelta(hours=1),
        why=("first of its kind",),
        findings=(ANSWER_FINDING,),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # The same.


def told(key: str, **changes: Any) -> Told:
    """Give what a person was told of one matter."""
    shape: dict[str, Any] = {
        "key": key,
        "mark": "1",
        "since": START,
        "step": Step.TOLD,
        "stepped_at": START,
        "told_at": START,
        **changes,
    }
    return Told(**shape)
