"""The history as a chain: each line seals the one before it, and the head row puts all writers in one order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Insert, bindparam, select, update

from clinic_broadcast.errors import BugError
from clinic_broadcast.ledger.database import insert_into, rows_of
from clinic_broadcast.ledger.direct import Direct, direct_on
from clinic_broadcast.ledger.rows import GENESIS, Line, Row, chained
from clinic_broadcast.ledger.schema import chain_head, delivery, history
from clinic_broadcast.ports import Head

ROWS_AT_A_TIME: Final = 1000
"""Rows held in memory while a long history is read."""

# Built once: to build a statement costs as much as to run it.
_HEAD: Final = select(chain_head.c.number, chain_head.c.hash).where(
    chain_head.c.clinic == bindparam("b_clinic")
)
_LOCK: Final = _HEAD.with_for_update()
_ADD: Final = history.insert()
_ADVANCE: Final = update(chain_head).where(
    chain_head.c.clinic == bindparam("b_clinic"),
    chain_head.c.number == bindparam("b_number"),
    chain_head.c.hash == bindparam("b_hash"),
)
_LINE: Final = select(history).where(
    history.c.clinic == bindparam("b_clinic"), history.c.number == bindparam("b_number")
)
_LINES: Final = select(history).where(history.c.clinic == bindparam("b_clinic")).order_by(history.c.number)
_LINES_OF_ONE: Final = _LINES.where(history.c.delivery_id == bindparam("b_id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One moment of a clinic's record as raw rows, to be read once and in this order: events, then deliveries."""

    clinic: str
    head: Head | None
    events: Iterator[Mapping[str, Any]]
    deliveries: Iterator[Mapping[str, Any]]


class Audited(Protocol):
    """A record whose rows can be read as they are stored."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Give all rows of one moment, events by number; raises LedgerError while they are read."""
        ...


def append_one(db: Direct, clinic: str, line: Line, *, guess: Head | None = None) -> Head:
    """Write a line at the end of the chain and give the new head; see `append`."""
    head = append(db, clinic, (line,), guess=guess)
    if head is None:
        raise BugError("a line of history was not written")
    return head


def append(db: Direct, clinic: str, lines: Sequence[Line], *, guess: Head | None = None) -> Head | None:
    """Write lines at the end of the chain, after the guarded writes that they tell of; give the new head, if any.

    The head row is locked first, so two writers of one clinic get two places; other clinics do not wait. `guess` is
    the head as this process last left it: when it still stands, which number and hash prove, it need not be read.
    """
    if not lines:
        return None
    prev = guess or locked_head(db, clinic)
    rows: list[Row] = []
    last = prev
    for line in lines:
        row = chained(line, clinic=clinic, prev=last)
        rows.append(row)
        last = Head(row["number"], row["hash"])
    if not _advance(db, clinic, prev, last):
        if prev is not guess:
            raise BugError("the head of the history moved while it was locked")
        return append(db, clinic, lines)
    db.write_all(_ADD, rows)
    return last


def _advance(db: Direct, clinic: str, prev: Head, last: Head) -> bool:
    """Lock the head row and let it name the last line, if it still names the one before; say whether it did."""
    place = {"b_clinic": clinic, "b_number": prev.number, "b_hash": prev.hash}
    return db.write(_ADVANCE, {**place, "number": last.number, "hash": last.hash}) == 1


def locked_head(db: Direct, clinic: str) -> Head:
    """Lock the head row until the transaction ends, and give it; the first writer makes it."""
    # SQLite knows no row locks and needs none: its writers hold the whole file since BEGIN IMMEDIATE.
    rows = db.rows(_LOCK, {"b_clinic": clinic})
    if not rows:
        db.write(_first(db.dialect), {"clinic": clinic, "number": GENESIS.number, "hash": GENESIS.hash})
        rows = db.rows(_LOCK, {"b_clinic": clinic})
    return Head(**rows[0])


@lru_cache(maxsize=2)
def _first(dialect: str) -> Insert:
    return insert_into(chain_head, dialect).on_conflict_do_nothing(index_elements=["clinic"])


def head(db: Direct, clinic: str) -> Head | None:
    """Give the head as it stands, None before the first line."""
    rows = db.rows(_HEAD, {"b_clinic": clinic})
    return Head(**rows[0]) if rows else None


def lines(db: Direct, clinic: str, delivery_id: str | None) -> list[Row]:
    """Give the rows of the history, of one delivery or of all, oldest first."""
    if delivery_id is None:
        return db.rows(_LINES, {"b_clinic": clinic})
    return db.rows(_LINES_OF_ONE, {"b_clinic": clinic, "b_id": delivery_id})


def line(db: Direct, clinic: str, number: int) -> Row | None:
    """Give the row of one line of the history."""
    return next(iter(db.rows(_LINE, {"b_clinic": clinic, "b_number": number})), None)


def snapshot(db: Connection, clinic: str) -> Snapshot:
    """Give the record of a clinic as rows that are fetched while they are read."""
    few = db.execution_options(yield_per=ROWS_AT_A_TIME)
    events = select(history).where(history.c.clinic == clinic).order_by(history.c.number)
    deliveries = select(delivery).where(delivery.c.clinic == clinic).order_by(delivery.c.turn)
    return Snapshot(
        clinic=clinic,
        head=head(direct_on(db), clinic),
        events=rows_of(few, events),
        deliveries=rows_of(few, deliveries),
    )
