"""The function behind the one route that crowds use, as it was at first. Migration 0004 replaces it with all its types.

Nothing between the two calls it, so a new database gets it from 0004 alone; an older one keeps its first until then.
"""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Nothing by now."""
