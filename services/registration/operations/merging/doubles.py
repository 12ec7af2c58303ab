"""Who may be one person twice: listed for somebody to decide, never decided by itself.

The same phone or e-mail under two people is often a family, so what else agrees is said with each pair, and that they
are two people is a decision that is kept (`two_people.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.registration.models import PersonSite
from services.registration.operations.people.identity import across_sites
from services.registration.operations.people.minors_shown import all_shown, birth_date
from services.registration.personal_data import NO_NAME, PersonalData, plain_name
from services.registration.schemas.merges import Double, Side

Agreement = Literal["phone", "email", "name", "birth_date"]

# Each pair once, however many sites know the two and by however many things.
PAIRS = text("""
SELECT a.person_id AS one, b.person_id AS two,
       coalesce(bool_or(a.phone_index = b.phone_index), false) AS phone,
       coalesce(bool_or(a.email_index = b.email_index), false) AS email
FROM person_sites AS a
JOIN person_sites AS b ON b.person_id > a.person_id
 AND (b.phone_index = a.phone_index OR b.email_index = a.email_index)
JOIN people AS p ON p.id = a.person_id AND p.merged_into IS NULL AND p.erased_at IS NULL
JOIN people AS q ON q.id = b.person_id AND q.merged_into IS NULL AND q.erased_at IS NULL
WHERE a.person_id >= :one AND (a.person_id, b.person_id) > (:one, :two)
  AND (cast(:site AS uuid) IS NULL OR a.site_id = :site AND b.site_id = :site)
  AND NOT EXISTS (SELECT FROM two_people AS t WHERE t.one = a.person_id AND t.two = b.person_id)
GROUP BY a.person_id, b.person_id ORDER BY a.person_id, b.person_id LIMIT :limit
""")


@dataclass(frozen=True)
class Doubles:
    """Some of the pairs, and from where the next ones come, if there are any."""

    pairs: list[Double]
    next: str | None


def list_doubles(session: Session, data: PersonalData, site_id: UUID | None, after: str, limit: int) -> Doubles:
    """Pairs in the order of their ids, after `one.two`; the operator's (`site_id` None) of all sites."""
    one, two = (UUID(part) for part in after.split(".")) if after else (UUID(int=0), UUID(int=0))
    with across_sites(session):
        asked = {"site": site_id, "one": one, "two": two, "limit": limit + 1}
        rows = session.execute(PAIRS, asked).all()
        more, rows = len(rows) > limit, rows[:limit]
        told = _told(session, site_id, {who for row in rows for who in (row.one, row.two)})
        sides = {who: [_side(data, one) for one in listed] for who, listed in told.items()}
    pairs = [_pair(sides[row.one], sides[row.two], {"phone": row.phone, "email": row.email}) for row in rows]
    return Doubles(pairs, f"{rows[-1].one}.{rows[-1].two}" if more else None)


def ranked_doubles(session: Session, data: PersonalData, site_id: UUID | None, after: str, limit: int) -> Doubles:
    """The same, of which most agrees first: a family shares a phone and nothing else."""
    found = list_doubles(session, data, site_id, after, limit)
    return Doubles(sorted(found.pairs, key=lambda pair: -len(pair.agrees)), found.next)


def sides_at(session: Session, data: PersonalData, site_id: UUID, people: Iterable[UUID]) -> dict[UUID, Side]:
    """These people as the site was told; who is not known there is left out."""
    return {who: _side(data, listed[0]) for who, listed in _told(session, site_id, set(people)).items()}


def pairs_shown(session: Session, site_id: UUID | None, pairs: Sequence[Double]) -> None:
    """Put on record whose data is shown with these."""
    sides = {side.person_id: side.birth_date for pair in pairs for side in (pair.one, pair.two)}
    all_shown(session, site_id, sides.items())


def _told(session: Session, site_id: UUID | None, people: set[UUID]) -> dict[UUID, list[PersonSite]]:
    query = select(PersonSite).where(PersonSite.person_id.in_(people)).order_by(PersonSite.created_at)
    found: dict[UUID, list[PersonSite]] = {}
    for one in session.scalars(query if site_id is None else query.where(PersonSite.site_id == site_id)):
        found.setdefault(one.person_id, []).append(one)
    return found


def _side(data: PersonalData, told: PersonSite) -> Side:
    return Side(
        person_id=told.person_id,
        site_id=told.site_id,
        name=data.shown(told.name),
        birth_date=birth_date(data, told.birth_date),
    )


def _pair(ones: Sequence[Side], twos: Sequence[Side], contacts: dict[Agreement, bool]) -> Double:
    """The two as those sites know them whose words agree most."""
    shared = [name for name, agrees in contacts.items() if agrees]
    pairs = [Double(one=one, two=two, agrees=shared + _agreeing(one, two)) for one in ones for two in twos]
    return max(pairs, key=lambda pair: len(pair.agrees))


def _agreeing(one: Side, two: Side) -> list[Agreement]:
    readable = NO_NAME not in (one.name, two.name)
    agrees: list[Agreement] = ["name"] if readable and plain_name(one.name) == plain_name(two.name) else []
    return agrees + (["birth_date"] if one.birth_date and one.birth_date == two.birth_date else [])
