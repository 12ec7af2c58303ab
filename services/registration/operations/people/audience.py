"""Whom an announcement goes to: people by ids, each once, in the order of their ids.

    page = audience_page(session, data, body)        # ids alone; page.next is where the next one goes on
    count = audience_count(session, data, body)      # how many, and how many no message reaches

Whoever was erased or merged into somebody else is not among them. Whoever several sites of an area know is written to
in the name of one at which they read mail, the one that has known them longest first.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.registration.operations.people.identity import ADULT, age_on, birth_date, days_at_sites
from services.registration.operations.people.people import contacts, with_guardians
from services.registration.operations.staff.audit_log import actor_names
from services.registration.operations.staff.notices import staff_of
from services.registration.personal_data import PersonalData
from services.registration.schemas.audience import (
    LARGEST_PAGE,
    AudienceBody,
    AudienceCount,
    AudienceCountBody,
    AudienceOf,
    AudiencePage,
    AudiencePageBody,
    ChoicesAnswer,
    ChoicesBody,
    ColleaguesAnswer,
    ColleaguesBody,
)
from services.registration.schemas.people import Contact, Known

WITHIN = """
    WITH RECURSIVE within (code) AS (
        SELECT cast(:area AS text) UNION SELECT a.code FROM within AS w JOIN areas AS a ON a.parent = w.code
    ) SELECT id FROM sites WHERE area IN (SELECT code FROM within) AND status = 'open'
"""

# A waiting place that was offered is still a waiting one: nobody has taken it.
OF_ACTIVITY = """
    told.person_id IN (
        SELECT r.person_id FROM registrations AS r JOIN shifts AS s ON s.id = r.shift_id
        WHERE s.activity_id = :activity_id
          AND (cast(:shift_ids AS uuid[]) = '{}' OR s.id = ANY(cast(:shift_ids AS uuid[])))
          AND CASE WHEN r.outcome IN ('present', 'attended') THEN 'attended'
                   WHEN r.status = 'offered' THEN 'waitlisted' ELSE r.status END = ANY(cast(:places AS text[])))
"""

TO = {
    "activity": f"told.site_id = :site_id AND {OF_ACTIVITY}",
    "team": "told.site_id = :site_id AND told.person_id IN"
    " (SELECT person_id FROM team_members WHERE team_id = :team_id AND status = 'member')",
    "site": "told.site_id = :site_id",
    "area": f"told.site_id IN ({WITHIN})",
}

NAMED = {
    "activity": "SELECT title_zh, title_en FROM activities WHERE id = :activity_id AND site_id = :site_id",
    "team": "SELECT name_zh, name_en FROM teams WHERE id = :team_id AND site_id = :site_id",
    "site": "SELECT name_zh, name_en FROM sites WHERE id = :site_id",
    "area": "SELECT name_zh, name_en FROM areas WHERE code = :area",
}

OVER_AREA = text(
    "SELECT cast(:asked_by AS uuid) IS NULL OR staff_is_operator(:asked_by)"
    " OR cast(:area AS text) IN (SELECT staff_areas(:asked_by))"
)

# Whoever has come in at least once, and administers the area or one that it lies in.
ADMINISTER = text("""
    WITH RECURSIVE above (code) AS (
        SELECT cast(:area AS text) UNION SELECT a.parent FROM above AS b JOIN areas AS a ON a.code = b.code
    )
    SELECT id FROM staff
    WHERE disabled_at IS NULL AND (password IS NOT NULL OR oidc_subject IS NOT NULL)
      AND id IN (SELECT staff_id FROM staff_grants WHERE role = 'area_admin' AND area IN (SELECT code FROM above))
      AND id NOT IN (SELECT staff_id FROM staff_grants WHERE role = 'operator')
    ORDER BY id
""")

APART = text("""
    SELECT id FROM unnest(cast(:staff AS uuid[])) WITH ORDINALITY AS one (id, place)
    WHERE NOT EXISTS (SELECT FROM unnest(cast(:hands AS text[])) AS hand
                      WHERE hand = 'staff:' || id OR one_hand(hand, 'staff:' || id))
    ORDER BY place
""")

TEAMS = text("""
    SELECT id::text, name_zh, name_en FROM teams WHERE site_id = :site_id AND ended_at IS NULL ORDER BY position
""")
AREAS = text("""
    SELECT code AS id, name_zh, name_en FROM areas
    WHERE (valid_until IS NULL OR valid_until > current_date)
      AND (cast(:asked_by AS uuid) IS NULL OR staff_is_operator(:asked_by) OR code IN (SELECT staff_areas(:asked_by)))
    ORDER BY array_position(ARRAY['province', 'city', 'district', 'subdistrict', 'community'], level), code
    LIMIT 2000
