"""Build the feeds: from the record to documents as values, looking only at answers that may have changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.feed import FeedDocument, FeedEntry, FeedHead, Tombstone, entry_id_of
from clinic_broadcast.core.feed_record import (
    NOTICES_MAX,
    PAGE,
    Edition,
    Kind,
    PageMark,
    Press,
    Shown,
    Slot,
    page_print,
)
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.core.newsroom import (
    Newsroom,
    entry_of,
    is_correction,
    is_settled,
    judged_by,
    notice_entry,
    remade,
    retell,
    settle,
    whole_second,
    withhold,
)
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.resuming import mark_of, resume


def build_feeds(desk: Desk, head: FeedHead, press: Press) -> Edition:
    """Bring the press up to date with the ledger and give what has to stand on disk; nothing is written.

    The caller keeps `press.record` durably before it writes a document, and drops the press when that fails.
    Raises LedgerError when the record cannot be read.
    """
    record = press.record
    record.feed_id = record.feed_id or head.id
    made_with = (head, judged_by(desk.gate))
    if press.made_with is None:
        resume(desk, head, press)
    # The turn is asked for first: what changes while answers are read is read again by the next build.
    turn, changed = desk.ledger.changes(press.turn)
    # A lower turn is that of a record which was put back: nothing is known of what it holds.
    is_warm = press.made_with == made_with and turn >= press.turn
    released = desk.ledger.released() if record.out or not is_warm else frozenset[AnswerId]()
    room = Newsroom(
        record=record, head=head, gate=desk.gate, released=released, now=whole_second(desk.clock.now()),
        tells=True, entries=press.entries,
    )  # fmt: skip
    looked_at = _looked_at(desk, room, changed if is_warm else None)
    pending = deque(one for one in looked_at if not is_settled(room, one))
    del looked_at
    room = _with_tact(room, pending)
    _retell(desk, room, _settle(room, pending))
    now = room.now
    shown, archived = record.live(now, window=head.window), record.page_count * PAGE
    maker = _Maker(desk, room)
    # A mark reads the digests of all answers: where something new was just built, the next build makes it.
    is_marked = record.mark is not None and record.mark.turn == turn
    is_due = not is_warm or (press.turn == turn and not is_marked)
    press.made_with, press.turn = made_with, turn
    return Edition(
        mark=mark_of(desk, head, turn) if is_due else None,
        live=replace(maker.document(shown), older=record.page_count),
        corrections=replace(maker.document(record.notices()), part="corrections"),
        tombstones=tuple(
            Tombstone(entry_id=entry_id_of(one.id), at=max(one.withdrawn_at or now, one.updated_at))
            for one in record.withdrawn()
        ),
        pages=_pages(maker, press, {one.id for one in shown}),
        archived=frozenset(entry_id_of(one.id) for one in shown if one.number <= archived),
        waiting=sum(record.slots[one].shown is Shown.WAITS for one in record.out),
        quarantined=tuple(
            sorted((one, reason) for one in record.out if (reason := record.slots[one].reason))
        ),
    )


def _looked_at(desk: Desk, room: Newsroom, changed: frozenset[AnswerId] | None) -> list[KnownAnswer]:
    """Give the answers that may differ from what the record shows, oldest publication first; for None all."""
    ledger, record = desk.ledger, room.record
    if changed is None:
        record.dirty.update(range(1, record.page_count + 1))
        found = ledger.answers()
    else:
        named = changed.union(AnswerId(one) for one in record.out if _may_come_in(record.slots[one], room))
        found = [known for name in named if (known := ledger.answer(name)) is not None]
    found.sort(key=lambda one: (one.published_at, one.material.answer_id))
    return found


def _may_come_in(slot: Slot, room: Newsroom) -> bool:
    return slot.of in room.released or slot.updated_at < slot.published_at <= room.now


def _with_tact(room: Newsroom, pending: Iterable[KnownAnswer]) -> Newsroom:
    return replace(room, tells=sum(is_correction(room, one) for one in pending) <= NOTICES_MAX)


def _settle(room: Newsroom, pending: deque[KnownAnswer]) -> set[AnswerId]:
    """Settle these answers, oldest first, and give their ids; each is let go of, as a first build has all of them."""
    settled: set[AnswerId] = set()
    while pending:
        known = pending.popleft()
        settled.add(known.material.answer_id)
        try:
            settle(room, known)
        except Exception as error:  # noqa: BLE001  # One answer that no rule foresaw must not stop the feed of all.
            withhold(room, known, f"its words could not be made: {type(error).__name__}")
    return settled


def _retell(desk: Desk, room: Newsroom, changed: set[AnswerId]) -> None:
    """Bring notices up to date with answers that have changed, so that no notice keeps words taken back."""
    record = room.record
    for name in sorted(record.told):
        slot = record.slots[name]
        if slot.kind is Kind.ANSWER or slot.of not in changed:
            continue
        of = room.entries.get(slot.of) or _made_again(desk, room, record.slots[slot.of])
        entry = of and notice_entry(slot, of)
        if entry is not None and entry.print != slot.print:
            retell(room, entry, slot)


def _made_again(desk: Desk, room: Newsroom, slot: Slot) -> FeedEntry | None:
    known = desk.ledger.answer(AnswerId(slot.of))
    return None if known is None else remade(room, slot, known)


class _Maker:
    """Makes the entries of slots, each once; one that cannot be made is left out with its reason."""

    def __init__(self, desk: Desk, room: Newsroom) -> None:
        self._desk = desk
        self._room = room

    def document(self, slots: Iterable[Slot]) -> FeedDocument:
        """Give a document of these slots in their order."""
        entries = (self._entry(slot) for slot in slots)
        return FeedDocument(head=self._head, entries=tuple(one for one in entries if one is not None))

    @property
    def _head(self) -> FeedHead:
        return replace(self._room.head, feed_id=self._room.record.feed_id)

    def page(self, number: int, *, has_newer: bool) -> FeedDocument:
        """Give an archive page, newest entry first."""
        made = self.document(reversed(self._room.record.members(number)))
        made = replace(made, entries=tuple(one.uncounted for one in made.entries))
        return replace(made, page=number, older=number - 1, newer=number + 1 if has_newer else 0)

    def print(self, number: int, *, has_newer: bool) -> str:
        """Give the digest that tells whether a page on disk is still what it must be."""
        return page_print(self._room.record, self._head, number, has_newer=has_newer)

    def _entry(self, slot: Slot) -> FeedEntry | None:
        kept = self._room.entries.get(slot.id)
        if kept is not None and kept.print == slot.print:
            return kept
        made = self._made(slot)
        if made is not None:
            self._room.entries[slot.id] = made
        return made

    def _made(self, slot: Slot) -> FeedEntry | None:
        if slot.kind is not Kind.ANSWER:
            of = self._entry(self._room.record.slots[slot.of])
            return None if of is None else notice_entry(slot, of)
        known = self._desk.ledger.answer(AnswerId(slot.of))
        if known is None:
            return None
        return remade(self._room, slot, known) if is_settled(self._room, known) else entry_of(
            slot, known, None, room=self._room
        )  # fmt: skip


def _pages(maker: _Maker, press: Press, live: set[str]) -> Iterator[tuple[PageMark, FeedDocument]]:
    """Make the pages that differ from what was last written, oldest first, and forget entries no longer live."""
    record = press.record
    for number in sorted(one for one in record.dirty if one <= record.page_count):
        mark = record.pages.get(number)
        if mark is not None and mark.print == maker.print(number, has_newer=mark.has_newer):
            record.dirty.discard(number)
            continue
        # A page that stands keeps its links: a newer page alone is no reason to write an older one anew.
        has_newer = number < record.page_count
        made = maker.page(number, has_newer=has_newer)
        yield (
            PageMark(number=number, print=maker.print(number, has_newer=has_newer), has_newer=has_newer),
            made,
        )
        record.dirty.discard(number)
        for slot in record.members(number):
            if slot.id not in live:
                press.entries.pop(slot.id, None)
    for name in press.entries.keys() - live:
        del press.entries[name]
