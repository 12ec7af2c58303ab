"""Recurring bookings: every date looked at before anything is saved, then all of them or those that are free.

Dates are those that the same rule gives the shifts of an activity (`recurrence.py`).
"""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from services.common.errors import CONFLICT, FieldError, Problem, Words, called, invalid, not_found
from services.registration.models import Booking, Site
from services.registration.operations import locked
from services.registration.operations.activities.recurrence import at_wall_clock, occurrences
from services.registration.operations.bookings.book import find_room_and_team, give_up, save
from services.registration.operations.bookings.rooms import TAKEN
from services.registration.operations.bookings.rules import Wanted, check_length, reasons_against
from services.registration.operations.sites.sites import find_site, lock_site
from services.registration.schemas.bookings import (
    BookingAnswer,
    BookingSeriesAnswer,
    BookingSeriesBody,
    Occurrence,
    PreviewAnswer,
    Reason,
    SaveSeriesBody,
)

LONGEST_SERIES = timedelta(days=400)
MOST_DATES = 200


def preview(session: Session, site_id: UUID, body: BookingSeriesBody) -> PreviewAnswer:
    """Every date, and why it is not free if it is not. Nothing is saved or locked."""
    dates = [occurrence for _, occurrence in _look(session, find_site(session, site_id), body)]
    return PreviewAnswer(occurrences=dates, free=sum(one.free for one in dates))


def book_series(session: Session, site_id: UUID, body: SaveSeriesBody) -> BookingSeriesAnswer:
    """Save all dates, or those that are free. Raises 409, with every reason, when one (or each) is not."""
    looked = list(_look(session, lock_site(session, site_id), body))
    left_out = [occurrence for _, occurrence in looked if not occurrence.free]
    if left_out and (body.take == "all" or len(left_out) == len(looked)):
        raise _not_free(looked)
    series_id = uuid.uuid4()
    saved = [
        save(
            session,
            wanted,
            body.title or (called(wanted.team).zh if wanted.team else ""),
            body.approved,
            series_id=series_id,
        )
        for wanted, occurrence in looked
        if occurrence.free
    ]
    return BookingSeriesAnswer(
        series_id=series_id, saved=[BookingAnswer.model_validate(row) for row in saved], left_out=left_out
    )


def _look(session: Session, site: Site, body: BookingSeriesBody) -> Iterator[tuple[Wanted, Occurrence]]:
    """Each date against what is there, and against the dates before it that will be taken."""
    room, team = find_room_and_team(session, site.id, body.room_id, body.team_id)
    alongside: list[Wanted] = []
    for starts_at in _moments(body, ZoneInfo(site.time_zone)):
        wanted = Wanted(site, room, starts_at, starts_at + body.lasts, team, body.block)
        check_length(wanted)
        reasons = reasons_against(session, wanted, alongside)
        if not reasons:
            alongside.append(wanted)
        told = [Reason(zh=reason.message.zh, en=reason.message.en) for reason in reasons]
        yield (
            wanted,
            Occurrence(
                local_day=wanted.local_day,
                starts_at=starts_at,
                ends_at=wanted.ends_at,
                free=not reasons,
                reasons=told,
            ),
        )


def _moments(body: BookingSeriesBody, zone: ZoneInfo) -> list[datetime]:
    """When each begins, in the site's zone, without the days excepted; COUNT counts those too, as RFC 5545 has it."""
    if not 2000 <= body.first_day.year < 2100:
        raise invalid("first_day", Words("应在 2000 年至 2099 年之间。", "must lie between 2000 and 2099."))
    first = at_wall_clock(datetime.combine(body.first_day, time.fromisoformat(body.from_time)), zone)
    found = occurrences(body.rrule, first, zone, LONGEST_SERIES, MOST_DATES)
    local = [moment.astimezone(zone) for moment in found]
    return [moment for moment in local if moment.date() not in set(body.except_days)]


def _not_free(looked: Sequence[tuple[Wanted, Occurrence]]) -> Problem:
    taken = [(place, one) for place, (_, one) in enumerate(looked) if not one.free]
    count, of = len(taken), len(looked)
    return Problem(
        CONFLICT,
        Words(
            f"{of} 个日期中有 {count} 个不可用，什么都没有保存。可改时间，或只保存可用的日期（take=free）。",
            f"{count} of {of} dates are not free; nothing was saved. Change the time, or save the others (take=free).",
        ),
        [
            FieldError(f"occurrences.{place}", Words(f"{one.local_day}:{reason.zh}", f"{one.local_day} {reason.en}"))
            for place, one in taken
            for reason in one.reasons
        ],
    )


def still_to_come(session: Session, series_id: UUID) -> Sequence[Booking]:
    """What of a recurring booking holds its time and has not begun. Raises 404 for a series that is none here."""
    _check_there(session, series_id)
    return session.scalars(_to_come(series_id).order_by(Booking.starts_at)).all()


def cancel_series(session: Session, series_id: UUID, reason: str) -> int:
    """Give up what of a series has not begun; returns how many dates. Raises 404 for a series that is none here."""
    _check_there(session, series_id)
    rows = session.scalars(locked(_to_come(series_id).order_by(Booking.id))).all()
    for booking in rows:
        give_up(session, booking, reason)
    return len(rows)


def _check_there(session: Session, series_id: UUID) -> None:
    if session.scalar(select(Booking.id).where(Booking.series_id == series_id).limit(1)) is None:
        raise not_found("这组预约", "recurring booking")


def _to_come(series_id: UUID) -> Select[Booking]:
    return select(Booking).where(
        Booking.series_id == series_id,
        Booking.status.in_(TAKEN),
        Booking.starts_at > func.clock_timestamp(),
    )
