"""Note what people ask through a shop.

Revision: 0019, after 0018.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from integration.db import BigKey, UtcDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_INDEXED = ("account_id", "shop_id", "erasure_id")


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "privacy_request",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("account_id", BigKey, nullable=False),
        sa.Column("shop_id", BigKey, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("pending", sa.String(), nullable=True),
        sa.Column("erasure_id", BigKey, nullable=True),
        sa.Column("counts", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"]),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasure.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("privacy_request", schema=None) as batch_op:
        for name in _INDEXED:
            batch_op.create_index(batch_op.f(f"ix_privacy_request_{name}"), [name], unique=False)


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("privacy_request")
