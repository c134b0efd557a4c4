"""The tables, their guards, and how a record gets from one form to the next."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Dialect, Engine, event, text

from clinic_broadcast.core.answer import Standing
from clinic_broadcast.core.delivery import State
from clinic_broadcast.errors import LedgerError, SettingsError
from clinic_broadcast.ledger import direct
from clinic_broadcast.ledger import migrate as migrations
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.database import file_of, open_engines, sqlite_url
from clinic_broadcast.ledger.migrate import NEWEST, REVISIONS, ensure, migrate, open_ledger, revision
from clinic_broadcast.ledger.schema import metadata
from clinic_broadcast.ledger.store import SqlLedger
from clinic_broadcast.ports import Marks
from contract.ledgers import CLINIC, LEDGERS, START, fresh_database, known, planned

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.heavy)]
TABLES = {"answer", "source", "delivery", "event", "chain_head", "schedule_run", "notice"}

TOMORROW = '''
"""A migration of tomorrow."""
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    op.add_column("source", sa.Column("motto", sa.Text, server_default="none", nullable=False))
    {more}
'''


@pytest.fixture(params=DATABASES)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a database in which there is nothing yet."""
    if request.param == "postgresql":
        return fresh_database()
    return sqlite_url(tmp_path / "a home" / "50% é?" / "ledger.db")


def tomorrow(folder: Path, more: str = "") -> list[Path]:
    folder.mkdir()
    (folder / "9999_tomorrow.py").write_text(TOMORROW.format(newest=NEWEST, more=more))
    return [folder]


CATALOGUE = {
    "sqlite": ("SELECT type, name, tbl_name, sql FROM sqlite_master",),
    "postgresql": (
        """SELECT table_name, ordinal_position, column_name, data_type, is_nullable, collation_name
        FROM information_schema.columns WHERE table_schema = 'public'""",
        """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace""",
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    ),
}


def shape_of(url: str) -> list[Any]:
    """Give all that the database itself says about its tables, indexes and triggers."""
    engines = open_engines(url)
    with engines.reader.begin() as db:
        found = [tuple(row) for query in CATALOGUE[db.dialect.name] for row in db.execute(text(query))]
    engines.close()
    words = [[" ".join(str(cell).split()) for cell in row] for row in found]
    return sorted(row for row in words if "alembic_version" not in " ".join(row))


def other_of(url: str, tmp_path: Path) -> str:
    return fresh_database() if file_of(url) is None else sqlite_url(tmp_path / "other.db")


def test_a_migrated_record_is_the_same_as_a_fresh_one(new_url: str, tmp_path: Path) -> None:
    fresh_url = other_of(new_url, tmp_path)
    engines = open_engines(fresh_url)
    with engines.writer.begin() as db:
        metadata.create_all(db)
    engines.close()
    ensure(new_url)
    assert shape_of(new_url) == shape_of(fresh_url)
    engines = open_engines(new_url)
    with engines.reader.begin() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []
    engines.close()


def test_every_table_belongs_to_clinics_and_is_strict(tmp_path: Path) -> None:
    ensure(sqlite_url(tmp_path / "ledger.db"))
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as plain:
        strict = {name for _, name, _, _, _, is_strict in plain.execute("PRAGMA table_list") if is_strict}
        assert strict == TABLES == set(metadata.tables)
        for table in TABLES:
            unique = [row[1] for row in plain.execute(f"PRAGMA index_list({table})") if row[2]]
            assert unique
            for index in unique:
                assert plain.execute(f"PRAGMA index_info({index})").fetchone()[2] == "clinic"
        with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT value in INTEGER"):
            plain.execute("INSERT INTO chain_head VALUES ('c', 'not a number', '')")


@pytest.mark.parametrize(
    "statement", ["UPDATE event SET actor = 'somebody else'", "DELETE FROM event", "TRUNCATE event"]
)
@pytest.mark.parametrize("kind", DATABASES)
def test_the_history_can_only_grow(kind: str, statement: str, tmp_path: Path) -> None:
    place = LEDGERS[kind](tmp_path)
    ledger = place.open()
    ledger.plan(planned(1), actor="daemon")
    refused: type[Exception] = psycopg.errors.RaiseException
    connection: Any = None
    if kind == "sqlite":
        path = file_of(place.url)
        assert path is not None
        # SQLite has no TRUNCATE: there it is no statement at all.
        refused = sqlite3.OperationalError if statement.startswith("TRUNCATE") else sqlite3.IntegrityError
        connection = sqlite3.connect(path)
    else:
        connection = psycopg.connect(place.url.replace("+psycopg", ""))
    with closing(connection), pytest.raises(refused, match=r"can only grow|syntax error"):
        connection.execute(statement)
    assert verify(ledger) == []
    place.close()


