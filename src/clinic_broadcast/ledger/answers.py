"""The statements over answers and sources; each runs inside the transaction that its caller has begun."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, func, or_, select, text, update

from clinic_broadcast.core.answer import AnswerId, Comments, Standing
from clinic_broadcast.core.delivery import RELEASED
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.ledger.chain import locked_head
from clinic_broadcast.ledger.database import insert_into, rows_of
from clinic_broadcast.ledger.direct import Direct, direct_on
from clinic_broadcast.ledger.rows import ANSWER_MUTABLE, Row, clean, comments_in, row_of_answer
from clinic_broadcast.ledger.schema import IS_UNPLANNED_SQL, answer, delivery, source, utc
from clinic_broadcast.ports import Marks, Remembered

_PLACE: Final = (answer.c.clinic == bindparam("b_clinic"), answer.c.id == bindparam("b_id"))
_BY_ID: Final = select(answer).where(*_PLACE)
_CHANGES: Final = {name: bindparam(f"b_{name}", type_=answer.c[name].type) for name in ANSWER_MUTABLE}

_UNTURNED: Final = -1
"""The turn of an answer that this very transaction has added; no other transaction ever sees it."""

_TURN_BEFORE: Final = -1 - answer.c.turn
_GIVES_UP_TURN: Final = case((answer.c.turn < 0, answer.c.turn), else_=_TURN_BEFORE)
"""What an answer has while this very transaction changes it: below zero, and its turn before can be read from it. The
next turn must be higher than that too, or what changed twice in a row would look unchanged."""

_WITH_OTHER_WORDS: Final = (
    update(answer)
    .where(*_PLACE, answer.c.revision != _CHANGES["revision"])
    .values({**_CHANGES, "turn": _GIVES_UP_TURN})
)
_WITH_OTHER_TRIMMINGS: Final = (
    update(answer)
    .where(*_PLACE, or_(*(answer.c[name] != _CHANGES[name] for name in ANSWER_MUTABLE)))
    .values({**_CHANGES, "turn": _GIVES_UP_TURN})
)
"""The same words under another address, date or label, or judged by newer rules."""


# Built once: to build a statement costs as much as to run it.
_OF_CLINIC: Final = answer.c.clinic == bindparam("b_clinic")
_NEWEST_TURN: Final = select(func.coalesce(func.max(answer.c.turn), 0)).where(_OF_CLINIC, answer.c.turn >= 0)
_NEWEST: Final = _NEWEST_TURN.scalar_subquery()
_GIVEN_UP: Final = (
    select(func.coalesce(func.max(_TURN_BEFORE), 0)).where(_OF_CLINIC, answer.c.turn < 0).scalar_subquery()
)
_TURN: Final = (
    update(answer)
    .where(_OF_CLINIC, answer.c.turn < 0)
    .values(turn=case((_GIVEN_UP > _NEWEST, _GIVEN_UP), else_=_NEWEST) + 1)
)
_MARK_PLANNED: Final = update(answer).where(*_PLACE, answer.c.planned_at.is_(None))
_CHANGED: Final = select(answer.c.id, answer.c.turn).where(_OF_CLINIC, answer.c.turn > bindparam("b_after"))
_RELEASED: Final = select(delivery.c.answer_id).where(
    delivery.c.clinic == bindparam("b_clinic"),
    delivery.c.state.in_(sorted(RELEASED)),
    delivery.c.approved_by != "",
)


def keep_marks(db: Connection, clinic: str, name: str, *, marks: Marks, at: datetime) -> None:
    """Record the marks of a poll, whatever was there before."""
    insert = insert_into(source, db.dialect.name).values(
        clinic=clinic,
        name=clean(name),
        etag=clean(marks.etag),
        last_modified=clean(marks.last_modified),
        state=clean(marks.state),
        first_polled_at=at,
        polled_at=at,
    )
    kept = {column: insert.excluded[column] for column in ("etag", "last_modified", "state", "polled_at")}
    db.execute(insert.on_conflict_do_update(index_elements=["clinic", "name"], set_=kept))


def marks_of(db: Connection, clinic: str, name: str) -> Marks | None:
    """Give the marks of a source's last poll."""
    row = db.execute(
        select(source.c.etag, source.c.last_modified, source.c.state).where(
            source.c.clinic == clinic, source.c.name == clean(name)
        )
    ).one_or_none()
    return None if row is None else Marks(etag=row.etag, last_modified=row.last_modified, state=row.state)


def first_poll_at(db: Connection, clinic: str, name: str) -> datetime | None:
    """Give the instant of a source's first poll."""
    first = select(source.c.first_polled_at).where(source.c.clinic == clinic, source.c.name == clean(name))
    found: datetime | None = db.execute(first).scalar_one_or_none()
    return found


def last_poll_at(db: Connection, clinic: str) -> datetime | None:
    """Give the instant of the newest poll."""
    newest = select(func.max(source.c.polled_at, type_=source.c.polled_at.type)).where(
        source.c.clinic == clinic
    )
    found: datetime | None = db.execute(newest).scalar_one()
    return found


def keep_answers(db: Connection, clinic: str, answers: Sequence[KnownAnswer]) -> Remembered:
    """Add what is new, then write other words over the old ones; rowcounts say how many."""
    # One order for all writers, or two of them could wait for each other on PostgreSQL.
    latest = {row["id"]: row for row in map(row_of_answer, answers)}
    rows = [{"clinic": clinic, "turn": _UNTURNED, **latest[name]} for name in sorted(latest)]
    if not rows:
        return Remembered(added=0, changed=0)
    add = insert_into(answer, db.dialect.name).on_conflict_do_nothing(index_elements=["clinic", "id"])
    added = db.execute(add, rows).rowcount
    if added == len(rows):
        give_turns(db, clinic)
        return Remembered(added=added, changed=0)
    columns = ("clinic", "id", *ANSWER_MUTABLE)
    bound = [{f"b_{name}": row[name] for name in columns} for row in rows]
    changed = db.execute(_WITH_OTHER_WORDS, bound).rowcount
    trimmed = db.execute(_WITH_OTHER_TRIMMINGS, bound).rowcount
    if added or changed or trimmed:
        give_turns(db, clinic)
    return Remembered(added=added, changed=changed)


