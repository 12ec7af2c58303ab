"""Rosters: rows that also make people members of the site's teams."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.registration.models import Import, Team
from services.registration.personal_data import plain_name
from services.registration.spreadsheets.columns import letter
from services.registration.spreadsheets.faults import Fault
from services.registration.spreadsheets.rows import Row


def teams_by_name(session: Session, site_id: UUID) -> dict[str, UUID]:
    """The site's teams, by either of their names; the older one where two share a name."""
    named: dict[str, UUID] = {}
    for team in session.scalars(select(Team).where(Team.site_id == site_id).order_by(Team.position)):
        for name in (team.name_zh, team.name_en):
            named.setdefault(plain_name(name), team.id)
    return named


class RosterRules:
    """What a row of a roster must keep to besides: its team exists, and has one leader."""

    def __init__(self, session: Session, site_id: UUID) -> None:
        self._teams = teams_by_name(session, site_id)

    def check(self, row: Row, fields: Sequence[str | None], identity: Mapping[str, bytes | None]) -> None:
        """Add to the row's faults."""
        team = row.values.get("team")
        if team is not None and plain_name(team) not in self._teams:
            row.faults.append(Fault(row.number, f"{letter(fields.index('team'))} team", "team"))


_JOIN = text("SELECT 1")


def join_teams(session: Session, found: Import, rows: Sequence[Row], people: Mapping[int, UUID]) -> None:
    """Make the people of these rows members; who is one stays as they are."""
    raise NotImplementedError
