"""Who speaks for a person at a site: a minor's guardian, an elder's helper.

A guardian's consent is asked for by a link that is mailed to the guardian; a helper gets the messages of an elder who
has no address of their own.
"""

from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import Link, Representative
from services.registration.operations import conflict
from services.registration.operations.people.identity import day_at_site, has_grown_up
from services.registration.operations.people.people import told_by
from services.registration.operations.staff.links import issue_link
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import RepresentativeAnswer, RepresentativeBody

Kind = Literal["guardian", "helper"]

CONSENT_HOURS = 14 * 24
CONSENT_PURPOSE = "guardian_consent"


def save_representative(
    session: Session,
    data: PersonalData,
    site_id: UUID,
    person_id: UUID,
    kind: Kind,
    body: RepresentativeBody,
    confirmed: bool | None = None,
) -> Representative:
    """Who speaks for the person from now on. Raises 404 for a person whom the site does not know.

    Not `confirmed` is whom somebody named online: a guardian is asked for consent, and once they gave it by that mail
    gets copies of the messages, and nothing else. Without a word on it whom staff name is confirmed, and whom somebody
    named online stays as they are: that a field was corrected says nothing of who it is (`guardian_claims.py`).
    """
    person_id = told_by(session, site_id, person_id).person_id
    told = as_stored(data, body) | ({} if confirmed is None else {"confirmed": confirmed})
    new = insert(Representative).values(person_id=person_id, site_id=site_id, kind=kind, **{"confirmed": True} | told)
    again: dict[str, Any] = {name: value for name, value in told.items() if name != "language" or value is not None}
    # A new address is proven by nothing yet.
    proven = Representative.email_proven & (Representative.email_index == told["email_index"])
    again |= {"email_proven": func.coalesce(proven, False), "version": Representative.version + 1}
    saved = new.on_conflict_do_update(index_elements=["person_id", "site_id", "kind"], set_=again)
    found = session.scalars(
        select(Representative).from_statement(saved.returning(Representative)),
        execution_options={"populate_existing": True},
    )
    return found.one()


def as_stored(data: PersonalData, body: RepresentativeBody) -> dict[str, Any]:
    """What was said of whoever speaks for somebody, as columns."""
    return {
        "name": data.encrypt(body.name),
        "phone": data.encrypt(body.phone) if body.phone else None,
        "email": data.encrypt(body.email) if body.email else None,
        "email_index": data.contact_index("email", body.email) if body.email else None,
        "identity_hash": known_again(data, body.name, body.phone, body.email),
        "relation": body.relation,
        "language": body.language,
        "encrypted_with": data.newest_key,
    }


def known_again(data: PersonalData, name: str, phone: str | None, email: str | None) -> bytes:
    """The keyed hash by which a guardian is known again in the consents that they gave: of the name and one contact."""
    return data.identity("phone", phone, name) if phone else data.identity("email", email or "", name)


def find_representative(session: Session, site_id: UUID, person_id: UUID, kind: Kind) -> Representative:
    """Who speaks for the person. Raises 404."""
    found = representative_or_none(session, site_id, person_id, kind)
    if found is None:
        raise not_found("监护人或代办人", "guardian or helper")
    return found


def representative_or_none(session: Session, site_id: UUID, person_id: UUID, kind: Kind) -> Representative | None:
    """Who speaks for the person, where anybody does. Raises 404 for a person whom the site does not know."""
    person_id = told_by(session, site_id, person_id).person_id
    query = select(Representative).where(
        Representative.person_id == person_id, Representative.site_id == site_id, Representative.kind == kind
    )
    return session.scalars(query).one_or_none()


def describe_representative(data: PersonalData, found: Representative) -> RepresentativeAnswer:
    """As the site told it."""
    return RepresentativeAnswer(
        kind=found.kind,
        name=data.shown(found.name),
        relation=found.relation,
        phone=data.readable(found.phone),
        email=data.readable(found.email),
        language=found.language,
        confirmed=found.confirmed,
        version=found.version,
    )


def ask_guardian(
    session: Session, data: PersonalData, site_id: UUID, person_id: UUID, activity_id: UUID | None = None
) -> Link:
    """Mail the guardian a link under which to consent, and read of the activity that it is for. Raises 404 without a
    guardian, 409 without their e-mail and once the child is 18."""
    guardian = find_representative(session, site_id, person_id, "guardian")
    if has_grown_up(data, told_by(session, site_id, person_id), day_at_site(session, site_id)):
        raise conflict(
            "此人已满 18 周岁，由本人决定，不再询问监护人。",
            "This person is 18 and decides alone: no guardian is asked any more.",
        )
    if guardian.email is None:
        raise conflict(
            "监护人没有电子邮件，请当面、电话或书面确认后登记同意。",
            "The guardian has no e-mail. Ask them at the desk, by phone or on paper, and enter the consent.",
        )
    return _mail(session, guardian, activity_id)


def ask_guardian_by_mail(session: Session, site_id: UUID, person_id: UUID, activity_id: UUID | None = None) -> None:
    """The same where there is a guardian with an e-mail; else nothing."""
    guardian = representative_or_none(session, site_id, person_id, "guardian")
    if guardian is not None and guardian.email is not None:
        _mail(session, guardian, activity_id)


def _mail(session: Session, guardian: Representative, activity_id: UUID | None) -> Link:
    return issue_link(
        session,
        CONSENT_PURPOSE,
        guardian.site_id,
        person_id=guardian.person_id,
        subject=guardian.id,
        activity_id=activity_id,
        hours=CONSENT_HOURS,
    )
