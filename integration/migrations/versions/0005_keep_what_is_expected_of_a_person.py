"""Keep what is expected of a person.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("person_profile", schema=None) as batch_op:
        batch_op.add_column(sa.Column("p_alive", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("expected_orders", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("expected_value", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("value_low", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("value_high", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("value", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("person_profile", schema=None) as batch_op:
        batch_op.drop_column("value")
        batch_op.drop_column("value_high")
        batch_op.drop_column("value_low")
        batch_op.drop_column("expected_value")
        batch_op.drop_column("expected_orders")
        batch_op.drop_column("p_alive")
