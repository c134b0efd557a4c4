"""A locked, full, broken or killed database: the old record or the new one, and one clear error."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.delivery import Timing, claim, release
from clinic_broadcast.core.slot import SlotRun
from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.database import file_of, ledger_error
from clinic_broadcast.ledger.migrate import ensure, revision
from clinic_broadcast.ledger.store import SqlLedger
from clinic_broadcast.ports import Marks
from contract.ledgers import LEDGERS, START, Place, known, planned, told
from faults.forks import dies

TIMING = Timing(timeout=timedelta(seconds=20), settle=timedelta(seconds=90), lease=timedelta(seconds=180))
CLINIC = "harbor-clinic"
RUN = SlotRun(slot_at=START, ran_at=START, done_at=None, runs=1)
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.heavy)]
Act = Callable[[SqlLedger], object]

WRITES: dict[str, Act] = {
    "remember": lambda one: one.remember("folder", [known(1), known(7)], marks=Marks(), at=START),
    "plan_all": lambda one: one.plan_all(
        [planned(8), planned(7)], answers=[AnswerId("tag:00001")], actor="daemon", at=START
    ),
    "restand": lambda one: one.restand(
        AnswerId("tag:00001"), before=Standing.FRESH, after=Standing.BASELINE, actor="ann", at=START
    ),
    "plan": lambda one: one.plan(planned(7), actor="daemon"),
    "move": lambda one: one.move(
        planned(1), claim(planned(1), START, TIMING), kind="claim", actor="daemon", at=START
    ),
    "move_all": lambda one: one.move_all(
        [(planned(1), release(planned(1), START))], kind="released", actor="daemon", at=START
    ),
    "note": lambda one: one.note("late", actor="daemon", at=START, body={}),
    "take_slot": lambda one: one.take_slot("announce", START, at=START),
    "take_again": lambda one: one.take_again("feeds", RUN, at=START),
    "finish_slot": lambda one: one.finish_slot("feeds", START, at=START),
    "keep_notice": lambda one: one.keep_notice(None, told("approval")),
}
READS: dict[str, Act] = {
    "marks": lambda one: one.marks("folder"),
    "first_poll_at": lambda one: one.first_poll_at("folder"),
    "last_poll_at": lambda one: one.last_poll_at(),
    "revisions": lambda one: one.revisions(),
    "changes": lambda one: one.changes(0),
    "released": lambda one: one.released(),
    "comments": lambda one: one.comments(),
    "links": lambda one: one.links(),
    "answer": lambda one: one.answer(AnswerId("tag:00001")),
    "answer_at": lambda one: one.answer_at("https://blog.example/1.html"),
    "answers": lambda one: one.answers(),
    "newest_answers": lambda one: one.newest_answers(3),
    "unplanned": lambda one: one.unplanned(),
    "count_answers": lambda one: one.count_answers(),
    "delivery": lambda one: one.delivery(planned(1).id),
    "deliveries": lambda one: one.deliveries(),
    "count_deliveries": lambda one: one.count_deliveries(),
    "history": lambda one: one.history(),
    "head": lambda one: one.head(),
    "recall": lambda one: one.recall(one.head()),
    "line": lambda one: one.line(1),
    "last_run": lambda one: [one.last_run(name) for name in ("announce", "feeds")],
    "notices": lambda one: one.notices(),
}


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = LEDGERS[getattr(request, "param", "sqlite")](tmp_path)
    ledger = made.open()
    ledger.remember("folder", [known(1), known(2)], marks=Marks(etag="1"), at=START)
    ledger.plan(planned(1), actor="daemon")
    ledger.take_slot("feeds", START, at=START)
    yield made
    made.close()


def path_of(place: Place) -> Path:
    path = file_of(place.url)
    assert path is not None
    return path


def state_of(ledger: SqlLedger) -> dict[str, object]:
    return {name: read(ledger) for name, read in READS.items()}


@contextmanager
def locked(place: Place) -> Iterator[None]:
    path = file_of(place.url)
    if path is None:
        with psycopg.connect(place.url.replace("+psycopg", "")) as other:
            tables = "answer, source, delivery, event, chain_head, schedule_run, notice"
            other.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE".encode())
            yield
        return
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_every_method_is_tried_here() -> None:
    beyond = {"clinic", "close", "snapshot"}
    public = {name for name in vars(SqlLedger) if not name.startswith("_")}
    assert public - beyond == set(WRITES) | set(READS)


@pytest.mark.parametrize("place", DATABASES, indirect=True)
@pytest.mark.parametrize("name", WRITES)
def test_a_locked_record_is_a_ledger_error_and_stays_as_it_was(place: Place, name: str) -> None:
    impatient = SqlLedger(place.url, clinic=CLINIC, busy_timeout_s=0.05)
    before = state_of(impatient)
    with locked(place), pytest.raises(LedgerError, match="another program holds it"):
        WRITES[name](impatient)
    assert state_of(impatient) == before
    WRITES[name](impatient)
    assert verify(impatient) == []
    impatient.close()


@pytest.mark.parametrize("place", DATABASES, indirect=True)
def test_readers_do_not_wait_for_a_writer(place: Place) -> None:
    impatient = SqlLedger(place.url, clinic=CLINIC, busy_timeout_s=0.05)
    before = state_of(impatient)
    with locked(place):
        assert state_of(impatient) == before
    impatient.close()


def test_a_lock_that_ends_in_time_is_waited_for(place: Place) -> None:
    patient = SqlLedger(place.url, clinic=CLINIC, busy_timeout_s=30)
    is_locked, may_end = threading.Event(), threading.Event()

    def hold_it() -> None:
        with locked(place):
            is_locked.set()
            may_end.wait(timeout=0.3)

    other = threading.Thread(target=hold_it)
    other.start()
    is_locked.wait(timeout=10)
    assert patient.plan(planned(7), actor="daemon")
    other.join()
    patient.close()


@contextmanager
def full_disk(pages: int) -> Iterator[None]:
    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(Pool, "connect", limit)
    try:
        yield
    finally:
        event.remove(Pool, "connect", limit)


def plan_until_refused(ledger: SqlLedger) -> int:
    """Plan until there is no room, check that the last one left nothing, and say how many were planned."""
    for done in range(200):
        before = state_of(ledger)
        refusal = ""
        try:
            ledger.plan(planned(7 + done), actor="daemon")
        except LedgerError as full:
            refusal = str(full)
        if refusal:
            assert "the disk is full" in refusal
            assert state_of(ledger) == before
            return done
    raise AssertionError("the disk was never full")


@pytest.mark.parametrize("spare", range(4))
def test_a_full_disk_is_a_ledger_error_and_nothing_changed(place: Place, spare: int) -> None:
    with closing(sqlite3.connect(path_of(place))) as plain:
        pages = plain.execute("PRAGMA page_count").fetchone()[0]
    with full_disk(pages + spare):
        cramped = SqlLedger(place.url, clinic=CLINIC)
        before = state_of(cramped)
        many = [known(number, body="Rest helps. " * 100) for number in range(100)]
        with pytest.raises(LedgerError, match=r"SQLITE_FULL.*the disk is full"):
            cramped.remember("folder", many, marks=Marks(etag="2"), at=START)
        assert state_of(cramped) == before
        done = plan_until_refused(cramped)
        assert verify(cramped) == []
        cramped.close()
    roomy = SqlLedger(place.url, clinic=CLINIC)
    assert len(roomy.deliveries()) == 1 + done
    assert roomy.plan(planned(900), actor="daemon")
    assert verify(roomy) == []
    roomy.close()


@pytest.mark.parametrize("name", [*WRITES, *READS])
def test_a_file_that_is_no_database_is_a_ledger_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database at all, but long enough to be taken for one" * 100)
    broken = SqlLedger(f"sqlite:///{path}", clinic=CLINIC)
    with pytest.raises(LedgerError, match="restore a backup"):
        (WRITES | READS)[name](broken)
    with pytest.raises(LedgerError, match="restore a backup"):
        ensure(f"sqlite:///{path}")
    broken.close()


@pytest.mark.heavy
def test_a_server_that_is_not_there_is_a_ledger_error() -> None:
    nowhere = SqlLedger("postgresql+psycopg://someone:a-password@127.0.0.1:1/none", clinic=CLINIC)
    with pytest.raises(LedgerError) as caught:
        nowhere.head()
    assert "a-password" not in "".join(traceback.format_exception(caught.value))


def test_an_error_never_quotes_a_row(place: Place) -> None:
    with closing(sqlite3.connect(path_of(place))) as plain:
        plain.execute(
            "CREATE TRIGGER gossip BEFORE INSERT ON delivery "
            "BEGIN SELECT RAISE(ABORT, 'the words of a patient'); END"
        )
    ledger = SqlLedger(place.url, clinic=CLINIC)
    with pytest.raises(LedgerError) as caught:
        ledger.plan(planned(7), actor="daemon")
    shown = "".join(traceback.format_exception(caught.value))
    assert "SQLITE_CONSTRAINT_TRIGGER" in shown
    assert "the words of a patient" not in shown
    assert "lesson 7" not in shown
    ledger.close()


def test_a_row_spoilt_by_hand_is_a_ledger_error_and_found_by_verify(place: Place) -> None:
    with closing(sqlite3.connect(path_of(place))) as plain, plain:
        plain.execute("UPDATE delivery SET fragments = 'no json'")
        plain.execute("UPDATE answer SET published_at = 'yesterday'")
    ledger = place.open()
    with pytest.raises(LedgerError, match="run `verify`"):
        ledger.deliveries()
    with pytest.raises(LedgerError, match="run `verify`"):
        ledger.answers()
    assert len(verify(ledger)) == 1


@pytest.mark.parametrize("place", DATABASES, indirect=True)
def test_what_is_changed_in_the_database_itself_is_found(place: Place) -> None:
    ledger = place.open()
    WRITES["move"](ledger)  # type: ignore[arg-type]  # Both databases open as an SqlLedger.
    assert verify(ledger) == []
    statement = "UPDATE delivery SET post_url = 'https://elsewhere.example'"
    path = file_of(place.url)
    if path is None:
        with psycopg.connect(place.url.replace("+psycopg", "")) as other:
            other.execute(statement.encode())
    else:
        with closing(sqlite3.connect(path)) as plain, plain:
            plain.execute(statement)
    assert verify(ledger) == [
        f"delivery {planned(1).id}: its row was changed (another field) since line 2 of the history"
    ]


# Killed


OURS = ("BEGIN", "COMMIT", "\nCREATE", "CREATE", "INSERT", "SELECT", "UPDATE")


def _die_at(step: int) -> None:
    """Kill this process before the `step`-th statement or commit that a database is told, whoever tells it."""
    steps = iter(range(step))

    def tick(words: str = "COMMIT") -> None:
        # What a driver asks of a new connection is no part of the write.
        if words.startswith(OURS) and next(steps, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(connection: object, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(tick)

    def ticking(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: object, words: object = "COMMIT", *more: Any, **named: Any) -> Any:
            tick(str(words))
            return real(self, *(() if words == "COMMIT" else (words,)), *more, **named)

        return call

    event.listen(Pool, "connect", watch)
    psycopg.Cursor.execute = ticking(psycopg.Cursor.execute)  # type: ignore[method-assign]  # In a process of its own.
    psycopg.Cursor.executemany = ticking(psycopg.Cursor.executemany)  # type: ignore[method-assign]
    psycopg.Connection.commit = ticking(psycopg.Connection.commit)  # type: ignore[method-assign]


def _act_and_die(url: str, name: str, step: int) -> None:
    _die_at(step)
    WRITES[name](SqlLedger(url, clinic=CLINIC))


def _ensure_and_die(url: str, step: int) -> None:
    _die_at(step)
    ensure(url)


@pytest.mark.parametrize("place", DATABASES, indirect=True)
@pytest.mark.parametrize(
    ("name", "edges"),
    [
        ("move", {"sqlite": 6, "postgresql": 5}),
        ("plan", {"sqlite": 7, "postgresql": 6}),
        ("plan_all", {"sqlite": 12, "postgresql": 9}),
        ("remember", {"sqlite": 11, "postgresql": 7}),
    ],
)
def test_kill_9_inside_a_write_leaves_the_old_record_or_the_new_one(
    place: Place, name: str, edges: dict[str, int]
) -> None:
    ledger = SqlLedger(place.url, clinic=CLINIC)
    before = state_of(ledger)
    deaths = 0
    while dies(_act_and_die, place.url, name, deaths):
        deaths += 1
        assert state_of(ledger) == before
        assert verify(ledger) == []
    assert state_of(ledger) != before
    assert verify(ledger) == []
    # SQLite's BEGIN IMMEDIATE is a statement of ours, PostgreSQL's BEGIN is the driver's; and of a statement for
    # several rows SQLite tells each.
    assert deaths == edges["sqlite" if file_of(place.url) else "postgresql"]
    ledger.close()


def test_kill_9_inside_the_first_migration_leaves_nothing_or_all(tmp_path: Path) -> None:
    deaths = 0
    for step in range(0, 60, 12):
        path = tmp_path / str(step) / "ledger.db"
        url = f"sqlite:///{path}"
        if dies(_ensure_and_die, url, step):
            deaths += 1
            assert revision(url) is None
        ensure(url)
        ledger = SqlLedger(url, clinic=CLINIC)
        assert ledger.plan(planned(1), actor="daemon")
        ledger.close()
    assert deaths >= 3


def test_a_database_server_that_does_not_answer_is_told_as_such_without_its_password() -> None:
    with pytest.raises(
        LedgerError, match=r"the database server of clinic\.database_url cannot be reached"
    ) as told:
        SqlLedger("postgresql+psycopg://u:hidden@127.0.0.1:9/none", clinic=CLINIC).deliveries()
    assert "hidden" not in str(told.value)


def test_a_disk_without_room_for_the_shared_memory_of_readers_is_told_as_full() -> None:
    error = sqlite3.OperationalError()
    error.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"
    assert "the disk is full" in str(ledger_error(error))
