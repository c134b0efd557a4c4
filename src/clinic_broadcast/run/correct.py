"""Take an answer back everywhere, or tell everywhere that its words have changed: a delivery for each channel."""

from __future__ import annotations

from dataclasses import dataclass

from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.delivery import (
    Delivery,
    Outcome,
    Sent,
    State,
    Throttled,
    Unsure,
    move,
    release,
)
from clinic_broadcast.core.lapse import TOLD
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.core.promo import WITHDRAW, Payload, Promo, correction
from clinic_broadcast.errors import UsageError
from clinic_broadcast.ports import Channel, Withdrawing
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.pictures import take_down_pictures
from clinic_broadcast.run.promotion import Draft, delivery_of, draft, reasons_to_hold
from clinic_broadcast.run.recollection import honour_withdrawals, keep_withdrawal
from clinic_broadcast.run.reconcile import WAITING, forgotten, notice

PUBLIC = (State.SENT,)
IN_DOUBT = (State.SENDING, State.UNSURE)
UNSENT = (State.PLANNED, State.HELD, State.REFUSED)
GONE = "the answer was withdrawn"
BY_HAND = "this channel cannot take back by machine: delete it by hand at its address, then say `resolve ID --deleted`"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """What a withdrawal set going: promos cancelled, deliveries that take public ones back, channels in doubt."""

    cancelled: int
    planned: int
    in_doubt: tuple[str, ...] = ()


def withdraw(desk: Desk, known: KnownAnswer, *, why: str, by: str) -> TakenBack:
    """Mark an answer as withdrawn, cancel what is not sent, and plan to take back what is public.

    The mark is durable first, in the record and outside of it, so that nothing of this answer is sent from here on,
    whatever happens next. What a restored record may have forgotten to have sent is looked for, not cancelled.
    """
    answer_id = known.material.answer_id
    keep_withdrawal(desk, answer_id)
    if known.standing is not Standing.WITHDRAWN:
        at = desk.clock.now()
        desk.ledger.restand(
            answer_id, before=known.standing, after=Standing.WITHDRAWN, actor=by or desk.actor, at=at
        )
    # The witness is now newer than every copy of the record that lacks the mark.
    notice(desk)
    cancelled = _cancel_unsent(desk, answer_id, why=f"withdrawn: {why}", by=by or desk.actor)
    take_down_pictures(desk, desk.ledger.deliveries(answer_id=answer_id))
    return TakenBack(
        cancelled=cancelled,
        planned=plan_withdrawals(desk, answer_id),
        in_doubt=tuple(
            sorted(
                one
                for one in {
                    row.channel for row in desk.ledger.deliveries(answer_id=answer_id) if _is_doubtful(row)
                }
            )
        ),
    )


def _is_doubtful(one: Delivery) -> bool:
    return one.occasion != WITHDRAW and one.state in (*IN_DOUBT, *WAITING)


def _cancel_unsent(desk: Desk, answer_id: AnswerId, *, why: str, by: str) -> int:
    """Cancel what is surely not public; what may be, after a restore, stays until a look or a person has said so."""
    rows = desk.ledger.deliveries(states=UNSENT, answer_id=answer_id)
    lapses = [one for one in notice(desk) if one.is_certain] if rows else []
    cancelled = 0
    for one in rows:
        if one.occasion == WITHDRAW or (one.state is State.HELD and one.reason.startswith(TOLD)):
            continue
        if one.state in WAITING and one.channel in desk.channels and forgotten(desk, one, lapses):
            continue
        after = move(one, State.CANCELLED, reason=why, needs_person="")
        cancelled += desk.ledger.move(
            one, after, kind="cancelled", actor=by, at=desk.clock.now(), body={"why": why}
        )
    return cancelled


