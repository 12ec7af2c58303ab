"""Residents pass their own place on: to somebody they name, in exchange for another's, or by a link that they send.

Whether the site knows who was named is never told: what is asked of nobody looks the same to whoever asked, waits and
is taken back the same. The rules are those of `transfers.py`; the other person is mailed a link and decides.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from services.common.errors import Problem, Words, invalid, not_found
from services.registration.models import Link, PersonSite, Registration, Shift, Transfer
from services.registration.operations import conflict
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.own_registrations import Own, own_registration, told_of
from services.registration.operations.people.proven_sites import Resident, persons, proven_sites
from services.registration.operations.seats.seats import lock_shift
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.seats.transfers import (
    WAITS,
    ask_hand_over,
    ask_nobody,
    ask_swap,
    decide,
    withdraw,
)
from services.registration.operations.seats.verdicts import OVERLAP
from services.registration.operations.staff.links import over, use
from services.registration.personal_data import PersonalData
from services.registration.schemas.public import LinkRequest, SwapRequest

HAND_ON = "hand_on"
HAND_ON_DAYS = 7
MOST_SHIFTS = 50
ELSEWHERE_THEN = Words(
    "您在这段时间已有别的名额。请先取消那一个，再回来同意。",
    "You have another place at these hours. Cancel that one first, then come back and agree.",
)


def hand_over_own(
    session: Session, data: PersonalData, resident: Resident, registration_id: UUID, body: LinkRequest
) -> None:
    """Ask somebody by mail whether they take one's place over. Raises 404, 409."""
    own = own_registration(session, resident, registration_id)
    _hand_over(session, data, own.site.id, registration_id, body, f"person:{resident.person_id}")


def swap_own(
    session: Session, data: PersonalData, resident: Resident, registration_id: UUID, body: SwapRequest
) -> None:
    """Ask somebody by mail whether they exchange their place on another shift of the activity. Raises 404, 409, 422."""
    own = own_registration(session, resident, registration_id)
    if body.shift_id not in {shift.id for shift in shifts_to_swap(session, own)}:
        raise invalid("shift_id", Words("请选择本活动的另一场次。", "must be another shift of the activity."))
    other = _place_of(session, data, own, body)
    by = f"person:{resident.person_id}"
    if other is None:
        ask_nobody(session, registration_id, "swap", by)
    else:
        ask_swap(session, registration_id, other.id, by)


def shifts_to_swap(session: Session, own: Own) -> Sequence[Shift]:
    """The activity's other shifts that lie ahead, soonest first."""
    others = Shift.activity_id == own.activity.id, Shift.id != own.shift.id
    ahead = Shift.status == "open", Shift.starts_at > func.now()
    return session.scalars(select(Shift).where(*others, *ahead).order_by(Shift.starts_at).limit(MOST_SHIFTS)).all()


def make_hand_on(session: Session, resident: Resident, registration_id: UUID) -> Link:
    """A link for whoever shall have the place: the same until it is used. Raises 404, 409."""
    own = own_registration(session, resident, registration_id)
    if own.registration.status != "confirmed" or not own.can_change:
        raise conflict("只有已确认且未开始的名额可以转让。", "Only confirmed places on shifts ahead are passed on.")
    lock_shift(session, own.shift.id)
    link = hand_on_link(session, registration_id)
    if link is None:
        until = min(own.shift.starts_at, datetime.now(UTC) + timedelta(days=HAND_ON_DAYS))
        whose = {"site_id": own.site.id, "person_id": resident.person_id, "subject": registration_id}
        # Not by `issue_link`: nobody is mailed it.
        link = Link(purpose=HAND_ON, staff_id=None, expires_at=until, **whose)
        session.add(link)
        session.flush()
    return link


def hand_on_link(session: Session, registration_id: UUID) -> Link | None:
    """The open link by which a place is handed on."""
    open_one = Link.subject == registration_id, Link.used_at.is_(None), Link.expires_at > func.now()
    return session.scalars(select(Link).where(Link.purpose == HAND_ON, *open_one)).first()


