"""Numbers of volunteers: their own, which says nothing, and the ID number, which few may read.

new_volunteer_number()                     # V, ten random digits, a check digit (ISO 7064 MOD 11,10)
"""

import secrets
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_10

from services.registration.models import Volunteer, VolunteerSite
from services.registration.operations import conflict, locked
from services.registration.operations.people.identity import across_sites

DIGITS = 10
"""With two million volunteers a random number is taken once in five thousand draws; the next draw then succeeds."""


def new_volunteer_number() -> str:
    """A fresh number, which the database may still refuse as taken."""
    digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    return f"V{digits}{mod_11_10.calc_check_digit(digits)}"


def normal_volunteer_number(written: str) -> str | None:
    """The number as it is stored, None when it is mistyped."""
    number = "".join(written.split()).upper()
    try:
        mod_11_10.validate(number.removeprefix("V"))
    except ValidationError:
        return None
    return number if len(number) == DIGITS + 2 and number.startswith("V") else None


def volunteer_of(session: Session, person_id: UUID, id_hash: bytes | None) -> Volunteer:
    """The person's volunteer row, made where there is none; locked. An ID number is added where there was none."""
    query = locked(select(Volunteer).where(Volunteer.person_id == person_id))
    while (volunteer := session.scalars(query).one_or_none()) is None:
        # Taken by another person's number or made meanwhile by another site: look again.
        session.execute(
            insert(Volunteer)
            .values(person_id=person_id, volunteer_number=new_volunteer_number())
            .on_conflict_do_nothing()
        )
    if id_hash is not None and volunteer.id_number_hash is None:
        volunteer.id_number_hash = id_hash
        session.flush()
    return volunteer


def claim_id_number(session: Session, person_id: UUID, id_hash: bytes) -> Volunteer:
    """Tie an ID number to a person, everywhere. Sees across sites. Raises 409 where it is somebody else's, or where
    the person has another."""
    volunteer = volunteer_of(session, person_id, None)
    holder = session.scalar(select(Volunteer.person_id).where(Volunteer.id_number_hash == id_hash))
    if holder not in (None, person_id) or volunteer.id_number_hash not in (None, id_hash):
        raise conflict(
            "此身份证号码已属于另一条记录，或与其他站点登记的号码不同；如是同一人，请合并重复记录。",
            "This ID number belongs to another record, or differs from what another site was told. If it is the"
            " same person, have the doubles merged.",
        )
    volunteer.id_number_hash = id_hash
    session.flush()
    return volunteer


def drop_id_number(session: Session, site_id: UUID, person_id: UUID) -> bool:
    """Delete the ID number at a site, and its hash when no other site has it. Returns whether there was one."""

    own = VolunteerSite.person_id == person_id
    found = session.scalars(locked(select(VolunteerSite).where(own, VolunteerSite.site_id == site_id))).one_or_none()
    if found is None or found.id_number is None:
        return False
    found.id_number = None
    found.version += 1
    session.flush()
    with across_sites(session):
        elsewhere = session.scalar(select(VolunteerSite.row).where(own, VolunteerSite.id_number.is_not(None)).limit(1))
        if elsewhere is None:
            session.execute(update(Volunteer).where(Volunteer.person_id == person_id).values(id_number_hash=None))
    return True
