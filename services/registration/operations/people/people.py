"""People as a site knows them: read, corrected; and contact details for who sends mail.

A person is one however many sites they go to, but what they told a site stays with that site.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.common.errors import CONFLICT, Problem, Words, invalid, not_found
from services.common.logs import get_logger
from services.registration.models import Person, PersonSite, Representative
from services.registration.operations import Versions, check_version, locked
from services.registration.operations.people.identity import Known as Identified
from services.registration.operations.people.identity import (
    across_sites,
    days_at_sites,
    has_grown_up,
    identity_hashes,
    lock_identities,
    person_now,
)
from services.registration.operations.people.minors_shown import shown, shown_of
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import Contact, GuardianContact, Known, PersonAnswer, PersonEdit

log = get_logger(__name__)

Place = tuple[UUID, UUID]
"""Person and site."""

ENCRYPTED = ("name", "phone", "email", "birth_date")
IDENTITIES = ("phone_hash", "email_hash")

TAKEN = Words(
    "已有另一个人用这个姓名和联系方式登记。如果是同一个人，请合并重复的人员。",
    "Somebody else is known by this name and contact. If they are one person, merge the two.",
)
ASK_THE_SITE = Words(
    "这项更正不能在网上办理，请带证件到站点，或给站点打电话。",
    "This cannot be corrected online. Please come to the site with a document, or call.",
)


def find_person(session: Session, data: PersonalData, site_id: UUID, person_id: UUID) -> PersonAnswer:
    """A person as this site knows them. Raises 404."""
    answer = _describe(session, data, told_by(session, site_id, person_id))
    shown(session, site_id, answer.id, answer.birth_date)
    return answer


def told_by(session: Session, site_id: UUID, person_id: UUID) -> PersonSite:
    """What the site was told by this person, or by whom they were merged into. Raises 404."""
    told = session.get(PersonSite, (person_now(session, person_id), site_id))
    if told is None:
        raise not_found("这个人", "person")
    return told


def edit_person(
    session: Session,
    data: PersonalData,
    site_id: UUID,
    person_id: UUID,
    body: PersonEdit,
    expected: Versions,
    own: bool = False,
) -> PersonAnswer:
    """Correct what this site was told. By what the person is found there follows; raises 409 where somebody else is
    found by that already. An address that somebody sets of their `own` finds nobody before it is proven, whoever
    corrects something else meanwhile.
    """
    told, changes = lock_told(session, data, site_id, person_id, body), body.model_dump(exclude_unset=True)
    check_version(told.version, expected)
    for stored in (told.name, told.phone, told.email, told.birth_date):
        if stored:
            data.decrypt(stored)  # raises: the hashes follow from all of it
    before = _describe(session, data, told)
    after = before.model_copy(update=changes)
    if after == before:
        return before
    if after.phone is None and after.email is None:
        raise invalid("phone", Words("电话和电子邮件至少保留一项。", "A phone or an email must remain."))
    hashes = _hashes(data, after)
    unproven = own if after.email != before.email else told.email_hash is None
    if unproven:
        hashes["email_hash"] = None
    _check_free(session, told, hashes, ASK_THE_SITE if own else TAKEN)
    for name in changes:
        value = getattr(after, name)
        setattr(told, name, _encrypted(data, value) if name in ENCRYPTED else value)
    for name, value in hashes.items():
        setattr(told, name, value)
    if told.encrypted_with != data.newest_key:
        told.encrypted_with = ""
    told.version += 1
    session.flush()
    return _describe(session, data, told)


def lock_told(session: Session, data: PersonalData, site_id: UUID, person_id: UUID, body: PersonEdit) -> PersonSite:
    """What the site was told, locked, with the identities that this edit leads to. Raises 404; 412 where it leads to
    others by now, because somebody else corrected the name or a contact meanwhile."""
    told, changes = told_by(session, site_id, person_id), body.model_dump(exclude_unset=True)

    def identities() -> set[bytes]:
        return {one for one in _hashes(data, _describe(session, data, told).model_copy(update=changes)).values() if one}

    # Identities before details: the order in which sign-ups lock.
    seen, held = told.version, identities()
    lock_identities(session, sorted(held))
    query = select(PersonSite).where(PersonSite.person_id == told.person_id, PersonSite.site_id == site_id)
    if session.scalars(locked(query)).one_or_none() is None:
        raise not_found("这个人", "person")
    if not identities() <= held:
        check_version(told.version, {seen})
    return told


def keeps_email(
    session: Session, data: PersonalData, site_id: UUID, known: Identified, email: str | None, replace: bool
) -> bool:
    """Whether another e-mail than this stays on record: it does until somebody said that this one is right."""
    if known.other_email and replace:
        edit_person(session, data, site_id, known.person_id, PersonEdit(email=email), None)
    return known.other_email and not replace


def _check_free(session: Session, told: PersonSite, hashes: dict[str, bytes | None], taken: Words) -> None:
    """Raise 409 where somebody else, at any site, is found by one of these: they would become one from then on."""
    new = [name for name in IDENTITIES if hashes[name] and hashes[name] != getattr(told, name)]
    if not new:
        return
    given = [getattr(PersonSite, name) == hashes[name] for name in new]
    with across_sites(session):
        holders = session.scalars(select(PersonSite.person_id).where(or_(*given))).all()
        if any(person_now(session, one) != told.person_id for one in set(holders)):
            raise Problem(CONFLICT, taken)


def contacts(session: Session, data: PersonalData, people: Sequence[Known]) -> list[Contact]:
    """How to reach these people, as they told the sites; whoever is not known there is left out."""
    return _contacts(session, data, people, Representative.confirmed)


def with_guardians(session: Session, data: PersonalData, found: Sequence[Contact]) -> list[Contact]:
    """The same for whoever is sent news, with the guardian who agreed by mail where nobody else reads any: they get a
    copy, and no link to what the child has. A minor who reads mail has the guardian beside."""
    unreached = [Known(person_id=one.person_id, site_id=one.site_id) for one in found if one.email is None]
    told = _contacts(session, data, unreached, Representative.email_proven) if unreached else []
    emails = {(one.person_id, one.site_id): one.email for one in told}
    guardians = _guardians(session, data, [one for one in found if one.email])
    return [
        one.model_copy(
            update={
                "email": one.email or emails.get((one.person_id, one.site_id)),
                "guardian": guardians.get((one.person_id, one.site_id)),
            }
        )
        for one in found
    ]


def _guardians(session: Session, data: PersonalData, found: Sequence[Contact]) -> dict[Place, GuardianContact]:
    """The guardians of the minors among these, who read mail elsewhere and are known to: confirmed by staff, or by the
    link that was mailed to them."""
    now = _who_they_are(session, [one.person_id for one in found])
    place = tuple_(Representative.person_id, Representative.site_id)
    wanted = {(now[one.person_id], one.site_id) for one in found if one.person_id in now}
    known = Representative.confirmed | Representative.email_proven
    query = select(Representative).where(place.in_(wanted), Representative.kind == "guardian", known)
    rows = session.scalars(query.where(Representative.email.is_not(None))).all() if wanted else []
    today = days_at_sites(session, {row.site_id for row in rows})
    of_minors = {}
    for row in rows:
        child = session.get(PersonSite, (row.person_id, row.site_id))
        reads_mail = child is not None and child.email is not None and child.email_index != row.email_index
        if child and reads_mail and not has_grown_up(data, child, today[row.site_id]):
            told = GuardianContact(email=data.shown(row.email or b""), language=row.language)
            of_minors[row.person_id, row.site_id] = told
    return {
        (one.person_id, one.site_id): of_minors[now[one.person_id], one.site_id]
        for one in found
        if (now.get(one.person_id), one.site_id) in of_minors
    }


def _who_they_are(session: Session, people: Sequence[UUID]) -> dict[UUID, UUID]:
    """A message may be about somebody who was merged meanwhile."""
    query = select(Person.id, Person.merged_into).where(Person.id.in_(people))
    return {row.id: row.merged_into or row.id for row in session.execute(query)}


def _contacts(
    session: Session, data: PersonalData, people: Sequence[Known], speaks: InstrumentedAttribute[bool]
) -> list[Contact]:
    now = _who_they_are(session, [one.person_id for one in people])
    place = tuple_(PersonSite.person_id, PersonSite.site_id)
    wanted = {(now[one.person_id], one.site_id) for one in people if one.person_id in now}
    found = session.scalars(select(PersonSite).where(place.in_(wanted)))
    rows = {(told.person_id, told.site_id): told for told in found}
    without = {where: told for where, told in rows.items() if told.email is None}
    addresses, phones = _representatives(session, data, without, speaks)
    return [
        Contact(
            person_id=one.person_id,
            site_id=one.site_id,
            name=data.shown(told.name),
            email=data.readable(told.email) or addresses.get((told.person_id, told.site_id)),
            phone=data.readable(told.phone) or phones.get((told.person_id, told.site_id)),
            language=told.language,
        )
        for one in people
        if (told := rows.get((now.get(one.person_id, one.person_id), one.site_id))) is not None
    ]


def told_names(session: Session, data: PersonalData, people: Sequence[Place]) -> dict[UUID, str]:
    """The names that these people told these sites, by person, for staff; that minors were shown is on record."""
    wanted = tuple_(PersonSite.person_id, PersonSite.site_id).in_(people)
    told = session.scalars(select(PersonSite).where(wanted)).all() if people else []
    shown_of(session, data, told)
    return {one.person_id: data.shown(one.name) for one in told}


def _representatives(
    session: Session, data: PersonalData, people: Mapping[Place, PersonSite], speaks: InstrumentedAttribute[bool]
) -> tuple[dict[Place, str], dict[Place, str]]:
    """Where messages go for who has no e-mail, by address and by phone: to the helper, else to a minor's guardian. The
    trigger `must_be_called` has whom no address reaches called."""
    place = tuple_(Representative.person_id, Representative.site_id)
    query = select(Representative).where(place.in_(list(people)), speaks)
    # A guardian first, so that a helper takes the place.
    rows = session.scalars(query.order_by(Representative.kind)).all() if people else ()
    today = days_at_sites(session, {row.site_id for row in rows})
    speaking = [
        row
        for row in rows
        if row.kind != "guardian" or not has_grown_up(data, people[row.person_id, row.site_id], today[row.site_id])
    ]
    emails = {(row.person_id, row.site_id): email for row in speaking if (email := data.readable(row.email))}
    phones = {(row.person_id, row.site_id): phone for row in speaking if (phone := data.readable(row.phone))}
    return emails, phones


def _describe(session: Session, data: PersonalData, told: PersonSite) -> PersonAnswer:
    born = data.readable(told.birth_date)
    return PersonAnswer(
        id=told.person_id,
        number=session.scalars(select(Person.number).where(Person.id == told.person_id)).one(),
        name=data.shown(told.name),
        phone=data.readable(told.phone),
        email=data.readable(told.email),
        birth_date=date.fromisoformat(born) if born else None,
        language=told.language,
        version=told.version,
    )


def _hashes(data: PersonalData, person: PersonAnswer) -> dict[str, bytes | None]:
    return identity_hashes(data, person.name, person.phone, person.email)


def _encrypted(data: PersonalData, value: str | date | None) -> bytes | None:
    return None if value is None else data.encrypt(str(value))
