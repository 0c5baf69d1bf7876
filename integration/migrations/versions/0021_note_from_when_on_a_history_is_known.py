"""Note from when on a history is known.

Revision: 0021, after 0020.
"""

import sqlalchemy as sa
from alembic import op

from integration.db import UtcDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("sync_state", schema=None) as batch_op:
        batch_op.add_column(sa.Column("known_since", UtcDateTime(), nullable=True))
    with op.batch_alter_table("fitted_model", schema=None) as batch_op:
        batch_op.add_column(sa.Column("known_since", sa.Date(), nullable=True))
        batch_op.add_column(
            sa.Column("unknown_why", sa.String(), nullable=False, server_default="")
        )


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("fitted_model", schema=None) as batch_op:
        batch_op.drop_column("unknown_why")
        batch_op.drop_column("known_since")
    with op.batch_alter_table("sync_state", schema=None) as batch_op:
        batch_op.drop_column("known_since")
