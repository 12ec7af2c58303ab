"""Who may be one person twice: listed for somebody to decide, never decided by itself.

The same phone or e-mail under two people is often a family, so what else agrees is said with each pair.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.registration.operations.identity import across_sites
from services.registration.operations.shown import shown
from services.registration.personal_data import PersonalData, plain_name
from services.registration.schemas.merges import Double, Side

PAIRS = text("""
SELECT a.person_id AS one, b.person_id AS two, a.site_id AS site_one, b.site_id AS site_two,
       a.name AS name_one, b.name AS name_two, a.birth_date AS born_one, b.birth_date AS born_two,
       a.phone_index = b.phone_index AS phone, a.email_index = b.email_index AS email
FROM person_sites AS a
JOIN person_sites AS b ON b.person_id > a.person_id
 AND (b.phone_index = a.phone_index OR b.email_index = a.email_index)
JOIN people AS p ON p.id = a.person_id AND p.merged_into IS NULL AND p.erased_at IS NULL
JOIN people AS q ON q.id = b.person_id AND q.merged_into IS NULL AND q.erased_at IS NULL
WHERE a.person_id > :after AND (cast(:site AS uuid) IS NULL OR a.site_id = :site AND b.site_id = :site)
ORDER BY a.person_id, b.person_id LIMIT :limit
""")


def list_doubles(
    session: Session, data: PersonalData, site_id: UUID | None, after: UUID, limit: int = 100
) -> Sequence[Double]:
    """Pairs in the order of their first person, from `after` on; the operator's (`site_id` None) of all sites."""
    with across_sites(session):
        rows = session.execute(PAIRS, {"site": site_id, "after": after, "limit": limit}).all()
        found: dict[tuple[UUID, UUID], Double] = {}
        for row in rows:
            double = _describe(data, row)
            before = found.get((row.one, row.two))
            if before is None or len(double.agrees) > len(before.agrees):
                found[row.one, row.two] = double
        for double in found.values():
            for side in (double.one, double.two):
                shown(session, site_id, side.person_id, side.birth_date)
    return list(found.values())


def _describe(data: PersonalData, row: Row[Any]) -> Double:
    sides = [_side(data, row, which) for which in ("one", "two")]
    agrees = [name for name in ("phone", "email") if getattr(row, name)]
    names = [data.readable(name) for name in (row.name_one, row.name_two)]
    if names[0] and names[1] and plain_name(names[0]) == plain_name(names[1]):
        agrees.append("name")
    if sides[0].birth_date and sides[0].birth_date == sides[1].birth_date:
        agrees.append("birth_date")
    return Double(one=sides[0], two=sides[1], agrees=agrees)


def _side(data: PersonalData, row: Row[Any], which: str) -> Side:
    born = data.readable(getattr(row, f"born_{which}"))
    return Side(
        person_id=getattr(row, which),
        site_id=getattr(row, f"site_{which}"),
        name=data.shown(getattr(row, f"name_{which}")),
        birth_date=date.fromisoformat(born) if born else None,
    )
