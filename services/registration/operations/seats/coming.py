"""People who say that they will come: told once, so that they are not reminded again and staff know whom to count on.

say_coming(session, registration_id)      # holds until the shift is at another time, or the place is given up
"""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.common.audit import record
from services.common.events import RegistrationComing
from services.common.outbox import add_events
from services.registration.models import Registration
from services.registration.operations import assign, conflict
from services.registration.operations.people.own_registrations import own_registration
from services.registration.operations.people.proven_sites import Resident
from services.registration.operations.seats.registrations import find_registration, lock_registration
from services.registration.operations.seats.seats import is_ahead, lock_shift, registration_event


def say_coming(session: Session, registration_id: UUID) -> Registration:
    """Note that whoever has this place will come. Saying so twice changes nothing. Raises 404, 409."""
    shift = lock_shift(session, find_registration(session, registration_id).shift_id)
    registration, number = lock_registration(session, registration_id)
    if registration.status != "confirmed" or registration.outcome is not None or not is_ahead(session, shift):
        raise conflict(
            "只有有名额、还没开始的报名可以确认会来。",
            "Only who has a place on a shift that has not begun can say that they will come.",
        )
    if registration.coming_at is None:
        assign(registration, {"coming_at": datetime.now(UTC)})
        session.flush()
        record(session, "coming", "registrations", registration.id, registration.site_id)
        add_events(session, [registration_event(RegistrationComing, registration, number)])
    return registration


def say_own_coming(session: Session, resident: Resident, registration_id: UUID) -> Registration:
    """The same of one's own place. Raises 404 for anybody else's."""
    own_registration(session, resident, registration_id)
    return say_coming(session, registration_id)
