"""Holds a channel to its pace: what is due waits for its turn, so that no outage and no approval ends in a burst."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.pace import DAY, Pace, free_at
from clinic_broadcast.core.promo import ANNOUNCE, WITHDRAW, is_reshare
from clinic_broadcast.core.schedule import Job
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.turns import comes_later

MAYBE_PUBLIC: Final = frozenset({State.SENDING, State.UNSURE, State.SENT, State.WITHDRAWN})


def may_go_at(desk: Desk, delivery: Delivery, now: datetime) -> datetime:
    """Give the first instant, now or later, at which the channel's pace lets this delivery go.

    Only announcements and re-shares are paced: a correction, a withdrawal and a person's own `publish` wait for
    nobody. What may be public counts, at its latest instant: so no window ever holds more than its cap. Asked before
    the claim, so that nothing is claimed in vain, and once more under it: of several workers that claimed at once,
    the earlier lines of history go.
    """
    pace = _pace_of(desk, delivery)
    if pace.is_free:
        return now
    rows = desk.ledger.deliveries(channel=delivery.channel, since=now - max(DAY, pace.spacing))
    published = [
        max(at for at in (one.sent_at, one.claimed_at) if at is not None)
        for one in rows
        if one.id != delivery.id
        and one.state in MAYBE_PUBLIC
        and one.occasion != WITHDRAW
        and (one.sent_at or one.claimed_at)
        and not comes_later(desk, one, delivery)
    ]
    return free_at(pace, published, now)


def _pace_of(desk: Desk, delivery: Delivery) -> Pace:
    if delivery.occasion == ANNOUNCE:
        return desk.pace_of(delivery.channel, Job.ANNOUNCE)
    if is_reshare(delivery.occasion):
        return desk.pace_of(delivery.channel, Job.RESHARE)
    return Pace()
