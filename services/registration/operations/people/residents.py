"""People whom a site comes to know without a sign-up: at the desk, by phone, through a helper.

Afterwards they are signed up by `person_id`, like anybody whom the site knows. Somebody without a phone is known by
the helper's: an identity is a contact together with a name, and families share phones.
"""

from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from services.registration.operations.people.consent_texts import newest_text
from services.registration.operations.people.consents import record_consent
from services.registration.operations.people.identity import Details, across_sites, age_at_site, know
from services.registration.operations.people.minors_shown import ADULT
from services.registration.operations.people.people import keeps_email
from services.registration.operations.people.representatives import ask_guardian, save_representative
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import NewResident, PersonMade, RepresentativeBody


def add_resident(
    session: Session,
    data: PersonalData,
    site_id: UUID,
    body: NewResident,
    made_by: str,
    activity_id: UUID | None = None,
) -> PersonMade:
    """The person, new or known, with guardian and helper where there are any; the guardian is sent a link, about the
    activity that they came for.

    Whom somebody names online (`how`), staff do not know yet.
    """
    details = Details(body.name, body.phone, body.email, body.birth_date, body.language)
    with across_sites(session):
        known = know(session, data, site_id, details)
    other = keeps_email(session, data, site_id, known, body.email, body.replace_email)
    asked = False
    if body.guardian is not None:
        confirmed = body.how != "online"
        save_representative(session, data, site_id, known.person_id, "guardian", body.guardian, confirmed)
        if body.guardian_consent:
            text = newest_text(session, "guardian_signup")
            record_consent(session, site_id, known.person_id, text, "guardian", body.how, made_by)
        elif body.guardian.email is not None and _is_child(session, site_id, body.birth_date):
            ask_guardian(session, data, site_id, known.person_id, activity_id)
            asked = True
    if body.helper is not None:
        name_helper(session, data, site_id, known.person_id, body.helper, body.how, made_by)
    return PersonMade(id=known.person_id, is_new=known.is_new, guardian_asked=asked, other_email=other)


def _is_child(session: Session, site_id: UUID, born: date | None) -> bool:
    return born is not None and age_at_site(session, site_id, born) < ADULT


def name_helper(
    session: Session,
    data: PersonalData,
    site_id: UUID,
    person_id: UUID,
    helper: RepresentativeBody,
    how: str,
    made_by: str,
) -> None:
    """Who acts for the person from now on, and on whose word that is."""
    save_representative(session, data, site_id, person_id, "helper", helper, confirmed=how != "online")
    record_consent(session, site_id, person_id, newest_text(session, "helper"), "person", how, made_by)
