"""Places held while a form is filled in; and the sweep that ends what ran out: holds and offers."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text
from sqlalchemy.orm import Session

from services.common.errors import TOO_MANY, Problem, Words, invalid, not_found
from services.common.events import CancelReason, Event, RegistrationCancelled
from services.common.outbox import add_events
from services.registration.models import Activity, Hold, Registration, Shift
from services.registration.operations import alone, conflict
from services.registration.operations.seats.seats import end, free_places, is_ahead, lock_shifts, promote
from services.registration.operations.sites.calendar import sign_up_state

HOLD = timedelta(minutes=10)
MOST_PER_CALLER = 20
"""Places of one shift that one caller holds at a time: a site's key fills in forms for many."""

# The last part finds whose turn it is though nobody gave up a place: a venue has room again, or somebody signed up who
# goes before the one that did not fit.
DUE = text("""
    SELECT shift_id FROM holds WHERE expires_at <= clock_timestamp()
    UNION SELECT shift_id FROM registrations WHERE status = 'offered' AND offer_expires_at <= clock_timestamp()
    UNION SELECT id FROM shifts WHERE status = 'open' AND waitlisted > 0 AND starts_at <= clock_timestamp()
    UNION SELECT id FROM shifts WHERE status = 'open' AND waitlisted > 0
        AND starts_at > clock_timestamp() AND capacity > confirmed + offered + held
        AND (venue_id IS NULL OR venue_free(id) >= (
            SELECT w.party_size FROM registrations AS w JOIN activities AS a ON a.id = w.activity_id
            WHERE w.shift_id = shifts.id AND w.status = 'waitlisted'
            ORDER BY w.queue_number > 0, CASE a.waitlist_order WHEN 'priority' THEN -w.priority ELSE 0 END,
                     w.queue_number LIMIT 1))
        AND capacity - confirmed - offered - held >= (
            SELECT w.party_size FROM registrations AS w JOIN activities AS a ON a.id = w.activity_id
            WHERE w.shift_id = shifts.id AND w.status = 'waitlisted'
            ORDER BY w.queue_number > 0, CASE a.waitlist_order WHEN 'priority' THEN -w.priority ELSE 0 END,
                     w.queue_number LIMIT 1)
    LIMIT :limit
""")


MOST_PER_ADDRESS = 10
"""Places that the public's forms hold from one address, on all shifts together. A crowd at a centre shares an address:
whoever comes after these fills in the form without a hold."""


def hold_places(session: Session, shift_id: UUID, places: int, caller: str) -> Hold:
    """Keep free places for `HOLD`, for a site's own form. Only where nobody waits, and never more than half."""
    shift = lock_shifts(session, shift_id)[shift_id]
    _check_open(session, shift, places)
    _let_go(session, shift)
    by_caller = select(func.coalesce(func.sum(Hold.places), 0)).where(Hold.shift_id == shift_id, Hold.made_by == caller)
    if session.scalars(by_caller).one() + places > MOST_PER_CALLER:
        raise _too_many()
    return _keep(session, shift, Hold(places=places, made_by=caller))


def hold_for_form(session: Session, form_id: UUID, shift_id: UUID, places: int, address: str) -> Hold:
    """Keep free places for `HOLD` while somebody fills in the public form `form_id`, once per form. Sees every site.

    What it costs whoever would keep others out: `MOST_PER_ADDRESS` places need an address (or an IPv6 /64), and a POST
    every ten minutes each. It gains them nothing: half of what is free is never held, and as soon as the rest is taken
    the next one waits, with whom no hold is made or renewed any more; what is held falls to who waits within `HOLD`.
    """
    seen = session.get(Shift, shift_id)
    if seen is not None and session.get(Hold, form_id) is None:
        # A crowd for whom nothing can be held does not queue at the lock that sign-ups need.
        _check_room(session, seen, places)
    shift = lock_shifts(session, shift_id)[shift_id]
    known = session.get(Hold, form_id)
    if known is not None:
        return known
    _check_open(session, shift, places)
    _let_go(session, shift)
    # After shifts, and nothing is locked after it: the address's holds on other shifts stay as they are counted.
    alone(session, f"holds of {address}")
    lasting = Hold.made_by == address, Hold.expires_at > func.clock_timestamp()
    held = session.scalars(select(func.coalesce(func.sum(Hold.places), 0)).where(*lasting)).one()
    if held + places > MOST_PER_ADDRESS:
        raise _too_many()
    return _keep(session, shift, Hold(id=form_id, places=places, made_by=address))