def plan_withdrawals(desk: Desk, answer_id: AnswerId | None = None) -> int:
    """Plan to take back every public promo of withdrawn answers; gives how many deliveries that added.

    A channel whose promo is in doubt waits until a look has settled it: then a later round plans it. What a look
    did not find is cancelled.
    """
    honour_withdrawals(desk)
    withdrawn = desk.ledger.answers(Standing.WITHDRAWN)
    added = 0
    for known in withdrawn:
        if answer_id is not None and known.material.answer_id != answer_id:
            continue
        _cancel_unsent(desk, known.material.answer_id, why=GONE, by=desk.actor)
        rows = desk.ledger.deliveries(answer_id=known.material.answer_id)
        doubtful = {one.channel for one in rows if one.state in IN_DOUBT}
        public = {one.channel: one for one in rows if one.state in PUBLIC and one.occasion != WITHDRAW}
        for name, one in sorted(public.items()):
            channel = desk.channels.get(name)
            if channel is not None and name not in doubtful:
                added += _plan_withdrawal(desk, known, channel, one)
    return added


def _plan_withdrawal(desk: Desk, known: KnownAnswer, channel: Channel, public: Delivery) -> bool:
    text = public.payload.text
    promo = Promo(
        answer_id=public.answer_id,
        channel=channel.name,
        payload=Payload(text="", link=public.post_url or public.payload.link),
        fragments=(),
        length=0,
        length_max=max(len(text), 1),
        wording=public.wording,
    )
    why = () if isinstance(channel, Withdrawing) else (BY_HAND,)
    planned = delivery_of(
        desk,
        Draft(promo=promo, findings=()),
        channel,
        occasion=WITHDRAW,
        revision=known.material.revision,
        why=why,
        link=public.answer_url,
    )
    if not desk.ledger.plan(planned, actor=desk.actor):
        return False
    if planned.state is State.PLANNED:
        # A withdrawal waits for no schedule.
        now = desk.clock.now()
        desk.ledger.move(planned, release(planned, now), kind="released", actor=desk.actor, at=now)
    return True


def take_back(desk: Desk, claimed: Delivery) -> Outcome:
    """Delete on the channel every public promo of the claimed withdrawal's answer, and mark each as withdrawn.

    To repeat a delete is harmless, so a doubt is no doubt here: it is tried again.
    """
    channel = desk.channels[claimed.channel]
    if not isinstance(channel, Withdrawing):
        return Throttled(BY_HAND)
    gone = ""
    for one in desk.ledger.deliveries(states=PUBLIC, answer_id=claimed.answer_id, channel=claimed.channel):
        if one.occasion == WITHDRAW:
            continue
        outcome = channel.withdraw(one.post_id)
        if isinstance(outcome, Unsure):
            return Throttled(outcome.reason)
        if not isinstance(outcome, Sent):
            return outcome
        gone = one.post_url or one.post_id
        after = move(one, State.WITHDRAWN, reason="withdrawn")
        desk.ledger.move(one, after, kind="withdrawn", actor=desk.actor, at=desk.clock.now())
    return Sent(post_id="", post_url=gone)


def correct(desk: Desk, known: KnownAnswer, *, write: bool = True) -> list[Delivery]:
    """Plan a correction on every channel where older words of this answer are public, and give the deliveries.

    Without `write` they are only given.

    Raises UsageError when the answer is withdrawn. Nothing is planned where the public words are the present ones.
    """
    if known.standing is Standing.WITHDRAWN:
        raise UsageError("the answer is withdrawn: there is nothing to correct")
    material = known.material
    occasion = correction(material.revision)
    planned: list[Delivery] = []
    for name, channel in desk.channels.items():
        alike = desk.ledger.deliveries(answer_id=material.answer_id, channel=name)
        rows = [one for one in alike if one.state in PUBLIC]
        newest = max(rows, key=lambda one: one.planned_at, default=None)
        if newest is None or newest.source_revision == material.revision:
            continue
        wording = desk.wordings.template_for("correction", name, channel.kind)
        drafted = draft(desk, material, channel, wording)
        why = tuple(reasons_to_hold(desk, drafted, is_early=False))
        one = delivery_of(
            desk,
            drafted,
            channel,
            occasion=occasion,
            revision=material.revision,
            why=why,
            link=material.url,
        )
        is_planned = any(each.occasion == occasion for each in alike)
        if desk.ledger.plan(one, actor=desk.actor) if write else not is_planned:
            planned.append(one)
    return planned
