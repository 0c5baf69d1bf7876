"""Keep what a contact does at a company.

Revision: 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("source_profile", schema=None) as batch_op:
        batch_op.add_column(sa.Column("role", sa.String(), nullable=True))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("source_profile", schema=None) as batch_op:
        batch_op.drop_column("role")
