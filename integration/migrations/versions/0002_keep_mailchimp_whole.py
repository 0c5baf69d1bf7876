"""Make room for the whole of Mailchimp.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("audience", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("is_oauth", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(
            sa.Column("mailchimp_account", sa.String(), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("paused", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("double_optin", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(
            sa.Column("adds_contacts", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(
            sa.Column("keeps_in_step", sa.Boolean(), nullable=False, server_default=sa.false())
        )

    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "audience_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.alter_column("shop_id", existing_type=sa.INTEGER(), nullable=True)
        batch_op.create_unique_constraint(
            batch_op.f("uq_inbox_audience_id_dedupe_key"), ["audience_id", "dedupe_key"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_inbox_audience_id_audience"), "audience", ["audience_id"], ["id"]
        )

    with op.batch_alter_table("touchpoint", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "audience_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.alter_column("shop_id", existing_type=sa.INTEGER(), nullable=True)
        batch_op.create_unique_constraint(
            batch_op.f("uq_touchpoint_audience_id_external_id"), ["audience_id", "external_id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_touchpoint_audience_id_audience"), "audience", ["audience_id"], ["id"]
        )


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("touchpoint", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_touchpoint_audience_id_audience"), type_="foreignkey"
        )
        batch_op.drop_constraint(
            batch_op.f("uq_touchpoint_audience_id_external_id"), type_="unique"
        )
        batch_op.alter_column("shop_id", existing_type=sa.INTEGER(), nullable=False)
        batch_op.drop_column("audience_id")

    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_inbox_audience_id_audience"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_inbox_audience_id_dedupe_key"), type_="unique")
        batch_op.alter_column("shop_id", existing_type=sa.INTEGER(), nullable=False)
        batch_op.drop_column("audience_id")

    with op.batch_alter_table("audience", schema=None) as batch_op:
        batch_op.drop_column("keeps_in_step")
        batch_op.drop_column("adds_contacts")
        batch_op.drop_column("double_optin")
        batch_op.drop_column("paused_at")
        batch_op.drop_column("paused")
        batch_op.drop_column("mailchimp_account")
        batch_op.drop_column("is_oauth")