@pytest.mark.parametrize("kind", DATABASES)
def test_a_state_that_is_none_is_refused_by_the_database_itself(kind: str, tmp_path: Path) -> None:
    place = LEDGERS[kind](tmp_path)
    place.open().plan(planned(1), actor="daemon")
    engines = open_engines(place.url)
    with pytest.raises(Exception, match=r"CheckViolation|CHECK constraint"), engines.writer.begin() as db:
        db.execute(text("UPDATE delivery SET state = 'lost'"))
    engines.close()
    place.close()


def test_the_file_is_private_and_every_write_reaches_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ledger.db"
    ledger = open_ledger(sqlite_url(path), CLINIC)
    ledger.plan(planned(1), actor="daemon")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    engines = open_engines(sqlite_url(path))
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    for engine in (engines.writer, engines.reader):
        with engine.begin() as db:
            assert {name: db.execute(text(f"PRAGMA {name}")).scalar() for name in wanted} == wanted
    engines.close()
    ledger.close()


@pytest.mark.heavy
def test_postgresql_waits_for_the_disk_and_not_for_ever() -> None:
    engines = open_engines(fresh_database(), busy_timeout_s=3)
    wanted = {"synchronous_commit": "on", "lock_timeout": "3s", "statement_timeout": "2min"}
    with engines.writer.begin() as db:
        assert {name: db.execute(text(f"SHOW {name}")).scalar() for name in wanted} == wanted
    engines.close()


def test_our_list_of_forms_is_alembics() -> None:
    config = Config()
    config.set_main_option("script_location", "clinic_broadcast.ledger:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == REVISIONS


def test_a_new_record_is_made_ready_once(new_url: str) -> None:
    assert revision(new_url) is None
    ensure(new_url)
    assert revision(new_url) == NEWEST
    ledger = open_ledger(new_url, CLINIC)
    assert ledger.plan(planned(1), actor="daemon")
    done = migrate(new_url)
    assert (done.before, done.after, done.copy) == (NEWEST, NEWEST, None)
    assert ledger.deliveries() == [planned(1)]
    ledger.close()


def test_looking_for_the_form_makes_no_file(tmp_path: Path) -> None:
    assert revision(sqlite_url(tmp_path / "none.db")) is None
    assert list(tmp_path.iterdir()) == []


def test_two_programs_that_make_the_record_at_once_make_one(new_url: str) -> None:
    children = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; from clinic_broadcast.ledger.migrate import ensure; ensure(sys.argv[1])",
                new_url,
            ]
        )
        for _ in range(3)
    ]
    assert [child.wait(timeout=60) for child in children] == [0, 0, 0]
    assert revision(new_url) == NEWEST


