"""Whom a link is for, at the moment of asking: who reads it is who is on record then.

RECIPIENTS["guardian_consent"] = find_guardian      # instead of the person or member of staff of the link
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import Words
from services.registration.models import Link, PersonSite, Representative, Staff
from services.registration.operations.people.identity import day_at_site, has_grown_up, person_now
from services.registration.operations.people.people import contacts
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import Known


@dataclass(frozen=True)
class Recipient:
    """Whom a link goes to. Nothing of it shows in a traceback."""

    name: str
    email: str | None
    phone: str | None
    language: str

    def __repr__(self) -> str:
        return "<recipient of a link>"


NO_GUARDIAN = Words(
    "您不再是登记的监护人，或孩子已满 18 周岁，不再由监护人决定。需要更正，请联系站点。",
    "You are no longer the guardian on record, or the child is 18 and decides alone. If that is wrong, ask the site.",
)

Find = Callable[[Session, PersonalData, Link], Recipient | None]


def recipient_of(session: Session, data: PersonalData, link: Link) -> Recipient | None:
    """Who is on record now as whom the link is for; None where that is nobody any more."""
    return RECIPIENTS.get(link.purpose, _owner)(session, data, link)


def address_of(session: Session, data: PersonalData, link: Link) -> bytes | None:
    """The keyed hash of the address at which they read mail, None where they read none."""
    recipient = recipient_of(session, data, link)
    return data.contact_index("email", recipient.email) if recipient and recipient.email else None


def _owner(session: Session, data: PersonalData, link: Link) -> Recipient | None:
    if link.staff_id is not None:
        staff = session.get(Staff, link.staff_id)
        usable = staff is not None and staff.disabled_at is None
        return _recipient(data, staff.name, staff.email, None, staff.language) if staff and usable else None
    if link.person_id is None or link.site_id is None:
        return None
    for known in contacts(session, data, [Known(person_id=link.person_id, site_id=link.site_id)]):
        return Recipient(known.name, known.email, known.phone, known.language)
    return None


def _guardian(session: Session, data: PersonalData, link: Link) -> Recipient | None:
    """Whoever is on record as the guardian, until the child is 18 where the site is."""
    if link.person_id is None or link.site_id is None:
        return None
    whose = person_now(session, link.person_id), link.site_id
    child = session.get(PersonSite, whose)
    guardian = session.scalars(
        select(Representative).where(
            Representative.person_id == whose[0],
            Representative.site_id == whose[1],
            Representative.kind == "guardian",
        )
    ).one_or_none()
    if child is None or guardian is None or has_grown_up(data, child, day_at_site(session, child.site_id)):
        return None
    return _recipient(data, guardian.name, guardian.email, guardian.phone, guardian.language)


def _recipient(data: PersonalData, name: bytes, email: bytes | None, phone: bytes | None, language: str) -> Recipient:
    return Recipient(data.shown(name), data.readable(email), data.readable(phone), language)


def _former(session: Session, data: PersonalData, link: Link) -> Recipient | None:
    """Whoever had the address that stands on record no more."""
    now = _owner(session, data, link)
    return Recipient(now.name, data.readable(link.address), None, now.language) if now else None


ADDRESS_CHANGED = "address_changed"

NO_LONGER = {"guardian_consent": NO_GUARDIAN}
"""What is said of a link that is for nobody any more, where the usual words would mislead."""

RECIPIENTS: dict[str, Find] = {"guardian_consent": _guardian, ADDRESS_CHANGED: _former}
