"""People who turned out to be one."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, last_of

SAVE_MERGES = text("""
INSERT INTO merges (merge_id, person_number, into_number, undone)
SELECT *, :undone FROM unnest(cast(:merge_id AS uuid[]), cast(:person_number AS bigint[]),
                              cast(:into_number AS bigint[]))
ON CONFLICT (merge_id) DO UPDATE SET undone = excluded.undone
""")


def on_person_merged(session: Session, events: Sequence[Received]) -> None:
    """Two people count as one from now on, also in what was told before."""
    _save_merges(session, events, undone=False)


def on_person_unmerged(session: Session, events: Sequence[Received]) -> None:
    """They count as two again."""
    _save_merges(session, events, undone=True)


def _save_merges(session: Session, events: Sequence[Received], undone: bool) -> None:
    last = last_of(events, "merge_id")
    session.execute(SAVE_MERGES, {**columns_of(last, "merge_id", "person_number", "into_number"), "undone": undone})
