"""Re-sharing: what stays true goes out again after a long rest, in other words, through the same gate and approval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.delivery import Delivery, State, move
from clinic_broadcast.core.gate import examine_payload
from clinic_broadcast.core.promo import is_reshare, reshare
from clinic_broadcast.core.resharing import OPEN, last_shared_at, may_be_shared_again, next_number
from clinic_broadcast.core.schedule import Schedule, due_times_of
from clinic_broadcast.core.variants import Shared, compose_variant
from clinic_broadcast.core.wording import Wording, WordingKind
from clinic_broadcast.ports import Channel
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.promotion import Draft, Planning, delivery_of, reasons_to_hold, with_link_for
from clinic_broadcast.run.publishing import WordingTarget, draft_for, is_for, is_timely

UNSENT = (State.PLANNED, State.HELD)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be shared again on one channel, with all that was ever planned of it there."""

    id: AnswerId
    rows: Sequence[Delivery]
    wording: Wording | None = None


def plan_reshares(desk: Desk, schedule: Schedule) -> Planning:
    """Plan the next re-shares of each channel, those that rested longest first; gives how many, and how they stand.

    Never more than `max_per_run` a channel wait or are on their way. While a surge of answers is held for a person
    nothing is planned, and nothing on a channel that is quiet.
    """
    cancel_outdated(desk)
    total = Planning()
    if is_surging(desk):
        return total
    now = desk.clock.now()
    for name, channel in desk.channels.items():
        if schedule.concerns(name) and not desk.is_quiet(name, now):
            total += _plan_on(desk, schedule, channel, now)
    return total


def is_surging(desk: Desk) -> bool:
    """Say whether a surge of fresh answers is held for a person."""
    held = desk.ledger.deliveries(states=(State.HELD,))
    return any(why.startswith("surge:") for one in held for why in one.why)


def cancel_outdated(desk: Desk) -> int:
    """Cancel every unsent re-share whose answer or wording has other words now; gives how many.

    A later one is made of the new words, once a person has approved those.
    """
    cancelled = 0
    for one in desk.ledger.deliveries(states=UNSENT):
        if not is_reshare(one.occasion) or _revision_of(desk, one) == one.source_revision:
            continue
        after = move(one, State.CANCELLED, reason="there are other words now", needs_person="")
        cancelled += desk.ledger.move(
            one, after, kind="cancelled", actor=desk.actor, at=desk.clock.now(), body={"why": after.reason}
        )
    return cancelled


def _revision_of(desk: Desk, one: Delivery) -> str:
    known = desk.ledger.answer(one.answer_id)
    if known is not None:
        return known.material.revision
    wording = next((each for each in desk.wordings.written if each.file == one.answer_id), None)
    return "" if wording is None else wording.digest


def _plan_on(desk: Desk, schedule: Schedule, channel: Channel, now: datetime) -> Planning:
    by_id: defaultdict[AnswerId, list[Delivery]] = defaultdict(list)
    for one in desk.ledger.deliveries(channel=channel.name):
        by_id[one.answer_id].append(one)
    under_way = sum(is_reshare(one.occasion) and one.state in OPEN for rows in by_id.values() for one in rows)
    room = schedule.max_per_run - under_way
    total = Planning()
    rested: list[tuple[datetime, Candidate]] = []
    for candidate in _candidates(desk, channel, by_id, now):
        shared_at = last_shared_at(candidate.rows)
        if shared_at is None or shared_at + schedule.repeat_after <= now:
            rested.append((shared_at or datetime.min.replace(tzinfo=now.tzinfo), candidate))
    for _shared_at, candidate in sorted(rested, key=lambda pair: (pair[0], pair[1].id)):
        if room <= 0:
            break
        state = _plan_one(desk, schedule, channel, candidate)
        room -= state is not None
        total += Planning(planned=int(state is State.PLANNED), held=int(state is State.HELD))
    return total


def _candidates(
    desk: Desk, channel: Channel, by_id: defaultdict[AnswerId, list[Delivery]], now: datetime
) -> Iterator[Candidate]:
    for wording in desk.wordings.written:
        rows = by_id.pop(AnswerId(wording.file), [])
        if wording.kind is not WordingKind.EVERGREEN or any(one.state in OPEN for one in rows):
            continue
        if is_for(wording, channel) and is_timely(wording, now):
            yield Candidate(AnswerId(wording.file), rows, wording)
    for answer_id, rows in by_id.items():
        known = desk.ledger.answer(answer_id)
        if known is None or known.standing is Standing.WITHDRAWN:
            continue
        if may_be_shared_again(rows, known.material.revision):
            yield Candidate(answer_id, rows)


def _plan_one(desk: Desk, schedule: Schedule, channel: Channel, candidate: Candidate) -> State | None:
    """Plan one re-share; None when there is nothing new to say, or when it is planned already."""
    drafted = _draft(desk, channel, candidate)
    if drafted is None:
        return None
    known = desk.ledger.answer(candidate.id)
    revision = known.material.revision if known is not None else ""
    if candidate.wording is not None:
        revision = candidate.wording.digest
    delivery = delivery_of(
        desk,
        drafted,
        channel,
        occasion=reshare(next_number(candidate.rows)),
        revision=revision,
        why=tuple(reasons_to_hold(desk, drafted)),
        link=known.material.url if known is not None and candidate.wording is None else None,
    )
    due_at = next(due_times_of(schedule, desk.clock.now()), delivery.due_at)
    delivery = replace(delivery, due_at=due_at)
    return delivery.state if desk.ledger.plan(delivery, actor=desk.actor) else None


def _draft(desk: Desk, channel: Channel, candidate: Candidate) -> Draft | None:
    if candidate.wording is not None:
        return draft_for(desk, WordingTarget(candidate.wording), channel)
    known = desk.ledger.answer(candidate.id)
    if known is None:
        return None
    earlier = [
        Shared(one.payload.text, one.sent_at)
        for one in candidate.rows
        if one.state is State.SENT and one.sent_at is not None
    ]
    wording = desk.wordings.template_for("reshare", channel.name, channel.kind)
    promo = compose_variant(
        with_link_for(desk, known.material, channel),
        wording,
        earlier,
        now=desk.clock.now(),
        channel=channel.name,
        limits=channel.limits,
        gate=desk.gate,
    )
    if promo is None:
        return None
    findings = examine_payload(desk.gate, promo.payload, promo.fragments, known.material)
    return Draft(promo=promo, findings=findings)
