"""The statements over what a person was told; each runs inside the transaction that its caller has begun."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, select, update

from clinic_broadcast.core.notice import Step, Told
from clinic_broadcast.ledger.database import insert_into, rows_of
from clinic_broadcast.ledger.rows import clean
from clinic_broadcast.ledger.schema import notice, utc

_PLACE: Final = and_(notice.c.clinic == bindparam("b_clinic"), notice.c.key == bindparam("b_key"))
_AS_BEFORE: Final = and_(
    _PLACE,
    notice.c.mark == bindparam("b_mark"),
    notice.c.step == bindparam("b_step"),
    notice.c.told_at == bindparam("b_told_at", type_=notice.c.told_at.type),
)


def notices(db: Connection, clinic: str) -> list[Told]:
    """Give all that a person was told and that is not over, by key."""
    wanted = select(notice).where(notice.c.clinic == clinic).order_by(notice.c.key)
    return [
        Told(
            key=row["key"],
            mark=row["mark"],
            since=row["since_at"],
            step=Step(row["step"]),
            stepped_at=row["stepped_at"],
            told_at=row["told_at"],
        )
        for row in rows_of(db, wanted)
    ]


def keep_notice(db: Connection, clinic: str, before: Told | None, after: Told | None) -> bool:
    """Put `after` in the place of `before` if that still stands; None means that there is none."""
    if before is None:
        if after is None:
            return True
        first = insert_into(notice, db.dialect.name).values(
            clinic=clinic, key=clean(after.key), **_row(after)
        )
        return db.execute(first.on_conflict_do_nothing(index_elements=["clinic", "key"])).rowcount == 1
    guard = {
        "b_clinic": clinic,
        "b_key": clean(before.key),
        "b_mark": clean(before.mark),
        "b_step": before.step.value,
        "b_told_at": utc(before.told_at),
    }
    if after is None:
        return db.execute(delete(notice).where(_AS_BEFORE), guard).rowcount == 1
    return db.execute(update(notice).where(_AS_BEFORE).values(**_row(after)), guard).rowcount == 1


def _row(told: Told) -> dict[str, Any]:
    return {
        "mark": clean(told.mark),
        "since_at": utc(told.since),
        "step": told.step.value,
        "stepped_at": utc(told.stepped_at),
        "told_at": utc(told.told_at),
    }
