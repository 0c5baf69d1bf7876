"""Make room for the whole of Mailchimp.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "connecting",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("state_hash", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("server", sa.String(), nullable=False),
        sa.Column("is_oauth", sa.Boolean(), nullable=False),
        sa.Column("list_id", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_connecting_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connecting")),
        sa.UniqueConstraint("account_id", name=op.f("uq_connecting_account_id")),
    )
    op.create_table(
        "salt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_salt_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_salt")),
        sa.UniqueConstraint("account_id", name=op.f("uq_salt_account_id")),
    )
    op.create_table(
        "audience_check",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "audience_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "result", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_audience_check_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audience.id"], name=op.f("fk_audience_check_audience_id_audience")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audience_check")),
    )
    with op.batch_alter_table("audience_check", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_audience_check_account_id"), ["account_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_audience_check_audience_id"), ["audience_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_audience_check_finished_at"), ["finished_at"], unique=False
        )

    op.create_table(
        "campaign_rule",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "audience_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("segment", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column(
            "content", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "template_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("most_people", sa.Integer(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("previewed", sa.String(), nullable=False),
        sa.Column("tested", sa.String(), nullable=False),
        sa.Column("entered_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_campaign_rule_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audience.id"], name=op.f("fk_campaign_rule_audience_id_audience")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_rule")),
    )
    with op.batch_alter_table("campaign_rule", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_campaign_rule_account_id"), ["account_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_campaign_rule_audience_id"), ["audience_id"], unique=False
        )

    op.create_table(
        "erasure",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "by_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("pending", sa.String(), nullable=True),
        sa.Column(
            "counts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column(
            "mailchimp", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_because", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_erasure_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["by_user_id"], ["app_user.id"], name=op.f("fk_erasure_by_user_id_app_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
    )
    with op.batch_alter_table("erasure", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_erasure_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_erasure_by_user_id"), ["by_user_id"], unique=False)

    op.create_table(
        "event_switch",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "audience_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("switched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("every_days", sa.Integer(), nullable=False),
        sa.Column("journey", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("step_error", sa.String(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("let_go", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_event_switch_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audience.id"], name=op.f("fk_event_switch_audience_id_audience")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_switch")),
        sa.UniqueConstraint("audience_id", "kind", name=op.f("uq_event_switch_audience_id_kind")),
    )
    with op.batch_alter_table("event_switch", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_event_switch_account_id"), ["account_id"], unique=False
        )

    op.create_table(
        "flow_look",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "audience_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("recipe", sa.String(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at_contacts", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_flow_look_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audience.id"], name=op.f("fk_flow_look_audience_id_audience")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_look")),
        sa.UniqueConstraint("audience_id", "recipe", name=op.f("uq_flow_look_audience_id_recipe")),
    )
    with op.batch_alter_table("flow_look", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_flow_look_account_id"), ["account_id"], unique=False)

    op.create_table(
        "mailchimp_hook",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "audience_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.Column("signing_secret", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_mailchimp_hook_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audience.id"], name=op.f("fk_mailchimp_hook_audience_id_audience")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailchimp_hook")),
        sa.UniqueConstraint("address_hash", name=op.f("uq_mailchimp_hook_address_hash")),
    )
    with op.batch_alter_table("mailchimp_hook", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_mailchimp_hook_account_id"), ["account_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_mailchimp_hook_audience_id"), ["audience_id"], unique=False
        )

    op.create_table(
        "shop_store",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "audience_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("shop_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("is_quiet", sa.Boolean(), nullable=False),
        sa.Column(
            "preview", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_shop_store_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audience.id"], name=op.f("fk_shop_store_audience_id_audience")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_shop_store_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_store")),
        sa.UniqueConstraint(
            "audience_id", "shop_id", name=op.f("uq_shop_store_audience_id_shop_id")
        ),
    )
    with op.batch_alter_table("shop_store", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shop_store_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shop_store_shop_id"), ["shop_id"], unique=False)

    op.create_table(
        "told_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "audience_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("cycle", sa.String(), nullable=False),
        sa.Column(
            "properties", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_syncing", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch", sa.String(), nullable=True),
        sa.Column("step_status", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_told_event_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audience.id"], name=op.f("fk_told_event_audience_id_audience")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_told_event")),
        sa.UniqueConstraint(
            "audience_id",
            "email_key",
            "kind",
            "subject",
            "cycle",
            name=op.f("uq_told_event_audience_id_email_key_kind_subject_cycle"),
        ),
    )
    with op.batch_alter_table("told_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_told_event_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_told_event_person_id"), ["person_id"], unique=False)

    op.create_table(
        "addition",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", sa.String(), nullable=True),
        sa.Column(
            "merge_fields", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_addition_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plan.id"], name=op.f("fk_addition_plan_id_plan"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addition")),
        sa.UniqueConstraint("plan_id", "email_key", name=op.f("uq_addition_plan_id_email_key")),
    )
    with op.batch_alter_table("addition", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_addition_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_addition_email_key"), ["email_key"], unique=False)

    op.create_table(
        "campaign",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "audience_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("rule_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("segment", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.Column("web_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("tag_name", sa.String(), nullable=False),
        sa.Column("tag_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column(
            "figures", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_campaign_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audience.id"], name=op.f("fk_campaign_audience_id_audience")
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["campaign_rule.id"], name=op.f("fk_campaign_rule_id_campaign_rule")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("audience_id", "key", name=op.f("uq_campaign_audience_id_key")),
    )
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_campaign_account_id"), ["account_id"], unique=False)
        batch_op.create_index(
            "ix_campaign_kind_status", ["account_id", "kind", "status"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_campaign_rule_id"), ["rule_id"], unique=False)

    op.create_table(
        "erased_key",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "erasure_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hashed", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_erased_key_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasure.id"], name=op.f("fk_erased_key_erasure_id_erasure")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erased_key")),
        sa.UniqueConstraint(
            "account_id", "kind", "hashed", name=op.f("uq_erased_key_account_id_kind_hashed")
        ),
    )
    with op.batch_alter_table("erased_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_erased_key_erasure_id"), ["erasure_id"], unique=False)

    op.create_table(
        "plan_name",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_plan_name_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plan.id"], name=op.f("fk_plan_name_plan_id_plan"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_name")),
        sa.UniqueConstraint("plan_id", "kind", "key", name=op.f("uq_plan_name_plan_id_kind_key")),
    )
    with op.batch_alter_table("plan_name", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plan_name_account_id"), ["account_id"], unique=False)

    op.create_table(
        "shop_record",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "shop_store_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("there", sa.String(), nullable=False),
        sa.Column(
            "lines", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("sent", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_shop_record_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["shop_store_id"],
            ["shop_store.id"],
            name=op.f("fk_shop_record_shop_store_id_shop_store"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_record")),
        sa.UniqueConstraint(
            "shop_store_id", "kind", "key", name=op.f("uq_shop_record_shop_store_id_kind_key")
        ),
    )
    with op.batch_alter_table("shop_record", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shop_record_account_id"), ["account_id"], unique=False)
        batch_op.create_index("ix_shop_record_state", ["shop_store_id", "status"], unique=False)

    op.create_table(
        "campaign_person",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "audience_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("need", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_campaign_person_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audience.id"], name=op.f("fk_campaign_person_audience_id_audience")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_campaign_person_campaign_id_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_person")),
        sa.UniqueConstraint(
            "audience_id",
            "email_key",
            "need",
            name=op.f("uq_campaign_person_audience_id_email_key_need"),
        ),
    )
    with op.batch_alter_table("campaign_person", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_campaign_person_account_id"), ["account_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_campaign_person_campaign_id"), ["campaign_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_campaign_person_person_id"), ["person_id"], unique=False
        )

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
            sa.Column("installation", sa.String(), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("public_url", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(
            sa.Column(
                "contents", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True
            )
        )
        batch_op.add_column(
            sa.Column("double_optin", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("form_url", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(
            sa.Column("adds_contacts", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(
            sa.Column("sets_language", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(
            sa.Column("skips_segments", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(
            sa.Column(
                "field_sets",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                nullable=False,
            )
        )
        batch_op.add_column(
            sa.Column("keeps_in_step", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(
            sa.Column("holdout_percent", sa.Integer(), nullable=False, server_default="0")
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

    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.add_column(sa.Column("language", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("contact_id", sa.String(), server_default="", nullable=False))
        batch_op.create_index("ix_member_contact", ["audience_id", "contact_id"], unique=False)

    with op.batch_alter_table("owned_name", schema=None) as batch_op:
        batch_op.add_column(sa.Column("label", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("language", sa.String(), nullable=False, server_default=""))

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

    with op.batch_alter_table("owned_name", schema=None) as batch_op:
        batch_op.drop_column("language")
        batch_op.drop_column("label")

    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.drop_index("ix_member_contact")
        batch_op.drop_column("contact_id")
        batch_op.drop_column("language")

    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_inbox_audience_id_audience"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_inbox_audience_id_dedupe_key"), type_="unique")
        batch_op.alter_column("shop_id", existing_type=sa.INTEGER(), nullable=False)
        batch_op.drop_column("audience_id")

    with op.batch_alter_table("audience", schema=None) as batch_op:
        batch_op.drop_column("holdout_percent")
        batch_op.drop_column("keeps_in_step")
        batch_op.drop_column("field_sets")
        batch_op.drop_column("skips_segments")
        batch_op.drop_column("sets_language")
        batch_op.drop_column("adds_contacts")
        batch_op.drop_column("form_url")
        batch_op.drop_column("double_optin")
        batch_op.drop_column("contents")
        batch_op.drop_column("public_url")
        batch_op.drop_column("installation")
        batch_op.drop_column("paused_at")
        batch_op.drop_column("paused")
        batch_op.drop_column("mailchimp_account")
        batch_op.drop_column("is_oauth")

    with op.batch_alter_table("campaign_person", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaign_person_person_id"))
        batch_op.drop_index(batch_op.f("ix_campaign_person_campaign_id"))
        batch_op.drop_index(batch_op.f("ix_campaign_person_account_id"))

    op.drop_table("campaign_person")
    with op.batch_alter_table("shop_record", schema=None) as batch_op:
        batch_op.drop_index("ix_shop_record_state")
        batch_op.drop_index(batch_op.f("ix_shop_record_account_id"))

    op.drop_table("shop_record")
    with op.batch_alter_table("plan_name", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_plan_name_account_id"))

    op.drop_table("plan_name")
    with op.batch_alter_table("erased_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_erased_key_erasure_id"))

    op.drop_table("erased_key")
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaign_rule_id"))
        batch_op.drop_index("ix_campaign_kind_status")
        batch_op.drop_index(batch_op.f("ix_campaign_account_id"))

    op.drop_table("campaign")
    with op.batch_alter_table("addition", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_addition_email_key"))
        batch_op.drop_index(batch_op.f("ix_addition_account_id"))

    op.drop_table("addition")
    with op.batch_alter_table("told_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_told_event_person_id"))
        batch_op.drop_index(batch_op.f("ix_told_event_account_id"))

    op.drop_table("told_event")
    with op.batch_alter_table("shop_store", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shop_store_shop_id"))
        batch_op.drop_index(batch_op.f("ix_shop_store_account_id"))

    op.drop_table("shop_store")
    with op.batch_alter_table("mailchimp_hook", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_mailchimp_hook_audience_id"))
        batch_op.drop_index(batch_op.f("ix_mailchimp_hook_account_id"))

    op.drop_table("mailchimp_hook")
    with op.batch_alter_table("flow_look", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_flow_look_account_id"))

    op.drop_table("flow_look")
    with op.batch_alter_table("event_switch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_switch_account_id"))

    op.drop_table("event_switch")
    with op.batch_alter_table("erasure", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_erasure_by_user_id"))
        batch_op.drop_index(batch_op.f("ix_erasure_account_id"))

    op.drop_table("erasure")
    with op.batch_alter_table("campaign_rule", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaign_rule_audience_id"))
        batch_op.drop_index(batch_op.f("ix_campaign_rule_account_id"))

    op.drop_table("campaign_rule")
    with op.batch_alter_table("audience_check", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audience_check_finished_at"))
        batch_op.drop_index(batch_op.f("ix_audience_check_audience_id"))
        batch_op.drop_index(batch_op.f("ix_audience_check_account_id"))

    op.drop_table("audience_check")
    op.drop_table("salt")
    op.drop_table("connecting")
