"""People who turned out to be one, and people who were erased."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, last_events_of, times_of

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
    session.execute(SAVE_MERGES, {**columns, "at": times_of(last), "undone": undone})
