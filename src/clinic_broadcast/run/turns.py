"""Which of two claims came first: under a cap that only one of them fits, the earlier line of history goes."""

from __future__ import annotations

from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.run.desk import Desk

CLAIMS = ("claimed", "seeking")


def comes_later(desk: Desk, other: Delivery, claimed: Delivery) -> bool:
    """Say whether the other's claim stands behind ours in the history: then it gives way, and must not stop us."""
    if claimed.state is not State.SENDING or other.state is not State.SENDING:
        return False
    return _claim_line(desk, other) > _claim_line(desk, claimed)


def _claim_line(desk: Desk, delivery: Delivery) -> int:
    lines = desk.ledger.history(delivery.id)
    return max((entry.number for entry in lines if entry.kind in CLAIMS), default=0)
