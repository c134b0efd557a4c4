"""The main path: look up what is in doubt, send what is due, each at most once, and record what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from clinic_broadcast.core.answer import Standing
from clinic_broadcast.core.delivery import (
    Absent,
    CannotTell,
    Delivery,
    Found,
    Outcome,
    Refused,
    Sent,
    State,
    Throttled,
    Trace,
    Unsure,
    after_outcome,
    after_trace,
    claim,
    claim_look,
    hold,
    move,
    release,
)
from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.lapse import Lapse
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.plan import Look, Send, may_be_sent, plan
from clinic_broadcast.core.promo import WITHDRAW, is_correction, is_reshare
from clinic_broadcast.core.schedule import Job
from clinic_broadcast.core.verdicts import examine_once
from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ports import Channel, Parcel
from clinic_broadcast.run import pacing, reconcile, spending
from clinic_broadcast.run.correct import GONE, take_back
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.pictures import picture_of, redrawn, show_picture
from clinic_broadcast.run.recollection import is_withdrawn

OPEN = (State.PLANNED, State.SENDING, State.UNSURE)

GATE_CHANGED = "gate: its rules or lists have changed since this was approved"

OUR_REASONS = ("restore:", "spend:", "pace:")

AT_A_TIME = 100
"""So many are let go in one transaction: each costs a wait for the disk."""

UNSURE_MAX = 2
"""A network that swallows two answers in a row will swallow the next: each would cost a look and a time-out."""


def release_planned(
    desk: Desk,
    *,
    channels: Collection[str] | None = None,
    count_max: int | None = None,
    job: Job = Job.ANNOUNCE,
    later_by: Callable[[str], timedelta] = lambda _channel: timedelta(0),
    begun_at: datetime | None = None,
) -> int:
    """Let planned deliveries go, oldest first: at most `count_max` a channel, all channels if none is named.

    `job` says whose: a re-share goes only at the slot of its own job. Corrections go first and do not count; old
    answers go behind all others. What was let go before and is still not out counts too, so that an outage of days
    piles nothing up that would go out in a burst. `later_by` gives how long after now a channel's are due. Where this
    was begun before and not ended, at `begun_at`, what was let go since then counts as well, even when it is out. Gives
    how many were let go. A quiet channel's stay where they are until it is no longer quiet.
    """
    now = desk.clock.now()
    planned = [
        one
        for one in desk.ledger.deliveries(states=(State.PLANNED,))
        if is_reshare(one.occasion) == (job is Job.RESHARE)
    ]
    on_their_way = [one for one in planned if one.released_at is not None and not is_correction(one.occasion)]
    counted = Counter(one.channel for one in (*on_their_way, *_out_since(desk, begun_at, job)))
    moves: list[tuple[Delivery, Delivery]] = []
    for delivery in _in_order(desk, planned):
        name, is_free = delivery.channel, is_correction(delivery.occasion)
        if name not in desk.channels or desk.is_quiet(name, now):
            continue
        if channels is not None and name not in channels:
            continue
        if count_max is not None and counted[name] >= count_max and not is_free:
            continue
        moves.append((delivery, release(delivery, now if is_free else now + later_by(name))))
        counted[name] += not is_free
    return sum(
        len(desk.ledger.move_all(moves[at : at + AT_A_TIME], kind="released", actor=desk.actor, at=now))
        for at in range(0, len(moves), AT_A_TIME)
    )


def _out_since(desk: Desk, begun_at: datetime | None, job: Job) -> list[Delivery]:
    """Give what this job has let go since an instant and what is not planned any more."""
    if begun_at is None:
        return []
    return [
        one
        for one in desk.ledger.deliveries(since=begun_at)
        if one.state is not State.PLANNED
        and one.released_at is not None
        and one.released_at >= begun_at
        and one.occasion != WITHDRAW
        and not is_correction(one.occasion)
        and is_reshare(one.occasion) == (job is Job.RESHARE)
    ]


def _in_order(desk: Desk, planned: list[Delivery]) -> list[Delivery]:
    """Give those that were not let go yet: corrections first, then as they were planned, old answers last."""

    def rank(one: Delivery) -> int:
        if is_correction(one.occasion):
            return 0
        known = desk.ledger.answer(one.answer_id)
        return 2 if known is not None and known.standing is Standing.BASELINE else 1

    return sorted((one for one in planned if one.released_at is None), key=rank)


def deliver(
    desk: Desk,
    *,
    only: Collection[str] | None = None,
    channels: Collection[str] | None = None,
    ignore_quiet: bool = False,
    retry_accounts: bool = False,
) -> list[Delivery]:
    """Take every step that is due, once, and give the deliveries as they stand afterwards.

    1. Looks come first: what may be public already is never sent before it was looked for.
    2. A send is claimed durably before the request leaves; without the claim nothing leaves.
    3. A channel that refuses us, asks us to wait or leaves us unsure twice gets no further send in this run.
    `only` names the ids to take, `channels` the channels; `ignore_quiet`, which ignores the channel's pace too, is for
    a person's own command, and so is `retry_accounts`: what an account's token stopped is tried again at once, for it
    may be mended.
    """
    now = desk.clock.now()
    stopped: set[str] = set()
    unsure: Counter[str] = Counter()
    lapses = reconcile.notice(desk)
    done: list[Delivery] = (
        [] if only is not None else reconcile.seek_all(desk, lapses, _find, channels=channels)
    )
    rows = desk.ledger.deliveries(states=OPEN)
    if retry_accounts:
        rows = [replace(one, not_before=None) if _is_stopped_by_account(one) else one for one in rows]
    for step in plan(rows, now, desk.timing):
        name = step.delivery.channel
        if name not in desk.channels or (only is not None and step.delivery.id not in only):
            continue
        if channels is not None and name not in channels:
            continue
        match step:
            case Look(delivery):
                after = look(desk, delivery)
            case Send(delivery):
                if name in stopped or (not ignore_quiet and _must_wait(desk, delivery)):
                    continue
                after = send(desk, delivery, lapses, is_paced=not ignore_quiet)
                unsure[name] += after is not None and after.state is State.UNSURE
                if unsure[name] >= UNSURE_MAX or _stops_its_channel(after):
                    stopped.add(name)
            case _:
                assert_never(step)
        if after is not None:
            done.append(after)
    return done


def _must_wait(desk: Desk, delivery: Delivery) -> bool:
    """Say whether quiet hours or the channel's pace keep it back for now."""
    now = desk.clock.now()
    return desk.is_quiet(delivery.channel, now) or pacing.may_go_at(desk, delivery, now) > now