def ask_by_link(session: Session, data: PersonalData, link: Link, body: LinkRequest) -> None:
    """Whoever was sent the link says who they are, once, and gets the mail that decides. Raises 410."""
    registration = session.get(Registration, link.subject) if link.subject else None
    if registration is None or registration.status != "confirmed" or link.site_id is None:
        raise over()
    if pending_transfer(session, registration.id) is None:
        _hand_over(session, data, link.site_id, registration.id, body, f"person:{registration.person_id}")
    use(link)


def withdraw_own(session: Session, resident: Resident, registration_id: UUID) -> None:
    """Take back what was asked of somebody else, and the link. Raises 404."""
    own_registration(session, resident, registration_id)
    link = hand_on_link(session, registration_id)
    if link is not None:
        use(link)
    asked = pending_transfer(session, registration_id)
    if asked is not None:
        withdraw(session, asked.id, f"person:{resident.person_id}")


def decide_own(session: Session, sign_ups: SignUps, resident: Resident, transfer_id: UUID, accept: bool) -> Transfer:
    """Take over the place that one was asked to take, or swap; or leave things as they are. Raises 404, 409.

    Nobody says of themselves that their guardian agreed: the consent is on file, or there is none.
    """
    check_asked(session, resident, transfer_id)
    return decide_to_taker(session, sign_ups, transfer_id, accept, f"person:{resident.person_id}")


def check_asked(session: Session, resident: Resident, transfer_id: UUID) -> None:
    """Raise 404 where it is not them who was asked."""
    if session.scalar(select(Transfer.id).where(Transfer.id == transfer_id, _to(session, resident))) is None:
        raise not_found("这个转让请求", "transfer")


def pending_transfer(session: Session, registration_id: UUID) -> Transfer | None:
    """What somebody else was asked about this place and has not answered."""
    query = select(Transfer).where(Transfer.registration_id == registration_id, WAITS)
    return session.scalars(query).one_or_none()


def was_refused(session: Session, registration_id: UUID) -> bool:
    """Whether the last whom a resident asked about this place said no."""
    query = select(Transfer.status).where(Transfer.registration_id == registration_id)
    return session.scalar(query.order_by(Transfer.position.desc()).limit(1)) == "declined"


def asked_of(session: Session, resident: Resident) -> Sequence[Transfer]:
    """What a resident was asked and has not answered, oldest first."""
    return session.scalars(select(Transfer).where(_to(session, resident), WAITS).order_by(Transfer.position)).all()


def _to(session: Session, resident: Resident) -> ColumnElement[bool]:
    sites = Transfer.site_id.in_(proven_sites(session, resident))
    return Transfer.to_person_id.in_(persons(session, resident)) & sites


def decide_to_taker(session: Session, sign_ups: SignUps, transfer_id: UUID, accept: bool, by: str) -> Transfer:
    """What the person says who was asked; where they are elsewhere then, they are told so, and not by an id."""
    try:
        return decide(session, sign_ups, transfer_id, accept, by, consent=False)
    except Problem as problem:
        if problem.kind is not OVERLAP:
            raise
        raise Problem(OVERLAP, ELSEWHERE_THEN) from None


def _hand_over(
    session: Session, data: PersonalData, site_id: UUID, registration_id: UUID, body: LinkRequest, by: str
) -> None:
    told = told_of(session, data, body, PersonSite.site_id == site_id)
    if told is None:
        ask_nobody(session, registration_id, "hand_over", by)
    else:
        ask_hand_over(session, registration_id, person_now(session, told.person_id), by)


def _place_of(session: Session, data: PersonalData, own: Own, body: SwapRequest) -> Registration | None:
    """The named person's place on that shift that could be exchanged; None where there is none, or nobody."""
    told = told_of(session, data, body, PersonSite.site_id == own.site.id)
    if told is None:
        return None
    person_id = person_now(session, told.person_id)
    if person_id == own.registration.person_id:
        raise invalid("name", Words("这是您本人。", "is yourself."))
    query = select(Registration).where(
        Registration.person_id == person_id,
        Registration.shift_id == body.shift_id,
        Registration.status == "confirmed",
        Registration.outcome.is_(None),
        Registration.party_size == own.registration.party_size,
    )
    return session.scalars(query).one_or_none()
