"""The tables of the record: every row belongs to a clinic, and the history can only grow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    DDL,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.types import TypeEngine

from clinic_broadcast.core.answer import Standing
from clinic_broadcast.core.delivery import State
from clinic_broadcast.errors import BugError, LedgerError

OPEN_STATES: Final = frozenset({State.PLANNED, State.SENDING, State.UNSURE})
"""The states in which there is something to do without a person, or to find out."""

STATES_SQL: Final = ", ".join(f"'{state.value}'" for state in State)
STANDINGS_SQL: Final = ", ".join(f"'{standing.value}'" for standing in Standing)
IS_OPEN_SQL: Final = "state IN ('planned', 'sending', 'unsure')"
"""Spelled as in the partial index: SQLite uses such an index only for a condition in the same words."""

IS_UNPLANNED_SQL: Final = "standing = 'fresh' AND planned_at IS NULL"


def utc(instant: datetime) -> datetime:
    """Give the instant as aware UTC; raises BugError for a naive one, whose meaning nobody can know."""
    if instant.tzinfo is None:
        raise BugError("an instant without a time zone reached the record")
    return instant.astimezone(UTC)


def instant_text(instant: datetime) -> str:
    """Give an aware instant as UTC text of one fixed width, so that the order of texts is the order of time."""
    return utc(instant).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def instant_in(stored: Any | None) -> datetime | None:  # noqa: ANN401  # Whatever stands in the column.
    """Read an instant as a database gives it, aware UTC; raises LedgerError for what is none."""
    if stored is None:
        return None
    try:
        return utc(stored if isinstance(stored, datetime) else datetime.fromisoformat(stored))
    except (BugError, ValueError, TypeError):
        raise LedgerError("the record holds an instant that is none; run `verify`") from None


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant: fixed-width text on SQLite, TIMESTAMPTZ on PostgreSQL; refuses a naive one."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        if value is None:
            return None
        return utc(value) if dialect.name == "postgresql" else instant_text(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, ANN401  # SQLAlchemy's signature.
        return instant_in(value)


# Bytewise order and comparison on both databases, whatever the locale of the PostgreSQL cluster.
Words: Final = Text().with_variant(Text(collation="C"), "postgresql")

metadata: Final = MetaData()

answer: Final = Table(
    "answer",
    metadata,
    Column("clinic", Words, nullable=False),
    Column("id", Words, nullable=False),
    Column("url", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("body", Words, nullable=False),
    Column("revision", Words, nullable=False),
    Column("gate_version", Words, nullable=False),
    Column("findings", Words, nullable=False),
    Column("taint_key", LargeBinary, nullable=False),
    Column("taint_tokens", LargeBinary, nullable=False),
    Column("taint_names", LargeBinary, nullable=False),
    Column("standing", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("author", Words, nullable=False),
    # JSON: a list of labels, or an object of `labels` and `comments`.
    Column("labels", Words, nullable=False),
    Column("note", Words, nullable=False),
    Column("published_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("planned_at", Instant),
    Column("turn", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("clinic", "id", name="answer_pk"),
    CheckConstraint(f"standing IN ({STANDINGS_SQL})", name="answer_standing"),
    sqlite_strict=True,
)
Index("answer_by_turn", answer.c.clinic, answer.c.turn)
Index("answer_newest", answer.c.clinic, answer.c.published_at, answer.c.id)
# Each ends in the order that its question asks for, or SQLite would rather walk through all answers in that order.
Index("answer_by_standing", answer.c.clinic, answer.c.standing, answer.c.published_at, answer.c.id)
Index("answer_by_url", answer.c.clinic, answer.c.url, answer.c.published_at, answer.c.id)
Index(
    "answer_unplanned",
    answer.c.clinic,
    answer.c.standing,
    answer.c.published_at,
    answer.c.id,
    sqlite_where=text(IS_UNPLANNED_SQL),
).ddl_if(dialect="sqlite")

source: Final = Table(
    "source",
    metadata,
    Column("clinic", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("etag", Words, nullable=False),
    Column("last_modified", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("first_polled_at", Instant, nullable=False),
    Column("polled_at", Instant, nullable=False),
    PrimaryKeyConstraint("clinic", "name", name="source_pk"),
    sqlite_strict=True,
)

delivery: Final = Table(
    "delivery",
    metadata,
    Column("clinic", Words, nullable=False),
    Column("id", Words, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("key", Words, nullable=False),
    Column("answer_id", Words, nullable=False),
    Column("answer_url", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("account", Words, nullable=False),
    Column("occasion", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("payload", Words, nullable=False),
    Column("fragments", Words, nullable=False),
    Column("findings", Words, nullable=False),
    Column("why", Words, nullable=False),
    Column("wording", Words, nullable=False),
    Column("source_revision", Words, nullable=False),
    Column("gate_version", Words, nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("released_at", Instant),
    Column("not_before", Instant),
    Column("claimed_at", Instant),
    Column("lease_until", Instant),
    Column("first_sent_at", Instant),
    Column("attempts", Integer, nullable=False),
    Column("resends", Integer, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("look_failures", Integer, nullable=False),
    Column("needs_person", Words, nullable=False),
    Column("approved_by", Words, nullable=False),
    Column("approved_at", Instant),
    Column("sent_at", Instant),
    Column("post_id", Words, nullable=False),
    Column("post_url", Words, nullable=False),
    Column("reason", Words, nullable=False),
    PrimaryKeyConstraint("clinic", "id", name="delivery_pk"),
    UniqueConstraint("clinic", "answer_id", "channel", "occasion", name="delivery_once_a_channel"),
    UniqueConstraint("clinic", "answer_id", "account", "occasion", name="delivery_once_an_account"),
    CheckConstraint(f"state IN ({STATES_SQL})", name="delivery_state"),
    CheckConstraint("fence >= 0", name="delivery_fence"),
    sqlite_strict=True,
)
Index(
    "delivery_open",
    delivery.c.clinic,
    delivery.c.due_at,
    sqlite_where=text(IS_OPEN_SQL),
).ddl_if(dialect="sqlite")
Index("delivery_by_state", delivery.c.clinic, delivery.c.state, delivery.c.channel)

history: Final = Table(
    "event",
    metadata,
    Column("clinic", Words, nullable=False),
    Column("number", Integer, nullable=False),
    Column("delivery_id", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("actor", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("revision", Words, nullable=False),
    Column("digest", Words, nullable=False),
    Column("body", Words, nullable=False),
    Column("prev", Words, nullable=False),
    Column("hash", Words, nullable=False),
    PrimaryKeyConstraint("clinic", "number", name="event_pk"),
    sqlite_strict=True,
)
Index("event_of_delivery", history.c.clinic, history.c.delivery_id, history.c.number)

chain_head: Final = Table(
    "chain_head",
    metadata,
    Column("clinic", Words, nullable=False),
    Column("number", Integer, nullable=False),
    Column("hash", Words, nullable=False),
    PrimaryKeyConstraint("clinic", name="chain_head_pk"),
    sqlite_strict=True,
)

schedule_run: Final = Table(
    "schedule_run",
    metadata,
    Column("clinic", Words, nullable=False),
    Column("schedule", Words, nullable=False),
    Column("slot_at", Instant, nullable=False),
    Column("ran_at", Instant, nullable=False),
    Column("done_at", Instant),
    Column("runs", Integer, nullable=False, server_default="1"),
    PrimaryKeyConstraint("clinic", "schedule", name="schedule_run_pk"),
    sqlite_strict=True,
)

notice: Final = Table(
    "notice",
    metadata,
    Column("clinic", Words, nullable=False),
    Column("key", Words, nullable=False),
    Column("mark", Words, nullable=False),
    Column("since_at", Instant, nullable=False),
    Column("step", Integer, nullable=False),
    Column("stepped_at", Instant, nullable=False),
    Column("told_at", Instant, nullable=False),
    PrimaryKeyConstraint("clinic", "key", name="notice_pk"),
    sqlite_strict=True,
)

# The first migration holds a frozen copy of these; a test compares the two databases that come of them.
GUARDS: Final = {
    "sqlite": (
        (
            "CREATE TRIGGER event_no_update BEFORE UPDATE ON event "
            "BEGIN SELECT RAISE(ABORT, 'the history can only grow'); END"
        ),
        (
            "CREATE TRIGGER event_no_delete BEFORE DELETE ON event "
            "BEGIN SELECT RAISE(ABORT, 'the history can only grow'); END"
        ),
    ),
    "postgresql": (
        (
            "CREATE FUNCTION event_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the history can only grow'; END $$"
        ),
        (
            "CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE ON event "
            "FOR EACH ROW EXECUTE FUNCTION event_refuse()"
        ),
        (
            "CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event "
            "FOR EACH STATEMENT EXECUTE FUNCTION event_refuse()"
        ),
    ),
}
# The same partial indexes for PostgreSQL: named as an Index, they would load its dialect in every home with a file.
PARTIAL_INDEXES: Final = {
    answer: (
        "CREATE INDEX answer_unplanned ON answer (clinic, standing, published_at, id) "
        f"WHERE {IS_UNPLANNED_SQL}"
    ),
    delivery: f"CREATE INDEX delivery_open ON delivery (clinic, due_at) WHERE {IS_OPEN_SQL}",
}
for _table, _statement in PARTIAL_INDEXES.items():
    event.listen(_table, "after_create", DDL(_statement).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]  # SQLAlchemy left it untyped.
for _dialect, _statements in GUARDS.items():
    for _statement in _statements:
        event.listen(history, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]  # SQLAlchemy left it untyped.
