"""The first tables: answers, sources, deliveries, the history and its head, schedules."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Frozen copies of the types and guards: a later edit of the package never changes what this migration made.
WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.Text().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")

GUARDS = {
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


def upgrade() -> None:
    _answers()
    _deliveries()
    _history()
    for guard in GUARDS[op.get_bind().dialect.name]:
        op.execute(guard)


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, WORDS, nullable=False) for name in names]


def _instants(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, INSTANT, nullable=nullable) for name in names]


def _integers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer, nullable=False) for name in names]


def _answers() -> None:
    op.create_table(
        "answer",
        *_words("clinic", "id", "url", "title", "body", "revision", "gate_version", "findings"),
        *(sa.Column(f"taint_{part}", sa.LargeBinary, nullable=False) for part in ("key", "tokens", "names")),
        *_words("standing", "source", "author", "labels", "note"),
        *_instants("published_at", "updated_at", "first_seen_at"),
        *_instants("planned_at", nullable=True),
        sa.PrimaryKeyConstraint("clinic", "id", name="answer_pk"),
        sa.CheckConstraint("standing IN ('baseline', 'fresh', 'withdrawn')", name="answer_standing"),
        sqlite_strict=True,
    )
    unplanned = sa.text("standing = 'fresh' AND planned_at IS NULL")
    op.create_index("answer_newest", "answer", ["clinic", "published_at", "id"])
    op.create_index("answer_by_standing", "answer", ["clinic", "standing", "published_at", "id"])
    op.create_index("answer_by_url", "answer", ["clinic", "url", "published_at", "id"])
    op.create_index(
        "answer_unplanned",
        "answer",
        ["clinic", "standing", "published_at", "id"],
        sqlite_where=unplanned,
        postgresql_where=unplanned,
    )
    op.create_table(
        "source",
        *_words("clinic", "name", "etag", "last_modified", "state"),
        *_instants("first_polled_at", "polled_at"),
        sa.PrimaryKeyConstraint("clinic", "name", name="source_pk"),
        sqlite_strict=True,
    )


def _deliveries() -> None:
    states = "'planned', 'held', 'sending', 'unsure', 'sent', 'refused', 'cancelled', 'withdrawn'"
    op.create_table(
        "delivery",
        *_words("clinic", "id"),
        *_integers("turn"),
        *_words("key", "answer_id", "answer_url", "channel", "account", "occasion", "state"),
        *_integers("fence"),
        *_words("payload", "fragments", "findings", "why", "wording", "source_revision", "gate_version"),
        *_instants("planned_at", "due_at"),
        *_instants(
            "released_at", "not_before", "claimed_at", "lease_until", "first_sent_at", nullable=True
        ),
        *_integers("attempts", "resends", "looks", "look_failures"),
        *_words("needs_person", "approved_by"),
        *_instants("approved_at", "sent_at", nullable=True),
        *_words("post_id", "post_url", "reason"),
        sa.PrimaryKeyConstraint("clinic", "id", name="delivery_pk"),
        sa.UniqueConstraint("clinic", "answer_id", "channel", "occasion", name="delivery_once_a_channel"),
        sa.UniqueConstraint("clinic", "answer_id", "account", "occasion", name="delivery_once_an_account"),
        sa.CheckConstraint(f"state IN ({states})", name="delivery_state"),
        sa.CheckConstraint("fence >= 0", name="delivery_fence"),
        sqlite_strict=True,
    )
    is_open = sa.text("state IN ('planned', 'sending', 'unsure')")
    op.create_index(
        "delivery_open", "delivery", ["clinic", "due_at"], sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_index("delivery_by_state", "delivery", ["clinic", "state", "channel"])


def _history() -> None:
    op.create_table(
        "event",
        *_words("clinic"),
        *_integers("number"),
        *_words("delivery_id", "kind"),
        *_instants("at"),
        *_integers("fence"),
        *_words("actor", "state", "revision", "digest", "body", "prev", "hash"),
        sa.PrimaryKeyConstraint("clinic", "number", name="event_pk"),
        sqlite_strict=True,
    )
    op.create_index("event_of_delivery", "event", ["clinic", "delivery_id", "number"])
    op.create_table(
        "chain_head",
        *_words("clinic"),
        *_integers("number"),
        *_words("hash"),
        sa.PrimaryKeyConstraint("clinic", name="chain_head_pk"),
        sqlite_strict=True,
    )
    op.create_table(
        "schedule_run",
        *_words("clinic", "schedule"),
        *_instants("slot_at", "ran_at"),
        sa.PrimaryKeyConstraint("clinic", "schedule", name="schedule_run_pk"),
        sqlite_strict=True,
    )
