"""Two who become one are in a team once: the better membership stays, the other ends, and undoing brings it back.

Better is who leads, then a member before somebody invited, then who came first.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.registration.operations.teams.teams import leave, rejoin

ENDED = "team_members ended"
"""By this name a membership that a merge ended stands in the journal of its moves."""

TEAMS = text("""
SELECT id FROM teams WHERE id IN (
    SELECT team_id FROM team_members WHERE person_id = ANY(:people) AND status IN ('invited', 'member'))
ORDER BY id FOR NO KEY UPDATE
""")

WORSE = text("""
SELECT id FROM (
    SELECT id, row_number() OVER (PARTITION BY team_id ORDER BY role = 'leader' DESC, status = 'member' DESC, position)
    FROM team_members WHERE person_id = ANY(:people) AND status IN ('invited', 'member')) AS ranked
WHERE row_number > 1 ORDER BY id
""")

JOURNAL = text("INSERT INTO merge_moves (merge_id, table_name, row_key) VALUES (:merge, :table, :key)")

TO_RESTORE = text("""
SELECT m.id FROM merge_moves AS j JOIN team_members AS m ON m.id::text = j.row_key AND m.status = 'left'
WHERE j.merge_id = :merge AND j.table_name = :table AND NOT EXISTS (
    SELECT FROM team_members AS n
    WHERE n.team_id = m.team_id AND n.person_id = m.person_id AND n.status IN ('invited', 'member'))
ORDER BY m.id
""")


def lock_teams(session: Session, people: Sequence[UUID]) -> None:
    """Lock the teams that these people are in or invited to; before shifts and people."""
    session.execute(TEAMS, {"people": list(people)})


def end_double_memberships(session: Session, merge_id: UUID, people: Sequence[UUID]) -> None:
    """End what one person cannot have twice, and write it down."""
    for member_id in session.scalars(WORSE, {"people": list(people)}).all():
        if leave(session, member_id).joined_at is not None:
            session.execute(JOURNAL, {"merge": merge_id, "table": ENDED, "key": str(member_id)})


def restore_memberships(session: Session, merge_id: UUID) -> None:
    """Bring back what a merge ended, unless the person is in the team again by now. Invitations are over."""
    for member_id in session.scalars(TO_RESTORE, {"merge": merge_id, "table": ENDED}).all():
        rejoin(session, member_id)
