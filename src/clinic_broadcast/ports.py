"""The four borders of the core: Source, Channel, Ledger and Clock, each stated as what its callers may rely on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from clinic_broadcast.core.answer import AnswerId, RawAnswer, Standing
from clinic_broadcast.core.delivery import Delivery, Outcome, State, Trace
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.core.measure import Limits
from clinic_broadcast.core.notice import Told
from clinic_broadcast.core.promo import Card, Payload


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Give the present instant as aware UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that long."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What a source needs to ask only for what is new: HTTP validators, or a digest of a folder's state."""

    etag: str = ""
    last_modified: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one poll brought. `unchanged` means that the source said so itself (a 304) and nothing was read.

    `faults` names pages that could not be read (file or address, and why), `waiting` those whose date has not come.
    """

    answers: tuple[RawAnswer, ...]
    marks: Marks
    unchanged: bool = False
    waiting: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


class Source(Protocol):
    """A place where answers are published."""

    @property
    def name(self) -> str:
        """Give the stable name under which the ledger keeps this source's marks: kind and address."""
        ...

    def poll(self, marks: Marks | None, *, is_known: Callable[[AnswerId], bool]) -> Batch:
        """Read what may be new: newest pages first, until one brings nothing unknown; all of it for a first poll.

        With marks the source is asked for changes. Raises SourceError, nothing to be recorded, when it cannot be read.
        """
        ...

    def find(self, target: str) -> RawAnswer | None:
        """Read one answer again by its id or its URL (fragment, scheme and query do not matter); None if absent.

        Raises SourceError when the source cannot be read.
        """
        ...


class Guarantee(StrEnum):
    """What a channel can promise about duplicates, best first."""

    EXACT = "exact"
    LOOKED_UP = "looked-up"
    AT_MOST_ONCE = "at-most-once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What a channel is handed for one delivery: the frozen payload, a stable key, and when it was planned.

    `key` is the delivery's key in hex (64 digits), the same on every attempt; `planned_at` never changes either.
    `first_sent_at` is when the first attempt began: a look must cover everything published since then.
    `deadline_at` is the last instant at which a request may still leave. `picture` are the bytes of the card's
    picture, empty when it has none; a channel that takes none leaves it out.
    """

    key: str
    payload: Payload
    planned_at: datetime
    first_sent_at: datetime
    deadline_at: datetime
    picture: bytes = b""


class Channel(Protocol):
    """An account on a network.

    `send` and `look` never raise for what the far side does; they may be called from any thread, one call at a
    time per channel. Each ends within the clinic's `timeout_s` and a few seconds.
    """

    @property
    def name(self) -> str:
        """Give the channel's name in settings, command line and JSON."""
        ...

    @property
    def kind(self) -> str:
        """Give the kind of network."""
        ...

    @property
    def account(self) -> str:
        """Give the identity of the account without asking the network, for instance `x:12345`."""
        ...

    @property
    def guarantee(self) -> Guarantee:
        """Say what this channel can promise about duplicates."""
        ...

    @property
    def limits(self) -> Limits:
        """Give the network's rule of length, without asking the network more than once."""
        ...

    def send(self, parcel: Parcel) -> Outcome:
        """Publish it once, without any retry inside; redirects are never followed."""
        ...

    def look(self, parcel: Parcel) -> Trace:
        """Look for it among what the account has published; Absent only after a complete look."""
        ...


@runtime_checkable
class Withdrawing(Protocol):
    """A channel that can take a published promo back."""

    def withdraw(self, post_id: str) -> Outcome:
        """Delete it; Sent means that it is gone, also when it was gone before."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `doctor`: what was asked, whether it is well, what was found, and what mends it."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


@runtime_checkable
class Probing(Protocol):
    """A channel that can ask its network, without changing anything, whether it would let us publish."""

    def probe(self) -> tuple[Check, ...]:
        """Ask who we are there and what is granted; never raises for what the far side does."""
        ...


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


class Gallery(Protocol):
    """Draws the pictures of cards, and keeps those that went out where the public may fetch them."""

    def draw(self, card: Card) -> bytes | None:
        """Give the picture of a card, the same bytes for the same words; None when it would not look right."""
        ...

    def show(self, picture: bytes) -> None:
        """Put a picture under public/cards/, named by its sha256; raises OSError when it cannot be written."""
        ...

    def take_down(self, digest: str) -> None:
        """Remove the picture of this sha256 from public/cards/, if it is there."""
        ...


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
        self, source: str, answers: Sequence[KnownAnswer], *, marks: Marks, at: datetime
    ) -> Remembered:
        """Record one poll in one transaction: answers new to the record, those with other words, and the marks.

        An answer already there keeps its standing, `first_seen_at`, `planned_at` and `published_at`.
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

    def mark_planned(self, answer_id: AnswerId, at: datetime) -> None:
        """Record that promos of this answer are planned on every channel then enabled."""
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

    def last_slot(self, schedule: str) -> datetime | None:
        """Give the newest slot that this schedule has run; None if it never ran."""
        ...

    def take_slot(self, schedule: str, slot_at: datetime, *, at: datetime) -> bool:
        """Record that the schedule runs for this slot; False when it already did, or for a later one."""
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
