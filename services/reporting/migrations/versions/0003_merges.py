"""People who turned out to be one: which number counts as which."""

from alembic import op

revision = "0003"
down_revision = "0002"

# Facts keep the number that they were told with; reports look it up here. So it does not matter in which order a
# merge and a sign-up arrive, which lie in different partitions, and an undone merge leaves nothing behind.
MERGES = """
CREATE TABLE merges (
    merge_id uuid PRIMARY KEY,
    person_number bigint NOT NULL,
    into_number bigint NOT NULL,
    undone boolean NOT NULL
);
"""

# From number to number, to whom each counts as in the end. While merges and their undoing arrive, two may point at
# each other for a moment: the depth ends that.
COUNTED_AS = """
CREATE VIEW counted_as AS
WITH RECURSIVE up AS (
    SELECT person_number, into_number, 1 AS depth FROM merges WHERE NOT undone
    UNION ALL
    SELECT up.person_number, merges.into_number, up.depth + 1
    FROM up JOIN merges ON merges.person_number = up.into_number AND NOT merges.undone WHERE up.depth < 20
)
SELECT DISTINCT ON (person_number) person_number, into_number FROM up ORDER BY person_number, depth DESC;
"""


def upgrade() -> None:
    """Make both."""
    op.execute(MERGES)
    op.execute(COUNTED_AS)
