"""Old answers, slowly: at most so many a week, oldest first, behind everything fresh, each through the gate."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from clinic_broadcast.core.answer import Standing
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.core.promo import ANNOUNCE
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.promotion import plan_answer

WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """What a round of the drip planned, and how many old answers are left for later weeks."""

    planned: tuple[KnownAnswer, ...]
    left: int


def backfill(desk: Desk, *, max_per_week: int, labels: Collection[str] = (), write: bool = True) -> Backfill:
    """Plan the announcement of old answers, at most `max_per_week` in any seven days, oldest publication first.

    To call it again within the week adds nothing: what was planned counts by the record. An answer that has any
    delivery of its announcement is never planned again. With `labels` only answers that carry one of them are
    planned, upper and lower case alike; what was planned of others still counts against the week.
    """
    since = desk.clock.now() - WEEK
    announced: set[str] = set()
    recent: set[str] = set()
    old = {known.material.answer_id: known for known in desk.ledger.answers(Standing.BASELINE)}
    for one in desk.ledger.deliveries():
        if one.occasion == ANNOUNCE and one.answer_id in old:
            announced.add(one.answer_id)
            if one.planned_at > since:
                recent.add(one.answer_id)
    wanted = {label.casefold() for label in labels}
    waiting = sorted(
        (
            known
            for answer_id, known in old.items()
            if answer_id not in announced and (not wanted or _has_label(known, wanted))
        ),
        key=lambda known: (known.published_at, known.material.answer_id),
    )
    chosen = waiting[: max(0, max_per_week - len(recent))]
    if write:
        for known in chosen:
            plan_answer(desk, known, held_for=())
    return Backfill(planned=tuple(chosen), left=len(waiting) - len(chosen))


def _has_label(known: KnownAnswer, wanted: Collection[str]) -> bool:
    return any(label.casefold() in wanted for label in known.labels)
