"""Who somebody is, at whichever site: found by keyed hashes, made when nobody has them yet, never twice.

    with across_sites(session):
        known = know(session, data, site_id, details)      # the person, and what this site was told

Sign-ups do the same in SQL, with the same locks (`migrations/versions/0004_sign_up.sql`).
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE
from services.common.errors import Words, invalid
from services.registration.models import Person, PersonSite, Volunteer
from services.registration.operations import conflict, locked
from services.registration.operations.people.minors_shown import ADULT, birth_date
from services.registration.personal_data import PersonalData, age_on, plain_name


@dataclass(frozen=True)
class Details:
    """What somebody says of themselves."""

    name: str
    phone: str | None
    email: str | None
    birth_date: date | None
    language: str | None
    """The site's where they did not say."""
    id_number: str | None = None


@dataclass(frozen=True)
class Known:
    """A person, and what a site was told of them; locked."""

    person_id: UUID
    is_new: bool
    """New to this site, whoever knows them elsewhere."""
    told: PersonSite
    other_email: bool
    """The site was told another e-mail before, and keeps it: mails go there."""


@contextmanager
def across_sites(session: Session) -> Iterator[None]:
    """See every site's rows for a while. Whatever is raised within must end the transaction."""
    before = session.scalar(text("SELECT current_setting('hesheng.site', true)"))
    _see(session, EVERY_SITE)
    yield
    session.flush()
    _see(session, before or "")


def _see(session: Session, scope: str) -> None:
    session.execute(text("SELECT set_config('hesheng.site', :scope, true)"), {"scope": scope})


def person_now(session: Session, person_id: UUID) -> UUID:
    """Who the person is by now: whom they were merged into, or themselves."""
    merged_into = session.scalar(select(Person.merged_into).where(Person.id == person_id))
    return merged_into or person_id


def know(session: Session, data: PersonalData, site_id: UUID, details: Details) -> Known:
    """The person with these details, new or known, and what the site was told, of which only gaps are filled.

    Sees across sites. The ID number decides before contact and name. Raises 409 where it belongs to another name, or
    the contact to somebody with another ID number; 422 where the site was told another birth date.
    """
    hashes = identity_hashes(data, details.name, details.phone, details.email)
    id_hash = data.id_number_hash(details.id_number) if details.id_number else None
    lock_identities(session, [value for value in (*hashes.values(), id_hash) if value])
    person_id = _find(session, data, hashes, id_hash, details.name)
    if person_id is None:
        person = Person()
        session.add(person)
        session.flush()
        person_id = person.id
    is_new = session.get(PersonSite, (person_id, site_id)) is None
    told = _tell(session, data, person_id, site_id, details)
    other_email = hashes["email_index"] is not None and hashes["email_index"] != told.email_index
    return Known(person_id, is_new, told, other_email)


def identity_hashes(data: PersonalData, name: str, phone: str | None, email: str | None) -> dict[str, bytes | None]:
    """By what a person is found again (`…_hash`), and by what the desk finds a contact (`…_index`)."""
    return {
        "phone_hash": data.identity("phone", phone, name) if phone else None,
        "email_hash": data.identity("email", email, name) if email else None,
        "phone_index": data.contact_index("phone", phone) if phone else None,
        "email_index": data.contact_index("email", email) if email else None,
    }


def lock_identities(session: Session, identities: Sequence[bytes]) -> None:
    """Wait for whoever brings one of these identities into the world."""
    session.execute(
        text(
            "SELECT pg_advisory_xact_lock(lock) FROM (SELECT DISTINCT identity_lock(hash) AS lock"
            " FROM unnest(cast(:hashes AS bytea[])) AS hash ORDER BY lock OFFSET 0) AS ordered"
        ),
        {"hashes": list(identities)},
    )


def _find(
    session: Session, data: PersonalData, hashes: dict[str, bytes | None], id_hash: bytes | None, name: str
) -> UUID | None:
    by_contact = _by_contact(session, hashes)
    if id_hash is None:
        return by_contact
    holder = session.scalar(select(Volunteer.person_id).where(Volunteer.id_number_hash == id_hash))
    if holder is None:
        if by_contact and session.scalar(select(Volunteer.id_number_hash).where(Volunteer.person_id == by_contact)):
            raise conflict(
                "此人已登记另一个身份证号码，请核对；如确需更正，请先更正志愿者资料。",
                "This person is registered with another ID number. Check it, or correct the volunteer's data first.",
            )
        return by_contact
    if not _is_named(session, data, holder, name):
        raise conflict(
            "此身份证号码已登记在另一个姓名下，请核对号码和姓名，或联系运营方。",
            "This ID number is registered under another name. Check both, or ask the operator.",
        )
    return person_now(session, holder)


