"""Keep what to offer and what to pick for people.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("due_date", schema=None) as batch_op:
        batch_op.add_column(sa.Column("offers", _JSON, server_default="[]", nullable=False))

    with op.batch_alter_table("person_profile", schema=None) as batch_op:
        batch_op.add_column(sa.Column("picks", _JSON, server_default="[]", nullable=False))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("person_profile", schema=None) as batch_op:
        batch_op.drop_column("picks")

    with op.batch_alter_table("due_date", schema=None) as batch_op:
        batch_op.drop_column("offers")
