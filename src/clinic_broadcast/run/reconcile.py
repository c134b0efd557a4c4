"""A ledger put back from an old copy: noticed before anything leaves, and the networks asked what it has forgotten.

    witness not in the history, or `restore` ──> a line "restore" ──> outbound waits: lease + two settle windows
        ──> each planned or held promo is looked for: Found ──> adopted as sent
                                                      Absent ──> it may go on
                                                      CannotTell for ever ──> a person
        ──> nothing left to look for, and the sources polled since ──> a line "reconciled"

That line only ends the alarm. A promo that is planned later from an old answer is looked for before its first send
all the same: `broadcast.send` asks here after each claim, so no way of sending goes round it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from clinic_broadcast.core.delivery import Absent, CannotTell, Delivery, Found, State, Trace, move
from clinic_broadcast.core.lapse import (
    DOUBTED,
    QUIET,
    REACH,
    RECONCILED,
    RESTORE,
    SILENCE,
    SOUGHT,
    Lapse,
    after_search,
    claim_search,
    unsought,
)
from clinic_broadcast.ports import Guarantee, Head, HistoryEntry, Ledger
from clinic_broadcast.run.desk import Desk

WAITING: Final = (State.PLANNED, State.HELD)


def notice(desk: Desk) -> list[Lapse]:
    """Check that the ledger remembers what its witness has seen, and give every lapse that it tells of.

    A ledger that does not remember gets a line that says so, and the witness follows it; both are durable on
    return. Raises LedgerError when that cannot be written: nothing may be sent then.
    """
    if desk.witness is None:
        return []
    if not desk.witness.renew(lambda seen: remembered(desk.ledger, seen)):
        seen, present = desk.witness.seen(), _head(desk.ledger)
        body = {
            "restored_line": "" if present is None else str(present.number),
            "witnessed_line": "" if seen is None else str(seen.number),
        }
        desk.ledger.note(RESTORE, actor=desk.actor, at=desk.clock.now(), body=body)
        # Whoever dies before this tells of it once more, and so do two workers at once: each line only adds looks.
        desk.witness.renew(lambda _seen: _head(desk.ledger))
    return lapses_of(desk.ledger)


def notice_silence(desk: Desk) -> None:
    """Tell of a long silence, to be called before a run polls: witness and ledger may have been put back together."""
    if desk.witness is None:
        return
    notice(desk)
    head = _head(desk.ledger)
    newest = desk.ledger.line(head.number) if head is not None else None
    if head is None or newest is None:
        return
    now, newest_at = desk.clock.now(), max(newest.at, desk.ledger.last_poll_at() or newest.at)
    if now - newest_at > SILENCE:
        body = {"restored_line": str(head.number)}
        desk.ledger.note(QUIET, actor=desk.actor, at=now, body=body)


def remembered(ledger: Ledger, seen: Head | None) -> Head | None:
    """Give the present head when the ledger knows the witnessed line; without a witness only an empty one does."""
    if seen is not None:
        return ledger.recall(seen)
    is_empty = ledger.line(1) is None and ledger.last_poll_at() is None
    return _head(ledger) if is_empty else None


def lapses_of(ledger: Ledger) -> list[Lapse]:
    """Give every lapse that the history tells of, oldest first."""
    return [_lapse(entry) for entry in ledger.history("") if entry.kind in (RESTORE, QUIET)]


def open_lapse(ledger: Ledger) -> Lapse | None:
    """Give the newest certain lapse when it is not reconciled yet."""
    newest: Lapse | None = None
    for entry in ledger.history(""):
        if entry.kind == RESTORE:
            newest = _lapse(entry)
        elif entry.kind == RECONCILED:
            newest = None
    return newest


def forgotten(desk: Desk, delivery: Delivery, lapses: Sequence[Lapse]) -> list[Lapse]:
    """Give the lapses in which this may have been sent and since which nobody has looked for it."""
    if not lapses:
        return []
    channel = desk.channels[delivery.channel]
    if channel.guarantee is Guarantee.AT_MOST_ONCE:
        lapses = [one for one in lapses if one.is_certain]
    known = desk.ledger.answer(delivery.answer_id)
    published_at = None if known is None else known.published_at
    if not unsought(lapses, delivery, published_at=published_at, sought_line=0):
        return []
    kinds = SOUGHT | {DOUBTED} if delivery.state is State.HELD else SOUGHT
    lines = [entry.number for entry in desk.ledger.history(delivery.id) if entry.kind in kinds]
    return unsought(lapses, delivery, published_at=published_at, sought_line=max(lines, default=0))


def seek(
    desk: Desk, delivery: Delivery, lapses: Sequence[Lapse], find: Callable[[Desk, Delivery], Trace]
) -> Delivery | None:
    """Look for one planned or held delivery that may have been sent in these lapses, and record what that showed.

    None when it is not time for it yet, or when another worker has it.
    """
    now = desk.clock.now()
    ends_at = max(one.ends_at(desk.timing) for one in lapses)
    if now < ends_at:
        until = f"{ends_at:%Y-%m-%d %H:%M:%S} UTC"
        told = f"restore: the record is an old copy; nothing goes out before {until}, then it is looked for"
        return tell(desk, delivery, told)
    if delivery.not_before is not None and delivery.not_before > now:
        return None
    since = min(_since(desk, one) for one in lapses)
    before = delivery
    if delivery.state is State.HELD:
        # Nobody can send what is held, so a look at it needs no claim.
        trace = find(desk, replace(delivery, claimed_at=now, first_sent_at=since))
    else:
        before = claim_search(delivery, since, now, desk.timing)
        if not desk.ledger.move(delivery, before, kind="seeking", actor=desk.actor, at=now):
            return None
        trace = find(desk, before)
    trace = _not_of_another(desk, delivery, trace)
    at = desk.clock.now()
    after = after_search(before, trace, at, desk.timing)
    body = {"trace": type(trace).__name__, "reason": after.reason, "post_id": after.post_id}
    written = desk.ledger.move(before, after, kind=_kind_of(trace), actor=desk.actor, at=at, body=body)
    return after if written else None


def seek_all(
    desk: Desk,
    lapses: Sequence[Lapse],
    find: Callable[[Desk, Delivery], Trace],
    *,
    channels: Collection[str] | None = None,
) -> list[Delivery]:
    """After a certain lapse, look for everything that waits to be sent; give what was found, or is a person's now."""
    lapse = open_lapse(desk.ledger) if lapses else None
    if lapse is None:
        return []
    moved: list[Delivery] = []
    for one in desk.ledger.deliveries(states=WAITING):
        if one.channel not in desk.channels or (channels is not None and one.channel not in channels):
            continue
        in_doubt = forgotten(desk, one, [each for each in lapses if each.is_certain])
        after = seek(desk, one, in_doubt, find) if in_doubt else None
        if after is not None and after.state not in WAITING:
            moved.append(after)
    _close(desk, lapse, lapses)
    return moved


