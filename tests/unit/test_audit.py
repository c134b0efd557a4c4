"""Any change made to the record behind our back is found."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.delivery import Timing, claim, hold
from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ledger.audit import PROBLEMS_MAX, verify
from clinic_broadcast.ledger.chain import Snapshot
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ledger.rows import GENESIS, Row, hash_of_line
from clinic_broadcast.ports import Head, Marks
from contract.ledgers import START, known, planned

TIMING = Timing(timeout=timedelta(seconds=20), settle=timedelta(seconds=90), lease=timedelta(seconds=180))
Rows = list[Row]


class Tampered:
    """A record whose rows somebody has had in hand before they are read."""

    def __init__(self, events: Rows, deliveries: Rows, head: Head | None) -> None:
        self.events, self.deliveries, self.head_row = events, deliveries, head

    @contextmanager
    def snapshot(self) -> Generator[Snapshot]:
        yield Snapshot(
            clinic="harbor-clinic",
            head=self.head_row,
            events=iter(self.events),
            deliveries=iter(self.deliveries),
        )


def lived_in() -> MemoryLedger:
    ledger = MemoryLedger("harbor-clinic")
    ledger.remember("folder answers", [known(1), known(2)], marks=Marks(), at=START)
    for number in (1, 2, 3):
        ledger.plan(planned(number), actor="daemon")
    taken = claim(planned(1), START, TIMING)
    ledger.move(planned(1), taken, kind="claim", actor="daemon", at=START)
    ledger.move(planned(2), hold(planned(2), ("wait",)), kind="hold", actor="ann", at=START)
    ledger.note("fenced", actor="daemon", at=START, body={"fence": "0"}, delivery_id=planned(1).id)
    ledger.restand(
        AnswerId("tag:00001"), before=Standing.FRESH, after=Standing.WITHDRAWN, actor="ann", at=START
    )
    return ledger


def rows_of(ledger: MemoryLedger) -> Tampered:
    with ledger.snapshot() as snapshot:
        return Tampered(
            [dict(row) for row in snapshot.events],
            [dict(row) for row in snapshot.deliveries],
            snapshot.head,
        )


def test_an_honest_record_is_whole() -> None:
    assert verify(lived_in()) == []
    assert verify(rows_of(lived_in())) == []
    assert verify(MemoryLedger("empty")) == []


def _other(value: object) -> object:
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if value is None:
        return START
    return value + timedelta(microseconds=1)  # type: ignore[operator]  # What is left is an instant.


@given(draws=st.data())
def test_any_changed_field_of_any_row_is_found(draws: st.DataObject) -> None:
    record = rows_of(lived_in())
    row = draws.draw(st.sampled_from(record.events + record.deliveries))
    name = draws.draw(st.sampled_from(sorted(row)))
    row[name] = _other(row[name])
    assert verify(record) != []


@given(draws=st.data())
def test_a_dropped_or_doubled_or_swapped_line_is_found(draws: st.DataObject) -> None:
    record = rows_of(lived_in())
    index = draws.draw(st.integers(min_value=0, max_value=len(record.events) - 2))
    how: Callable[[Rows, int], None] = draws.draw(
        st.sampled_from([lambda rows, at: rows.pop(at), lambda rows, at: rows.insert(at, rows[at]), _swap])
    )
    how(record.events, index)
    assert verify(record) != []


def _swap(rows: Rows, at: int) -> None:
    rows[at], rows[at + 1] = rows[at + 1], rows[at]


def _sealed(row: Mapping[str, Any], **changes: object) -> Row:
    forged: Row = {**row, **changes}
    forged["hash"] = hash_of_line(forged)
    return forged


def test_a_forged_line_with_a_fitting_hash_breaks_the_chain_after_it() -> None:
    record = rows_of(lived_in())
    record.events[1] = _sealed(record.events[1], actor="somebody else")
    assert verify(record) == ["line 3 of the history does not follow the line before it"]


def test_a_line_added_at_the_end_does_not_fit_the_head() -> None:
    record = rows_of(lived_in())
    last = record.events[-1]
    record.events.append(_sealed(last, number=last["number"] + 1, prev=last["hash"]))
    assert verify(record) == ["the history ends with line 8, but its head names line 7"]


def test_a_history_cut_at_its_end_does_not_fit_the_head_or_the_deliveries() -> None:
    record = rows_of(lived_in())
    del record.events[4:]
    assert verify(record) == [
        "the history ends with line 4, but its head names line 7",
        f"delivery {planned(2).id}: its row was changed (state, fence) since line 2 of the history",
    ]
    last = record.events[-1]
    record.head_row = Head(last["number"], last["hash"])
    assert len(verify(record)) == 1


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"state": "sent"}, "state"),
        ({"fence": 7}, "fence"),
        ({"payload": '{"card":null,"link":"","text":"Buy this"}'}, "payload"),
        ({"post_url": "https://elsewhere.example"}, "another field"),
    ],
)
def test_a_changed_delivery_is_told_with_what_was_changed(changes: Row, what: str) -> None:
    record = rows_of(lived_in())
    record.deliveries[0].update(changes)
    assert verify(record) == [
        f"delivery {planned(1).id}: its row was changed ({what}) since line 4 of the history"
    ]


def test_a_delivery_that_is_gone_or_new_or_out_of_turn_is_found() -> None:
    record = rows_of(lived_in())
    record.deliveries[2]["turn"] = 9
    stranger = {**record.deliveries[0], "id": "stranger"}
    record.deliveries[0] = stranger
    assert verify(record) == [
        "delivery stranger: the history does not know it",
        f"delivery {planned(3).id}: it was planned in line 3, not 9",
        f"delivery {planned(1).id}: line 4 of the history tells of it, but it is gone",
    ]


def test_a_head_that_is_gone_is_found() -> None:
    record = rows_of(lived_in())
    record.head_row = None
    assert verify(record) == ["the history ends with line 7, but its head names line 0"]


def test_a_witness_tells_an_old_record_from_the_newest() -> None:
    ledger = lived_in()
    witness = ledger.head()
    assert verify(ledger, witness=GENESIS) == []
    assert verify(ledger, witness=witness) == []
    ledger.note("later", actor="daemon", at=START, body={})
    assert verify(ledger, witness=witness) == []
    old = lived_in()
    assert verify(old, witness=ledger.head()) == [
        "line 8 of the history is not the witnessed one: the record is an old or other one"
    ]


def test_the_list_of_problems_has_an_end() -> None:
    ledger = lived_in()
    for _ in range(PROBLEMS_MAX):
        ledger.note("later", actor="daemon", at=START, body={})
    record = rows_of(ledger)
    for row in record.events:
        row["actor"] = "somebody else"
    assert len(verify(record)) == PROBLEMS_MAX


def test_a_record_that_cannot_be_read_is_a_problem_and_no_traceback() -> None:
    class Broken(Tampered):
        @contextmanager
        def snapshot(self) -> Generator[Snapshot]:
            with super().snapshot() as snapshot:
                yield replace(snapshot, events=self.torn())

        def torn(self) -> Generator[Row]:
            yield self.events[0]
            raise LedgerError("the record cannot be read")

    record = rows_of(lived_in())
    assert verify(Broken(record.events, [], None)) == ["the record cannot be read"]
