"""Alembic's entry: runs on the connection that `trials.store.engine` hands over, inside its transaction.

For a new revision: change models.py, then in Python
`alembic.command.revision(config, "what changed", autogenerate=True)` with `alembic_config()` and such a connection.
"""

from __future__ import annotations

from alembic import context

from trials.store.models import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=True,  # SQLite can't ALTER most things in place
    transactional_ddl=True,  # SQLite can roll DDL back, once the driver leaves BEGIN to us
)
with context.begin_transaction():
    context.run_migrations()
