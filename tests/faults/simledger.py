"""The ledger as a simulated worker reaches it, and a quick one for many worlds in little time."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import Any, Protocol

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ledger.guards import check_move, check_plan
from faults.judge import Judge


class Surroundings(Protocol):
    """What the watched ledger needs of the world around it; `locks` is how often the database is locked."""

    ledger: Any
    judge: Judge
    rng: random.Random

    @property
    def locks(self) -> float:
        """Give the chance that a write meets a locked database."""
        ...

    def edge(self) -> None:
        """Pass one edge of a port call."""
        ...

    def known(self, answer_id: AnswerId) -> KnownAnswer | None:
        """Give the answer as the ledger knows it at this moment."""
        ...

    def say(self, *words: object) -> None:
        """Tell what happens."""
        ...


class WatchedLedger:
    """The ledger as one actor reaches it: an edge before and after each call, and sometimes a locked database."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self._read: dict[AnswerId, str] = {}
        self._inner = world.ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def deliveries(self, **wanted: Any) -> Any:
        self._world.edge()
        return self._inner.deliveries(**wanted)

    def answer(self, answer_id: AnswerId) -> KnownAnswer | None:
        known = self._world.known(answer_id)
        if known is not None:
            self._read[answer_id] = known.material.revision
        return known

    def plan(self, delivery: Delivery, *, actor: str) -> bool:
        self._before_write()
        is_new: bool = self._inner.plan(delivery, actor=actor)
        if is_new:
            self._world.judge.saw_plan(delivery)
        self._world.edge()
        return is_new

    def move(self, before: Delivery, after: Delivery, **line: Any) -> bool:
        self._before_write()
        is_written: bool = self._inner.move(before, after, **line)
        if is_written and line["kind"] == "claimed":
            # What changes between the reading and the claim, nobody can know.
            is_as_read = self._read.get(after.answer_id, after.source_revision) == after.source_revision
            self._world.judge.expects(is_as_read, f"I3 {after.id} was taken with words of another revision")
        if is_written:
            self._world.judge.saw_move(before, after, kind=line["kind"], at=line["at"])
        else:
            self._world.say("was too late:", line["kind"], before.id)
        self._world.edge()
        return is_written

    def move_all(
        self, moves: Sequence[tuple[Delivery, Delivery]], *, kind: str, **line: Any
    ) -> frozenset[str]:
        self._before_write()
        written: frozenset[str] = self._inner.move_all(moves, kind=kind, **line)
        for before, after in moves:
            if after.id in written:
                self._world.judge.saw_move(before, after, kind=kind, at=line["at"])
            else:
                self._world.say("was too late:", kind, before.id)
        self._world.edge()
        return written

    def _before_write(self) -> None:
        self._world.edge()
        if self._world.rng.random() < self._world.locks:
            raise LedgerError("the database is locked")


class QuickLedger:
    """A ledger of bare objects with the guards of the real ones and nothing else, for many worlds in little time.

    One world in ten is played on a MemoryLedger, some on SQLite; the contract suite shows that those two agree.
    """

    def __init__(self) -> None:
        self._rows: dict[str, Delivery] = {}

    def copy(self) -> QuickLedger:
        """Give another ledger with the same rows."""
        other = QuickLedger()
        other._rows = self._rows.copy()
        return other

    def plan(self, delivery: Delivery, *, actor: str) -> bool:
        del actor
        check_plan(delivery)
        if delivery.id in self._rows:
            return False
        self._rows[delivery.id] = delivery
        return True

    def move(self, before: Delivery, after: Delivery, **line: Any) -> bool:
        del line
        check_move(before, after)
        row = self._rows[before.id]
        if (row.state, row.fence) != (before.state, before.fence):
            return False
        self._rows[before.id] = after
        return True

    def move_all(self, moves: Sequence[tuple[Delivery, Delivery]], **line: Any) -> frozenset[str]:
        return frozenset(after.id for before, after in moves if self.move(before, after, **line))

    def deliveries(
        self,
        *,
        states: Collection[State] | None = None,
        answer_id: AnswerId | None = None,
        channel: str | None = None,
    ) -> list[Delivery]:
        return [
            row
            for row in self._rows.values()
            if (states is None or row.state in states)
            and answer_id in (None, row.answer_id)
            and channel in (None, row.channel)
        ]

    def delivery(self, delivery_id: str) -> Delivery | None:
        return self._rows.get(delivery_id)

    def note(self, kind: str, **line: Any) -> None:
        """Take a line of history that moves nothing; there is no history here."""
        del kind, line
