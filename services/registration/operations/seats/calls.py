"""Calls that staff make: news for people whom no mail reaches. The trigger `note_call` notes them, or notifications
says that a mail came back; a call stays until somebody made it or an SMS reached its person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import Activity, Call, PersonSite, Registration, Shift
from services.registration.operations import locked
from services.registration.operations.people.minors_shown import all_shown, is_minor
from services.registration.operations.seats.shift_roster import Reach, born_on, reaches_of
from services.registration.personal_data import PersonalData
from services.registration.schemas.seats import Told


@dataclass(frozen=True)
class ToCall:
    """Whom to call, and of what."""

    call: Call
    registration: Registration
    shift: Shift
    activity: Activity
    name: str
    minor: bool
    phone: str | None
    reaches: Sequence[Reach]


def waiting_calls(site_id: UUID, *what: Any) -> Select[Any]:
    """Calls that nobody made yet, of shifts that are not over, to people whom the site still knows."""
    told = (PersonSite.person_id == Registration.person_id) & (PersonSite.site_id == Registration.site_id)
    return (
        select(Call, *what)
        .join(Registration, Registration.id == Call.registration_id)
        .join(Shift, Shift.id == Registration.shift_id)
        .join(Activity, Activity.id == Registration.activity_id)
        .join(PersonSite, told)
        .where(Call.site_id == site_id, Call.done_at.is_(None), Shift.ends_at > func.now())
    )


def calls_to_make(session: Session, data: PersonalData, site_id: UUID, most: int) -> Sequence[ToCall]:
    """The next calls, those of the earliest shifts first; minors are put on record as shown."""
    query = waiting_calls(site_id, Registration, Shift, Activity, PersonSite)
    rows = session.execute(query.order_by(Shift.starts_at, Call.position).limit(most)).all()
    born = {row[4].person_id: born_on(data, row[4]) for row in rows}
    all_shown(session, site_id, born.items())
    reaches = reaches_of(session, data, site_id, list(born))
    return [
        ToCall(
            call=call,
            registration=registration,
            shift=shift,
            activity=activity,
            name=data.shown(told.name),
            minor=is_minor(born[told.person_id]),
            phone=data.readable(told.phone),
            reaches=reaches.get(told.person_id, []),
        )
        for call, registration, shift, activity, told in rows
    ]


def count_calls(session: Session, site_id: UUID) -> int:
    """How many people are to be called."""
    return session.scalar(select(func.count()).select_from(waiting_calls(site_id).subquery())) or 0


def call_made(session: Session, call_id: UUID, by: str) -> Call:
    """Somebody was told. Saying so twice changes nothing. Raises 404."""
    call = session.scalars(locked(select(Call).where(Call.id == call_id))).one_or_none()
    if call is None:
        raise not_found("这个电话通知", "call")
    if call.done_at is None:
        call.done_at, call.done_by = session.scalars(select(func.clock_timestamp())).one(), by
        session.flush()
    return call


BY_SMS = "sms"
"""Who made a call that needed none (`Call.done_by`)."""

# `made_at` is when the transaction began in which the event of the same news was written, so never later. News that
# came after what the SMS tells is another call, and stays.
_REACHED = text("""
    UPDATE calls SET done_at = clock_timestamp(), done_by = :by
    WHERE registration_id = :registration_id AND done_at IS NULL AND made_at <= :caused_at
""")
_NOT_REACHED = text("""
    UPDATE calls SET done_at = NULL, done_by = NULL
    WHERE registration_id = :registration_id AND done_by = :by AND made_at <= :caused_at AND NOT EXISTS (
        SELECT FROM calls AS later
        WHERE later.registration_id = calls.registration_id AND later.position > calls.position)
      AND EXISTS (
        SELECT FROM registrations
        WHERE id = calls.registration_id AND (status <> 'cancelled' OR calls.news = 'cancelled'))
""")


# Whose mail came back is called as somebody without an address is, of what holds by now; who did it themselves knows.
_CAME_BACK = text("""
    INSERT INTO calls (site_id, registration_id, news)
    SELECT r.site_id, r.id, CASE r.status WHEN 'confirmed' THEN 'place' WHEN 'offered' THEN 'offer'
                                          WHEN 'waitlisted' THEN 'waits' ELSE 'cancelled' END
    FROM registrations AS r JOIN shifts ON shifts.id = r.shift_id
    JOIN person_sites AS told ON told.person_id = r.person_id AND told.site_id = r.site_id
    WHERE r.id = :registration_id AND shifts.ends_at > now() AND told.phone IS NOT NULL
      AND (r.status <> 'cancelled' OR r.cancel_reason IN (
          'site', 'shift_cancelled', 'activity_cancelled', 'offer_expired', 'requirements'))
      AND NOT EXISTS (SELECT FROM calls AS later WHERE later.registration_id = r.id AND later.made_at >= :caused_at)
    ON CONFLICT (registration_id) WHERE done_at IS NULL DO NOTHING
""")


def hear_told(session: Session, told: Told) -> None:
    """Whom an SMS reached need not be called; whom it did not reach after all is to be called again, and so is whose
    mail came back. Hearing it twice changes nothing."""
    values = {"registration_id": told.registration_id, "caused_at": told.caused_at, "by": BY_SMS}
    if told.by_mail and not told.reached:
        session.execute(_CAME_BACK, values)
    else:
        session.execute(_REACHED if told.reached else _NOT_REACHED, values)
