"""Let Shopify stores in.

Revision: 0018, after 0017.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from integration.db import BigKey, UtcDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "shopify_store",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("account_id", BigKey, nullable=False),
        sa.Column("shop_id", BigKey, nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("access_token", sa.String(), nullable=False),
        sa.Column("access_until", UtcDateTime(), nullable=True),
        sa.Column("refresh_token", sa.String(), nullable=False),
        sa.Column("refresh_until", UtcDateTime(), nullable=True),
        sa.Column("scopes", _JSON, nullable=False),
        sa.Column("held_by", sa.String(), nullable=False),
        sa.Column("held_until", UtcDateTime(), nullable=True),
        sa.Column("stopped", sa.String(), nullable=False),
        sa.Column("installation", sa.String(), nullable=False),
        sa.Column("public_url", sa.String(), nullable=False),
        sa.Column("seen", _JSON, nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.Column("installed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("shop_id"),
    )
    with op.batch_alter_table("shopify_store", schema=None) as batch_op:
        for name in ("account_id", "store_id", "domain"):
            batch_op.create_index(batch_op.f(f"ix_shopify_store_{name}"), [name], unique=False)
    op.create_table(
        "shopify_visit",
        sa.Column("state_hash", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash"),
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("shopify_visit")
    op.drop_table("shopify_store")
