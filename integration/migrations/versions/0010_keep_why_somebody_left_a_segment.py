"""Keep why somebody left a segment.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("segment_change", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cause", _JSON, server_default="{}", nullable=False))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("segment_change", schema=None) as batch_op:
        batch_op.drop_column("cause")
