"""Runs the revisions on the connection that `integration.migrate` hands over."""

from alembic import context

from integration.migrate import COMPARED, METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=True,
    **COMPARED,
)
with context.begin_transaction():
    context.run_migrations()
