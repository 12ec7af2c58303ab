"""Links on their way into mails: where each leads, whom it is for, what it is about.

    ABOUT["team_invitation"] = name_of_team             # said in the mail's subject

Each subject's operations add their purposes. Whom a link is for: `recipients.py`.
"""

from collections.abc import Callable, Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.durations import duration
from services.common.errors import Words, called
from services.registration.models import (
    Activity,
    Booking,
    Certificate,
    Link,
    PersonSite,
    Registration,
    Room,
    ServiceRecord,
    Shift,
    Site,
    Team,
    Transfer,
)
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.recipients import recipient_of
from services.registration.operations.staff.links import Links
from services.registration.personal_data import PersonalData
from services.registration.schemas.links import AddressedLink

Describe = Callable[[Session, PersonalData, Link], Words | None]


def addressed(session: Session, data: PersonalData, links: Links, ids: Sequence[UUID]) -> list[AddressedLink]:
    """These links with whom they are for, oldest first. Left out are those that are over, or for nobody who is known.

    A link is good for whoever reads the address that it is mailed to, and over when that is no longer theirs.
    """
    good = select(Link).where(Link.id.in_(ids), Link.used_at.is_(None), Link.expires_at > func.now())
    found = []
    for link in session.scalars(good.order_by(Link.created_at, Link.id)):
        recipient = recipient_of(session, data, link)
        if recipient is None:
            continue
        link.address_index = data.contact_index("email", recipient.email) if recipient.email else None
        about = ABOUT.get(link.purpose, _nothing)(session, data, link) or Words("", "")
        found.append(
            AddressedLink(
                link_id=link.id, url=links.url(link.id), about_zh=about.zh, about_en=about.en, **vars(recipient)
            )
        )
    return found


def _nothing(session: Session, data: PersonalData, link: Link) -> Words | None:
    return None


def _activity_of_transfer(session: Session, data: PersonalData, link: Link) -> Words | None:
    title = (
        select(Activity.title_zh, Activity.title_en)
        .join(Shift, Shift.activity_id == Activity.id)
        .join(Registration, Registration.shift_id == Shift.id)
        .join(Transfer, Transfer.registration_id == Registration.id)
        .where(Transfer.id == link.subject)
    )
    row = session.execute(title).one_or_none()
    return called(row, "title") if row else None


def _team(session: Session, data: PersonalData, link: Link) -> Words | None:
    team = session.get(Team, link.subject) if link.subject else None
    return called(team) if team else None


def _room_answer(session: Session, data: PersonalData, link: Link) -> Words | None:
    booking = session.get(Booking, link.subject) if link.subject else None
    if booking is None:
        return None
    room, site = session.get_one(Room, booking.room_id), session.get_one(Site, booking.site_id)
    decided = ROOM_ANSWERS.get(booking.status, Words("", ""))
    begins, ends = (moment.astimezone(ZoneInfo(site.time_zone)) for moment in (booking.starts_at, booking.ends_at))
    when = f"{begins:%Y-%m-%d %H:%M}–{ends:%H:%M}"
    name = called(room)
    return Words(f"{name.zh} {when} {decided.zh}".strip(), f"{name.en}, {when} {decided.en}".strip())


def _child(session: Session, data: PersonalData, link: Link) -> Words | None:
    """Who would take part in what. The mail goes to whoever is on record as their guardian, and nobody keeps it."""
    child = session.get(PersonSite, (person_now(session, link.person_id), link.site_id)) if link.person_id else None
    if child is None:
        return None
    name, activity = data.shown(child.name), session.get(Activity, link.activity_id) if link.activity_id else None
    if activity is None:
        return Words(name, name)
    title = called(activity, "title")
    return Words(f"{name}参加“{title.zh}”", f"{name} in “{title.en}”")


def _hours(session: Session, data: PersonalData, link: Link) -> Words | None:
    record = session.get(ServiceRecord, link.subject) if link.subject else None
    before = session.get(ServiceRecord, record.corrects) if record and record.corrects else None
    if record is None or before is None:
        return None
    old, new = duration(before.minutes), duration(record.minutes)
    about = f"{record.day:%Y-%m-%d} {record.activity}"
    return Words(f"{about}：{old.zh} → {new.zh}", f"{about}: {old.en} → {new.en}")


def _certificate(session: Session, data: PersonalData, link: Link) -> Words | None:
    found = session.get(Certificate, link.subject) if link.subject else None
    if found is None:
        return None
    why = found.revoke_reason
    return Words(
        f"编号 {found.number}" + (f"，原因：{why}" if why else ""),
        f"No. {found.number}" + (f", reason: {why}" if why else ""),
    )


ROOM_ANSWERS = {
    "confirmed": Words("已批准", "was granted"),
    "declined": Words("没有批准", "was turned down"),
    "cancelled": Words("已取消", "was given up"),
}

ABOUT: dict[str, Describe] = {
    "hand_over": _activity_of_transfer,
    "team_invitation": _team,
    "room_answer": _room_answer,
    "guardian_consent": _child,
    "hours_changed": _hours,
    "certificate_revoked": _certificate,
}