""")

FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)


@dataclass(frozen=True)
class _Row:
    """A person at a site, as far as it must be known whether a message reaches them."""

    person_id: UUID
    site_id: UUID
    reads_mail: bool
    birth_date: bytes | None


def audience_page(session: Session, data: PersonalData, body: AudiencePageBody) -> AudiencePage:
    """A page of those whom it concerns, in the order of their ids."""
    chosen = chosen_of(session, body)
    if chosen.objection:
        return AudiencePage(**chosen.model_dump())
    rows = _rows(session, body, body.after, body.limit)
    people = [Known(person_id=row.person_id, site_id=row.site_id) for row in _of_age(session, data, body, rows)]
    # By what was looked at, not by who is left of it: a page without anybody may not be the last.
    following = rows[-1].person_id if len(rows) == body.limit else None
    return AudiencePage(**chosen.model_dump(), people=people, next=following)


def audience_count(session: Session, data: PersonalData, body: AudienceCountBody) -> AudienceCount:
    """How many they are, by how they are reached: the same people, page by page."""
    count = AudienceCount(**chosen_of(session, body).model_dump())
    if count.objection:
        return count
    for rows in _pages(session, body):
        found = list(_of_age(session, data, body, rows))
        without = [row for row in found if not row.reads_mail or _is_in(body.no_mail, row)]
        others = _reached(session, data, without, body)
        count.people += len(found)
        count.by_mail += len(found) - len(without) + others["mail"]
        count.by_phone += others["phone"]
        count.refused += others["refused"]
        count.unreached += len(without) - others.total()
    return count


def chosen_of(session: Session, body: AudienceBody) -> AudienceOf:
    """What was chosen, by name, and whether it may be."""
    row = session.execute(text(NAMED[body.to]), body.model_dump()).one_or_none()
    if row is None:
        return AudienceOf(objection="unknown")
    if body.to == "area" and not session.scalar(OVER_AREA, body.model_dump()):
        return AudienceOf(objection="not_theirs")
    return AudienceOf(name_zh=row[0], name_en=row[1])


def choices(session: Session, body: ChoicesBody) -> ChoicesAnswer:
    """What somebody may choose from."""
    asked = body.model_dump()
    teams, areas = (session.execute(query, asked).mappings().all() for query in (TEAMS, AREAS))
    return ChoicesAnswer.model_validate({"teams": [dict(row) for row in teams], "areas": [dict(row) for row in areas]})


def colleagues(session: Session, data: PersonalData, body: ColleaguesBody) -> ColleaguesAnswer:
    """Who may approve what goes to a site or an area, and what actors there are called. One hand can have two
    accounts."""
    sites = {body.site_id} if body.site_id else set()
    if body.site_id:
        staff = staff_of(session, sites).get(body.site_id, [])
    else:
        staff = list(session.scalars(ADMINISTER, {"area": body.area}).all())
    staff += [body.asked_by] if body.asked_by and body.asked_by not in staff else []
    apart = session.scalars(APART, {"staff": staff, "hands": body.hands}).all()
    return ColleaguesAnswer(staff=list(apart), names=actor_names(session, data, body.actors, sites))


def _pages(session: Session, body: AudienceCountBody) -> Iterator[Sequence[_Row]]:
    after = body.after
    while rows := _rows(session, body, after, LARGEST_PAGE, body.until):
        yield rows
        after = rows[-1].person_id
        if len(rows) < LARGEST_PAGE:
            return


def _rows(
    session: Session, body: AudienceBody, after: UUID | None, limit: int, until: UUID | None = None
) -> Sequence[_Row]:
    also = ["TRUE"]
    if body.volunteers_only:
        also.append(
            "EXISTS (SELECT FROM volunteer_sites AS v WHERE v.person_id = told.person_id AND v.site_id = told.site_id)"
        )
    if body.language:
        also.append(f"told.language {'ILIKE' if body.language == 'en' else 'NOT ILIKE'} 'en%'")
    query = text(f"""
        SELECT DISTINCT ON (told.person_id) told.person_id, told.site_id, told.email IS NOT NULL AS reads_mail,
               told.birth_date
        FROM person_sites AS told JOIN people ON people.id = told.person_id
        WHERE {TO[body.to]} AND {" AND ".join(also)} AND people.merged_into IS NULL AND people.erased_at IS NULL
          AND told.person_id > :after AND told.person_id <= :until
        ORDER BY told.person_id, told.email IS NULL, told.row LIMIT :limit
    """)  # noqa: S608 - made of constants
    asked: dict[str, Any] = body.model_dump(exclude={"no_mail", "no_sms"})
    asked |= {"after": after or FIRST, "until": until or LAST, "limit": limit}
    asked["places"] = body.places or ["confirmed", "waitlisted", "attended"]
    return [_Row(**row._mapping) for row in session.execute(query, asked)]


def _of_age(session: Session, data: PersonalData, body: AudienceBody, rows: Sequence[_Row]) -> Iterator[_Row]:
    """Those of the ages that were asked for. Whose birth date nobody knows is neither."""
    if body.ages is None:
        yield from rows
        return
    today = days_at_sites(session, {row.site_id for row in rows})
    for row in rows:
        born = birth_date(data, row.birth_date)
        if born is not None and (age_on(born, today[row.site_id]) >= ADULT) == (body.ages == "adults"):
            yield row


def _reached(session: Session, data: PersonalData, rows: Sequence[_Row], body: AudienceCountBody) -> Counter[str]:
    """Of those without an address of their own, or who want no mail: how many are reached by mail (a helper's, or a
    guardian's), by an SMS, and how many refused what reaches them."""
    known = [Known(person_id=row.person_id, site_id=row.site_id) for row in rows]
    found = with_guardians(session, data, contacts(session, data, known)) if known else []
    return Counter(way for one in found if (way := _way(one, body)))


def _way(one: Contact, body: AudienceCountBody) -> str:
    """By what somebody is reached, or that they refused it; empty where nothing reaches them."""
    by_phone = bool(body.phones) and (one.phone or "").startswith(tuple(body.phones))
    if one.email and not _is_in(body.no_mail, one):
        return "mail"
    if by_phone and not _is_in(body.no_sms, one):
        return "phone"
    return "refused" if one.email or by_phone else ""


def _is_in(refusing: Mapping[UUID, Collection[UUID]], one: _Row | Contact) -> bool:
    return one.person_id in refusing.get(one.site_id, ())
