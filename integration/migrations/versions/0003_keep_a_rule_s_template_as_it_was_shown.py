"""Keep a rule's template as it was shown.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("campaign_rule", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rendered", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("campaign_rule", schema=None) as batch_op:
        batch_op.drop_column("rendered")