def give_turns(db: Connection, clinic: str) -> None:
    """Give what this transaction has changed the next turn; its last act before the line of history.

    On PostgreSQL the head of the history is held until the end, so that turns become visible in their order: a
    reader that has seen one will never find another below it later.
    """
    locked_head(direct_on(db), clinic)
    db.execute(_TURN, {"b_clinic": clinic})


def changes(db: Connection, clinic: str, after: int) -> tuple[int, frozenset[AnswerId]]:
    """Give the newest turn, and the answers whose turn came after this one."""
    found = db.execute(_CHANGED, {"b_clinic": clinic, "b_after": after}).all()
    if not found:
        return db.execute(_NEWEST_TURN, {"b_clinic": clinic}).scalar_one(), frozenset()
    return max(turn for _, turn in found), frozenset(AnswerId(answer_id) for answer_id, _ in found)


def released(db: Connection, clinic: str) -> frozenset[AnswerId]:
    """Give the answers of which a person approved a promo that is sent or still to be sent."""
    return frozenset(map(AnswerId, db.execute(_RELEASED, {"b_clinic": clinic}).scalars()))


def revisions(db: Connection, clinic: str) -> dict[AnswerId, str]:
    """Give the revision of every answer by its id."""
    found = select(answer.c.id, answer.c.revision).where(answer.c.clinic == clinic)
    return {AnswerId(answer_id): revision for answer_id, revision in db.execute(found)}


def comments(db: Connection, clinic: str) -> dict[AnswerId, Comments]:
    """Give where the comments of an answer stand, for those whose source tells."""
    found = select(answer.c.id, answer.c.labels).where(answer.c.clinic == clinic, answer.c.labels.like("{%"))
    rows = ((AnswerId(answer_id), comments_in(text)) for answer_id, text in db.execute(found))
    return {answer_id: known for answer_id, known in rows if known is not None}


def links(db: Connection, clinic: str) -> frozenset[str]:
    """Give the URLs of all answers that have one."""
    return frozenset(
        db.execute(select(answer.c.url).where(answer.c.clinic == clinic, answer.c.url != "")).scalars()
    )


def by_id(db: Direct, clinic: str, answer_id: str) -> Row | None:
    """Give one answer's row."""
    return next(iter(db.rows(_BY_ID, {"b_clinic": clinic, "b_id": clean(answer_id)})), None)


def by_url(db: Connection, clinic: str, url: str) -> Row | None:
    """Give the row of the newest answer at exactly this URL."""
    found = select(answer).where(answer.c.clinic == clinic, answer.c.url == clean(url))
    return next(rows_of(db, found.order_by(answer.c.published_at.desc(), answer.c.id.desc()).limit(1)), None)


def newest_first(
    db: Connection, clinic: str, *, standing: Standing | None = None, count: int | None = None
) -> Iterator[Row]:
    """Give rows newest publication first: of one standing, or with `count` the newest that stand in public.

    They are read as they are fetched: the rows of a large archive are never held beside its answers.
    """
    found = select(answer).where(answer.c.clinic == clinic)
    if standing is not None:
        found = found.where(answer.c.standing == standing.value)
    if count is not None:
        found = found.where(answer.c.standing != Standing.WITHDRAWN.value).limit(max(count, 0))
    return rows_of(db, found.order_by(answer.c.published_at.desc(), answer.c.id.desc()))


def unplanned(db: Connection, clinic: str) -> list[Row]:
    """Give the rows of fresh answers without promos, oldest publication first."""
    found = select(answer).where(answer.c.clinic == clinic, text(IS_UNPLANNED_SQL))
    return list(rows_of(db, found.order_by(answer.c.published_at, answer.c.id)))


def change(db: Connection, clinic: str, answer_id: str, *guards: Any, **changes: object) -> bool:  # noqa: ANN401  # SQLAlchemy's own conditions.
    """Write changes to one answer if the guards hold; say whether they did."""
    guarded = update(answer).where(answer.c.clinic == clinic, answer.c.id == clean(answer_id), *guards)
    return db.execute(guarded.values(changes)).rowcount == 1


def mark_planned(db: Direct, clinic: str, answer_ids: Iterable[str], at: datetime) -> None:
    """Record when the promos of answers were planned; the first time stands."""
    marks = [{"b_clinic": clinic, "b_id": clean(one), "planned_at": utc(at)} for one in answer_ids]
    if marks:
        # As a poll does before it changes several answers: two that lock rows in two orders could wait for each other.
        locked_head(db, clinic)
        db.write_all(_MARK_PLANNED, marks)


def restand(db: Connection, clinic: str, answer_id: str, *, before: Standing, after: Standing) -> bool:
    """Change an answer's standing if it is still what the caller thinks."""
    guard = answer.c.standing == before.value
    return change(db, clinic, answer_id, guard, standing=after.value, turn=_GIVES_UP_TURN)


def count(db: Connection, clinic: str) -> dict[Standing, int]:
    """Count the answers by standing."""
    counted = (
        select(answer.c.standing, func.count()).where(answer.c.clinic == clinic).group_by(answer.c.standing)
    )
    found = {Standing(standing): number for standing, number in db.execute(counted)}
    return {standing: found.get(standing, 0) for standing in Standing}
