"""Which promos a channel may share again: rested, unchanged since a person approved them, and never withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.promo import WITHDRAW, is_correction, is_reshare

OPEN: Final = frozenset({State.PLANNED, State.HELD, State.SENDING, State.UNSURE})


def next_number(rows: Sequence[Delivery]) -> int:
    """Give the number of the next re-share; `rows` are all deliveries of one answer or wording on one channel."""
    numbers = [int(one.occasion.partition(":")[2]) for one in rows if is_reshare(one.occasion)]
    return max(numbers, default=0) + 1


def last_shared_at(rows: Sequence[Delivery]) -> datetime | None:
    """Give when it was last shared, or last tried in vain, on the channel; None for never."""
    shared = [one.sent_at for one in rows if one.state is State.SENT and one.sent_at is not None]
    tried = [one.planned_at for one in rows if is_reshare(one.occasion) and one.state not in OPEN]
    return max([*shared, *tried], default=None)


def may_be_shared_again(rows: Sequence[Delivery], revision: str) -> bool:
    """Say whether nothing of it is under way or taken back, and its present words are those that were approved.

    `rows` are all deliveries of one answer on one channel. After other words came, or after any correction, only
    words that a person approved and that went out may be shared again.
    """
    if any(one.occasion == WITHDRAW or one.state is State.WITHDRAWN or one.state in OPEN for one in rows):
        return False
    sent = [one for one in rows if one.state is State.SENT]
    present = [one for one in sent if one.source_revision == revision]
    was_changed = any(is_correction(one.occasion) or one.source_revision != revision for one in rows)
    return any(one.approved_by or not was_changed for one in present)
