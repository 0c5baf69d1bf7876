"""Keep by which chance somebody is due, and what waits for what.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("due_date", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("within_days", sa.Integer(), server_default="0", nullable=False)
        )
        batch_op.add_column(sa.Column("p_within", sa.Float(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("passed", sa.Float(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("waits_for", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("due_date", schema=None) as batch_op:
        batch_op.drop_column("waits_for")
        batch_op.drop_column("passed")
        batch_op.drop_column("p_within")
        batch_op.drop_column("within_days")