def test_a_newer_form_is_refused_and_an_older_one_waits_for_the_command(
    new_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(new_url, CLINIC)
    ledger.remember("folder", [known(1)], marks=Marks(), at=START)
    ledger.plan(planned(1), actor="daemon")
    ledger.close()

    done = migrate(new_url, more=tomorrow(tmp_path / "more"))

    assert (done.before, done.after) == (NEWEST, "9999")
    path = file_of(new_url)
    if path is None:
        assert done.copy is None
    else:
        assert done.copy == path.with_name(f"ledger.form-{NEWEST}.db")
        assert revision(sqlite_url(done.copy)) == NEWEST
        assert stat.S_IMODE(done.copy.stat().st_mode) == 0o600
    for refuses in (ensure, migrate):
        with pytest.raises(LedgerError, match="install the newer version"):
            refuses(new_url)
    monkeypatch.setattr(migrations, "REVISIONS", (*REVISIONS, "9999", "later"))
    monkeypatch.setattr(migrations, "NEWEST", "later")
    with pytest.raises(LedgerError, match="run `clinic-broadcast migrate`"):
        ensure(new_url)
    later = SqlLedger(new_url, clinic=CLINIC)
    assert later.deliveries() == [planned(1)]
    assert verify(later) == []
    later.close()


@pytest.mark.parametrize("old", REVISIONS[:-1])
def test_a_record_of_every_older_form_becomes_one_of_today(new_url: str, tmp_path: Path, old: str) -> None:
    older(new_url, old)
    assert revision(new_url) == old
    with pytest.raises(LedgerError, match="run `clinic-broadcast migrate`"):
        ensure(new_url)
    assert migrate(new_url).after == NEWEST
    fresh_url = other_of(new_url, tmp_path)
    ensure(fresh_url)
    assert shape_of(new_url) == shape_of(fresh_url)


def older(url: str, form: str) -> None:
    """Make a new record of an older form."""
    ensure(url)
    config = Config()
    config.set_main_option("script_location", "clinic_broadcast.ledger:migrations")
    engines = open_engines(url)
    with engines.writer.begin() as db:
        metadata.drop_all(db)
        db.execute(text("DROP TABLE alembic_version"))
        if file_of(url) is None:
            db.execute(text("DROP FUNCTION event_refuse()"))
        config.attributes["connection"] = db
        command.upgrade(config, form)
    engines.close()


def test_a_migration_that_fails_half_way_leaves_nothing(new_url: str, tmp_path: Path) -> None:
    ensure(new_url)
    before = shape_of(new_url)
    with pytest.raises(LedgerError):
        migrate(new_url, more=tomorrow(tmp_path / "bad", "op.execute('SELECT * FROM nothing_like_it')"))
    assert revision(new_url) == NEWEST
    assert shape_of(new_url) == before
    assert migrate(new_url, more=tomorrow(tmp_path / "good")).after == "9999"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://somebody:a-password@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "nonsense",
        "postgresql+psycopg2://h/d",
    ],
)
def test_an_address_that_cannot_be_meant_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match="database_url") as caught:
        open_ledger(url, CLINIC)
    assert "a-password" not in str(caught.value)


def test_opening_a_record_that_is_there_does_not_load_alembic(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "ledger.db")
    ensure(url)
    code = (
        "import sys; from clinic_broadcast.ledger.migrate import open_ledger; "
        "open_ledger(sys.argv[1], 'c').head(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, url], check=False).returncode == 0


QUESTIONS: dict[str, tuple[Callable[[SqlLedger], object], str]] = {
    "newest": (lambda one: one.newest_answers(30), "answer_newest"),
    "changes": (lambda one: one.changes(0), "answer_by_turn"),
    "unplanned": (lambda one: one.unplanned(), "answer_unplanned"),
    "fresh": (lambda one: one.answers(Standing.FRESH), "answer_by_standing"),
    "by url": (lambda one: one.answer_at("https://blog.example/1.html"), "answer_by_url"),
    "answers counted": (lambda one: one.count_answers(), "answer_by_standing"),
    "deliveries counted": (lambda one: one.count_deliveries(), "delivery_by_state"),
    "open": (
        lambda one: one.deliveries(states=[State.PLANNED, State.SENDING, State.UNSURE]),
        "delivery_open|delivery_by_state",
    ),
    "held": (lambda one: one.deliveries(states=[State.HELD]), "delivery_by_state"),
    "released": (lambda one: one.released(), "delivery_by_state"),
    "of an answer": (lambda one: one.deliveries(answer_id=known(1).material.answer_id), "autoindex_delivery"),
    "by prefix": (lambda one: one.delivery("abcdef"), "autoindex_delivery"),
    "history": (lambda one: one.history("abcdef"), "event_of_delivery"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_that_is_asked_often_is_answered_by_an_index(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = LEDGERS["sqlite"](tmp_path)
    ledger = SqlLedger(place.url, clinic=CLINIC)
    asked: list[tuple[str, Any]] = []

    def hear(_db: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    real = direct.words_of

    def hear_directly(statement: direct.Statement, dialect: Dialect, names: tuple[str, ...]) -> Any:
        words, constants = real(statement, dialect, names)
        asked.append((words, {**dict.fromkeys(names, ""), **constants}))
        return words, constants

    monkeypatch.setattr(direct, "words_of", hear_directly)
    ask, index = QUESTIONS[name]
    event.listen(Engine, "before_cursor_execute", hear)
    try:
        ask(ledger)
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    ledger.close()
    path = file_of(place.url)
    assert path is not None
    queries = [(statement, parameters) for statement, parameters in asked if statement.startswith("SELECT")]
    assert queries
    for statement, parameters in queries:
        with closing(sqlite3.connect(path)) as plain:
            way = " / ".join(row[3] for row in plain.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))
        assert any(one in way for one in index.split("|")), way
        assert "SCAN" not in way
