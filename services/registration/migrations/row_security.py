"""Row-level security, the same for every table: who sees a row may change it, and nobody else knows of it."""

from alembic import op


def secure(table: str, condition: str = "sees(site_id::text)") -> None:
    """Show rows of the table only where the condition holds, to the role that owns it too."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_site ON {table} USING ({condition}) WITH CHECK ({condition})")
