"""What Alembic runs for each migration: our own connection, inside the transaction that `migrate` has begun."""

from alembic import context

from clinic_broadcast.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # A migration that fails half-way leaves nothing behind, on SQLite too.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
