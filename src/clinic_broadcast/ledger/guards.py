"""What both ledgers check before they write: a caller that breaks the state machine is a bug, not a race."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clinic_broadcast.core.delivery import TRANSITIONS, Delivery, State
from clinic_broadcast.errors import BugError

PREFIX_MIN: Final = 6
"""Fewer digits than this are more likely a slip than an id."""

PLAN: Final = "plan"
"""The kind of a delivery's first line of history."""

IDENTITY: Final = ("id", "key", "answer_id", "channel", "account", "occasion", "planned_at")
"""What no move may change: it is what makes a delivery this one."""


def check_plan(planned: Delivery) -> None:
    """Raise BugError unless this is how a delivery may begin."""
    if planned.state not in {State.PLANNED, State.HELD}:
        raise BugError(f"delivery {planned.id}: it cannot begin as {planned.state}")


def check_move(before: Delivery, after: Delivery) -> None:
    """Raise BugError for a move that the table of states does not know, or that is not one step of the fence."""
    if after.fence != before.fence + 1:
        raise BugError(f"delivery {before.id}: fence {before.fence} cannot become {after.fence}")
    if after.state not in TRANSITIONS[before.state]:
        raise BugError(f"delivery {before.id}: {before.state} cannot become {after.state}")
    changed = [name for name in IDENTITY if getattr(before, name) != getattr(after, name)]
    if changed:
        raise BugError(f"delivery {before.id}: a move cannot change {', '.join(changed)}")


def names_one(ids: Sequence[str], wanted: str) -> bool:
    """Say whether the first of these ids, in order, is the one meant: by its whole name, or alone by a prefix."""
    return ids[0] == wanted or (len(wanted) >= PREFIX_MIN and len(ids) == 1)
