"""The roster of a shift, for staff: who has a place, who was offered one, who waits and in which order, who left.

    lines = roster(session, data, shift, page=0)

It reads names and contacts, so that each minor on it is put on record as shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Select, case, func, select
from sqlalchemy.orm import Session

from services.registration.models import Activity, PersonSite, Registration, Representative, Shift, Site, Team
from services.registration.operations.people.minors_shown import ADULT, all_shown
from services.registration.operations.seats.ages import guardian_below
from services.registration.operations.seats.seats import standing
from services.registration.personal_data import PersonalData, age_on

PAGE = 100
SECTIONS = {"confirmed": 0, "offered": 1, "waitlisted": 2, "cancelled": 3}


@dataclass(frozen=True)
class Reach:
    """Whom to call or write to: the person, or who speaks for them."""

    kind: str
    name: str
    relation: str
    phone: str | None
    email: str | None


@dataclass(frozen=True)
class Line:
    """One registration. `name` is None once the person was erased; `place` counts within the status, from 1.

    `guardian` is None where nobody need agree, else whether somebody did. `beside` is how many others signed up online
    from the same address, and have not been cancelled.
    """

    registration: Registration
    place: int
    name: str | None
    phone: str | None
    email: str | None
    minor: bool
    guardian: bool | None
    team: Team | None
    reaches: Sequence[Reach]
    beside: int


def roster(
    session: Session, data: PersonalData, shift: Shift, page: int = 0, size: int = PAGE, came_from: str | None = None
) -> list[Line]:
    """A page of the roster, by status, then by whose turn it is; one line more than a page where another follows.

    With `came_from` those who signed up online from that address.
    """
    activity = session.get_one(Activity, shift.activity_id)
    query = _query(activity).where(Registration.shift_id == shift.id)
    if came_from is not None:
        query = query.where(Registration.came_from == came_from, Registration.status != "cancelled")
    return _lines(session, data, shift, session.execute(query.offset(page * size).limit(size + 1)).all())


def registrations_of(
    session: Session, site_id: UUID, person_id: UUID
) -> Sequence[tuple[Registration, Shift, Activity]]:
    """The person's registrations at the site, the latest shifts first."""
    query = (
        select(Registration, Shift, Activity)
        .join(Shift, Shift.id == Registration.shift_id)
        .join(Activity, Activity.id == Registration.activity_id)
        .where(Registration.person_id == person_id, Registration.site_id == site_id)
        .order_by(Shift.starts_at.desc(), Registration.position.desc())
        .limit(PAGE)
    )
    return [(registration, shift, activity) for registration, shift, activity in session.execute(query)]


def one_line(session: Session, data: PersonalData, registration: Registration) -> Line:
    """The line of one registration, with its place among the others."""
    activity, shift = session.get_one(Activity, registration.activity_id), session.get_one(Shift, registration.shift_id)
    places = _query(activity).where(Registration.shift_id == shift.id).subquery()
    query = _query(activity).where(Registration.id == registration.id)
    [row] = session.execute(query).all()
    place = session.scalar(select(places.c.place).where(places.c.id == registration.id)) or 1
    return _lines(session, data, shift, [row], place)[0]


def _query(activity: Activity) -> Select[tuple[Registration, int, PersonSite | None, Team | None]]:
    waits = Registration.status == "waitlisted"
    turn: tuple[ColumnElement[int], ...] = (
        case((waits, standing(activity.waitlist_order)), else_=0),
        case((waits, Registration.queue_number), else_=Registration.position),
    )
    place = func.row_number().over(partition_by=Registration.status, order_by=turn).label("place")
    told = (PersonSite.person_id == Registration.person_id) & (PersonSite.site_id == Registration.site_id)
    return (
        select(Registration, place, PersonSite, Team)
        .outerjoin(PersonSite, told)
        .outerjoin(Team, Team.id == Registration.team_id)
        .order_by(case(SECTIONS, value=Registration.status), *turn)
    )


def _lines(
    session: Session, data: PersonalData, shift: Shift, rows: Sequence[Row], place: int | None = None
) -> list[Line]:
    site, activity = session.get_one(Site, shift.site_id), session.get_one(Activity, shift.activity_id)
    limit, today = guardian_below(site, activity), datetime.now(ZoneInfo(site.time_zone)).date()
    people = [told.person_id for _, _, told, _ in rows if told]
    agreed = _agreed(session, [registration.id for registration, *_ in rows], activity.volunteering)
    reaches = reaches_of(session, data, site.id, people)
    together = _together(session, shift, {row[0].came_from for row in rows} - {None})
    lines, minors = [], []
    for registration, counted, told, team in rows:
        born = born_on(data, told)
        age = age_on(born, today) if born else ADULT
        minors.append((registration.person_id, born))
        lines.append(
            Line(
                registration=registration,
                place=place or counted,
                name=data.shown(told.name) if told else None,
                phone=data.readable(told.phone) if told else None,
                email=data.readable(told.email) if told else None,
                minor=age < ADULT,
                guardian=registration.id in agreed if age < limit else None,
                team=team,
                reaches=reaches.get(registration.person_id, []),
                beside=max(0, together.get(registration.came_from or "", 0) - 1),
            )
        )
    all_shown(session, site.id, minors)
    return lines


def born_on(data: PersonalData, told: PersonSite | None) -> date | None:
    """When the person was born, where the site was told."""
    born = data.readable(told.birth_date) if told else None
    return date.fromisoformat(born) if born else None


def _agreed(session: Session, ids: Sequence[UUID], volunteering: bool) -> set[UUID]:
    """To which of these registrations a guardian has agreed."""
    whose = Registration.person_id, Registration.site_id
    agreed = func.guardian_agreed(*whose, volunteering, Registration.id)
    return set(session.scalars(select(Registration.id).where(Registration.id.in_(ids), agreed))) if ids else set()


def _together(session: Session, shift: Shift, origins: set[str | None]) -> dict[str, int]:
    """How many signed up for the shift from each of these addresses."""
    query = select(Registration.came_from, func.count()).where(
        Registration.shift_id == shift.id, Registration.came_from.in_(origins), Registration.status != "cancelled"
    )
    return dict(session.execute(query.group_by(Registration.came_from)).all()) if origins else {}  # type: ignore[arg-type]


def reaches_of(session: Session, data: PersonalData, site_id: UUID, people: Sequence[UUID]) -> dict[UUID, list[Reach]]:
    """Who speaks for each of these people at the site."""
    here = Representative.person_id.in_(people), Representative.site_id == site_id
    query = select(Representative).where(*here, Representative.kind != "claimant")
    found: dict[UUID, list[Reach]] = {}
    for row in session.scalars(query.order_by(Representative.kind)) if people else ():
        reach = Reach(row.kind, data.shown(row.name), row.relation, data.readable(row.phone), data.readable(row.email))
        found.setdefault(row.person_id, []).append(reach)
    return found
