"""A resident registers themselves as a volunteer of a site that knows them (Order 67: entered by the person).

    made = register_own(session, data, resident, site_id, body)

Who they are, their session has proven; name and contact are what the site was told. Under 18 a guardian is asked by a
signed link; under 14 nothing is recorded before the guardian agreed. A guardian whom the site knows stays.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import FieldErrors, Words, not_found
from services.registration.id_numbers import fault
from services.registration.models import Area, Link, PersonSite, Representative, Site, Volunteer, VolunteerSite
from services.registration.operations import conflict, locked
from services.registration.operations.people.consent_texts import newest_text
from services.registration.operations.people.consents import record_consent
from services.registration.operations.people.identity import across_sites, age_at_site, person_now
from services.registration.operations.people.minors_shown import ADULT
from services.registration.operations.people.proven_sites import Resident, proven_sites
from services.registration.operations.people.representatives import (
    CONSENT_PURPOSE,
    ask_guardian,
    representative_or_none,
    save_representative,
)
from services.registration.operations.people.volunteer_ids import volunteer_of
from services.registration.operations.people.volunteers import add_volunteer, tell_registered
from services.registration.personal_data import PersonalData
from services.registration.schemas.own_volunteer import OwnVolunteer, OwnVolunteerBody, OwnVolunteerMade
from services.registration.schemas.people import RepresentativeBody

CHILD = 14
ASK_AGAIN = timedelta(hours=24)


@dataclass(frozen=True)
class Applicant:
    """Who asks, locked: what the site was told of them, how old that makes them, who speaks for them."""

    told: PersonSite
    born: date
    age: int
    guardian: Representative | None
    agreed: bool


def own_volunteer(session: Session, data: PersonalData, resident: Resident, site_id: UUID) -> OwnVolunteer:
    """What the site knows of them as a volunteer. Raises 404 where the session does not reach."""
    told = _told(session, resident, site_id)
    born = date.fromisoformat(data.decrypt(told.birth_date)) if told.birth_date else None
    minor = born is not None and age_at_site(session, site_id, born) < ADULT
    here = session.get(VolunteerSite, (told.person_id, site_id))
    return OwnVolunteer(
        site_id=site_id,
        volunteer_number=session.get_one(Volunteer, told.person_id).volunteer_number if here else None,
        birth_date=born,
        has_guardian=representative_or_none(session, site_id, told.person_id, "guardian") is not None,
        guardian_agreed=not minor or _agreed(session, told),
        minor=minor,
    )


def areas_near(session: Session, site_id: UUID) -> list[Area]:
    """From which areas most of a site's people come: those within its own, or beside it where there are none."""
    own = session.get_one(Area, session.get_one(Site, site_id).area)
    for parent in (own.code, own.parent):
        found = session.scalars(select(Area).where(Area.parent == parent).order_by(Area.code).limit(100)).all()
        if found:
            return list(found)
    return [own]


def register_own(
    session: Session, data: PersonalData, resident: Resident, site_id: UUID, body: OwnVolunteerBody
) -> OwnVolunteerMade:
    """Become a volunteer of the site. Raises 404, 409 where they are one, 422 with every field at fault."""
    applicant = _applicant(session, data, resident, site_id, body)
    asked = _name_guardian(session, data, applicant, body) if applicant.age < ADULT else False
    if applicant.age < CHILD and not applicant.agreed:
        return OwnVolunteerMade(outcome="guardian_first", volunteer_number=None, guardian_asked=asked)
    told = applicant.told
    with across_sites(session):
        if told.birth_date is None:
            told.birth_date = data.encrypt(applicant.born.isoformat())
            told.version += 1
        # The ID number is kept, and ties nobody to it: only staff see whose document it is (`check_id_number`).
        number = volunteer_of(session, told.person_id, None).volunteer_number
        here = add_volunteer(session, data, site_id, told.person_id, body)
    for kind in ("terms", *(["sensitive_id_number"] if body.id_number else [])):
        text = newest_text(session, kind)
        record_consent(session, site_id, told.person_id, text, "person", "online", f"person:{resident.person_id}")
    tell_registered(session, here, applicant.born, "online")
    return OwnVolunteerMade(outcome="registered", volunteer_number=number, guardian_asked=asked)


def _told(session: Session, resident: Resident, site_id: UUID) -> PersonSite:
    if site_id not in proven_sites(session, resident):
        raise not_found("这个站点", "site")
    person_id = person_now(session, resident.person_id)
    query = select(PersonSite).where(PersonSite.person_id == person_id, PersonSite.site_id == site_id)
    return session.scalars(locked(query)).one()


def _applicant(
    session: Session, data: PersonalData, resident: Resident, site_id: UUID, body: OwnVolunteerBody
) -> Applicant:
    told, errors = _told(session, resident, site_id), FieldErrors()
    if session.get(VolunteerSite, (told.person_id, site_id)) is not None:
        raise conflict("您已是本站点的志愿者。", "You are a volunteer of this site already.")
    born = date.fromisoformat(data.decrypt(told.birth_date)) if told.birth_date else body.birth_date
    if born is None:
        errors.add("birth_date", Words("请填写出生日期。", "is needed."))
        errors.raise_any()
        raise AssertionError
    wrong = fault(body.id_number, born, body.sex) if body.id_number else None
    if wrong:
        errors.add("id_number", wrong)
    if body.area is not None and session.get(Area, body.area) is None:
        errors.add("area", Words("没有这个区划。", "is no known area."))
    age = age_at_site(session, site_id, born)
    guardian = representative_or_none(session, site_id, told.person_id, "guardian") if age < ADULT else None
    if age < ADULT and guardian is None and body.guardian is None:
        errors.add("guardian.name", Words("未满 18 周岁须填写监护人。", "A guardian is needed under 18."))
    errors.raise_any()
    return Applicant(told, born, age, guardian, age >= ADULT or _agreed(session, told))


def _agreed(session: Session, told: PersonSite) -> bool:
    return bool(session.scalar(select(func.guardian_agreed(told.person_id, told.site_id, True))))


def _name_guardian(session: Session, data: PersonalData, applicant: Applicant, body: OwnVolunteerBody) -> bool:
    """Keep the guardian where the site knew none, and ask them, once a day at most. Whether they were asked."""
    told, guardian = applicant.told, applicant.guardian
    if applicant.agreed:
        return False
    if guardian is None and body.guardian is not None:
        named = RepresentativeBody(**body.guardian.model_dump(), language=told.language)
        guardian = save_representative(session, data, told.site_id, told.person_id, "guardian", named, confirmed=False)
    if guardian is None or guardian.email is None:
        return False
    lately = Link.created_at > datetime.now(UTC) - ASK_AGAIN
    of_person = Link.purpose == CONSENT_PURPOSE, Link.person_id == told.person_id, Link.site_id == told.site_id
    if session.scalar(select(Link.id).where(*of_person, Link.used_at.is_(None), lately).limit(1)):
        return True
    ask_guardian(session, data, told.site_id, told.person_id)
    return True
