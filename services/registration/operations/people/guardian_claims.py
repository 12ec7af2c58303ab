"""Two forms name two guardians of one child: staff say who it is, and until then neither speaks for the other.

Anybody may name themselves the guardian of a child, online. Whom staff have not confirmed agrees to what their own form
asks for, and to nothing that another form asks for that names somebody else.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from services.common.errors import not_found
from services.registration.models import Consent, PersonSite, Representative
from services.registration.operations import locked
from services.registration.operations.people.consents import withdraw_consent
from services.registration.operations.people.erasure import lock_ahead
from services.registration.operations.people.people import told_by
from services.registration.operations.people.representatives import as_stored, ask_guardian_by_mail
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import RepresentativeBody, Rightful

OF_GUARDIAN = ("name", "phone", "email", "email_index", "identity_hash", "relation", "language", "encrypted_with")


def is_rival(session: Session, data: PersonalData, site_id: UUID, person_id: UUID, email: str) -> bool:
    """Whether a guardian with this address is another than the one on record, whom nobody has confirmed."""
    guardian = _of_kind(session, site_id, person_id, "guardian")
    if guardian is None or guardian.confirmed:
        return False
    return guardian.email_index != data.contact_index("email", email)


def note_claim(session: Session, data: PersonalData, site_id: UUID, person_id: UUID, body: RepresentativeBody) -> None:
    """Keep for staff whom another form named. The first of these stays: nobody hides a claim behind a later one."""
    told = as_stored(data, body)
    new = insert(Representative).values(person_id=person_id, site_id=site_id, kind="claimant", confirmed=False, **told)
    session.execute(new.on_conflict_do_nothing(index_elements=["person_id", "site_id", "kind"]))


def find_claim(session: Session, site_id: UUID, person_id: UUID) -> Representative | None:
    """Whom another form named, where there is such a claim. Raises 404 for somebody whom the site does not know."""
    return _of_kind(session, site_id, told_by(session, site_id, person_id).person_id, "claimant")


def children_claimed(session: Session, site_id: UUID, most: int) -> Sequence[PersonSite]:
    """Children of whom two guardians were named, the longest waiting first."""
    here = PersonSite.site_id == site_id, PersonSite.person_id.in_(_claimed(site_id))
    return session.scalars(select(PersonSite).where(*here).order_by(PersonSite.created_at).limit(most)).all()


def count_claims(session: Session, site_id: UUID) -> int:
    """How many children that is."""
    return session.scalar(select(func.count()).select_from(_claimed(site_id).subquery())) or 0


def _claimed(site_id: UUID) -> Select[UUID]:
    """Of whom there is a claim, and no guardian whom staff have confirmed meanwhile."""
    first = aliased(Representative)
    of_site = first.site_id == site_id, first.kind == "guardian", ~first.confirmed
    unsettled = exists().where(first.person_id == Representative.person_id, *of_site)
    claims = Representative.site_id == site_id, Representative.kind == "claimant"
    return select(Representative.person_id).where(*claims, unsettled)


def confirm_guardian(session: Session, site_id: UUID, person_id: UUID, rightful: Rightful, by: str) -> Representative:
    """Staff made sure who the guardian is. Where it is the claimant, what the other agreed to is withdrawn, with what
    rests on it, and the guardian is asked. Raises 404."""
    person_id = told_by(session, site_id, person_id).person_id
    if rightful == "claimant":
        lock_ahead(session, person_id)  # what is withdrawn may be two consents: no shift is locked after the person
    guardian = _of_kind(session, site_id, person_id, "guardian")
    claimant = _of_kind(session, site_id, person_id, "claimant")
    if guardian is None or (rightful == "claimant" and claimant is None):
        raise not_found("监护人", "guardian")
    if rightful == "claimant" and claimant is not None:
        _withdraw_of(session, guardian, by)
        for name in OF_GUARDIAN:
            setattr(guardian, name, getattr(claimant, name))
        guardian.email_proven = False
    guardian.confirmed = True
    guardian.version += 1
    session.execute(delete(Representative).where(Representative.id == (claimant.id if claimant else None)))
    session.flush()
    if rightful == "claimant":
        ask_guardian_by_mail(session, site_id, person_id)
    return guardian


def _withdraw_of(session: Session, guardian: Representative, by: str) -> None:
    given = select(Consent.id).where(
        Consent.representative_id == guardian.id,
        Consent.guardian_hash == guardian.identity_hash,
        Consent.withdrawn_at.is_(None),
    )
    for consent_id in session.scalars(given).all():
        withdraw_consent(session, consent_id, by)


def _of_kind(session: Session, site_id: UUID, person_id: UUID, kind: str) -> Representative | None:
    of_person = Representative.person_id == person_id, Representative.site_id == site_id
    query = select(Representative).where(*of_person, Representative.kind == kind)
    return session.scalars(locked(query) if kind == "claimant" else query).one_or_none()
