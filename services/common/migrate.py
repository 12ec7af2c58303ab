"""What each service's `migrations/env.py` calls: run its migrations against DATABASE_URL in one transaction."""

import os

from alembic import context
from sqlalchemy import create_engine, text

MIGRATION_LOCK = 0x4D16


def run_migrations() -> None:
    """Bring the database at DATABASE_URL to the revision asked for. Two at once wait for each other."""
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, connect_args={"connect_timeout": 10})
    with engine.connect() as connection:
        context.configure(connection=connection, transactional_ddl=True)
        with context.begin_transaction():
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            context.run_migrations()
    engine.dispose()
