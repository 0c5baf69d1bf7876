"""Ask a store for more where the merchant wants it.

Revision: 0020, after 0019.
"""

import sqlalchemy as sa
from alembic import op

from integration.db import BigKey, UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "shopify_switch",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("account_id", BigKey, nullable=False),
        sa.Column("shop_id", BigKey, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("wanted_at", UtcDateTime(), nullable=False),
        sa.Column("on_since", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("shop_id", "name"),
    )
    with op.batch_alter_table("shopify_switch", schema=None) as batch_op:
        name = batch_op.f("ix_shopify_switch_account_id")
        batch_op.create_index(name, ["account_id"], unique=False)


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("shopify_switch")