def _is_stopped_by_account(one: Delivery) -> bool:
    return one.state is State.PLANNED and one.needs_person.startswith("account:")


def _stops_its_channel(after: Delivery | None) -> bool:
    """Say whether the channel itself has put this off; a reason of ours may not hold for the next one."""
    if after is None or after.state is not State.PLANNED:
        return False
    return not after.reason.startswith(OUR_REASONS)


def send(
    desk: Desk, delivery: Delivery, noticed: Sequence[Lapse], *, is_paced: bool = True
) -> Delivery | None:
    """Examine again, claim, ask the witness, publish, record: in that order, so that no crash can publish twice.

    `noticed` are the lapses of the record as this run began; what comes later is asked for under the claim, and so is
    the channel's pace, unless a person's own command is not `is_paced`. Gives the delivery as it was last recorded by
    us; None when another worker has it.
    """
    lapses = reconcile.forgotten(desk, delivery, noticed)
    if lapses:
        sought = reconcile.seek(desk, delivery, lapses, _find)
        if sought is None or sought.state is not State.PLANNED or reconcile.forgotten(desk, sought, lapses):
            return sought
        delivery = sought
    doubt = _doubt(desk, delivery)
    if doubt is not None:
        return doubt
    over = spending.over_the_cap(desk, delivery)
    if over:
        return reconcile.tell(desk, delivery, over)
    now = desk.clock.now()
    if not may_be_sent(delivery, now):
        return None
    claimed = claim(delivery, now, desk.timing)
    if not desk.ledger.move(delivery, claimed, kind="claimed", actor=desk.actor, at=now):
        return None
    outcome = (
        take_back(desk, claimed) if claimed.occasion == WITHDRAW else _hindrance(desk, claimed, is_paced)
    )
    if outcome is None:
        parcel = replace(parcel_of(desk, claimed), picture=picture_of(desk, claimed.payload))
        outcome = _outcome(desk.channels[delivery.channel], parcel)
    at = desk.clock.now()
    settled = after_outcome(claimed, outcome, at, desk.timing)
    body = {"outcome": type(outcome).__name__, "reason": settled.reason, "post_id": settled.post_id}
    if desk.ledger.move(claimed, settled, kind="outcome", actor=desk.actor, at=at, body=body):
        if settled.state is State.SENT:
            show_picture(desk, settled)
        return settled
    # Somebody took the claim over while we were at it; what they find on the network counts, not what we say.
    desk.ledger.note("fenced", actor=desk.actor, at=at, body=body, delivery_id=claimed.id)
    return claimed


