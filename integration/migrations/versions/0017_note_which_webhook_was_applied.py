"""Note which webhook was applied.

Revision: 0017, after 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_WAITS = sa.text("shop_id IS NOT NULL AND applied_at IS NULL")


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("error", sa.String(), nullable=True))
        batch_op.create_index(
            "ix_inbox_waiting",
            ["shop_id", "id"],
            unique=False,
            sqlite_where=_WAITS,
            postgresql_where=_WAITS,
        )


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index("ix_inbox_waiting")
        batch_op.drop_column("error")
        batch_op.drop_column("applied_at")
