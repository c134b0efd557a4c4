"""Withdrawals outlive the record: what a restored one has forgotten to be withdrawn is withdrawn again.

    `withdraw` ──> digest beside the database, durably ──> the mark in the record ──> cancelled, taken back
    an old copy in the record's place ──> the digest still stands ──> marked again, nothing of it leaves,
        and what the forgotten record may have published of it is looked for, adopted and taken back

The digest is written first: whoever dies in between has asked for the withdrawal, and the next round finishes it.
"""

from __future__ import annotations

from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.lapse import withdrawal_digest
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.core.promo import ANNOUNCE
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.promotion import delivery_of, draft
from clinic_broadcast.run.reconcile import notice


def keep_withdrawal(desk: Desk, answer_id: AnswerId) -> None:
    """Write outside the record, durably, that this answer is withdrawn; raises LedgerError when that cannot be."""
    if desk.witness is not None:
        desk.witness.keep_withdrawn((withdrawal_digest(answer_id),))


def is_withdrawn(desk: Desk, answer_id: AnswerId, known: KnownAnswer | None) -> bool:
    """Say whether an answer is withdrawn, by the record or, where that is an old copy, by what stands beside it."""
    if known is not None and known.standing is Standing.WITHDRAWN:
        return True
    return desk.witness is not None and withdrawal_digest(answer_id) in desk.witness.withdrawn()


def honour_withdrawals(desk: Desk) -> int:
    """Mark every answer as withdrawn that was withdrawn before, whatever the record says; give how many it forgot.

    In a record that was put back, promos of such an answer are planned first, where there are none: they are never
    sent, but looked for, and what is found in public is then taken back. Raises LedgerError.
    """
    if desk.witness is None:
        return 0
    kept = desk.witness.withdrawn()
    marked = {withdrawal_digest(one.material.answer_id) for one in desk.ledger.answers(Standing.WITHDRAWN)}
    if not kept >= marked:
        # Of a record from before this list was kept, or withdrawn by another machine.
        desk.witness.keep_withdrawn(marked)
    unmarked = kept - marked
    if not unmarked:
        return 0
    forgotten = [one for one in desk.ledger.revisions() if withdrawal_digest(one) in unmarked]
    is_old_copy = bool(forgotten) and any(one.is_certain for one in notice(desk))
    return sum(_mark_again(desk, answer_id, plans=is_old_copy) for answer_id in forgotten)


def _mark_again(desk: Desk, answer_id: AnswerId, *, plans: bool) -> bool:
    known = desk.ledger.answer(answer_id)
    if known is None:
        return False
    if plans:
        _plan_to_look(desk, known)
    at = desk.clock.now()
    return desk.ledger.restand(
        answer_id, before=known.standing, after=Standing.WITHDRAWN, actor=desk.actor, at=at
    )


def _plan_to_look(desk: Desk, known: KnownAnswer) -> None:
    """Plan an announcement on each channel only so that it is looked for: no send gets past the withdrawal.

    It is planned, not held: what a channel shows to nobody then becomes a person's question.
    """
    revision = known.material.revision
    for channel in desk.channels.values():
        wording = desk.wordings.template_for(ANNOUNCE, channel.name, channel.kind)
        drafted = draft(desk, known.material, channel, wording)
        one = delivery_of(desk, drafted, channel, occasion=ANNOUNCE, revision=revision, why=())
        desk.ledger.plan(one, actor=desk.actor)
