"""Hand-overs and swaps: places that two people pass to each other. The waitlist is not touched.

    transfer = ask_hand_over(session, registration_id, to_person_id, "site:…")
    decide(session, data, transfer.id, accept=True, by="person:…")

Nobody is signed up against their will: nothing changes until the other person accepts, or staff for them, which is
recorded. The new registrations come from `sign_up` like all others, into the places that were given: so each person
meets the same rules as whoever signs up, but for the window, which may be over.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid, not_found
from services.common.events import CancelReason, TransferDeclined, TransferExpired
from services.common.outbox import add_events
from services.registration.models import Hold, PersonSite, Registration, Shift, Transfer
from services.registration.operations import Query, assign, conflict, locked
from services.registration.operations.people.identity import person_now
from services.registration.operations.seats.registrations import find_registration, lock_registration
from services.registration.operations.seats.seats import (
    end,
    is_ahead,
    lock_people,
    lock_shifts,
)
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.seats.sign_up_several import sign_up_within
from services.registration.operations.staff.links import issue_link
from services.registration.schemas.registrations import SignUpBody

BRIEFLY = timedelta(minutes=1)
ANSWERED_WITHIN = timedelta(hours=24)
"""As long as the link by which somebody was asked: then it is over by itself, and somebody else may be asked."""
TOLD = {"declined": TransferDeclined, "expired": TransferExpired}
"""What whoever has the place hears of. That it was accepted they hear from their registration."""
WAITS = (Transfer.status == "asked") & (Transfer.created_at > func.clock_timestamp() - ANSWERED_WITHIN)


def ask_hand_over(
    session: Session, registration_id: UUID, to_person_id: UUID, asked_by: str, by_mail: bool = True
) -> Transfer:
    """Ask a person whom the site knows whether they take over a place; by mail, or they stand at the desk."""
    given = find_registration(session, registration_id)
    to_person_id = person_now(session, to_person_id)
    if session.get(PersonSite, (to_person_id, given.site_id)) is None:
        raise invalid("to_person_id", Words("没有这个人。", "is no person that this site knows."))
    if to_person_id == given.person_id:
        raise invalid("to_person_id", Words("这是本人的名额。", "is the person who has the place."))
    return _ask(session, given, to_person_id, None, asked_by, by_mail=by_mail)


def ask_swap(session: Session, registration_id: UUID, other_id: UUID, asked_by: str, by_mail: bool = True) -> Transfer:
    """Ask for the exchange of two places on different shifts of one site, as many places each."""
    given, other = find_registration(session, registration_id), session.get(Registration, other_id)
    if other is None or other.site_id != given.site_id:
        raise invalid("other_registration_id", Words("没有这个报名。", "is no registration of this site."))
    if other.shift_id == given.shift_id or other.person_id == given.person_id:
        raise invalid(
            "other_registration_id", Words("应为他人的另一场次。", "must be another person's on another shift.")
        )
    return _ask(session, given, other.person_id, other, asked_by, by_mail=by_mail)


def ask_nobody(session: Session, registration_id: UUID, kind: str, asked_by: str) -> Transfer:
    """What is kept where a resident asked somebody whom the site does not know: to them it looks like all others."""
    return _ask(session, find_registration(session, registration_id), None, None, asked_by, kind)


def decide(session: Session, sign_ups: SignUps, transfer_id: UUID, accept: bool, by: str, consent: bool) -> Transfer:
    """Accept or decline. Deciding the same twice changes nothing. `consent` is a guardian's, where one is needed."""
    transfer = find_transfer(session, transfer_id)
    ids = [transfer.registration_id, *([transfer.other_registration_id] if transfer.other_registration_id else [])]
    shifts = lock_shifts(session, *(find_registration(session, one).shift_id for one in ids))
    transfer = session.scalars(locked(select(Transfer).where(Transfer.id == transfer_id))).one()
    wanted = "accepted" if accept else "declined"
    if transfer.status == wanted:
        return transfer
    if transfer.status != "asked":
        raise conflict("此请求已处理。", "This was decided already.")
    if not session.scalar(select(WAITS).where(Transfer.id == transfer_id)):
        raise conflict("此请求已过期，请对方重新发起。", "It is over: nobody answered within a day. Ask again.")
    if accept:
        _exchange(session, sign_ups, transfer, shifts, consent)
    _close(session, transfer, wanted, by)
    _tell(session, transfer)
    return transfer


