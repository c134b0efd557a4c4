"""The record in a database: SQLite and PostgreSQL by the same statements."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Final

from sqlalchemy import Insert, bindparam, func, or_, select, text, update

from clinic_broadcast.core.answer import AnswerId, Comments, Standing
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.core.notice import Told
from clinic_broadcast.core.slot import SlotRun
from clinic_broadcast.ledger import answers as answer_sql
from clinic_broadcast.ledger import chain, schema
from clinic_broadcast.ledger import notices as notice_sql
from clinic_broadcast.ledger import slots as slot_sql
from clinic_broadcast.ledger.database import BUSY_TIMEOUT_S, insert_into, open_engines, rows_of, transaction
from clinic_broadcast.ledger.direct import direct_on, directly
from clinic_broadcast.ledger.guards import IDENTITY, PLAN, check_move, check_plan, names_one
from clinic_broadcast.ledger.rows import (
    GENESIS,
    Line,
    Row,
    answer_of,
    clean,
    delivery_of,
    entry_of,
    line_of_move,
    row_of_delivery,
)
from clinic_broadcast.ledger.schema import IS_OPEN_SQL, OPEN_STATES, utc
from clinic_broadcast.ports import Head, HistoryEntry, Marks, Remembered

# Built once: to build a statement costs as much as to run it. The values to set come with the parameters.
_PLACE: Final = update(schema.delivery).where(
    schema.delivery.c.clinic == bindparam("b_clinic"), schema.delivery.c.id == bindparam("b_id")
)
_MOVE: Final = _PLACE.where(
    schema.delivery.c.state == bindparam("b_state"), schema.delivery.c.fence == bindparam("b_fence")
)


@lru_cache(maxsize=2)
def plan_statement(dialect: str) -> Insert:
    """Give the statement that adds a delivery unless one like it is there, for `sqlite` or `postgresql`."""
    return insert_into(schema.delivery, dialect).on_conflict_do_nothing()


class SqlLedger:
    """The record of one clinic in a database that `ensure` has prepared."""

    def __init__(self, url: str, *, clinic: str, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self._engines = open_engines(url, busy_timeout_s=busy_timeout_s)
        self._clinic = clinic
        self._read = self._engines.reader
        self._write = self._engines.writer
        self._left_at: Head | None = None
        """The head of the history as this process last committed it: a guess, which every write proves or drops."""

    @property
    def clinic(self) -> str:
        """Give the clinic whose record this is."""
        return self._clinic

    # Answers and sources

    def marks(self, source: str) -> Marks | None:
        with transaction(self._read) as db:
            return answer_sql.marks_of(db, self._clinic, source)

    def first_poll_at(self, source: str) -> datetime | None:
        with transaction(self._read) as db:
            return answer_sql.first_poll_at(db, self._clinic, source)

    def last_poll_at(self) -> datetime | None:
        with transaction(self._read) as db:
            return answer_sql.last_poll_at(db, self._clinic)

    def remember(
        self, source: str, answers: Sequence[KnownAnswer], *, marks: Marks | None, at: datetime
    ) -> Remembered:
        with transaction(self._write) as db:
            remembered = answer_sql.keep_answers(db, self._clinic, answers)
            if marks is not None:
                answer_sql.keep_marks(db, self._clinic, source, marks=marks, at=utc(at))
            return remembered

    def revisions(self) -> Mapping[AnswerId, str]:
        with transaction(self._read) as db:
            return answer_sql.revisions(db, self._clinic)

    def changes(self, after: int) -> tuple[int, frozenset[AnswerId]]:
        with transaction(self._read) as db:
            return answer_sql.changes(db, self._clinic, after)

    def released(self) -> frozenset[AnswerId]:
        with transaction(self._read) as db:
            return answer_sql.released(db, self._clinic)

    def comments(self) -> Mapping[AnswerId, Comments]:
        with transaction(self._read) as db:
            return answer_sql.comments(db, self._clinic)

    def links(self) -> frozenset[str]:
        with transaction(self._read) as db:
            return answer_sql.links(db, self._clinic)

    def answer(self, answer_id: AnswerId) -> KnownAnswer | None:
        with directly(self._read) as db:
            row = answer_sql.by_id(db, self._clinic, answer_id)
        return None if row is None else answer_of(row)

    def answer_at(self, url: str) -> KnownAnswer | None:
        with transaction(self._read) as db:
            row = answer_sql.by_url(db, self._clinic, url)
        return None if row is None else answer_of(row)

    def answers(self, standing: Standing | None = None) -> list[KnownAnswer]:
        with transaction(self._read) as db:
            return [answer_of(row) for row in answer_sql.newest_first(db, self._clinic, standing=standing)]

    def newest_answers(self, count: int) -> list[KnownAnswer]:
        with transaction(self._read) as db:
            return [answer_of(row) for row in answer_sql.newest_first(db, self._clinic, count=count)]

    def unplanned(self) -> list[KnownAnswer]:
        with transaction(self._read) as db:
            rows = answer_sql.unplanned(db, self._clinic)
        return [answer_of(row) for row in rows]

    def restand(
        self, answer_id: AnswerId, *, before: Standing, after: Standing, actor: str, at: datetime
    ) -> bool:
        """Change what an answer is to us, with a line of history; False when it is not `before` any more."""
        body = {"answer_id": answer_id, "before": before.value, "after": after.value}
        with transaction(self._write) as db:
            if not answer_sql.restand(db, self._clinic, answer_id, before=before, after=after):
                return False
            answer_sql.give_turns(db, self._clinic)
            line = Line(kind="standing", actor=actor, at=at, body=body)
            head = chain.append_one(direct_on(db), self._clinic, line, guess=self._left_at)
        self._left_at = head
        return True

    def count_answers(self) -> Mapping[Standing, int]:
        with transaction(self._read) as db:
            return answer_sql.count(db, self._clinic)

    # Deliveries

    def plan(self, delivery: Delivery, *, actor: str) -> bool:
        return bool(self.plan_all((delivery,), answers=(), actor=actor, at=delivery.planned_at))

    def plan_all(
        self, deliveries: Sequence[Delivery], *, answers: Collection[AnswerId], actor: str, at: datetime
    ) -> frozenset[str]:
        for one in deliveries:
            check_plan(one)
        rows = [row_of_delivery(one) for one in deliveries]
        with directly(self._write) as db:
            add = plan_statement(db.dialect)
            # Any of the three unique keys may say no. The guarded writes come first, as everywhere: taking the
            # head first could lock two writers against each other.
            new = {
                place
                for place in _by_id(rows)
                if db.write(add, {"clinic": self._clinic, "turn": 0, **rows[place]}) == 1
            }
            added = [row for place, row in enumerate(rows) if place in new]
            lines = [
                line_of_move(row, kind=PLAN, actor=actor, at=row["planned_at"], body={}) for row in added
            ]
            head = chain.append(db, self._clinic, lines, guess=self._left_at)
            if head is not None:
                first = head.number - len(added) + 1
                turns = [
                    {"b_clinic": self._clinic, "b_id": row["id"], "turn": first + place}
                    for place, row in enumerate(added)
                ]
                db.write_all(_PLACE, turns)
            answer_sql.mark_planned(db, self._clinic, answers, at)
        self._left_at = head or self._left_at
        return frozenset(row["id"] for row in added)

    def move(
        self,
        before: Delivery,
        after: Delivery,
        *,
        kind: str,
        actor: str,
        at: datetime,
        body: Mapping[str, str] | None = None,
    ) -> bool:
        return bool(self._move_all([(before, after)], kind=kind, actor=actor, at=at, body=body or {}))

    def move_all(
        self, moves: Sequence[tuple[Delivery, Delivery]], *, kind: str, actor: str, at: datetime
    ) -> frozenset[str]:
        return self._move_all(moves, kind=kind, actor=actor, at=at, body={})

    def _move_all(
        self,
        moves: Sequence[tuple[Delivery, Delivery]],
        *,
        kind: str,
        actor: str,
        at: datetime,
        body: Mapping[str, str],
    ) -> frozenset[str]:
        for before, after in moves:
            check_move(before, after)
        rows = [row_of_delivery(after) for _, after in moves]
        guarded = [self._guarded(before, row) for (before, _), row in zip(moves, rows, strict=True)]
        with directly(self._write) as db:
            done = {place for place in _by_id(rows) if db.write(_MOVE, guarded[place]) == 1}
            written = [row for place, row in enumerate(rows) if place in done]
            lines = [line_of_move(row, kind=kind, actor=actor, at=at, body=body) for row in written]
            head = chain.append(db, self._clinic, lines, guess=self._left_at)
        self._left_at = head or self._left_at
        return frozenset(row["id"] for row in written)

    def _guarded(self, before: Delivery, row: Row) -> Row:
        """Give the parameters of `_MOVE`: what must still stand there, and what is to be written."""
        return {
            "b_clinic": self._clinic,
            "b_id": clean(before.id),
            "b_state": before.state.value,
            "b_fence": before.fence,
            **{name: value for name, value in row.items() if name not in IDENTITY},
        }

    def delivery(self, delivery_id: str) -> Delivery | None:
        wanted = clean(delivery_id)
        if not wanted:
            return None
        beyond = wanted[:-1] + chr(ord(wanted[-1]) + 1)
        near = select(schema.delivery).where(
            schema.delivery.c.clinic == self._clinic,
            schema.delivery.c.id >= wanted,
            schema.delivery.c.id < beyond,
        )
        with transaction(self._read) as db:
            rows = list(rows_of(db, near.order_by(schema.delivery.c.id).limit(2)))
        return delivery_of(rows[0]) if rows and names_one([row["id"] for row in rows], wanted) else None

    def deliveries(
        self,
        *,
        states: Iterable[State] | None = None,
        answer_id: AnswerId | None = None,
        channel: str | None = None,
        since: datetime | None = None,
        newest: int | None = None,
    ) -> list[Delivery]:
        found = select(schema.delivery).where(schema.delivery.c.clinic == self._clinic)
        if states is not None:
            wanted = frozenset(states)
            found = found.where(schema.delivery.c.state.in_(sorted(state.value for state in wanted)))
            if wanted and wanted <= OPEN_STATES:
                found = found.where(text(IS_OPEN_SQL))
        if answer_id is not None:
            found = found.where(schema.delivery.c.answer_id == clean(answer_id))
        if channel is not None:
            found = found.where(schema.delivery.c.channel == clean(channel))
        if since is not None:
            found = found.where(
                or_(schema.delivery.c.claimed_at >= utc(since), schema.delivery.c.sent_at >= utc(since))
            )
        with transaction(self._read) as db:
            rows = list(rows_of(db, found.order_by(schema.delivery.c.turn.desc()).limit(newest)))
        return [delivery_of(row) for row in reversed(rows)]

    def count_deliveries(self) -> Mapping[str, Mapping[State, int]]:
        counted = (
            select(schema.delivery.c.channel, schema.delivery.c.state, func.count())
            .where(schema.delivery.c.clinic == self._clinic)
            .group_by(schema.delivery.c.channel, schema.delivery.c.state)
            .order_by(schema.delivery.c.channel)
        )
        counts: dict[str, dict[State, int]] = {}
        with transaction(self._read) as db:
            for channel, state, number in db.execute(counted):
                counts.setdefault(channel, {})[State(state)] = number
        return counts

    def history(self, delivery_id: str | None = None) -> list[HistoryEntry]:
        with directly(self._read) as db:
            rows = chain.lines(db, self._clinic, delivery_id)
            return [entry_of(row) for row in rows]

    def note(
        self, kind: str, *, actor: str, at: datetime, body: Mapping[str, str], delivery_id: str = ""
    ) -> Head:
        """Write a line of history that moves nothing (a restore, a late worker, an adoption); give the new head."""
        line = Line(kind=kind, actor=actor, at=at, body=body, delivery_id=delivery_id)
        with directly(self._write) as db:
            head = chain.append_one(db, self._clinic, line, guess=self._left_at)
        self._left_at = head
        return head

    def head(self) -> Head:
        """Give the end of the history: what a witness outside the database keeps."""
        with directly(self._read) as db:
            return chain.head(db, self._clinic) or GENESIS

    def recall(self, seen: Head) -> Head | None:
        with directly(self._read) as db:
            if seen != GENESIS:
                line = chain.line(db, self._clinic, seen.number)
                if line is None or line["hash"] != seen.hash:
                    return None
            return chain.head(db, self._clinic) or GENESIS

    def line(self, number: int) -> HistoryEntry | None:
        with directly(self._read) as db:
            row = chain.line(db, self._clinic, number)
        return None if row is None else entry_of(row)

    @contextmanager
    def snapshot(self) -> Generator[chain.Snapshot]:
        """Give the rows of one moment as they are stored, for `audit.verify`."""
        with transaction(self._read) as db:
            yield chain.snapshot(db, self._clinic)

    # Schedules

    def last_run(self, schedule: str) -> SlotRun | None:
        with transaction(self._read) as db:
            return slot_sql.last_run(db, self._clinic, schedule)

    def take_slot(self, schedule: str, slot_at: datetime, *, at: datetime) -> bool:
        with transaction(self._write) as db:
            return slot_sql.take_slot(db, self._clinic, schedule, slot_at, at=at)

    def take_again(self, schedule: str, seen: SlotRun, *, at: datetime) -> bool:
        with transaction(self._write) as db:
            return slot_sql.take_again(db, self._clinic, schedule, seen, at=at)

    def finish_slot(self, schedule: str, slot_at: datetime, *, at: datetime) -> None:
        with transaction(self._write) as db:
            slot_sql.finish_slot(db, self._clinic, schedule, slot_at, at=at)

    # Notices

    def notices(self) -> list[Told]:
        with transaction(self._read) as db:
            return notice_sql.notices(db, self._clinic)

    def keep_notice(self, before: Told | None, after: Told | None) -> bool:
        with transaction(self._write) as db:
            return notice_sql.keep_notice(db, self._clinic, before, after)

    def close(self) -> None:
        self._engines.close()


def _by_id(rows: Sequence[Row]) -> list[int]:
    """Give the places of the rows in the order in which every writer locks them: two never wait for each other."""
    return sorted(range(len(rows)), key=lambda place: str(rows[place]["id"]))
