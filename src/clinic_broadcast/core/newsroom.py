"""Decides what the feeds show of an answer, and when readers are told of a change.

An answer takes a place at its first inclusion, for ever. Other words: same id, new words, and a notice entry of its
own. Words that may not stand any more: same id, "is being read again". Withdrawn: same id, "has been withdrawn", and
a notice. Nothing ever leaves the feed, since readers would keep what they have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from clinic_broadcast.core.answer import Standing
from clinic_broadcast.core.feed import (
    CORRECTED,
    LINK,
    FeedEntry,
    FeedHead,
    FeedWords,
    author_of,
    comments_of,
    correction_words,
    day_of,
    digest_of,
    entry_id_of,
    held_words,
    waits,
    withdrawal_words,
    withdrawn_words,
    words_of,
)
from clinic_broadcast.core.feed_record import CHANGED_FOR, FeedRecord, Kind, Shown, Slot
from clinic_broadcast.core.gate import Gate
from clinic_broadcast.core.material import KnownAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsroom:
    """What one build decides with: the record, the feed's head, the gate, the released answers, and the time.

    `released` are the answers of which a person has approved a promo. `tells` says whether corrections get a
    notice of their own in this build. `entries` gathers what was made of the slots.
    """

    record: FeedRecord
    head: FeedHead
    gate: Gate
    released: frozenset[str]
    now: datetime
    tells: bool
    entries: dict[str, FeedEntry]


def is_settled(room: Newsroom, known: KnownAnswer) -> bool:
    """Say whether the record already shows this answer as it must be shown now."""
    slot = room.record.slots.get(known.material.answer_id)
    if slot is None or slot.stamp != stamp_of(known, head=room.head, gate=room.gate):
        return False
    if slot.shown is Shown.WAITS:
        fell_due = slot.updated_at < slot.published_at <= room.now
        return slot.of not in room.released and not fell_due
    return slot.shown is not Shown.HELD or slot.of not in room.released


def is_correction(room: Newsroom, known: KnownAnswer) -> bool:
    """Say whether these are other words than those that the feed has shown."""
    slot = room.record.slots.get(known.material.answer_id)
    return (
        slot is not None and slot.number > 0 and known.standing is not Standing.WITHDRAWN
        and slot.words != own_words(known)
    )  # fmt: skip


def settle(room: Newsroom, known: KnownAnswer) -> None:
    """Bring the record up to date with one answer: its place, what is shown of it, and its notices."""
    before = room.record.slots.get(known.material.answer_id) or _waiting(known, room.now)
    shown, words = _look(room, known, before)
    _restate(room, known, replace(before, shown=shown, reason=""), words)


def withhold(room: Newsroom, known: KnownAnswer, reason: str) -> None:
    """Keep the words of an answer out until something about it changes, since they made us fail."""
    before = room.record.slots.get(known.material.answer_id) or _waiting(known, room.now)
    is_gone = known.standing is Standing.WITHDRAWN
    shown = (Shown.WITHDRAWN if is_gone else Shown.HELD) if before.number else Shown.WAITS
    _restate(room, known, replace(before, shown=shown, reason=reason), None)


def _restate(room: Newsroom, known: KnownAnswer, to: Slot, words: FeedWords | None) -> None:
    """Put a slot into the record as it is to be shown, with its place, dates and notices."""
    before = room.record.slots.get(to.id) or _waiting(known, room.now)
    shown = to.shown
    after = replace(to, stamp=stamp_of(known, head=room.head, gate=room.gate), words=own_words(known))
    if shown is Shown.WAITS:
        room.record.put(replace(after, updated_at=room.now))
        return
    if not before.number:
        at = min(max(whole_second(known.updated_at), before.published_at), room.now)
        after = replace(after, number=len(room.record.order) + 1, updated_at=at)
    corrected = is_correction(room, known)
    if corrected:
        after = replace(after, corrections=before.corrections + 1, corrected_at=room.now)
    if shown is Shown.WITHDRAWN and before.shown is not Shown.WITHDRAWN:
        after = replace(after, withdrawn_at=room.now)
    elif shown is not Shown.WITHDRAWN:
        after = replace(after, withdrawn_at=None)
    entry = _dated(room, entry_of(after, known, words, room=room), before)
    _put(room, after, entry)
    if corrected and room.tells and shown is not Shown.WITHDRAWN:
        _tell(room, after, Kind.CORRECTION, number=after.corrections)
    if after.withdrawn_at and not before.withdrawn_at:
        _tell(room, after, Kind.WITHDRAWAL, number=0)


def entry_of(slot: Slot, known: KnownAnswer, words: FeedWords | None, *, room: Newsroom) -> FeedEntry:
    """Give the entry of an answer's slot; without `words` the sentence that stands in their place."""
    if slot.shown is Shown.WITHDRAWN:
        words = withdrawn_words(slot.withdrawn_at or room.now)
    elif words is None or slot.shown is not Shown.WORDS:
        words = held_words()
    notice = ""
    if slot.corrected_at is not None and slot.shown is Shown.WORDS:
        notice = CORRECTED.format(day=day_of(slot.corrected_at))
    is_link = LINK.fullmatch(known.material.url) is not None
    return FeedEntry(
        id=entry_id_of(slot.id),
        url=known.material.url if is_link else room.head.home_url,
        title=words.title,
        summary=words.summary,
        published_at=slot.published_at,
        updated_at=slot.updated_at,
        author=author_of(known, head=room.head, gate=room.gate),
        labels=words.labels,
        notice=notice,
        comments=comments_of(known, gate=room.gate) if slot.shown is Shown.WORDS else None,
        paragraphs=words.paragraphs,
        invites=slot.shown is not Shown.WITHDRAWN,
    )


