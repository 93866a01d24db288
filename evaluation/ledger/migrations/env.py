"""Alembic's entry: it runs on the connection and in the transaction that the ledger hands over."""

from __future__ import annotations

from alembic import context

from evaluation.ledger.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
