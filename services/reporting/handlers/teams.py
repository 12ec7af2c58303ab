"""Teams and who is in them.

Who joined and who left is kept as it was told, and `team_spells` makes times of membership of it: somebody may leave
under the number of whoever they were merged into, of which another partition tells, sooner or later.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, last_events_of, times_of

# A team that has ended is not changed any more, so the event that says so is its last.
SAVE_TEAMS = text("""
INSERT INTO teams (team_id, site_id, name_zh, name_en, kind, since, ended_at)
SELECT team_id, site_id, name_zh, name_en, kind, since, CASE WHEN ended THEN at END
FROM unnest(cast(:team_id AS uuid[]), cast(:site_id AS uuid[]), cast(:name_zh AS text[]), cast(:name_en AS text[]),
            cast(:kind AS text[]), cast(:ended AS boolean[]), cast(:since AS timestamptz[]), cast(:at AS timestamptz[]))
     AS i (team_id, site_id, name_zh, name_en, kind, ended, since, at)
ON CONFLICT (team_id) DO UPDATE SET
    name_zh = excluded.name_zh, name_en = excluded.name_en, kind = excluded.kind, ended_at = excluded.ended_at
""")

SAVE_CHANGES = text("""
INSERT INTO team_member_changes (team_id, person_number, at, site_id, person_id, role)
SELECT * FROM unnest(cast(:team_id AS uuid[]), cast(:person_number AS bigint[]), cast(:at AS timestamptz[]),
                     cast(:site_id AS uuid[]), cast(:person_id AS uuid[]), cast(:role AS text[]))
ON CONFLICT (team_id, person_number, at) DO UPDATE SET role = excluded.role
""")

TEAM_COLUMNS = ("team_id", "site_id", "name_zh", "name_en", "kind", "ended")


def on_teams_saved(session: Session, events: Sequence[Received]) -> None:
    """Teams were added, changed or ended; the first event of a team says since when there is one."""
    since = {event.data.team_id: event.time for event in reversed(events)}
    last = last_events_of(events, "team_id")
    columns = columns_of([event.data for event in last], *TEAM_COLUMNS)
    began = [since[event.data.team_id] for event in last]
    session.execute(SAVE_TEAMS, {**columns, "at": times_of(last), "since": began})


def on_members_joined(session: Session, events: Sequence[Received]) -> None:
    """People are in a team, or have another role in it."""
    _save_changes(session, events, [event.data.role for event in events])


def on_members_left(session: Session, events: Sequence[Received]) -> None:
    """People are no longer in a team."""
    _save_changes(session, events, [None] * len(events))


def _save_changes(session: Session, events: Sequence[Received], roles: Sequence[str | None]) -> None:
    columns = columns_of([event.data for event in events], "team_id", "person_number", "site_id", "person_id")
    session.execute(SAVE_CHANGES, {**columns, "at": times_of(events), "role": roles})
