"""Whom a link is for, at the moment of asking: who reads it is who is on record then.

RECIPIENTS["guardian_consent"] = find_guardian      # instead of the person or member of staff of the link
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.registration.models import Link, Representative, Staff
from services.registration.operations.people.identity import person_now
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
    if link.person_id is None:
        return None
    guardian = session.scalars(
        select(Representative).where(
            Representative.person_id == person_now(session, link.person_id),
            Representative.site_id == link.site_id,
            Representative.kind == "guardian",
        )
    ).one_or_none()
    if guardian is None:
        return None
    return _recipient(data, guardian.name, guardian.email, guardian.phone, guardian.language)


def _recipient(data: PersonalData, name: bytes, email: bytes | None, phone: bytes | None, language: str) -> Recipient:
    return Recipient(data.shown(name), data.readable(email), data.readable(phone), language)


def _former(session: Session, data: PersonalData, link: Link) -> Recipient | None:
    """Whoever had the address that stands on record no more."""
    now = _owner(session, data, link)
    return Recipient(now.name, data.readable(link.address), None, now.language) if now else None


ADDRESS_CHANGED = "address_changed"

RECIPIENTS: dict[str, Find] = {"guardian_consent": _guardian, ADDRESS_CHANGED: _former}
