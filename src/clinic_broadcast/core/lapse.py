"""What to make of a record that was put back from an old copy: which promos it may have forgotten to have sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.delivery import (
    LOOK_FAILURES_MAX,
    Absent,
    CannotTell,
    Delivery,
    Found,
    State,
    Timing,
    Trace,
    backoff,
    move,
)
from clinic_broadcast.core.promo import WITHDRAW

REACH: Final = timedelta(days=7)
"""A search reaches so far behind the last line that the record has; and so long after a lapse every new promo is
looked for, whatever date its answer bears: an old answer may come back re-dated."""

SILENCE: Final = timedelta(hours=48)
"""After so long without a line or a poll a record may be one that was put back together with its witness."""

RESTORE: Final = "restore"
QUIET: Final = "silence"
RECONCILED: Final = "reconciled"
SOUGHT: Final = frozenset({"sought", "adopted", "resolved"})
"""The kinds of line after which a delivery needs no search any more: a look, or a person, has said where it is."""

DOUBTED: Final = "doubted"
TOLD: Final = "restore: it may be public already:"


def withdrawal_digest(answer_id: AnswerId) -> str:
    """Give what is kept outside the record of an answer that was withdrawn: a sha256 in hex, no word and no address."""
    return hashlib.sha256(f"withdrawn {answer_id}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """A time that the record does not remember. `line` is the line of history that tells of it.

    `last_line` is the last one from before the lapse. `is_certain` is False when nothing but a long silence speaks
    for it: then nothing waits, and a channel that cannot be looked at is trusted.
    """

    line: int
    last_line: int
    noticed_at: datetime
    is_certain: bool

    def ends_at(self, timing: Timing) -> datetime:
        """Give the instant from which on a look shows what the forgotten record sent.

        A request that it had claimed may leave until its lease is over, and the network may be slow to list it: two
        settle windows, as after any doubt.
        """
        return self.noticed_at + timing.lease + 2 * timing.settle if self.is_certain else self.noticed_at


def concerns(lapse: Lapse, delivery: Delivery, published_at: datetime | None) -> bool:
    """Say whether this may have been sent in the time that is forgotten.

    Only what was planned long after it, for an answer published after it, cannot. `published_at` is None for a
    wording written by hand: nobody knows since when it is there. To repeat a withdrawal is harmless.
    """
    if delivery.occasion == WITHDRAW:
        return False
    if delivery.planned_at < lapse.noticed_at + REACH:
        return True
    return published_at is None or published_at < lapse.noticed_at


def unsought(
    lapses: Iterable[Lapse], delivery: Delivery, *, published_at: datetime | None, sought_line: int
) -> list[Lapse]:
    """Give the lapses in which it may have been sent and since which nobody has looked for it."""
    return [one for one in lapses if one.line > sought_line and concerns(one, delivery, published_at)]


def claim_search(delivery: Delivery, since: datetime, now: datetime, timing: Timing) -> Delivery:
    """Take the right to search for a planned delivery; a search that dies in the middle is doubted like a send."""
    return move(
        delivery,
        State.SENDING,
        claimed_at=now,
        lease_until=now + timing.lease,
        first_sent_at=min(delivery.first_sent_at or since, since),
    )


def after_search(before: Delivery, trace: Trace, now: datetime, timing: Timing) -> Delivery:
    """Give the delivery after a search: found, it is sent; absent, it may go on; else it waits, or is a person's.

    `before` is held, or it is a planned one under `claim_search`.
    """
    back = State.HELD if before.state is State.HELD else State.PLANNED
    match trace:
        case Found(post_id, post_url):
            return move(
                before,
                State.SENT,
                sent_at=now,
                post_id=post_id,
                post_url=post_url,
                lease_until=None,
                not_before=None,
                needs_person="",
                reason="adopted: it was public already",
            )
        case Absent():
            kept = "" if before.needs_person.startswith(TOLD) else before.needs_person
            return move(
                before,
                back,
                lease_until=None,
                not_before=None,
                look_failures=0,
                reason="",
                needs_person=kept,
            )
        case CannotTell(reason, forever):
            told = f"{TOLD} {reason}"
            if forever and back is State.PLANNED:
                return move(
                    before, State.UNSURE, lease_until=None, not_before=None, reason=told, needs_person=told
                )
            failures = before.look_failures + 1
            return move(
                before,
                back,
                lease_until=None,
                not_before=None if forever else now + backoff(failures, timing.settle),
                look_failures=failures,
                reason=told,
                needs_person=told if failures >= LOOK_FAILURES_MAX else before.needs_person,
            )
