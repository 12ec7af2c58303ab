"""Which other web pages may show a site's sign-up in a frame, and ask its public API from a script."""

from alembic import op

revision = "0010"
down_revision = "0009"

ORIGINS = """
-- such as https://www.example.org: scheme, host and port of pages that the site trusts
ALTER TABLE sites ADD COLUMN embed_origins text[] NOT NULL DEFAULT '{}' CHECK (cardinality(embed_origins) <= 20);
"""


def upgrade() -> None:
    """Add the list to each site."""
    op.execute(ORIGINS)