def withdraw(session: Session, transfer_id: UUID, by: str) -> Transfer:
    """Take back what was asked. Doing so twice changes nothing."""
    find_transfer(session, transfer_id)
    transfer = session.scalars(locked(select(Transfer).where(Transfer.id == transfer_id))).one()
    if transfer.status not in ("asked", "withdrawn"):
        raise conflict("此请求已处理。", "This was decided already.")
    if transfer.status == "asked":
        _close(session, transfer, "withdrawn", by)
    return transfer


def decline_for(session: Session, people: Sequence[UUID], site_id: UUID | None, by: str) -> None:
    """Whoever asked them gets an answer: nobody else will give one. The shifts are locked (`shifts_asked_about`)."""
    query = _asked_of(select(Transfer), people, site_id).order_by(Transfer.position)
    for transfer in session.scalars(locked(query)).all():
        _close(session, transfer, "declined", by)
        _tell(session, transfer)


def shifts_asked_about(session: Session, people: Sequence[UUID], site_id: UUID | None) -> list[UUID]:
    """The shifts of places that these people were asked to take, at one site or everywhere (None)."""
    places = select(Registration.shift_id).join(Transfer, Transfer.registration_id == Registration.id)
    return list(session.scalars(_asked_of(places, people, site_id)))


def _asked_of(query: Query, people: Sequence[UUID], site_id: UUID | None) -> Query:
    here = [Transfer.site_id == site_id] if site_id is not None else []
    return query.where(Transfer.to_person_id.in_(people), Transfer.status == "asked", *here)


def late_transfers(session: Session, limit: int = 200) -> Sequence[UUID]:
    """What nobody answered in time, oldest first."""
    late = Transfer.status == "asked", ~WAITS
    return session.scalars(select(Transfer.id).where(*late).order_by(Transfer.created_at).limit(limit)).all()


def expire(session: Session, transfer_id: UUID) -> None:
    """End it, and tell whoever has the place. What was answered meanwhile stays."""
    transfer = find_transfer(session, transfer_id)
    lock_shifts(session, find_registration(session, transfer.registration_id).shift_id)
    late = select(Transfer).where(Transfer.id == transfer_id, Transfer.status == "asked", ~WAITS)
    if session.scalars(locked(late)).one_or_none() is not None:
        _close(session, transfer, "expired", "system")
        _tell(session, transfer)


def find_transfer(session: Session, transfer_id: UUID) -> Transfer:
    """The transfer. Raises 404."""
    transfer = session.get(Transfer, transfer_id)
    if transfer is None:
        raise not_found("这个转让请求", "transfer")
    return transfer


def _ask(
    session: Session,
    given: Registration,
    to_person_id: UUID | None,
    other: Registration | None,
    asked_by: str,
    kind: str | None = None,
    by_mail: bool = True,
) -> Transfer:
    shifts = lock_shifts(session, given.shift_id, *([other.shift_id] if other else []))
    _end_unanswered(session, given.id)
    transfer = Transfer(
        site_id=given.site_id,
        kind=kind or ("swap" if other else "hand_over"),
        registration_id=given.id,
        to_person_id=to_person_id,
        other_registration_id=other.id if other else None,
        asked_by=asked_by,
    )
    _check(session, transfer, shifts)
    session.add(transfer)
    try:
        session.flush()
    except IntegrityError as error:
        raise conflict("此名额已有待答复的请求。", "Somebody is asked for this place already.") from error
    if to_person_id is not None and by_mail:
        issue_link(session, "hand_over", given.site_id, person_id=to_person_id, subject=transfer.id)
    return transfer


