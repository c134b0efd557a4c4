"""The record in memory: the twin of the database for tests and for `preview`; it passes the same contract."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import RLock

from clinic_broadcast.core.answer import AnswerId, Comments, Standing
from clinic_broadcast.core.delivery import RELEASED, Delivery, State
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.core.notice import Told
from clinic_broadcast.core.slot import SlotRun
from clinic_broadcast.ledger.chain import Snapshot
from clinic_broadcast.ledger.guards import PLAN, check_move, check_plan, names_one
from clinic_broadcast.ledger.rows import (
    ANSWER_MUTABLE,
    GENESIS,
    Line,
    Row,
    answer_of,
    chained,
    clean,
    comments_in,
    delivery_of,
    entry_of,
    line_of_move,
    row_of_answer,
    row_of_delivery,
)
from clinic_broadcast.ledger.schema import utc
from clinic_broadcast.ports import Head, HistoryEntry, Marks, Remembered


class MemoryLedger:
    """The record of one clinic, gone with the object; it keeps the same rows as the database does."""

    def __init__(self, clinic: str) -> None:
        self._clinic = clinic
        self._lock = RLock()
        self._answers: dict[str, Row] = {}
        self._marks: dict[str, tuple[Marks, datetime]] = {}
        self._first_polls: dict[str, datetime] = {}
        self._deliveries: dict[str, Row] = {}
        self._events: list[Row] = []
        self._slots: dict[str, SlotRun] = {}
        self._notices: dict[str, Told] = {}
        self._turns: dict[str, int] = {}

    @property
    def clinic(self) -> str:
        """Give the clinic whose record this is."""
        return self._clinic

    # Answers and sources

    def marks(self, source: str) -> Marks | None:
        with self._lock:
            kept = self._marks.get(clean(source))
        return None if kept is None else kept[0]

    def first_poll_at(self, source: str) -> datetime | None:
        with self._lock:
            return self._first_polls.get(clean(source))

    def last_poll_at(self) -> datetime | None:
        with self._lock:
            return max((at for _, at in self._marks.values()), default=None)

    def remember(
        self, source: str, answers: Sequence[KnownAnswer], *, marks: Marks | None, at: datetime
    ) -> Remembered:
        latest = {row["id"]: row for row in map(row_of_answer, answers)}
        polled_at = utc(at)
        added = changed = 0
        with self._lock:
            touched: list[str] = []
            for name, row in latest.items():
                old = self._answers.setdefault(name, row)
                added += old is row
                changed += old["revision"] != row["revision"]
                if old is row or any(old[column] != row[column] for column in ANSWER_MUTABLE):
                    touched.append(name)
                old.update({column: row[column] for column in ANSWER_MUTABLE})
            self._turn(touched)
            if marks is not None:
                tidy = Marks(
                    etag=clean(marks.etag),
                    last_modified=clean(marks.last_modified),
                    state=clean(marks.state),
                )
                self._marks[clean(source)] = (tidy, polled_at)
                self._first_polls.setdefault(clean(source), polled_at)
        return Remembered(added=added, changed=changed)

    def revisions(self) -> Mapping[AnswerId, str]:
        with self._lock:
            return {AnswerId(name): row["revision"] for name, row in self._answers.items()}

    def changes(self, after: int) -> tuple[int, frozenset[AnswerId]]:
        with self._lock:
            newest = max(self._turns.values(), default=0)
            return newest, frozenset(AnswerId(name) for name, turn in self._turns.items() if turn > after)

    def released(self) -> frozenset[AnswerId]:
        return frozenset(one.answer_id for one in self.deliveries(states=RELEASED) if one.approved_by)

    def comments(self) -> Mapping[AnswerId, Comments]:
        with self._lock:
            found = {AnswerId(name): comments_in(row["labels"]) for name, row in self._answers.items()}
        return {name: known for name, known in found.items() if known is not None}

    def links(self) -> frozenset[str]:
        with self._lock:
            return frozenset(row["url"] for row in self._answers.values() if row["url"])

    def answer(self, answer_id: AnswerId) -> KnownAnswer | None:
        with self._lock:
            row = self._answers.get(clean(answer_id))
            return None if row is None else answer_of(row)

    def answer_at(self, url: str) -> KnownAnswer | None:
        wanted = clean(url)
        return next((one for one in self.answers() if one.material.url == wanted), None)

    def answers(self, standing: Standing | None = None) -> list[KnownAnswer]:
        with self._lock:
            known = [answer_of(row) for row in self._answers.values()]
        known.sort(key=_publication, reverse=True)
        return [one for one in known if standing is None or one.standing is standing]

    def newest_answers(self, count: int) -> list[KnownAnswer]:
        shown = [one for one in self.answers() if one.standing is not Standing.WITHDRAWN]
        return shown[: max(count, 0)]

    def unplanned(self) -> list[KnownAnswer]:
        return [one for one in reversed(self.answers(Standing.FRESH)) if one.planned_at is None]

    def restand(
        self, answer_id: AnswerId, *, before: Standing, after: Standing, actor: str, at: datetime
    ) -> bool:
        """Change what an answer is to us, with a line of history; False when it is not `before` any more."""
        body = {"answer_id": answer_id, "before": before.value, "after": after.value}
        with self._lock:
            row = self._answers.get(clean(answer_id))
            if row is None or row["standing"] != before.value:
                return False
            self._append(Line(kind="standing", actor=actor, at=at, body=body))
            row["standing"] = after.value
            self._turn([row["id"]])
            return True

    def count_answers(self) -> Mapping[Standing, int]:
        with self._lock:
            found = [row["standing"] for row in self._answers.values()]
        return {standing: found.count(standing.value) for standing in Standing}

    # Deliveries

    def plan(self, delivery: Delivery, *, actor: str) -> bool:
        check_plan(delivery)
        row = row_of_delivery(delivery)
        line = line_of_move(row, kind=PLAN, actor=actor, at=delivery.planned_at, body={})
        with self._lock:
            if any(_are_alike(row, other) for other in self._deliveries.values()):
                return False
            row["turn"] = self._append(line).number
            self._deliveries[row["id"]] = row
            return True

    def plan_all(
        self, deliveries: Sequence[Delivery], *, answers: Collection[AnswerId], actor: str, at: datetime
    ) -> frozenset[str]:
        for one in deliveries:
            check_plan(one)
        planned_at = utc(at)
        with self._lock:
            added = frozenset(one.id for one in deliveries if self.plan(one, actor=actor))
            for answer_id in answers:
                row = self._answers.get(clean(answer_id))
                if row is not None and row["planned_at"] is None:
                    row["planned_at"] = planned_at
            return added

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
        check_move(before, after)
        row = row_of_delivery(after)
        line = line_of_move(row, kind=kind, actor=actor, at=at, body=body or {})
        with self._lock:
            old = self._deliveries.get(row["id"])
            if old is None or (old["state"], old["fence"]) != (before.state.value, before.fence):
                return False
            self._append(line)
            self._deliveries[row["id"]] = {**old, **row}
            return True

    def move_all(
        self, moves: Sequence[tuple[Delivery, Delivery]], *, kind: str, actor: str, at: datetime
    ) -> frozenset[str]:
        for before, after in moves:
            check_move(before, after)
        with self._lock:
            return frozenset(
                after.id for before, after in moves if self.move(before, after, kind=kind, actor=actor, at=at)
            )

    def delivery(self, delivery_id: str) -> Delivery | None:
        wanted = clean(delivery_id)
        with self._lock:
            near = sorted(name for name in self._deliveries if wanted and name.startswith(wanted))
            return delivery_of(self._deliveries[near[0]]) if near and names_one(near, wanted) else None

    def deliveries(
        self,
        *,
        states: Iterable[State] | None = None,
        answer_id: AnswerId | None = None,
        channel: str | None = None,
        since: datetime | None = None,
        newest: int | None = None,
    ) -> list[Delivery]:
        wanted = None if states is None else frozenset(states)
        with self._lock:
            known = [delivery_of(row) for row in self._deliveries.values()]
        found = [
            one
            for one in known
            if (wanted is None or one.state in wanted)
            and (answer_id is None or one.answer_id == answer_id)
            and (channel is None or one.channel == channel)
            and (since is None or any(at >= since for at in (one.claimed_at, one.sent_at) if at is not None))
        ]
        return found if newest is None else found[max(len(found) - newest, 0) :]

    def count_deliveries(self) -> Mapping[str, Mapping[State, int]]:
        counts: dict[str, dict[State, int]] = {}
        for one in sorted(self.deliveries(), key=lambda one: one.channel):
            of_channel = counts.setdefault(one.channel, {})
            of_channel[one.state] = of_channel.get(one.state, 0) + 1
        return counts

    def history(self, delivery_id: str | None = None) -> list[HistoryEntry]:
        with self._lock:
            return [entry_of(row) for row in self._events if delivery_id in {None, row["delivery_id"]}]

    def note(
        self, kind: str, *, actor: str, at: datetime, body: Mapping[str, str], delivery_id: str = ""
    ) -> Head:
        """Write a line of history that moves nothing; give the new head."""
        with self._lock:
            return self._append(Line(kind=kind, actor=actor, at=at, body=body, delivery_id=delivery_id))

    def head(self) -> Head:
        """Give the end of the history."""
        with self._lock:
            return Head(self._events[-1]["number"], self._events[-1]["hash"]) if self._events else GENESIS

    def recall(self, seen: Head) -> Head | None:
        with self._lock:
            entry = self.line(seen.number)
            if seen != GENESIS and (entry is None or entry.hash != seen.hash):
                return None
            return self.head()

    def line(self, number: int) -> HistoryEntry | None:
        with self._lock:
            return entry_of(self._events[number - 1]) if 0 < number <= len(self._events) else None

    @contextmanager
    def snapshot(self) -> Generator[Snapshot]:
        """Give the rows of one moment, for `audit.verify`."""
        with self._lock:
            yield Snapshot(
                clinic=self._clinic,
                head=self.head(),
                events=iter(self._events),
                deliveries=iter(self._deliveries.values()),
            )

    # Schedules

    def last_run(self, schedule: str) -> SlotRun | None:
        with self._lock:
            return self._slots.get(clean(schedule))

    def take_slot(self, schedule: str, slot_at: datetime, *, at: datetime) -> bool:
        slot, begun_at = utc(slot_at), utc(at)
        with self._lock:
            last = self._slots.get(clean(schedule))
            if last is not None and slot <= last.slot_at:
                return False
            runs = 1 if last is None or last.done_at is not None else last.runs + 1
            self._slots[clean(schedule)] = SlotRun(slot_at=slot, ran_at=begun_at, done_at=None, runs=runs)
            return True

    def take_again(self, schedule: str, seen: SlotRun, *, at: datetime) -> bool:
        begun_at = utc(at)
        with self._lock:
            last = self._slots.get(clean(schedule))
            if (
                last is None
                or last.done_at is not None
                or (last.slot_at, last.runs) != (seen.slot_at, seen.runs)
            ):
                return False
            self._slots[clean(schedule)] = replace(last, ran_at=begun_at, runs=last.runs + 1)
            return True

    def finish_slot(self, schedule: str, slot_at: datetime, *, at: datetime) -> None:
        ended_at = utc(at)
        with self._lock:
            last = self._slots.get(clean(schedule))
            if last is not None and last.slot_at == utc(slot_at):
                self._slots[clean(schedule)] = replace(last, done_at=ended_at)

    # Notices

    def notices(self) -> list[Told]:
        with self._lock:
            return sorted(self._notices.values(), key=lambda one: one.key)

    def keep_notice(self, before: Told | None, after: Told | None) -> bool:
        key = after or before
        if key is None:
            return True
        with self._lock:
            if self._notices.get(key.key) != before:
                return False
            if after is None:
                del self._notices[key.key]
            else:
                self._notices[key.key] = after
            return True

    def close(self) -> None:
        """Keep everything: a closed twin may be opened again by looking at it."""

    def _turn(self, names: Sequence[str]) -> None:
        if names:
            self._turns |= dict.fromkeys(names, max(self._turns.values(), default=0) + 1)

    def _append(self, line: Line) -> Head:
        row = chained(line, clinic=self._clinic, prev=self.head())
        self._events.append(row)
        return Head(row["number"], row["hash"])


def _publication(known: KnownAnswer) -> tuple[datetime, str]:
    return known.published_at, known.material.answer_id


def _are_alike(one: Row, other: Row) -> bool:
    if one["id"] == other["id"]:
        return True
    same = (one["answer_id"], one["occasion"]) == (other["answer_id"], other["occasion"])
    return same and (one["channel"] == other["channel"] or one["account"] == other["account"])
