"""Keep how each fit did, and by which fit a segment changed and a plan was made.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("fitted_model", schema=None) as batch_op:
        batch_op.add_column(sa.Column("verdicts", _JSON, server_default="{}", nullable=False))
        batch_op.add_column(
            sa.Column("thinned", sa.Boolean(), server_default=sa.false(), nullable=False)
        )

    with op.batch_alter_table("segment_change", schema=None) as batch_op:
        batch_op.add_column(sa.Column("model_id", _KEY, nullable=True))

    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.add_column(sa.Column("model_id", _KEY, nullable=True))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.drop_column("model_id")

    with op.batch_alter_table("segment_change", schema=None) as batch_op:
        batch_op.drop_column("model_id")

    with op.batch_alter_table("fitted_model", schema=None) as batch_op:
        batch_op.drop_column("thinned")
        batch_op.drop_column("verdicts")