def _end_unanswered(session: Session, registration_id: UUID) -> None:
    """What nobody answered in time no longer stands in the way. Whoever asks anew knows that it was in vain."""
    of_it = Transfer.registration_id == registration_id, Transfer.status == "asked", ~WAITS
    for late in session.scalars(locked(select(Transfer).where(*of_it))):
        _close(session, late, "expired", "system")


def _check(session: Session, transfer: Transfer, shifts: dict[UUID, Shift]) -> list[Registration]:
    """The registrations concerned, which must still have places that can be passed on."""
    ids = [transfer.registration_id, *([transfer.other_registration_id] if transfer.other_registration_id else [])]
    rows = [lock_registration(session, one)[0] for one in ids]
    if any(row.status != "confirmed" or row.outcome is not None for row in rows):
        raise conflict("只有已确认且未签到的名额可以转让。", "Only confirmed places without attendance are passed on.")
    if not all(is_ahead(session, shifts[row.shift_id]) for row in rows):
        raise conflict("场次已开始或已取消。", "The shift has begun or was called off.")
    if len({row.party_size for row in rows}) > 1:
        raise conflict("两个报名的人数不同。", "The two parties differ in size.")
    return rows


def _exchange(
    session: Session, sign_ups: SignUps, transfer: Transfer, shifts: dict[UUID, Shift], consent: bool
) -> None:
    if transfer.to_person_id is None:
        raise conflict("没有人能接受这个请求。", "Nobody can accept this.")
    giver = find_registration(session, transfer.registration_id).person_id
    takers = [transfer.to_person_id] + ([giver] if transfer.other_registration_id else [])
    lock_people(session, takers)
    given = _check(session, transfer, shifts)
    reason = CancelReason.SWAPPED if transfer.kind == "swap" else CancelReason.HANDED_OVER
    events, bodies = [], []
    for row, taker in zip(given, takers, strict=True):
        registration, number = lock_registration(session, row.id)
        shift = shifts[row.shift_id]
        events.append(end(shift, registration, number, reason))
        hold = _keep(session, shift, registration.party_size)
        body = SignUpBody(
            person_id=taker, hold_id=hold.id, party_size=registration.party_size, guardian_consent=consent
        )
        bodies.append((shift.id, body))
    session.flush()
    add_events(session, events)
    sign_up_within(session, sign_ups, transfer.site_id, bodies, in_transfer=True, raising=True)


def _keep(session: Session, shift: Shift, places: int) -> Hold:
    """The freed places, kept for who takes them over in this transaction."""
    now = session.scalars(select(func.clock_timestamp())).one()
    hold = Hold(shift_id=shift.id, site_id=shift.site_id, places=places, made_by="transfer", expires_at=now + BRIEFLY)
    shift.held += places
    session.add(hold)
    session.flush()
    return hold


def _close(session: Session, transfer: Transfer, status: str, by: str) -> None:
    now = session.scalars(select(func.clock_timestamp())).one()
    assign(transfer, {"status": status, "decided_by": by, "decided_at": now})
    session.flush()


def _tell(session: Session, transfer: Transfer) -> None:
    """Of a question that came to nothing. Whoever gave the place up, or whose shift has begun, needs no answer."""
    event = TOLD.get(transfer.status)
    registration = find_registration(session, transfer.registration_id)
    shift = session.get_one(Shift, registration.shift_id)
    if event is None or registration.status != "confirmed" or not is_ahead(session, shift):
        return
    place = {"shift_id": shift.id, "activity_id": shift.activity_id, "person_id": registration.person_id}
    what = {"transfer_id": transfer.id, "kind": transfer.kind, "registration_id": registration.id}
    add_events(session, [event.model_validate({**what, **place, "site_id": transfer.site_id})])
