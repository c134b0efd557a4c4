"""Whether a job came to its end for its slot; what ran before counts as ended."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.Text().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("schedule_run", sa.Column("done_at", INSTANT))
    op.add_column("schedule_run", sa.Column("runs", sa.Integer, nullable=False, server_default="1"))
    op.execute("UPDATE schedule_run SET done_at = ran_at")
