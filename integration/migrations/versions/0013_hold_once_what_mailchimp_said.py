"""Hold once what Mailchimp said of somebody's permission.

Revision: 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_NAME = "uq_consent_of_mailchimp"
_SAID = sa.text("shop_id IS NULL")


def upgrade() -> None:
    """Go to this revision; of the same statement the row that came first stays."""
    op.execute(
        "DELETE FROM consent WHERE shop_id IS NULL AND id NOT IN (SELECT MIN(id) FROM consent "
        "WHERE shop_id IS NULL GROUP BY account_id, external_id)"
    )
    op.create_index(
        _NAME,
        "consent",
        ["account_id", "external_id"],
        unique=True,
        sqlite_where=_SAID,
        postgresql_where=_SAID,
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_index(_NAME, table_name="consent")
