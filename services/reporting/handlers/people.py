"""People who turned out to be one (whom each number counts as, and the cells that this changes), and who was erased.

Facts keep the number that they were told with. So it does not matter in which order a merge and a sign-up arrive, which
lie in different partitions, and an undone merge leaves nothing behind.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, last_events_of, times_of
from services.reporting.operations.aggregation import hold_aggregation

# When it was merged and when that was undone stays: what was told of the survivor meanwhile may be about either.
SAVE_MERGES = text("""
INSERT INTO merges (merge_id, person_number, into_number, undone, merged_at, undone_at)
SELECT merge_id, person_number, into_number, :undone, CASE WHEN NOT :undone THEN at END, CASE WHEN :undone THEN at END
FROM unnest(cast(:merge_id AS uuid[]), cast(:person_number AS bigint[]), cast(:into_number AS bigint[]),
            cast(:at AS timestamptz[])) AS i (merge_id, person_number, into_number, at)
ON CONFLICT (merge_id) DO UPDATE SET
    undone = excluded.undone, merged_at = coalesce(excluded.merged_at, merges.merged_at),
    undone_at = excluded.undone_at
""")

SAVE_ERASURES = text("""
INSERT INTO erasures (event_id, person_id, site_id, at)
SELECT * FROM unnest(cast(:event_id AS uuid[]), cast(:person_id AS uuid[]), cast(:site_id AS uuid[]),
                     cast(:at AS timestamptz[]))
ON CONFLICT (event_id) DO NOTHING
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


def on_person_erased(session: Session, events: Sequence[Received]) -> None:
    """A person was erased, everywhere or at a site. There is nothing to delete here: facts say numbers and ids that
    lead to nobody by now, and every figure stays. But they are in no team of the site any more, of which nothing else
    tells."""
    data = [event.data for event in events]
    columns = columns_of(data, "person_id") | {"site_id": [getattr(one, "site_id", None) for one in data]}
    session.execute(
        SAVE_ERASURES, {**columns, "event_id": [event.event_id for event in events], "at": times_of(events)}
    )


def _save_merges(session: Session, events: Sequence[Received], undone: bool) -> None:
    last = last_events_of(events, "merge_id")
    columns = columns_of([event.data for event in last], "merge_id", "person_number", "into_number")
    hold_aggregation(session)
    session.execute(SAVE_MERGES, {**columns, "at": times_of(last), "undone": undone})
    session.execute(COUNT_ANEW, {"person_number": columns["person_number"]})