def _by_contact(session: Session, hashes: dict[str, bytes | None]) -> UUID | None:
    """Whoever gave these details first, at any site."""
    for column in ("phone_hash", "email_hash"):
        value = hashes[column]
        found = value and session.scalar(
            select(PersonSite.person_id)
            .where(getattr(PersonSite, column) == value)
            .order_by(PersonSite.created_at)
            .limit(1)
        )
        if found:
            return person_now(session, found)
    return None


def _is_named(session: Session, data: PersonalData, person_id: UUID, name: str) -> bool:
    told = session.scalars(select(PersonSite.name).where(PersonSite.person_id == person_id)).all()
    return not told or plain_name(name) in {plain_name(data.decrypt(stored)) for stored in told}


def _tell(session: Session, data: PersonalData, person_id: UUID, site_id: UUID, details: Details) -> PersonSite:
    hashes = identity_hashes(data, details.name, details.phone, details.email)
    fresh: dict[str, bytes | None] = {
        "name": data.encrypt(details.name),
        "phone": data.encrypt(details.phone) if details.phone else None,
        "email": data.encrypt(details.email) if details.email else None,
        "birth_date": data.encrypt(details.birth_date.isoformat()) if details.birth_date else None,
    }
    row = {"person_id": person_id, "site_id": site_id, "language": details.language}
    session.execute(
        insert(PersonSite).values(**row, **fresh, **hashes, encrypted_with=data.newest_key).on_conflict_do_nothing()
    )
    query = select(PersonSite).where(PersonSite.person_id == person_id, PersonSite.site_id == site_id)
    told = session.scalars(locked(query)).one()
    born = data.decrypt(told.birth_date) if told.birth_date else None
    if born and details.birth_date and born != details.birth_date.isoformat():
        raise invalid(
            "birth_date",
            Words(
                "与本站点已有的出生日期不符；如有误，请先更正个人资料。",
                "is not what this site was told before. If that was wrong, correct the person's data first.",
            ),
        )
    _fill(data, told, fresh, hashes)
    return told


def _fill(
    data: PersonalData, told: PersonSite, fresh: dict[str, bytes | None], hashes: dict[str, bytes | None]
) -> None:
    """Fill gaps and overwrite nothing."""
    gaps = [name for name in ("phone", "email", "birth_date") if getattr(told, name) is None and fresh[name]]
    for name in gaps:
        setattr(told, name, fresh[name])
        if name != "birth_date":
            setattr(told, f"{name}_hash", hashes[f"{name}_hash"])
            setattr(told, f"{name}_index", hashes[f"{name}_index"])
    if gaps:
        told.version += 1
        if told.encrypted_with != data.newest_key:
            told.encrypted_with = ""


def day_at_site(session: Session, site_id: UUID) -> date:
    """Today, where the site is."""
    today = text("SELECT (now() AT TIME ZONE time_zone)::date FROM sites WHERE id = :site")
    day: date = session.execute(today, {"site": site_id}).scalar_one()
    return day


def days_at_sites(session: Session, site_ids: Collection[UUID]) -> dict[UUID, date]:
    """Today, where each of these sites is."""
    today = text("SELECT id, (now() AT TIME ZONE time_zone)::date AS day FROM sites WHERE id = ANY(:sites)")
    return {row.id: row.day for row in session.execute(today, {"sites": list(site_ids)})} if site_ids else {}


def age_at_site(session: Session, site_id: UUID, born: date) -> int:
    """Full years, today, where the site is."""
    return age_on(born, day_at_site(session, site_id))


def has_grown_up(data: PersonalData, told: PersonSite, today: date) -> bool:
    """Whether nobody is their guardian any more on this day, whoever stands on record."""
    born = birth_date(data, told.birth_date)
    return born is not None and age_on(born, today) >= ADULT


def is_somebody(session: Session, person_id: UUID) -> bool:
    """Whether there is such a person and they were not erased."""
    query = select(func.count()).where(Person.id == person_id, Person.erased_at.is_(None))
    return bool(session.scalar(query))
