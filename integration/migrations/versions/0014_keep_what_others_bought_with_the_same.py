"""Keep what others bought with the same.

Revision: 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("person_profile", schema=None) as batch_op:
        batch_op.add_column(sa.Column("also", _JSON, server_default="{}", nullable=False))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("person_profile", schema=None) as batch_op:
        batch_op.drop_column("also")
