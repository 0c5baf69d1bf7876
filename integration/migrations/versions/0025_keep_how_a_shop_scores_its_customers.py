"""Keep how a shop scores its customers.

Revision: 0025, after 0024.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("source_profile", schema=None) as batch_op:
        batch_op.add_column(sa.Column("their_group", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("their_tier", sa.String(), nullable=True))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("source_profile", schema=None) as batch_op:
        batch_op.drop_column("their_tier")
        batch_op.drop_column("their_group")
