"""What the feeds have shown: a place for every entry that never moves, and when its words last changed."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from clinic_broadcast.core.feed import (
    FeedDocument,
    FeedEntry,
    FeedHead,
    SecondsTaken,
    Tombstone,
    digest_of,
)

WINDOW_MAX: Final = 50
"""The live documents never hold more, whatever was corrected: some readers give up on large feeds."""

PAGE: Final = 20
"""Entries of an archive page; only full pages are cut, so that a new answer rewrites none of them."""

CHANGED_FOR: Final = timedelta(days=90)
"""So long a corrected or withdrawn answer stays in the live documents, where readers still look."""

NOTICES_MAX: Final = 10
"""With more corrections in one build the blog was reworked as a whole: entries change, but nobody is told ten times."""

FORM: Final = "2"
"""Raised whenever the same entries would give other bytes, so that pages on disk are written anew."""


class Kind(StrEnum):
    """What an entry tells of: an answer, or that one was corrected or withdrawn."""

    ANSWER = "answer"
    CORRECTION = "correction"
    WITHDRAWAL = "withdrawal"


class Shown(StrEnum):
    """What stands in the feed: nothing yet, the gated words, or a sentence in their place."""

    WAITS = "waits"
    WORDS = "words"
    HELD = "held"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One entry as the record knows it; it holds digests and dates, and never a word of an answer.

    `id` is the answer's id, or a notice's own; `of` the answer that it tells of. `number` is its place, counted
    from 1; 0 while the answer waits. `stamp` digests all that the entry is made from, `words` the answer's own
    words, `matter` the words shown, `print` the whole entry. `published_at` never changes.
    """

    id: str
    of: str
    kind: Kind
    shown: Shown
    published_at: datetime
    updated_at: datetime
    number: int = 0
    stamp: str = ""
    words: str = ""
    matter: str = ""
    print: str = ""
    corrections: int = 0
    corrected_at: datetime | None = None
    withdrawn_at: datetime | None = None
    reason: str = ""
    """Why it could not be put into words, where that was a fault; a person should see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMark:
    """An archive page as it was last written: the digest of its bytes' makings, and whether it names a newer one."""

    number: int
    print: str
    has_newer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PressMark:
    """That a build has looked at every answer up to a turn, so that another process need not look again.

    `line` and `hash` name the end of the history after that. `seal` digests both, the words of every answer, and all
    else that the build was made with; it cannot be made without the home's key.
    """

    turn: int
    line: int
    hash: str
    seal: str


