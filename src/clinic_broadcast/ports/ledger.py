"""The record of what was found and published, and the witness beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from clinic_broadcast.core.answer import AnswerId, Comments, Standing
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.core.notice import Told
from clinic_broadcast.core.slot import SlotRun
from clinic_broadcast.ports.source import Marks


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One line of the append-only history; it never holds words of an answer."""

    number: int
    delivery_id: str
    kind: str
    at: datetime
    fence: int
    actor: str
    body: Mapping[str, str]
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What recording one poll changed: answers new to the ledger, and answers with other words."""

    added: int
    changed: int


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a clinic's history: the number of its last line and that line's hash."""

    number: int
    hash: str


class Witness(Protocol):
    """What stands outside the database and tells what an old copy cannot: the history's end, and what was withdrawn."""

    def seen(self) -> Head | None:
        """Give the head that was kept last; None when there is none, or when it cannot be read."""
        ...

    def renew(self, recall: Callable[[Head | None], Head | None]) -> bool:
        """Hand what was seen last to `recall` and keep the head that it gives, durably; nobody else renews meanwhile.

        False, and nothing changes, when it gives none. Raises LedgerError when the head cannot be kept.
        """
        ...

    def withdrawn(self) -> frozenset[str]:
        """Give the digests of all answers that were ever withdrawn; raises LedgerError when they cannot be read."""
        ...

    def keep_withdrawn(self, digests: Collection[str]) -> None:
        """Add digests of withdrawn answers, durably on return; raises LedgerError when they cannot be kept."""
        ...


class Ledger(Protocol):
    """The record of one clinic. Every write is durable on return, or LedgerError is raised and nothing changed."""

    # Answers and sources

    def marks(self, source: str) -> Marks | None:
        """Give the marks of the source's last recorded poll; None if it was never polled."""
        ...

    def first_poll_at(self, source: str) -> datetime | None:
        """Give the instant of the source's first recorded poll, the baseline; None if it was never polled."""
        ...

    def last_poll_at(self) -> datetime | None:
        """Give the instant of the newest recorded poll of any source."""
        ...

    def remember(
        self, source: str, answers: Sequence[KnownAnswer], *, marks: Marks | None, at: datetime
    ) -> Remembered:
        """Record what a poll has read, in one transaction: answers new to the record, and those with other words.

        An answer already there keeps its standing, `first_seen_at`, `planned_at` and `published_at`. The marks end the
        poll: None says that more of it comes, and without them the source counts as not polled.
        """
        ...

    def revisions(self) -> Mapping[AnswerId, str]:
        """Give the revision of every answer in the record by its id."""
        ...

    def changes(self, after: int) -> tuple[int, frozenset[AnswerId]]:
        """Give the turn of the newest change to any answer, 0 for none, and whose came after the turn `after`."""
        ...

    def released(self) -> frozenset[AnswerId]:
        """Give the answers of which a person approved a promo that is sent or still to be sent."""
        ...

    def comments(self) -> Mapping[AnswerId, Comments]:
        """Give where the comments of an answer stand by its id, for those whose source tells."""
        ...

    def links(self) -> frozenset[str]:
        """Give the URLs of all answers in the record, as stored; empty ones are left out."""
        ...

    def answer(self, answer_id: AnswerId) -> KnownAnswer | None:
        """Give one answer."""
        ...

    def answer_at(self, url: str) -> KnownAnswer | None:
        """Give the answer whose URL is exactly this."""
        ...

    def answers(self, standing: Standing | None = None) -> list[KnownAnswer]:
        """Give all answers, or those of one standing, newest publication first."""
        ...

    def newest_answers(self, count: int) -> list[KnownAnswer]:
        """Give the `count` newest answers that are not withdrawn, newest publication first."""
        ...

    def unplanned(self) -> list[KnownAnswer]:
        """Give the fresh answers whose promos are not planned yet, oldest publication first."""
        ...

    def restand(
        self, answer_id: AnswerId, *, before: Standing, after: Standing, actor: str, at: datetime
    ) -> bool:
        """Change what an answer is to us, with a line of history; False when it is not `before` any more."""
        ...

    def count_answers(self) -> Mapping[Standing, int]:
        """Count the answers by standing; every standing is a key."""
        ...

    # Deliveries

    def plan(self, delivery: Delivery, *, actor: str) -> bool:
        """Add a delivery in state planned or held; False, and nothing changes, when one like it is there.

        Alike means the same id, or the same answer and occasion on the same channel name or the same account.
        """
        ...

    def plan_all(
        self, deliveries: Sequence[Delivery], *, answers: Collection[AnswerId], actor: str, at: datetime
    ) -> frozenset[str]:
        """Do the same for several, in one transaction, and give the ids of those added.

        Each of `answers` is then marked, if it is not yet, as planned at `at` on every channel now enabled.
        """
        ...

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
        """Write a move, with its line of history, if the row still has the state and fence of `before`.

        False means that somebody else moved it first: nothing was written. `body` goes into the history.
        """
        ...

    def move_all(
        self, moves: Sequence[tuple[Delivery, Delivery]], *, kind: str, actor: str, at: datetime
    ) -> frozenset[str]:
        """Do the same for several pairs of before and after, in one transaction, and give the ids of those written."""
        ...

    def delivery(self, delivery_id: str) -> Delivery | None:
        """Give one delivery by its id, or by a prefix of at least 6 digits that only one has."""
        ...

    def deliveries(
        self,
        *,
        states: Iterable[State] | None = None,
        answer_id: AnswerId | None = None,
        channel: str | None = None,
        since: datetime | None = None,
        newest: int | None = None,
    ) -> list[Delivery]:
        """Give what matches as it was planned, at most the `newest`; `since`: claimed or found public from then on."""
        ...

    def count_deliveries(self) -> Mapping[str, Mapping[State, int]]:
        """Count the deliveries by channel and state."""
        ...

    def note(
        self, kind: str, *, actor: str, at: datetime, body: Mapping[str, str], delivery_id: str = ""
    ) -> object:
        """Write a line of history that moves nothing: a late worker, a restore, an adoption."""
        ...

    def history(self, delivery_id: str | None = None) -> list[HistoryEntry]:
        """Give the history, of one delivery or of all, oldest first."""
        ...

    def recall(self, seen: Head) -> Head | None:
        """Give the present head if `seen` (line 0: before the first) stands in the history, both of one moment."""
        ...

    def line(self, number: int) -> HistoryEntry | None:
        """Give one line of the history."""
        ...

    # Schedules

    def last_run(self, schedule: str) -> SlotRun | None:
        """Give the newest run of this schedule; None if it never ran."""
        ...

    def take_slot(self, schedule: str, slot_at: datetime, *, at: datetime) -> bool:
        """Record that the schedule runs for this slot; False when it already did, or for a later one."""
        ...

    def take_again(self, schedule: str, seen: SlotRun, *, at: datetime) -> bool:
        """Record that an unfinished slot runs once more; False when it ended, or another worker was first."""
        ...

    def finish_slot(self, schedule: str, slot_at: datetime, *, at: datetime) -> None:
        """Record that the schedule's job came to its end for this slot; nothing if a later one was taken."""
        ...

    def notices(self) -> list[Told]:
        """Give what a person was told and what is not over yet, by key."""
        ...

    def keep_notice(self, before: Told | None, after: Told | None) -> bool:
        """Put `after` in the place of `before` (None: nothing); False, and nothing changes, if that is outdated."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...