def look(desk: Desk, delivery: Delivery) -> Delivery | None:
    """Look on the network for a delivery whose fate is unknown, and record what the look showed."""
    now = desk.clock.now()
    claimed = claim_look(delivery, now, desk.timing)
    if not desk.ledger.move(delivery, claimed, kind="looking", actor=desk.actor, at=now):
        return None
    if claimed.occasion == WITHDRAW:
        # To repeat a delete is harmless: what died in the middle is simply done again.
        at = desk.clock.now()
        settled = move(claimed, State.PLANNED, lease_until=None, not_before=at)
        body = {"trace": "again"}
    else:
        trace = _not_of_another(
            desk, claimed, _trace(desk.channels[delivery.channel], parcel_of(desk, claimed))
        )
        at = desk.clock.now()
        settled = after_trace(claimed, trace, at, desk.timing)
        body = {"trace": type(trace).__name__, "reason": settled.reason, "post_id": settled.post_id}
    if desk.ledger.move(claimed, settled, kind="looked", actor=desk.actor, at=at, body=body):
        return settled
    return claimed


def _not_of_another(desk: Desk, claimed: Delivery, trace: Trace) -> Trace:
    """Refuse a trace that is another delivery's: the same words were published before, and these perhaps never."""
    if not isinstance(trace, Found) or not trace.post_id:
        return trace
    rows = desk.ledger.deliveries(answer_id=claimed.answer_id, channel=claimed.channel)
    if any(one.post_id == trace.post_id and one.id != claimed.id for one in rows):
        return CannotTell("the network shows only what another delivery has published there", forever=True)
    return trace


def _hindrance(desk: Desk, claimed: Delivery, is_paced: bool) -> Throttled | None:
    """Say why a claimed delivery must not leave after all: nothing has left yet, so the claim is simply given back.

    The claim stands now in whatever record is in use: if that one is an old copy, its witness says so here, and
    if not, the witness is newer than every copy in which this delivery is not claimed.
    """
    now = desk.clock.now()
    try:
        if reconcile.forgotten(desk, claimed, reconcile.notice(desk)):
            return Throttled("restore: the record is an old copy; it is looked for first", until=now)
        over = spending.over_the_cap(desk, claimed)
        free_at = pacing.may_go_at(desk, claimed, now) if is_paced else now
    except LedgerError as error:
        return Throttled(str(error))
    if over:
        return Throttled(over, until=now)
    if free_at > now:
        return Throttled("pace: another worker's promo was first; the channel rests", until=free_at)
    return None


def _find(desk: Desk, claimed: Delivery) -> Trace:
    return _trace(desk.channels[claimed.channel], parcel_of(desk, claimed))


