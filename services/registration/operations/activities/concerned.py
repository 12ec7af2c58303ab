"""Whom a change of an activity, its shifts or the site's ages concerns: shown by name before it is made.

ids = without_guardian(session, site_id, volunteering=True, below=18, of_activity=activity.id)
for one in concerned(session, data, ids): ...
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from services.common.errors import CONFLICT, Problem, Words
from services.common.events import AgeBand
from services.registration.models import Activity, PersonSite, Registration, Shift, Site
from services.registration.operations.people.minors_shown import all_shown
from services.registration.operations.seats.ages import guardian_below
from services.registration.personal_data import PersonalData, age_on
from services.registration.schemas.site_settings import SettingsEdit

TOLD = and_(PersonSite.person_id == Registration.person_id, PersonSite.site_id == Registration.site_id)


@dataclass(frozen=True)
class Concerned:
    """A registration, as staff are shown it: who, for when, and what they lack."""

    registration_id: UUID
    person_id: UUID
    name: str
    status: str
    party_size: int
    starts_at: datetime
    ends_at: datetime
    role_zh: str
    role_en: str
    lacks: list[str] = field(default_factory=list)


def concerned(
    session: Session, data: PersonalData, ids: Sequence[UUID], lacks: dict[UUID, list[str]] | None = None
) -> list[Concerned]:
    """These registrations by name, in the order in which they are given."""
    rows = session.execute(
        select(Registration, Shift, PersonSite)
        .join(Shift, Shift.id == Registration.shift_id)
        .outerjoin(PersonSite, TOLD)
        .where(Registration.id.in_(ids))
    ).all()
    found = {registration.id: _named(data, registration, shift, told) for registration, shift, told in rows}
    told_of = [(told.person_id, _born(data, told)) for _, _, told in rows if told]
    if rows:
        all_shown(session, rows[0].Registration.site_id, told_of)
    for registration_id, missing in (lacks or {}).items():
        found[registration_id].lacks.extend(missing)
    return [found[one] for one in ids if one in found]


def _named(data: PersonalData, registration: Registration, shift: Shift, told: PersonSite | None) -> Concerned:
    return Concerned(
        registration_id=registration.id,
        person_id=registration.person_id,
        name=data.shown(told.name) if told else "",
        status=registration.status,
        party_size=registration.party_size,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        role_zh=shift.role_zh,
        role_en=shift.role_en,
    )


def _born(data: PersonalData, told: PersonSite | None) -> date | None:
    return date.fromisoformat(data.decrypt(told.birth_date)) if told and told.birth_date else None


def without_guardian(session: Session, activity: Activity) -> list[UUID]:
    """Registrations of minors on shifts to come of an activity, whose guardian has not agreed to their volunteering."""
    minors = Registration.age_band.in_((AgeBand.UNDER_14.value, AgeBand.FROM_14.value))
    rows = _to_come(session, Activity.id == activity.id, minors, ~_agreed(volunteering=True))
    return [registration.id for registration, _, _ in rows]


def own_without_guardian(
    session: Session, site_id: UUID, person_id: UUID, born: date | None
) -> list[tuple[Registration, Shift, Activity]]:
    """Places to come of somebody who by their birth date needs a guardian's consent that nobody gave: whoever told none
    at sign-up was asked for none."""
    if born is None:
        return []
    site = session.get_one(Site, site_id)
    age = age_on(born, datetime.now(ZoneInfo(site.time_zone)).date())
    of_person = Registration.person_id == person_id, Registration.site_id == site_id
    rows = _to_come(session, *of_person, ~_agreed(Activity.volunteering))  # type: ignore[arg-type]
    with_activity = [(one, shift, session.get_one(Activity, one.activity_id)) for one, shift, _ in rows]
    return [row for row in with_activity if age < guardian_below(site, row[2])]


def whom_ages_strand(session: Session, data: PersonalData, site: Site, body: SettingsEdit) -> list[UUID]:
    """Registrations, on shifts to come, of people who could sign up by the site's ages, and could not by these."""
    wanted = body.model_dump(exclude_unset=True)
    youngest, guarded = wanted.get("minimum_age", 0), wanted.get("guardian_below", 0)
    found = []
    if youngest > site.minimum_age:
        found += [
            registration.id
            for registration, shift, told in _to_come(session, Registration.site_id == site.id)
            if (born := _born(data, told)) and age_on(born, shift.local_day) < youngest
        ]
    if guarded > site.guardian_below:
        today = datetime.now(ZoneInfo(site.time_zone)).date()
        of_site = Registration.site_id == site.id, Activity.volunteering.is_(False), ~_agreed(volunteering=False)
        found += [
            registration.id
            for registration, _, told in _to_come(session, *of_site)
            if (born := _born(data, told)) and age_on(born, today) < guarded
        ]
    return list(dict.fromkeys(found))


def _agreed(volunteering: bool | ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a guardian agreed to the place."""
    return func.guardian_agreed(Registration.person_id, Registration.site_id, volunteering, Registration.id)


def refuse(ids: Sequence[UUID]) -> None:
    """Raise 409 with these registrations, whose people could not sign up as things would be; nothing without any."""
    if ids:
        listed = ", ".join(str(one) for one in ids)
        words = Words(
            f"有 {len(ids)} 个报名者年龄太小，或没有监护人同意：{listed}。请先取得监护人同意，或取消这些报名。",
            f"{len(ids)} registrations are of people who would be too young, or whose guardian did not agree: {listed}."
            " Get the consent, or cancel them, first.",
        )
        raise Problem(CONFLICT, words, registrations=[str(one) for one in ids])


def lacking(session: Session, data: PersonalData, shift: Shift, requirements: dict[str, Any]) -> dict[UUID, list[str]]:
    """What people with a place or a turn on the shift would lack if it asked for this, and lack nothing of now."""
    query = (
        select(Registration, PersonSite)
        .outerjoin(PersonSite, TOLD)
        .where(Registration.shift_id == shift.id, Registration.status != "cancelled", Registration.outcome.is_(None))
        .order_by(Registration.position)
    )
    found = {}
    for registration, told in session.execute(query).all():
        born = _born(data, told)
        new, old = (_lacks(session, registration, born, shift, asked) for asked in (requirements, shift.requirements))
        if new - old:
            found[registration.id] = sorted(new - old)
    return found


def _lacks(
    session: Session, registration: Registration, born: date | None, shift: Shift, asked: dict[str, Any]
) -> set[str]:
    wanted = literal(asked, JSONB)
    lacks = set(session.scalars(select(func.person_meets(registration.person_id, shift.site_id, wanted))).one())
    youngest, oldest = asked.get("min_age"), asked.get("max_age")
    if (youngest, oldest) != (None, None):
        age = age_on(born, shift.local_day) if born else -1
        lacks |= {"age"} if not (youngest or 0) <= age <= (oldest or 200) else set()
    return lacks


def _to_come(session: Session, *which: ColumnElement[bool]) -> list[tuple[Registration, Shift, PersonSite | None]]:
    """Who has a place or waits for one on a shift to come. Ages are looked at again when an offer is taken up."""
    query = (
        select(Registration, Shift, PersonSite)
        .join(Shift, Shift.id == Registration.shift_id)
        .join(Activity, Activity.id == Registration.activity_id)
        .outerjoin(PersonSite, TOLD)
        .where(
            Registration.status.in_(("confirmed", "waitlisted")),
            Registration.outcome.is_(None),
            Shift.status == "open",
            Shift.starts_at > func.clock_timestamp(),
            *which,
        )
    )
    return [(row[0], row[1], row[2]) for row in session.execute(query.order_by(Shift.starts_at, Registration.position))]
