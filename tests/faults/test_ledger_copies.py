"""A backup is known to be good, and the way back from it loses nothing unseen."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from clinic_broadcast.errors import LedgerError, UsageError
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.backup import backup, check, restore
from clinic_broadcast.ledger.database import file_of, sqlite_url
from clinic_broadcast.ledger.store import SqlLedger
from clinic_broadcast.ports import Marks
from contract.ledgers import CLINIC, LEDGERS, START, AuditedLedger, Place, known, planned


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = LEDGERS["sqlite"](tmp_path)
    yield made
    made.close()


@pytest.fixture
def ledger(place: Place) -> AuditedLedger:
    opened = place.open()
    opened.remember("folder", [known(1), known(2)], marks=Marks(), at=START)
    opened.plan(planned(1), actor="daemon")
    return opened


def live_of(place: Place) -> Path:
    path = file_of(place.url)
    assert path is not None
    return path


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(("-wal", "-shm"))}


def test_a_backup_is_one_private_file_with_everything_in_it(
    place: Place, ledger: AuditedLedger, tmp_path: Path
) -> None:
    target = tmp_path / "copies" / "one.db"
    figures = backup(place.url, target)
    assert (figures.answers, figures.deliveries, figures.events) == (2, 1, 1)
    assert figures.heads == {CLINIC: ledger.head()}
    assert figures.size_bytes == target.stat().st_size
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["one.db"]
    assert check(target) == figures


def test_a_backup_made_while_somebody_writes_is_whole(
    place: Place, ledger: AuditedLedger, tmp_path: Path
) -> None:
    stop = threading.Event()
    writer = place.open()

    def write() -> None:
        number = 10
        while not stop.is_set():
            writer.plan(planned(number), actor="daemon")
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        figures = [backup(place.url, tmp_path / "copy.db") for _ in range(5)]
    finally:
        stop.set()
        thread.join()
    assert all(one.deliveries == one.events == one.heads[CLINIC].number for one in figures)
    assert verify(ledger) == []


def test_a_record_that_is_not_whole_gives_no_backup(
    place: Place, ledger: AuditedLedger, tmp_path: Path
) -> None:
    assert ledger.deliveries()
    with closing(sqlite3.connect(live_of(place))) as plain, plain:
        plain.execute("UPDATE delivery SET fence = 9")
    with pytest.raises(LedgerError, match="not whole"):
        backup(place.url, tmp_path / "copies" / "one.db")
    assert names_in(tmp_path / "copies") == set()


def test_a_backup_that_cannot_be_written_is_a_ledger_error(
    place: Place, ledger: AuditedLedger, tmp_path: Path
) -> None:
    (tmp_path / "a-file").touch()
    with pytest.raises(LedgerError):
        backup(place.url, tmp_path / "a-file" / "one.db")
    assert verify(ledger) == []


def test_a_restored_record_says_so_and_keeps_what_it_replaced(
    place: Place, ledger: AuditedLedger, tmp_path: Path
) -> None:
    backup(place.url, tmp_path / "one.db")
    then = (tmp_path / "one.db").read_bytes()
    ledger.plan(planned(2), actor="daemon")
    replaced = ledger.head()

    done = restore(place.url, tmp_path / "one.db", clinic=CLINIC, actor="ann", at=START)

    assert done.ahead
    assert done.kept == live_of(place).with_name("ledger.before-restore-20260302T090000Z.db")
    assert check(done.kept).deliveries == 2
    # The ledger that was open all the while sees the restored record.
    assert ledger.deliveries() == [planned(1)]
    last = ledger.history()[-1]
    assert (last.kind, last.actor) == ("restore", "ann")
    assert last.body == {"restored_line": "1", "replaced_line": "2", "replaced_hash": replaced.hash}
    assert verify(ledger) == []
    assert verify(ledger, witness=replaced) != []
    assert ledger.plan(planned(2), actor="daemon")
    assert (tmp_path / "one.db").read_bytes() == then
    assert names_in(live_of(place).parent) == {"ledger.db", done.kept.name}


def test_a_damaged_record_is_moved_aside_by_a_restore(
    place: Place, ledger: AuditedLedger, tmp_path: Path
) -> None:
    backup(place.url, tmp_path / "one.db")
    ledger.close()
    live_of(place).write_bytes(b"what a broken disk left behind, page after page" * 200)

    done = restore(place.url, tmp_path / "one.db", clinic=CLINIC, actor="ann", at=START)

    assert done.ahead
    assert done.kept is not None
    assert done.kept.read_bytes().startswith(b"what a broken disk left")
    again = SqlLedger(place.url, clinic=CLINIC)
    assert again.deliveries() == [planned(1)]
    assert verify(again) == []
    again.close()


def test_a_record_with_nothing_that_the_backup_lacks_is_not_ahead(
    place: Place, ledger: AuditedLedger, tmp_path: Path
) -> None:
    backup(place.url, tmp_path / "one.db")
    later = START + timedelta(hours=1)
    assert not restore(place.url, tmp_path / "one.db", clinic=CLINIC, actor="ann", at=START).ahead
    assert restore(place.url, tmp_path / "one.db", clinic=CLINIC, actor="ann", at=later).ahead
    backup(place.url, tmp_path / "two.db")
    third = restore(place.url, tmp_path / "two.db", clinic=CLINIC, actor="ann", at=later)
    assert not third.ahead
    assert third.kept is not None
    assert third.kept.name == "ledger.before-restore-20260302T100000Z-2.db"
    assert verify(ledger) == []


def test_a_lost_record_comes_back(place: Place, ledger: AuditedLedger, tmp_path: Path) -> None:
    backup(place.url, tmp_path / "one.db")
    ledger.close()
    url = sqlite_url(tmp_path / "new home" / "ledger.db")
    done = restore(url, tmp_path / "one.db", clinic=CLINIC, actor="ann", at=START)
    assert done.kept is None
    assert done.figures.deliveries == 1
    assert stat.S_IMODE((tmp_path / "new home" / "ledger.db").stat().st_mode) == 0o600


def test_what_is_no_good_backup_is_refused_and_nothing_changes(
    place: Place, ledger: AuditedLedger, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.db", tmp_path / "bad.db"
    backup(place.url, good)
    whole = good.read_bytes()
    head = ledger.head()

    def refused(kind: type[Exception], words: str, clinic: str = CLINIC) -> None:
        with pytest.raises(kind, match=words):
            restore(place.url, bad, clinic=clinic, actor="ann", at=START)
        assert ledger.head() == head
        assert names_in(live_of(place).parent) == {"ledger.db"}

    refused(UsageError, "no backup at")
    bad.write_bytes(b"these are only words, but many of them" * 100)
    refused(LedgerError, "restore a backup")
    bad.write_bytes(b"")
    refused(LedgerError, "not a backup")
    bad.write_bytes(whole[: len(whole) // 2])
    refused(LedgerError, "damaged")
    bad.write_bytes(whole)
    refused(LedgerError, "another clinic", clinic="another")
    with closing(sqlite3.connect(bad)) as plain, plain:
        plain.execute("UPDATE delivery SET post_id = '1'")
    refused(LedgerError, "not whole")
    with closing(sqlite3.connect(bad)) as plain, plain:
        plain.execute("UPDATE alembic_version SET version_num = '9999'")
    refused(LedgerError, "install the newer version")


def test_a_postgresql_record_is_copied_by_its_own_tools(tmp_path: Path) -> None:
    url = "postgresql+psycopg://somebody@127.0.0.1:1/none"
    with pytest.raises(UsageError, match="pg_dump"):
        backup(url, tmp_path / "one.db")
    with pytest.raises(UsageError, match="pg_restore"):
        restore(url, tmp_path / "one.db", clinic=CLINIC, actor="ann", at=START)
