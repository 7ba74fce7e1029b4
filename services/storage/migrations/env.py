"""Alembic's entry: runs the revisions on the connection that `migrate` hands over, in its transaction."""

from alembic import context

from services.storage.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
