"""Row-level security knows the sites of an area: a list of ids in `hesheng.site`, with commas between."""

from alembic import op
from sqlalchemy import text

revision = "0010"
down_revision = "0004"

# Both subselects are evaluated once per statement, and the second one is a hash table: whether a row is of one of a
# thousand sites costs no more than whether it is of one. What is no id there, and no sign, is an error.
SITE_SCOPE = """
ALTER POLICY site_scope ON {table} USING (
    (SELECT coalesce(current_setting('hesheng.site', true), '') = '*')
    OR site_id IN (
        SELECT site::uuid FROM unnest(string_to_array(current_setting('hesheng.site', true), ',')) AS site
        WHERE site NOT IN ('', '*', '-')
    )
)
"""


def upgrade() -> None:
    """Change the policy wherever it is."""
    with_policy = text("SELECT tablename FROM pg_policies WHERE policyname = 'site_scope' ORDER BY tablename")
    for table in op.get_bind().execute(with_policy).scalars().all():
        op.execute(SITE_SCOPE.format(table=table))
