"""What residents correct of themselves, at a site that their session reaches."""

from uuid import UUID

from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import Session

from services.common.errors import CONFLICT, Problem, Words, not_found
from services.registration.models import Certificate, PersonSite, ServiceRecord, Volunteer
from services.registration.operations import locked
from services.registration.operations.people.identity import across_sites, lock_identities, person_now
from services.registration.operations.people.own_registrations import LINK_HOURS, PURPOSE
from services.registration.operations.people.people import edit_person, lock_told
from services.registration.operations.people.proven_sites import Resident, proven_sites
from services.registration.operations.people.recipients import ADDRESS_CHANGED
from services.registration.operations.staff.links import issue_link
from services.registration.personal_data import PersonalData, plain_name
from services.registration.schemas.people import OwnEdit, PersonAnswer, PersonEdit

TOLD_HOURS = 72
"""How long the old address may be told: a mail that comes later helps nobody."""
NAME_ON_RECORD = Words(
    "有志愿服务记录的人，姓名会写在服务证明上，不能在网上更改；请带证件到站点更正。",
    "The name of whoever served as a volunteer stands on certificates and is not changed online. Please come to the"
    " site with a document.",
)


def edit_own(session: Session, data: PersonalData, resident: Resident, site_id: UUID, body: OwnEdit) -> PersonAnswer:
    """Correct what a site was told. Raises 404 for a site out of reach, 409 where the site has to be asked.

    A new address is mailed a link, and the old one is told. Before the link was opened, no session reaches what was
    told with the new address, and nobody is taken for this person by it.
    """
    edit = PersonEdit(**body.model_dump(exclude_unset=True))
    # First the lock: whoever changed the address meanwhile may have taken the site out of this session's reach.
    told = lock_told(session, data, site_id, resident.person_id, edit)
    if site_id not in proven_sites(session, resident):
        raise not_found("这个站点", "site")
    renamed = "name" in body.model_fields_set and plain_name(body.name) != plain_name(data.decrypt(told.name))
    if renamed and _has_served(session, told.person_id):
        raise Problem(CONFLICT, NAME_ON_RECORD)
    address, written = told.email_index, told.email
    after = edit_person(session, data, site_id, told.person_id, edit, None, own=True)
    if told.email_index != address:
        if told.email_index is not None:
            issue_link(session, PURPOSE, site_id, person_id=told.person_id, hours=LINK_HOURS)
        if written is not None:
            who = told.person_id
            issue_link(session, ADDRESS_CHANGED, site_id, person_id=who, address=written, hours=TOLD_HOURS)
    return after


def _has_served(session: Session, person_id: UUID) -> bool:
    """Whether they are a volunteer, or hours or a certificate stand under their name, at whichever site."""
    with across_sites(session):
        people = select(func.persons_of(person_id))
        return any(
            session.scalar(select(exists().where(table.person_id.in_(people))))
            for table in (Volunteer, ServiceRecord, Certificate)
        )


def prove_address(session: Session, data: PersonalData, person_id: UUID, address: bytes) -> None:
    """A link that was mailed to this address was opened: from now on the person is found by it, unless somebody else
    is. Sees across sites."""
    person_id = person_now(session, person_id)
    query = select(PersonSite).where(
        PersonSite.person_id == person_id, PersonSite.email_index == address, PersonSite.email_hash.is_(None)
    )
    for told in session.scalars(query).all():
        identity = _identity(data, told)
        if identity is None:
            continue
        lock_identities(session, [identity])
        still = session.scalars(locked(query.where(PersonSite.site_id == told.site_id))).one_or_none()
        if still is None or _identity(data, still) != identity:
            continue  # corrected meanwhile: the link was not mailed to what stands there now
        holders = session.scalars(select(PersonSite.person_id).where(PersonSite.email_hash == identity)).all()
        if all(person_now(session, one) == person_id for one in holders):
            told.email_hash = identity


_PROVE_PLACES = text("""
UPDATE registrations AS r SET came_from = NULL FROM person_sites AS told
WHERE r.person_id = :person AND r.came_from IS NOT NULL AND r.status <> 'cancelled'
  AND told.person_id = r.person_id AND told.site_id = r.site_id AND told.email_index = :address
""")


def prove_places(session: Session, person_id: UUID, address: bytes) -> None:
    """A link that was mailed to this address was opened: places at the sites that were told it, which anybody may have
    taken online, are the person's own from now on. Sees across sites."""
    session.execute(_PROVE_PLACES, {"person": person_now(session, person_id), "address": address})


def _identity(data: PersonalData, told: PersonSite) -> bytes | None:
    email, name = data.readable(told.email), data.readable(told.name)
    return data.identity("email", email, name) if email and name else None
