"""People whom a site knows: read, corrected; and contact details for who sends mail."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid, not_found
from services.registration.models import Person, PersonIdentity
from services.registration.operations import Versions, check_version, locked
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import Contact, PersonAnswer, PersonEdit

ENCRYPTED = ("name", "phone", "email", "birth_date")


def find_person(session: Session, data: PersonalData, person_id: UUID) -> PersonAnswer:
    """A person whom the caller's site knows. Raises 404."""
    person = session.get(Person, person_id)
    if person is None:
        raise not_found("这个人", "person")
    return _describe(data, person)


def edit_person(
    session: Session, data: PersonalData, person_id: UUID, body: PersonEdit, expected: Versions
) -> PersonAnswer:
    """Correct a person's details. What they are found by follows."""
    known = find_person(session, data, person_id)
    changes = body.model_dump(exclude_unset=True)
    # Identities before the person: the order in which sign-ups lock.
    _lock_identities(session, _identities(data, {**known.model_dump(), **changes}))
    person = session.scalars(locked(select(Person).where(Person.id == person_id))).one()
    check_version(person.version, expected)
    before = _describe(data, person)
    after = before.model_copy(update=changes)
    if after == before:
        return before
    if after.phone is None and after.email is None:
        raise invalid("phone", Words("电话和电子邮件至少保留一项。", "A phone or an email must remain."))
    for name in changes:
        value = getattr(after, name)
        setattr(person, name, _encrypted(data, value) if name in ENCRYPTED else value)
    person.version += 1
    session.execute(delete(PersonIdentity).where(PersonIdentity.person_id == person_id))
    for identity in _identities(data, after.model_dump()):
        # Somebody else may have these details: then the look-up stays with them.
        session.execute(insert(PersonIdentity).values(hash=identity, person_id=person_id).on_conflict_do_nothing())
    session.flush()
    return _describe(data, person)


def contacts(session: Session, data: PersonalData, person_ids: Sequence[UUID]) -> list[Contact]:
    """How to reach these people; whoever is not known is left out."""
    people = session.scalars(select(Person).where(Person.id.in_(set(person_ids)))).all()
    return [
        Contact(
            person_id=person.id,
            name=data.decrypt(person.name),
            email=_decrypted(data, person.email),
            phone=_decrypted(data, person.phone),
            language=person.language,
        )
        for person in people
    ]


def renew_encryption(session: Session, data: PersonalData, after: int, limit: int = 500) -> int | None:
    """Encrypt with the newest key the people whose number follows `after`; returns the last number, None at the end."""
    query = select(Person).where(Person.number > after).order_by(Person.number).limit(limit)
    people = session.scalars(locked(query)).all()
    for person in people:
        for name in ENCRYPTED:
            stored = getattr(person, name)
            if stored is not None:
                setattr(person, name, data.renew(stored))
    return people[-1].number if people else None


def _describe(data: PersonalData, person: Person) -> PersonAnswer:
    born = _decrypted(data, person.birth_date)
    return PersonAnswer(
        id=person.id,
        number=person.number,
        name=data.decrypt(person.name),
        phone=_decrypted(data, person.phone),
        email=_decrypted(data, person.email),
        birth_date=date.fromisoformat(born) if born else None,
        language=person.language,
        version=person.version,
    )


def _identities(data: PersonalData, details: dict[str, Any]) -> list[bytes]:
    found = [data.identity(kind, details[kind], details["name"]) for kind in ("phone", "email") if details[kind]]
    return sorted(found)


def _lock_identities(session: Session, identities: Sequence[bytes]) -> None:
    session.execute(
        text(
            "SELECT pg_advisory_xact_lock(lock) FROM (SELECT DISTINCT identity_lock(hash) AS lock"
            " FROM unnest(cast(:hashes AS bytea[])) AS hash ORDER BY lock OFFSET 0) AS ordered"
        ),
        {"hashes": list(identities)},
    )


def _encrypted(data: PersonalData, value: str | date | None) -> bytes | None:
    return None if value is None else data.encrypt(str(value))


def _decrypted(data: PersonalData, stored: bytes | None) -> str | None:
    return None if stored is None else data.decrypt(stored)