def _check_open(session: Session, shift: Shift, places: int) -> None:
    """Raise unless so many can sign up for the shift now."""
    activity = session.get_one(Activity, shift.activity_id)
    state = select(sign_up_state(by_staff=False)).select_from(Shift).join(Activity, Activity.id == Shift.activity_id)
    if session.scalar(state.where(Shift.id == shift.id)) != "open":
        raise conflict("场次未开放报名。", "The shift is not open for sign-up.")
    if places > activity.party_limit:
        most = activity.party_limit
        raise invalid("places", Words(f"每次最多 {most} 个名额。", f"must be at most {most} for this activity."))


def _keep(session: Session, shift: Shift, hold: Hold) -> Hold:
    """Hold places of a locked shift."""
    places = hold.places
    _check_room(session, shift, places)
    hold.shift_id, hold.site_id = shift.id, shift.site_id
    hold.expires_at = session.scalars(select(func.clock_timestamp())).one() + HOLD
    shift.held += places
    session.add(hold)
    session.flush()
    return hold


def _check_room(session: Session, shift: Shift, places: int) -> None:
    """Raise 409 unless at most half of what is free is held then: nobody keeps others out, as one or as many."""
    free = free_places(session, shift)
    if shift.waitlisted or places > free or (shift.held + places) * 2 > free + shift.held + 1:
        raise conflict("目前没有可保留的名额。", "No place can be held now. Sign up directly.")


def _too_many() -> Problem:
    return Problem(
        TOO_MANY, Words("保留的名额过多，请先完成报名。", "Too many places are held. Finish a sign-up first.")
    )


def find_hold(session: Session, hold_id: UUID) -> tuple[Hold, timedelta] | None:
    """A hold that has not run out, and how much longer it lasts."""
    row = session.execute(select(Hold, func.clock_timestamp()).where(Hold.id == hold_id)).one_or_none()
    if row is None or row[0].expires_at <= row[1]:
        return None
    return row[0], row[0].expires_at - row[1]


def release_hold(session: Session, hold_id: UUID) -> None:
    """Give held places back. Raises 404 for a hold that is over: used, given back, or run out and swept."""
    hold = session.get(Hold, hold_id)
    if hold is None:
        raise not_found("这个保留", "hold")
    shifts = lock_shifts(session, hold.shift_id)
    gone = session.execute(delete(Hold).where(Hold.id == hold_id).returning(Hold.places)).scalar()
    if gone is None:
        raise not_found("这个保留", "hold")
    shifts[hold.shift_id].held -= gone
    add_events(session, promote(session, *shifts.values()))


def due_shifts(session: Session, limit: int = 200) -> Sequence[UUID]:
    """Shifts where a hold or an offer ran out, that began while people wait, or whose venue has room for the next."""
    return session.scalars(DUE, {"limit": limit}).all()


def settle(session: Session, shift_id: UUID) -> None:
    """End what ran out on a shift and give the places to who is next. What was answered meanwhile stays.

    Whoever still waits when the shift has begun has waited in vain, and waits no more.
    """
    shifts = lock_shifts(session, shift_id)
    shift = shifts[shift_id]
    _let_go(session, shift)
    late = Registration.status == "offered", Registration.offer_expires_at <= func.clock_timestamp()
    events: list[Event] = [*_end(session, shift, CancelReason.OFFER_EXPIRED, *late)]
    if shift.status == "open" and not is_ahead(session, shift):
        events += _end(session, shift, CancelReason.SHIFT_BEGUN, Registration.status == "waitlisted")
    session.flush()
    events += promote(session, *shifts.values())
    session.flush()
    add_events(session, events)


def _end(
    session: Session, shift: Shift, reason: CancelReason, *which: ColumnElement[bool]
) -> list[RegistrationCancelled]:
    """Cancel those registrations of a locked shift; returns the events."""
    query = select(Registration, func.person_number(Registration.person_id)).where(
        Registration.shift_id == shift.id, *which
    )
    rows = session.execute(query.order_by(Registration.position).with_for_update(of=Registration)).all()
    return [end(shift, row[0], row[1], reason) for row in rows]


def _let_go(session: Session, shift: Shift) -> None:
    late = delete(Hold).where(Hold.shift_id == shift.id, Hold.expires_at <= func.clock_timestamp())
    shift.held -= sum(session.scalars(late.returning(Hold.places)))
