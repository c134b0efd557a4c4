"""What to do now: pure decisions over the open deliveries, in the order in which they should happen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from clinic_broadcast.core.delivery import Delivery, State, Timing


@dataclass(frozen=True, slots=True)
class Send:
    """It is due, and nothing says that it may already be public: send it."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Look:
    """It may already be public: look for it on the network before anything else."""

    delivery: Delivery


Step: TypeAlias = Send | Look


def plan(deliveries: Iterable[Delivery], now: datetime, timing: Timing) -> list[Step]:
    """Give the steps that are due: looks first, then sends, each by the time it fell due.

    A delivery gives at most one step, and none while another worker's claim on it may still be at work.
    """
    open_ones = sorted(deliveries, key=lambda delivery: (delivery.due_at, delivery.id))
    looks: list[Step] = [Look(one) for one in open_ones if must_be_looked_up(one, now, timing)]
    sends: list[Step] = [Send(one) for one in open_ones if may_be_sent(one, now)]
    return looks + sends


def next_step_at(deliveries: Iterable[Delivery], now: datetime, timing: Timing) -> datetime | None:
    """Give the first instant after now at which another delivery of these has a step to take; None if none will."""
    coming: list[datetime] = []
    for one in deliveries:
        if one.state is State.PLANNED and one.released_at is not None:
            coming.append(max(one.released_at, one.not_before or one.released_at))
        elif one.state is State.SENDING and one.lease_until is not None:
            coming.append(one.lease_until + timing.settle)
        elif one.state is State.UNSURE and one.not_before is not None:
            coming.append(max(one.not_before, one.lease_until or one.not_before))
    return min((at for at in coming if at > now), default=None)


def may_be_sent(delivery: Delivery, now: datetime) -> bool:
    """Say whether it is planned, let go, and past every wait that it was given."""
    if delivery.state is not State.PLANNED or delivery.released_at is None or delivery.released_at > now:
        return False
    return delivery.not_before is None or delivery.not_before <= now


def must_be_looked_up(delivery: Delivery, now: datetime, timing: Timing) -> bool:
    """Say whether its fate is unknown and the network has had time to show it.

    A claim is doubtful once its lease is over; its request may have left just before that, so the settle window
    is counted from the end of the lease.
    """
    if delivery.state is State.SENDING:
        return delivery.lease_until is not None and delivery.lease_until + timing.settle <= now
    if delivery.state is State.UNSURE:
        if delivery.not_before is None:
            # A person must settle it; no clock does.
            return False
        # A look whose worker died left its lease standing.
        return delivery.not_before <= now and (delivery.lease_until is None or delivery.lease_until <= now)
    return False
