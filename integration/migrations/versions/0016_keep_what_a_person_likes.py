"""Keep what a person likes.

Revision: 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_WORDS = ("brand", "colour", "material", "size", "price_level", "discount")


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("person_profile", schema=None) as batch_op:
        for name in _WORDS:
            batch_op.add_column(sa.Column(name, sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("likes", _JSON, server_default="[]", nullable=False))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table("person_profile", schema=None) as batch_op:
        for name in ("likes", *_WORDS):
            batch_op.drop_column(name)
