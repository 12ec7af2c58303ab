"""People who turned out to be one: whom each number counts as, and the cells that this changes.

Facts keep the number that they were told with. So it does not matter in which order a merge and a sign-up arrive, which
lie in different partitions, and an undone merge leaves nothing behind.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, last_of
from services.reporting.operations.aggregation import hold_aggregation

SAVE_MERGES = text("""
INSERT INTO merges (merge_id, person_number, into_number, undone)
SELECT *, :undone FROM unnest(cast(:merge_id AS uuid[]), cast(:person_number AS bigint[]),
                              cast(:into_number AS bigint[]))
ON CONFLICT (merge_id) DO UPDATE SET undone = excluded.undone
""")

# Who was merged, and whoever had been merged into them before. Then up to whom each counts as in the end: while merges
# and their undoing arrive, two may point at each other for a moment, and the depth ends that.
COUNT_ANEW = text("""
WITH RECURSIVE concerned (person_number) AS (
    SELECT unnest(cast(:person_number AS bigint[]))
    UNION
    SELECT merges.person_number FROM concerned JOIN merges ON merges.into_number = concerned.person_number
), up AS (
    SELECT person_number, into_number, 1 AS depth FROM concerned JOIN merges USING (person_number) WHERE NOT undone
    UNION ALL
    SELECT up.person_number, merges.into_number, up.depth + 1
    FROM up JOIN merges ON merges.person_number = up.into_number AND NOT merges.undone WHERE up.depth < 20
), now_as AS (
    SELECT DISTINCT ON (person_number) person_number, into_number FROM up ORDER BY person_number, depth DESC
), saved AS (
    INSERT INTO counted_as (person_number, into_number) SELECT person_number, into_number FROM now_as
    ON CONFLICT (person_number) DO UPDATE SET into_number = excluded.into_number
), gone AS (
    DELETE FROM counted_as USING concerned
    WHERE counted_as.person_number = concerned.person_number
      AND NOT EXISTS (SELECT FROM now_as WHERE now_as.person_number = concerned.person_number)
)
INSERT INTO dirty (site_id, month)
SELECT DISTINCT site_id, date_trunc('month', day)::date FROM facts JOIN concerned USING (person_number)
""")


def on_person_merged(session: Session, events: Sequence[Received]) -> None:
    """Two people count as one from now on, also in what was told before."""
    _save_merges(session, events, undone=False)


def on_person_unmerged(session: Session, events: Sequence[Received]) -> None:
    """They count as two again."""
    _save_merges(session, events, undone=True)


def _save_merges(session: Session, events: Sequence[Received], undone: bool) -> None:
    columns = columns_of(last_of(events, "merge_id"), "merge_id", "person_number", "into_number")
    hold_aggregation(session)
    session.execute(SAVE_MERGES, {**columns, "undone": undone})
    session.execute(COUNT_ANEW, {"person_number": columns["person_number"]})