def tell(desk: Desk, delivery: Delivery, reason: str) -> Delivery:
    """Write down why a planned delivery does not go out, once; it stays where it is."""
    if delivery.state is not State.PLANNED or delivery.reason == reason:
        return delivery
    told = move(delivery, State.PLANNED, reason=reason)
    body = {"reason": reason}
    written = desk.ledger.move(delivery, told, kind="waits", actor=desk.actor, at=desk.clock.now(), body=body)
    return told if written else delivery


def _close(desk: Desk, lapse: Lapse, lapses: Sequence[Lapse]) -> None:
    """Write the line that ends the alarm, when all that waits was looked for and the sources were polled since."""
    if desk.clock.now() < lapse.ends_at(desk.timing):
        return
    polled_at = desk.ledger.last_poll_at()
    if desk.sources and (polled_at is None or polled_at < lapse.noticed_at or desk.ledger.unplanned()):
        return
    certain = [one for one in lapses if one.is_certain]
    for one in desk.ledger.deliveries(states=WAITING):
        if one.channel in desk.channels and forgotten(desk, one, certain):
            return
    desk.ledger.note(
        RECONCILED, actor=desk.actor, at=desk.clock.now(), body={"restore_line": str(lapse.line)}
    )


def _not_of_another(desk: Desk, delivery: Delivery, trace: Trace) -> Trace:
    """Doubt what was found when the record knows it as another delivery: the same words may go out twice on purpose."""
    if not isinstance(trace, Found):
        return trace
    alike = desk.ledger.deliveries(answer_id=delivery.answer_id, channel=delivery.channel)
    other = next((one for one in alike if one.id != delivery.id and one.post_id == trace.post_id), None)
    if other is None or not trace.post_id:
        return trace
    return CannotTell(f"{trace.post_url or trace.post_id} is delivery {other.id}", forever=True)


def _kind_of(trace: Trace) -> str:
    match trace:
        case Found():
            return "adopted"
        case Absent():
            return "sought"
        case CannotTell(forever=True):
            return DOUBTED
        case CannotTell():
            return "unsought"


def _lapse(entry: HistoryEntry) -> Lapse:
    last_line = entry.body.get("restored_line", "")
    return Lapse(
        line=entry.number,
        last_line=int(last_line) if last_line.isdigit() else 0,
        noticed_at=entry.at,
        is_certain=entry.kind == RESTORE,
    )


def _since(desk: Desk, lapse: Lapse) -> datetime:
    """Give the instant from which on something may have been sent that the record has forgotten."""
    last = desk.ledger.line(lapse.last_line)
    if last is not None:
        return min(last.at, lapse.noticed_at) - REACH
    # Without a line nothing was planned yet: the baseline is then all that the record knows.
    polls = [at for name in desk.sources if (at := desk.ledger.first_poll_at(name)) is not None]
    return min([*polls, lapse.noticed_at]) - REACH


def _head(ledger: Ledger) -> Head | None:
    return ledger.recall(Head(0, "0" * 64))
