"""A resident's own registrations, and the link by which they get to them without a password."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from services.common.errors import not_found
from services.common.events import CancelReason
from services.registration.models import Activity, PersonSite, Registration, Shift, Site
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.proven_sites import Resident, proven_sites, theirs
from services.registration.operations.seats.offers import accept_offer, decline_offer, resize_party
from services.registration.operations.seats.registrations import cancel_registration, describe_registrations
from services.registration.operations.staff.links import issue_link
from services.registration.personal_data import PersonalData, plain_name
from services.registration.schemas.public import LinkRequest, SwapRequest
from services.registration.schemas.registrations import RegistrationAnswer

PURPOSE = "my_registrations"
LINK_HOURS = 2
MOST_PAST = 50
MOST_AHEAD = 200


@dataclass(frozen=True)
class Own:
    """One of a resident's registrations with what it is for. `can_change` until the shift starts."""

    registration: RegistrationAnswer
    shift: Shift
    activity: Activity
    site: Site
    can_change: bool


def own_registrations(session: Session, resident: Resident) -> tuple[list[Own], list[Own]]:
    """What lies ahead, soonest first, and what is past or cancelled, newest first.

    At the sites whose mails the resident has shown to read (`proven_sites.py`).
    """
    of_person = theirs(session, resident, Registration)
    ahead = (Registration.status != "cancelled") & (Shift.ends_at > func.now())
    return (
        _own(session, of_person & ahead, Shift.starts_at, MOST_AHEAD),
        _own(session, of_person & ~ahead, Shift.starts_at.desc(), MOST_PAST),
    )


def own_registration(session: Session, resident: Resident, registration_id: UUID) -> Own:
    """One of a person's registrations. Raises 404 for anybody else's."""
    this = theirs(session, resident, Registration) & (Registration.id == registration_id)
    found = _own(session, this, Shift.starts_at, 1)
    if not found:
        raise not_found("这个报名", "registration")
    return found[0]


def cancel_own(session: Session, resident: Resident, registration_id: UUID) -> Registration:
    """Give one's own place back. Raises 404 for anybody else's."""
    own_registration(session, resident, registration_id)
    return cancel_registration(session, registration_id, CancelReason.PERSON)


def accept_own(
    session: Session, data: PersonalData, resident: Resident, registration_id: UUID, instead_of: bool = True
) -> Registration:
    """Take the place that was offered; one at the same time is given up, as the mail said. Raises 404, 409.

    One at another site only where the session reaches that too.
    """
    own_registration(session, resident, registration_id)
    sites = proven_sites(session, resident) if instead_of else []
    return accept_offer(session, data, registration_id, instead_of, sites)


def decline_own(session: Session, resident: Resident, registration_id: UUID) -> Registration:
    """Leave it to who is next. Raises 404, 409."""
    own_registration(session, resident, registration_id)
    return decline_offer(session, registration_id)


def resize_own(session: Session, resident: Resident, registration_id: UUID, party_size: int) -> Registration:
    """Change how many come. Raises 404, 409, 422."""
    own_registration(session, resident, registration_id)
    return resize_party(session, registration_id, party_size, None)


def mail_link(session: Session, data: PersonalData, body: LinkRequest) -> None:
    """Mail a link to whoever is known by this name and contact; to nobody where nobody is.

    It goes to an address that a site was told, never to one that was typed in for this.
    """
    told = told_of(session, data, body)
    if told is not None:
        person_id = person_now(session, told.person_id)
        issue_link(session, PURPOSE, told.site_id, person_id=person_id, hours=LINK_HOURS)


def mail_own_link(session: Session, resident: Resident) -> None:
    """Mail whoever is in already a link that opens more than the one they came by."""
    site_id = proven_sites(session, resident)[0]
    issue_link(session, PURPOSE, site_id, person_id=person_now(session, resident.person_id), hours=LINK_HOURS)


def told_of(
    session: Session, data: PersonalData, body: LinkRequest | SwapRequest, *conditions: ColumnElement[bool]
) -> PersonSite | None:
    """Who is known by this name and contact: where there is an address, and of these where they were last."""
    identity = data.identity("phone" if body.phone else "email", body.contact, body.name)
    column = PersonSite.phone_hash if body.phone else PersonSite.email_hash
    order = PersonSite.email.is_(None), PersonSite.created_at.desc()
    found = session.scalars(select(PersonSite).where(column == identity, *conditions).order_by(*order).limit(1)).first()
    return found or (_unproven(session, data, body, *conditions) if body.email else None)


def _unproven(
    session: Session, data: PersonalData, body: LinkRequest | SwapRequest, *conditions: ColumnElement[bool]
) -> PersonSite | None:
    """Who wrote this address themselves and has not opened the link that was sent there: they may ask for another."""
    index = data.contact_index("email", body.contact)
    query = select(PersonSite).where(PersonSite.email_index == index, PersonSite.email_hash.is_(None), *conditions)
    rows = session.scalars(query.order_by(PersonSite.created_at.desc()))
    return next((one for one in rows if plain_name(data.readable(one.name) or "") == plain_name(body.name)), None)


def _own(session: Session, condition: ColumnElement[bool], order: Any, most: int) -> list[Own]:
    query = (
        select(Registration, Shift, Activity, Site, Shift.starts_at > func.now())
        .join(Shift, Shift.id == Registration.shift_id)
        .join(Activity, Activity.id == Registration.activity_id)
        .join(Site, Site.id == Registration.site_id)
        .where(condition)
        .order_by(order, Registration.position)
        .limit(most)
    )
    rows: Sequence[tuple[Registration, Shift, Activity, Site, bool]] = [tuple(row) for row in session.execute(query)]  # type: ignore[misc]
    described = {one.id: one for one in describe_registrations(session, [row[0] for row in rows])}
    return [
        Own(
            described[registration.id],
            shift,
            activity,
            site,
            registration.status != "cancelled" and registration.outcome is None and is_ahead,
        )
        for registration, shift, activity, site, is_ahead in rows
    ]
