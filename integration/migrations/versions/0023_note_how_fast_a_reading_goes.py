"""Note how fast a reading goes.

Revision: 0023, after 0022.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("import_run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pace", _JSON, server_default="{}", nullable=False))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("import_run", schema=None) as batch_op:
        batch_op.drop_column("pace")