def notice_entry(slot: Slot, told_of: FeedEntry) -> FeedEntry:
    """Give the entry of a notice, which names the answer by the words that stand in the feed now."""
    at = slot.published_at
    if slot.kind is Kind.CORRECTION:
        words = correction_words(told_of.title, url=told_of.url, at=at, number=slot.corrections)
    else:
        words = withdrawal_words(url=told_of.url, at=at)
    return FeedEntry(
        id=slot.id,
        url=told_of.url,
        title=words.title,
        summary=words.summary,
        published_at=at,
        updated_at=slot.updated_at,
        author=told_of.author,
        invites=slot.kind is not Kind.WITHDRAWAL,
    )


def remade(room: Newsroom, slot: Slot, known: KnownAnswer) -> FeedEntry:
    """Give the entry of an answer's slot that is settled, made again from its answer."""
    words = words_of(known, head=room.head, gate=room.gate) if slot.shown is Shown.WORDS else None
    return entry_of(slot, known, words, room=room)


def retell(room: Newsroom, entry: FeedEntry, slot: Slot) -> None:
    """Bring a notice up to date with the answer that it names; its id and place stay."""
    _put(room, slot, _dated(room, entry, slot))


def _look(room: Newsroom, known: KnownAnswer, before: Slot) -> tuple[Shown, FeedWords | None]:
    """Decide what may be shown; an answer that was shown once never leaves the feed, or readers would keep it."""
    is_in = before.number > 0
    if known.standing is Standing.WITHDRAWN:
        return (Shown.WITHDRAWN if is_in else Shown.WAITS), None
    may_stand = not waits(known) or before.of in room.released
    if not is_in and (before.published_at > room.now or not LINK.fullmatch(known.material.url)):
        return Shown.WAITS, None
    words = words_of(known, head=room.head, gate=room.gate) if may_stand else None
    if words is not None:
        return Shown.WORDS, words
    return (Shown.HELD if is_in else Shown.WAITS), None


def _waiting(known: KnownAnswer, now: datetime) -> Slot:
    answer_id = known.material.answer_id
    return Slot(
        id=answer_id, of=answer_id, kind=Kind.ANSWER, shown=Shown.WAITS,
        published_at=whole_second(known.published_at), updated_at=now,
    )  # fmt: skip


def _dated(room: Newsroom, entry: FeedEntry, before: Slot) -> FeedEntry:
    """Give the entry with its `updated`: a second of its own, taken anew only when the words have changed."""
    if before.number and before.matter == entry.matter:
        return entry
    if not before.number:
        return replace(entry, updated_at=room.record.next_second(entry.updated_at, now=room.now))
    after = before.updated_at + timedelta(seconds=1)
    at = room.record.next_second(max(room.now, after), now=max(room.now, after))
    if at < after:
        # The seconds before now are taken: later ones must do, since `updated` only grows.
        at = room.record.next_second(after, now=room.now + CHANGED_FOR)
    return replace(entry, updated_at=at)


def _put(room: Newsroom, slot: Slot, entry: FeedEntry) -> None:
    room.record.put(replace(slot, updated_at=entry.updated_at, matter=entry.matter, print=entry.print))
    room.entries[slot.id] = entry


def _tell(room: Newsroom, of: Slot, kind: Kind, *, number: int) -> None:
    """Add a notice entry: most readers show a new entry, and few show that an old one has changed."""
    told = sum(
        one.of == of.id and one.kind is kind for one in map(room.record.slots.__getitem__, room.record.told)
    )
    slot = Slot(
        id=f"{entry_id_of(of.id)}-{kind.value}-{told + 1}",
        of=of.id,
        kind=kind,
        shown=Shown.WORDS,
        number=len(room.record.order) + 1,
        published_at=room.now,
        updated_at=room.now,
        corrections=number,
    )
    entry = notice_entry(slot, room.entries[of.id])
    at = room.record.next_second(room.now, now=room.now)
    _put(room, slot, replace(entry, updated_at=at))


def stamp_of(known: KnownAnswer, *, head: FeedHead, gate: Gate) -> str:
    """Give the digest of all that decides over an answer's entry."""
    material = known.material
    findings = [f"{one.rule} {one.severity} {one.where} {one.start} {one.end}" for one in material.findings]
    withdrawn = str(known.standing is Standing.WITHDRAWN)
    rules = (*judged_by(gate), head.author, str(head.full), head.home_url, withdrawn)
    about = (own_words(known), material.url, known.author, *known.labels, "", *findings)
    # Only where there are some: what older versions have stamped without them is still as it was.
    talk = known.comments and ("", known.comments.url, known.comments.feed_url, str(known.comments.count))
    return digest_of(*rules, *about, *(talk or ()))


def judged_by(gate: Gate) -> tuple[str, ...]:
    """Give what of a gate decides over an entry: rules and lists, and whom and which hosts the clinic calls its own."""
    return (gate.version, *gate.own_names, "", *gate.own_hosts, "")


def own_words(known: KnownAnswer) -> str:
    """Give the digest of an answer's title and answer zone, white space folded: a correction changes it."""
    return digest_of(*(" ".join(part.split()) for part in (known.material.title, known.material.body)))


def whole_second(at: datetime) -> datetime:
    """Give the instant in UTC without its fraction, as feeds carry it."""
    return at.astimezone(UTC).replace(microsecond=0)
