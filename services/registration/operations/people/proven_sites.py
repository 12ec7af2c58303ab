"""What a resident may see and act on: rows of theirs, at sites that were told the address which they showed to read.

    rows = select(Certificate).where(theirs(session, resident, Certificate))

A name and a phone number make somebody the same person at every site, and neighbours know both. Whoever signs a
neighbour up somewhere with an e-mail address of their own gets that site's links; so a link proves an address, and an
address opens only what was told with it. An address that a session itself puts on record opens nothing more: that does
a link which was sent there.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from services.common.errors import FORBIDDEN, Problem, Words
from services.registration.models import (
    Certificate,
    Consent,
    Objection,
    PersonSite,
    Registration,
    Representative,
    ServiceRecord,
    TeamMember,
)
from services.registration.operations.people.identity import across_sites, day_at_site, has_grown_up, person_now
from services.registration.personal_data import PersonalData


@dataclass(frozen=True)
class Resident:
    """Who is logged in, and the keyed hash of the address at which they read the link that let them in.

    `only` is the one site that is open to whoever came by a mail that may have been passed on.
    """

    data: PersonalData
    person_id: UUID
    address: bytes
    only: UUID | None = None


OfPerson = type[Certificate | Consent | Objection | Registration | ServiceRecord | TeamMember]
"""The tables whose rows are a person's, at a site."""


def proven_sites(session: Session, resident: Resident) -> list[UUID]:
    """The sites that were told this address, in order. Raises 403 where there are none."""
    sites = _sites(session, resident)
    if not sites:
        raise Problem(
            FORBIDDEN,
            Words("请通过站点发来的链接重新进入。", "Please come in again by a link that the site sent you."),
        )
    return sites


def reached_sites(session: Session, resident: Resident) -> list[UUID]:
    """The same, or none."""
    return _sites(session, resident)


def reaches(session: Session, resident: Resident, site_id: UUID) -> bool:
    """Whether the session opens what this site was told."""
    return site_id in _sites(session, resident)


def _sites(session: Session, resident: Resident) -> list[UUID]:
    with across_sites(session):
        query = select(PersonSite).where(PersonSite.person_id == person_now(session, resident.person_id))
        own = session.scalars(query.where(PersonSite.email_index == resident.address)).all()
        without = query.where(PersonSite.email_index.is_(None))
        helped = session.scalars(without.where(_represented(resident, "helper"))).all()
        guarded = session.scalars(without.where(_represented(resident, "guardian"))).all()
        minors = [told for told in guarded if not has_grown_up(resident.data, told, day_at_site(session, told.site_id))]
        found = {told.site_id for told in (*own, *helped, *minors)}
    return sorted((site for site in found if resident.only in (None, site)), key=str)


def _represented(resident: Resident, kind: str) -> ColumnElement[bool]:
    """Whether it is the address of somebody whom staff know to speak for a person who has none."""
    return exists().where(
        Representative.person_id == PersonSite.person_id,
        Representative.site_id == PersonSite.site_id,
        Representative.kind == kind,
        Representative.confirmed,
        Representative.email_index == resident.address,
    )


def persons(session: Session, resident: Resident) -> list[UUID]:
    """The ids under which the person's rows were written: their own, and those merged into it."""
    return list(session.scalars(select(func.persons_of(person_now(session, resident.person_id)))))


def theirs(session: Session, resident: Resident, table: OfPerson) -> ColumnElement[bool]:
    """Which rows of a table are this resident's, as far as their session reaches. Raises 403."""
    return table.person_id.in_(persons(session, resident)) & table.site_id.in_(proven_sites(session, resident))
