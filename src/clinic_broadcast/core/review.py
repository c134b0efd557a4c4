"""What a person may decide about a delivery: approve, hold, edit, settle a doubt."""

from __future__ import annotations

from datetime import datetime

from clinic_broadcast.core.delivery import Delivery, State, hold, move
from clinic_broadcast.core.finding import Finding
from clinic_broadcast.core.promo import Fragment, Payload


def approve(delivery: Delivery, *, by: str, now: datetime) -> Delivery:
    """Let a held promo wait for its turn; the approval is bound to the payload as it stands."""
    return move(delivery, State.PLANNED, approved_by=by, approved_at=now, why=())


def hold_for(delivery: Delivery, why: str) -> Delivery:
    """Hold a promo for the reason a person gives; an approval given before is void."""
    return hold(delivery, (why,))


def give_up(delivery: Delivery, why: str) -> Delivery:
    """Let what is not sent never go out, for the reason a person gives."""
    return move(delivery, State.CANCELLED, reason=why, needs_person="", why=())


def edit(
    delivery: Delivery,
    payload: Payload,
    *,
    fragments: tuple[Fragment, ...],
    findings: tuple[Finding, ...],
    why: tuple[str, ...],
) -> Delivery:
    """Give a promo other words: it is held again, and what was approved before is void.

    What a network has said to the old words says nothing of the new ones.
    """
    is_refused = delivery.state is State.REFUSED
    return move(
        delivery,
        State.HELD,
        payload=payload,
        fragments=fragments,
        findings=findings,
        why=why,
        approved_by="",
        approved_at=None,
        released_at=None,
        reason="" if is_refused else delivery.reason,
        needs_person="" if is_refused else delivery.needs_person,
    )


def settle_as_sent(delivery: Delivery, post_url: str, now: datetime) -> Delivery:
    """Record a person's word that an unsure delivery is public at this address."""
    return move(
        delivery,
        State.SENT,
        sent_at=now,
        post_url=post_url,
        lease_until=None,
        not_before=None,
        needs_person="",
        reason="",
    )


def settle_as_not_sent(delivery: Delivery, now: datetime) -> Delivery:
    """Record a person's word that an unsure or refused delivery is not public: it is due again."""
    return move(
        delivery,
        State.PLANNED,
        lease_until=None,
        not_before=now,
        released_at=now,
        looks=0,
        look_failures=0,
        resends=0,
        needs_person="",
        reason="",
    )
