"""Links on their way into mails: where each leads, whom it is for, what it is about.

    RECIPIENTS["guardian_consent"] = find_guardian      # instead of the person or member of staff of the link
    ABOUT["team_invitation"] = name_of_team             # said in the mail's subject

Each subject's operations add their purposes; whatever is not there goes to the person whom the link is of.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import Words
from services.registration.models import Activity, Link, Registration, Representative, Shift, Staff, Team, Transfer
from services.registration.operations.identity import person_now
from services.registration.operations.links import Links
from services.registration.operations.people import contacts
from services.registration.personal_data import PersonalData
from services.registration.schemas.links import AddressedLink
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
Describe = Callable[[Session, Link], Words | None]


def addressed(session: Session, data: PersonalData, links: Links, ids: Sequence[UUID]) -> list[AddressedLink]:
    """These links with whom they are for. Left out are those that are over, or for nobody who is known."""
    good = select(Link).where(Link.id.in_(ids), Link.used_at.is_(None), Link.expires_at > func.now())
    found = []
    for link in session.scalars(good):
        recipient = RECIPIENTS.get(link.purpose, _owner)(session, data, link)
        if recipient is None:
            continue
        about = ABOUT.get(link.purpose, _nothing)(session, link) or Words("", "")
        found.append(
            AddressedLink(
                link_id=link.id, url=links.url(link.id), about_zh=about.zh, about_en=about.en, **vars(recipient)
            )
        )
    return found


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


def _nothing(session: Session, link: Link) -> Words | None:
    return None


def _activity_of_transfer(session: Session, link: Link) -> Words | None:
    title = (
        select(Activity.title_zh, Activity.title_en)
        .join(Shift, Shift.activity_id == Activity.id)
        .join(Registration, Registration.shift_id == Shift.id)
        .join(Transfer, Transfer.registration_id == Registration.id)
        .where(Transfer.id == link.subject)
    )
    row = session.execute(title).one_or_none()
    return Words(row.title_zh or row.title_en, row.title_en or row.title_zh) if row else None


def _team(session: Session, link: Link) -> Words | None:
    team = session.get(Team, link.subject) if link.subject else None
    return Words(team.name_zh or team.name_en, team.name_en or team.name_zh) if team else None


RECIPIENTS: dict[str, Find] = {"guardian_consent": _guardian}
ABOUT: dict[str, Describe] = {"hand_over": _activity_of_transfer, "team_invitation": _team}
