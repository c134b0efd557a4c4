"""What a person was told, so that nobody is told twice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.Text().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "notice",
        *(sa.Column(name, WORDS, nullable=False) for name in ("clinic", "key", "mark")),
        sa.Column("since_at", INSTANT, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        *(sa.Column(name, INSTANT, nullable=False) for name in ("stepped_at", "told_at")),
        sa.PrimaryKeyConstraint("clinic", "key", name="notice_pk"),
        sqlite_strict=True,
    )
