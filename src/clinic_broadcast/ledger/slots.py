"""The newest slot of each schedule, as SQL: taken once, taken again only while its job has not ended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, case, select, update

from clinic_broadcast.core.slot import SlotRun
from clinic_broadcast.ledger.database import insert_into
from clinic_broadcast.ledger.rows import clean
from clinic_broadcast.ledger.schema import schedule_run, utc


def last_run(db: Connection, clinic: str, schedule: str) -> SlotRun | None:
    """Give the newest run of a schedule."""
    found = select(
        schedule_run.c.slot_at, schedule_run.c.ran_at, schedule_run.c.done_at, schedule_run.c.runs
    ).where(schedule_run.c.clinic == clinic, schedule_run.c.schedule == clean(schedule))
    row = db.execute(found).one_or_none()
    if row is None:
        return None
    slot_at, ran_at, done_at, runs = row
    return SlotRun(slot_at=slot_at, ran_at=ran_at, done_at=done_at, runs=runs)


def take_slot(db: Connection, clinic: str, schedule: str, slot_at: datetime, *, at: datetime) -> bool:
    """Begin a later slot than any before; a run before it that did not end goes on counting."""
    first = insert_into(schedule_run, db.dialect.name).values(
        clinic=clinic, schedule=clean(schedule), slot_at=utc(slot_at), ran_at=utc(at), done_at=None, runs=1
    )
    take = first.on_conflict_do_update(
        index_elements=["clinic", "schedule"],
        set_={
            "slot_at": first.excluded.slot_at,
            "ran_at": first.excluded.ran_at,
            "done_at": None,
            "runs": case((schedule_run.c.done_at.is_(None), schedule_run.c.runs + 1), else_=1),
        },
        where=schedule_run.c.slot_at < first.excluded.slot_at,
    )
    return db.execute(take).rowcount == 1


def take_again(db: Connection, clinic: str, schedule: str, seen: SlotRun, *, at: datetime) -> bool:
    """Begin an unfinished slot once more, unless it has changed since it was seen."""
    again = (
        update(schedule_run)
        .where(
            schedule_run.c.clinic == clinic,
            schedule_run.c.schedule == clean(schedule),
            schedule_run.c.slot_at == utc(seen.slot_at),
            schedule_run.c.runs == seen.runs,
            schedule_run.c.done_at.is_(None),
        )
        .values(ran_at=utc(at), runs=seen.runs + 1)
    )
    return db.execute(again).rowcount == 1


def finish_slot(db: Connection, clinic: str, schedule: str, slot_at: datetime, *, at: datetime) -> None:
    """Record that the job came to its end for this slot; nothing if a later one was taken meanwhile."""
    done = (
        update(schedule_run)
        .where(
            schedule_run.c.clinic == clinic,
            schedule_run.c.schedule == clean(schedule),
            schedule_run.c.slot_at == utc(slot_at),
        )
        .values(done_at=utc(at))
    )
    db.execute(done)
