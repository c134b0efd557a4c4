"""In which order answers changed, so that a build of the feeds reads only those that did."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("answer", sa.Column("turn", sa.Integer, nullable=False, server_default="0"))
    op.create_index("answer_by_turn", "answer", ["clinic", "turn"])
