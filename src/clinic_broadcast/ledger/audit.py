"""Is the record what we wrote? Finds every line of history and every delivery that somebody changed by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ledger.chain import Audited, Snapshot
from clinic_broadcast.ledger.rows import GENESIS, digest_of_row, hash_of_line, revision_of_row
from clinic_broadcast.ports import Head

PROBLEMS_MAX: Final = 100
"""One torn link is enough to know; a person reads no more than this."""


_Newest: TypeAlias = tuple[int, str, int, str, str]
"""Of the newest line about a delivery: number, state, fence, revision and digest."""


@dataclass(slots=True)
class _Told:
    """What the history says of the deliveries, gathered line by line."""

    end: Head = GENESIS
    turns: dict[str, int] = field(default_factory=dict[str, int])
    newest: dict[str, _Newest] = field(default_factory=dict[str, _Newest])


def verify(ledger: Audited, *, witness: Head | None = None) -> list[str]:
    """Give what is wrong with the record, one sentence each, at most a hundred; an empty list when it is whole.

    Finds a changed, dropped, inserted or reordered line of history, and a delivery whose row says anything else
    than the last line about it. A record that somebody cut off at its end together with its deliveries, or
    an old copy put in its place, shows only against a `witness`: a head that was kept elsewhere.
    """
    problems: list[str] = []
    try:
        with ledger.snapshot() as snapshot:
            for problem in _problems(snapshot, witness):
                problems.append(problem)
                if len(problems) >= PROBLEMS_MAX:
                    break
    except LedgerError as error:
        problems.append(str(error))
    return problems


def _problems(snapshot: Snapshot, witness: Head | None) -> Iterator[str]:
    told = _Told()
    witnessed = witness is None or witness == GENESIS
    for row in snapshot.events:
        yield from _line_problems(row, told)
        if witness is not None and (row["number"], row["hash"]) == (witness.number, witness.hash):
            witnessed = True
        _hear(row, told)
    head = snapshot.head or GENESIS
    if (head.number, head.hash) != (told.end.number, told.end.hash):
        yield f"the history ends with line {told.end.number}, but its head names line {head.number}"
    if not witnessed and witness is not None:
        yield f"line {witness.number} of the history is not the witnessed one: the record is an old or other one"
    for row in snapshot.deliveries:
        yield from _delivery_problems(row, told)
    for delivery_id, (number, *_) in told.newest.items():
        yield f"delivery {delivery_id}: line {number} of the history tells of it, but it is gone"


def _line_problems(row: Mapping[str, Any], told: _Told) -> Iterator[str]:
    number = row["number"]
    if number != told.end.number + 1:
        yield f"between lines {told.end.number} and {number} of the history lines are missing"
    if row["prev"] != told.end.hash:
        yield f"line {number} of the history does not follow the line before it"
    if row["hash"] != hash_of_line(row):
        yield f"line {number} of the history was changed: its hash does not fit"


def _hear(row: Mapping[str, Any], told: _Told) -> None:
    told.end = Head(row["number"], row["hash"])
    if row["digest"]:
        name = row["delivery_id"]
        told.turns.setdefault(name, row["number"])
        told.newest[name] = (row["number"], row["state"], row["fence"], row["revision"], row["digest"])


def _delivery_problems(row: Mapping[str, Any], told: _Told) -> Iterator[str]:
    name = row["id"]
    newest = told.newest.pop(name, None)
    if newest is None:
        yield f"delivery {name}: the history does not know it"
        return
    number, state, fence, revision, digest = newest
    if row["turn"] != told.turns[name]:
        yield f"delivery {name}: it was planned in line {told.turns[name]}, not {row['turn']}"
    if digest_of_row(row) == digest:
        return
    differs = [
        word
        for word, same in (
            ("state", row["state"] == state),
            ("fence", row["fence"] == fence),
            ("payload", revision_of_row(row) == revision),
        )
        if not same
    ]
    what = ", ".join(differs) or "another field"
    yield f"delivery {name}: its row was changed ({what}) since line {number} of the history"
