"""Alembic's entry: runs the versions on the connection that `storage.migrate` hands over."""

from alembic import context

connection = context.config.attributes["connection"]
# The caller holds the lock and commits: all versions are one transaction.
context.configure(connection=connection, transaction_per_migration=False, transactional_ddl=False)
context.run_migrations()