class FeedRecord:
    """All slots and page marks of one clinic's feeds; what was changed since `drain` waits to be kept."""

    def __init__(self) -> None:
        self.slots: dict[str, Slot] = {}
        self.order: list[str] = []
        self.pages: dict[int, PageMark] = {}
        self.mark: PressMark | None = None
        self.feed_id = ""
        self.dirty: set[int] = set()
        self.out: set[str] = set()
        """Answers that wait or are held: an approval may let their words in."""
        self.told: set[str] = set()
        """Entries that were ever corrected or withdrawn, and notices."""
        self._by_date: list[tuple[datetime, str]] = []
        self._seconds = SecondsTaken()
        self._fresh: dict[str, Slot] = {}

    def put(self, slot: Slot) -> None:
        """Take a slot in; a place once given stays."""
        before = self.slots.get(slot.id)
        self.slots[slot.id] = slot
        self._fresh[slot.id] = slot
        (self.out.add if slot.shown in (Shown.WAITS, Shown.HELD) else self.out.discard)(slot.id)
        if slot.kind is not Kind.ANSWER or slot.corrected_at or slot.withdrawn_at:
            self.told.add(slot.id)
        if not slot.number:
            return
        self._seconds.take(slot.updated_at)
        if before is None or not before.number:
            self.order.append(slot.id)
            insort(self._by_date, (slot.published_at, slot.id))
        if page := page_of(slot.number):
            self.dirty.add(page)

    def drain(self) -> list[Slot]:
        """Give the slots put since the last call, oldest place first."""
        fresh = sorted(self._fresh.values(), key=lambda one: (one.number, one.id))
        self._fresh = {}
        return fresh

    def next_second(self, at: datetime, *, now: datetime) -> datetime:
        """Take an `updated` second that no other entry has, near `at` and not after `now`."""
        return self._seconds.next_free(at, not_after=now)

    @property
    def page_count(self) -> int:
        """Give the number of full pages."""
        return len(self.order) // PAGE

    def members(self, page: int) -> list[Slot]:
        """Give the slots of an archive page, oldest place first."""
        return [self.slots[one] for one in self.order[(page - 1) * PAGE : page * PAGE]]

    def live(self, now: datetime, *, window: int) -> list[Slot]:
        """Give the slots of the live documents, newest publication first.

        First those that no archive page holds yet, then what was corrected or withdrawn within 90 days, the last
        change first, then the newest up to `window`; never more than `WINDOW_MAX`.
        """
        chosen = dict.fromkeys(self.order[self.page_count * PAGE :])
        told = [one for name in self.told if (one := self.slots[name]).number]
        since = now - CHANGED_FOR
        told = [one for one in told if _told_at(one) >= since]
        for one in sorted(told, key=lambda one: (_told_at(one), one.number), reverse=True):
            if len(chosen) < WINDOW_MAX:
                chosen[one.id] = None
        for _, name in reversed(self._by_date[-window:]):
            if len(chosen) < WINDOW_MAX:
                chosen[name] = None
        return newest_first(self.slots[name] for name in chosen)

    def notices(self) -> list[Slot]:
        """Give the newest notices."""
        return newest_first(self.slots[one] for one in self.told if self.slots[one].kind is not Kind.ANSWER)[
            :WINDOW_MAX
        ]

    def withdrawn(self) -> list[Slot]:
        """Give the slots of withdrawn answers, the last withdrawal first."""
        gone = [one for name in self.told if (one := self.slots[name]).shown is Shown.WITHDRAWN]
        return sorted(gone, key=lambda one: (one.updated_at, one.id), reverse=True)


@dataclass(slots=True)
class Press:
    """The feeds of one home as one run of the program knows them: the record, and the entries of the live documents.

    The first build of a press looks at every answer; later ones only at those that may have changed.
    """

    record: FeedRecord = field(default_factory=FeedRecord)
    entries: dict[str, FeedEntry] = field(default_factory=dict[str, FeedEntry])
    made_with: tuple[FeedHead, tuple[str, ...]] | None = None
    """The head, and what of the gate decides, at the last build; with others everything is looked at again."""
    turn: int = 0
    """The turn of the newest change to an answer that the last build has looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What one build has to put on disk: live documents, tombstones, and archive pages that must be written anew.

    `pages` are made one at a time while they are written, each with its mark; `archived` are the ids of live entries
    that an archive page holds too. `waiting` counts answers that are not
    in the feed until a person or a date lets them in; `quarantined` are those that could not be put into words,
    with the reason.
    """

    live: FeedDocument
    corrections: FeedDocument
    tombstones: tuple[Tombstone, ...]
    pages: Iterator[tuple[PageMark, FeedDocument]]
    archived: frozenset[str] = frozenset()
    mark: PressMark | None = None
    """To be kept once all documents stand; None while the one that is kept will do."""
    waiting: int = 0
    quarantined: tuple[tuple[str, str], ...] = ()


def newest_first(slots: Iterable[Slot]) -> list[Slot]:
    """Give the slots by publication, newest first."""
    return sorted(slots, key=lambda one: (one.published_at, one.id), reverse=True)


def page_of(number: int) -> int:
    """Give the archive page that a place belongs to once that page is full; 0 for no place."""
    return (number + PAGE - 1) // PAGE


def page_print(record: FeedRecord, head: FeedHead, page: int, *, has_newer: bool) -> str:
    """Give the digest of all that the bytes of an archive page are made of."""
    about = (head.id, head.title, head.subtitle, head.home_url, head.base_url, head.language, head.author)
    prints = (one.print for one in record.members(page))
    return digest_of(FORM, str(page), str(has_newer), *about, *head.hubs, *prints)


def _told_at(slot: Slot) -> datetime:
    """Give when readers were last to be told of this entry."""
    told = slot.published_at if slot.kind is not Kind.ANSWER else datetime.min.replace(tzinfo=UTC)
    return max(told, slot.corrected_at or told, slot.withdrawn_at or told)