def parcel_of(desk: Desk, claimed: Delivery) -> Parcel:
    """Give what the channel is handed for a claimed delivery."""
    started_at = claimed.claimed_at or desk.clock.now()
    return Parcel(
        key=claimed.key,
        payload=claimed.payload,
        planned_at=claimed.planned_at,
        first_sent_at=claimed.first_sent_at or started_at,
        deadline_at=started_at + desk.timing.lease - desk.timing.timeout,
    )


def _doubt(desk: Desk, delivery: Delivery) -> Delivery | None:
    """Hold a delivery again when its answer has changed or the gate finds something new; None when it may go."""
    known = desk.ledger.answer(delivery.answer_id)
    if delivery.occasion == WITHDRAW:
        return None
    if is_withdrawn(desk, delivery.answer_id, known):
        return _cancel(desk, delivery)
    if known is not None and known.material.revision != delivery.source_revision:
        return _hold_again(
            desk, delivery, why="source: the answer has other words than when this was planned"
        )
    payload = redrawn(desk, delivery.payload)
    if payload != delivery.payload:
        why = "card: this version draws the picture otherwise than it was approved"
        return _hold_again(desk, replace(delivery, payload=payload), why=why)
    material = known.material if known is not None else None
    if delivery.approved_by and delivery.gate_version != desk.gate.version:
        found = examine_once(desk.gate, delivery.payload, delivery.fragments, material)
        return _hold_again(desk, delivery, why=GATE_CHANGED, findings=found)
    surprises = new_findings(desk, delivery, material)
    if not surprises:
        return None
    rules = ", ".join(sorted({finding.rule for finding in surprises}))
    return _hold_again(desk, delivery, why=f"gate, just before sending: {rules}", findings=surprises)


def new_findings(desk: Desk, delivery: Delivery, material: Material | None) -> tuple[Finding, ...]:
    """Examine the frozen bytes once more: give every finding that holds and that nobody has accepted yet.

    A person's approval accepts the findings recorded with the promo and no others; without one, none is.
    """
    found = examine_once(desk.gate, delivery.payload, delivery.fragments, material)
    accepted = (
        {_likeness(one) for one in delivery.findings} if delivery.approved_by else set[tuple[str, ...]]()
    )
    return tuple(one for one in found if one.severity is not Severity.NOTE and _likeness(one) not in accepted)


def _likeness(finding: Finding) -> tuple[str, ...]:
    return (finding.rule, finding.where, finding.excerpt)


def _cancel(desk: Desk, delivery: Delivery) -> Delivery:
    cancelled = move(delivery, State.CANCELLED, reason=GONE)
    desk.ledger.move(delivery, cancelled, kind="cancelled", actor=desk.actor, at=desk.clock.now())
    return cancelled


def _hold_again(
    desk: Desk, delivery: Delivery, *, why: str, findings: tuple[Finding, ...] | None = None
) -> Delivery:
    now = desk.clock.now()
    held = replace(hold(delivery, (why,), findings), gate_version=desk.gate.version)
    if desk.ledger.move(delivery, held, kind="held", actor=desk.actor, at=now, body={"why": why}):
        return held
    # Somebody moved it meanwhile: nothing is sent either, and what they decided stands.
    return desk.ledger.delivery(delivery.id) or delivery


def _outcome(channel: Channel, parcel: Parcel) -> Outcome:
    # A surprise after the request left must never read as "not published".
    try:
        outcome = channel.send(parcel)
    except Exception as surprise:  # noqa: BLE001
        return Unsure(reason=f"unexpected {type(surprise).__name__} while sending")
    match outcome:
        case Sent() | Refused() | Throttled() | Unsure():
            return outcome
        case _:
            assert_never(outcome)


def _trace(channel: Channel, parcel: Parcel) -> Trace:
    try:
        trace = channel.look(parcel)
    except Exception as surprise:  # noqa: BLE001
        return CannotTell(reason=f"unexpected {type(surprise).__name__} while looking")
    match trace:
        case Found() | Absent() | CannotTell():
            return trace
        case _:
            assert_never(trace)
