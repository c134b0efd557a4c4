"""Old answers, slowly: at most so many a week, oldest first, behind everything fresh, each through the gate."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from clinic_broadcast.core.answer import Standing
from clinic_broadcast.core.delivery import Delivery
from clinic_broadcast.core.intake import canonical
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
    delivery of its announcement is never planned again, nor is one with the words or the address of such an answer,
    or of one that was withdrawn: a blog that moved shows all of them once more. With `labels` only answers that carry
    one of them are planned, upper and lower case alike; what was planned of others still counts against the week.
    """
    since = desk.clock.now() - WEEK
    old = desk.ledger.answers(Standing.BASELINE)
    ids = {known.material.answer_id for known in old}
    announced = [one for one in desk.ledger.deliveries() if one.occasion == ANNOUNCE]
    recent = {one.answer_id for one in announced if one.answer_id in ids and one.planned_at > since}
    used = _used(desk, announced)
    wanted = {label.casefold() for label in labels}
    waiting: list[KnownAnswer] = []
    for known in sorted(old, key=lambda known: (known.published_at, known.material.answer_id)):
        marks = _marks_of(known)
        if used.isdisjoint(marks) and (not wanted or _has_label(known, wanted)):
            waiting.append(known)
            used |= marks
    chosen = waiting[: max(0, max_per_week - len(recent))]
    if write:
        for known in chosen:
            plan_answer(desk, known, held_for=(f"intake: {known.note}",) if known.note else ())
    return Backfill(planned=tuple(chosen), left=len(waiting) - len(chosen))


def _used(desk: Desk, announced: Iterable[Delivery]) -> set[str]:
    """Give ids, words and addresses of all that was announced or is about to be, and of all that was withdrawn."""
    revisions = desk.ledger.revisions()
    used: set[str] = set()
    for one in announced:
        words = {one.source_revision, revisions.get(one.answer_id, "")}
        used |= {one.answer_id, canonical(one.answer_url), *words}
    for known in desk.ledger.answers(Standing.WITHDRAWN):
        used |= _marks_of(known)
    return used - {""}


def _marks_of(known: KnownAnswer) -> set[str]:
    """Give by what an answer is known again: its id, its words, and its address if it has one."""
    material = known.material
    return {material.answer_id, material.revision, canonical(material.url)} - {""}


def _has_label(known: KnownAnswer, wanted: Collection[str]) -> bool:
    return any(label.casefold() in wanted for label in known.labels)
