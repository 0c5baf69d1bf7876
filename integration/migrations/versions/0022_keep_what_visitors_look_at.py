"""Keep what visitors of a shop look at.

Revision: 0022, after 0021.
"""

import sqlalchemy as sa
from alembic import op

from integration.db import BigKey, UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("touchpoint", schema=None) as batch_op:
        batch_op.add_column(sa.Column("product_external_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("visitor", sa.String(), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_touchpoint_visitor"), ["visitor"], unique=False)
    op.create_table(
        "shopify_pixel",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("account_id", BigKey, nullable=False),
        sa.Column("shop_id", BigKey, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.Column("switched_at", UtcDateTime(), nullable=False),
        sa.Column("minute", UtcDateTime(), nullable=True),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("read_until", BigKey, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("shop_id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "visitor",
        sa.Column("id", BigKey, nullable=False),
        sa.Column("account_id", BigKey, nullable=False),
        sa.Column("shop_id", BigKey, nullable=False),
        sa.Column("visitor", sa.String(), nullable=False),
        sa.Column("profile_id", BigKey, nullable=True),
        sa.Column("checkout", sa.String(), nullable=False),
        sa.Column("checkout_at", UtcDateTime(), nullable=True),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"]),
        sa.ForeignKeyConstraint(["profile_id"], ["source_profile.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("shop_id", "visitor"),
    )
    with op.batch_alter_table("shopify_pixel", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_shopify_pixel_account_id"), ["account_id"], unique=False
        )
    with op.batch_alter_table("visitor", schema=None) as batch_op:
        for name in ("account_id", "profile_id"):
            batch_op.create_index(batch_op.f(f"ix_visitor_{name}"), [name], unique=False)


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("visitor")
    op.drop_table("shopify_pixel")
    with op.batch_alter_table("touchpoint", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_touchpoint_visitor"))
        batch_op.drop_column("visitor")
        batch_op.drop_column("product_external_id")
