"""Statements that run on the driver's own connection keep what a transaction of SQLAlchemy keeps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import bindparam, select

from clinic_broadcast.errors import BugError, LedgerError
from clinic_broadcast.ledger.database import Engines, open_engines, transaction
from clinic_broadcast.ledger.direct import direct_on, directly
from clinic_broadcast.ledger.migrate import ensure
from clinic_broadcast.ledger.schema import chain_head, source
from contract.ledgers import LEDGERS

HEADS = select(chain_head.c.number, chain_head.c.hash).where(chain_head.c.clinic == bindparam("b_clinic"))
ADD = chain_head.insert()
POLLED = select(source.c.name, source.c.polled_at).where(source.c.clinic == bindparam("b_clinic"))
AT = datetime(2026, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=-8)))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.heavy)])
def engines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engines]:
    place = LEDGERS[request.param](tmp_path)
    ensure(place.url)
    made = open_engines(place.url)
    yield made
    made.close()


def heads(engines: Engines) -> list[dict[str, object]]:
    with directly(engines.reader) as db:
        return db.rows(HEADS, {"b_clinic": "here"})


def test_what_is_written_stands_after_the_block_and_not_before(engines: Engines) -> None:
    with directly(engines.writer) as db:
        assert db.write(ADD, {"clinic": "here", "number": 7, "hash": "a"}) == 1
        assert heads(engines) == []
    assert heads(engines) == [{"number": 7, "hash": "a"}]


@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt])
def test_a_fault_in_the_block_undoes_what_was_written(engines: Engines, fault: type[BaseException]) -> None:
    def fail() -> None:
        with directly(engines.writer) as db:
            db.write(ADD, {"clinic": "here", "number": 7, "hash": "a"})
            raise fault

    with pytest.raises(fault):
        fail()
    assert heads(engines) == []
    with directly(engines.writer) as db:
        db.write(ADD, {"clinic": "here", "number": 8, "hash": "b"})
    assert heads(engines) == [{"number": 8, "hash": "b"}]


def test_a_fault_of_the_database_is_a_ledger_error_that_quotes_nothing(engines: Engines) -> None:
    row = {"clinic": "here", "number": 7, "hash": "words of a row"}
    with directly(engines.writer) as db:
        db.write(ADD, row)
    with pytest.raises(LedgerError) as caught, directly(engines.writer) as db:
        db.write(ADD, row)
    assert "words of a row" not in str(caught.value)
    assert heads(engines) == [{"number": 7, "hash": "words of a row"}]


def test_instants_are_kept_in_utc_and_a_naive_one_is_refused(engines: Engines) -> None:
    row = {"clinic": "here", "name": "blog", "etag": "", "last_modified": "", "state": ""}
    with directly(engines.writer) as db:
        db.write(source.insert(), {**row, "first_polled_at": AT, "polled_at": AT})
        assert db.rows(POLLED, {"b_clinic": "here"}) == [{"name": "blog", "polled_at": AT.astimezone(UTC)}]
        with pytest.raises(BugError):
            db.write(source.insert(), {**row, "first_polled_at": AT, "polled_at": AT.replace(tzinfo=None)})


def test_a_statement_brings_its_own_constants(engines: Engines) -> None:
    with directly(engines.writer) as db:
        db.write_all(
            ADD,
            [
                {"clinic": "here", "number": 7, "hash": "a"},
                {"clinic": "there", "number": 8, "hash": "b"},
            ],
        )
        beyond = HEADS.where(chain_head.c.number > 7)
        assert db.rows(beyond, {"b_clinic": "here"}) == []
        assert db.rows(beyond, {"b_clinic": "there"}) == [{"number": 8, "hash": "b"}]


def test_it_takes_part_in_a_transaction_of_sqlalchemy(engines: Engines) -> None:
    def fail() -> None:
        with transaction(engines.writer) as db:
            db.execute(ADD, {"clinic": "here", "number": 7, "hash": "a"})
            assert direct_on(db).rows(HEADS, {"b_clinic": "here"}) == [{"number": 7, "hash": "a"}]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert heads(engines) == []
