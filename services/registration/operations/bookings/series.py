"""Recurring bookings: every date looked at before anything is saved, then all of them or those that are free.

Dates follow RFC 5545 by the clock on the site's wall: a rehearsal at 19:00 stays at 19:00 when clocks change.
"""

import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import CONFLICT, FieldError, Problem, Words, invalid, not_found
from services.registration.models import Booking, Site
from services.registration.operations import locked
from services.registration.operations.bookings.book import find_room_and_team, give_up, save
from services.registration.operations.bookings.rules import Wanted, check_length, reasons_against
from services.registration.operations.rooms import TAKEN
from services.registration.operations.sites import find_site, lock_site
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

# Only what a rehearsal needs: a free choice of parts lets a short rule run through thousands of years.
PARTS = {
    "FREQ": r"DAILY|WEEKLY|MONTHLY",
    "INTERVAL": r"[1-9][0-9]?",
    "COUNT": r"[1-9][0-9]{0,2}",
    "UNTIL": r"[0-9]{8}(T[0-9]{6}Z?)?",
    "BYDAY": r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)(,([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)){0,13}",
    "BYMONTHDAY": r"-?([1-9]|[12][0-9]|3[01])(,-?([1-9]|[12][0-9]|3[01])){0,30}",
    "WKST": r"MO|SU",
}


def dates_of(rule: str, first_day: date, except_days: Sequence[date] = ()) -> list[date]:
    """The dates of a rule that begins on a day, without those excepted. Raises 422 for a rule that is none.

    COUNT counts excepted dates too, as RFC 5545 has it. More than 400 days ahead, or 200 dates, is refused.
    """
    parts = _parts(rule)
    if not 2000 <= first_day.year < 2100:
        raise invalid("first_day", Words("应在 2000 年至 2099 年之间。", "must lie between 2000 and 2099."))
    count = int(parts.pop("COUNT", 0)) or None
    last_day = first_day + LONGEST_SERIES
    until = _day(parts.pop("UNTIL", "")) or last_day
    if until > last_day:
        raise _too_far(last_day)
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    end = datetime.combine(until, time())
    try:
        found = rrulestr(f"{text};UNTIL={end:%Y%m%dT%H%M%S}", dtstart=datetime.combine(first_day, time()))
    except ValueError as error:
        raise _no_rule() from error
    dates = [moment.date() for moment in islice(found, count or MOST_DATES + 1)]
    if len(dates) > MOST_DATES:
        raise invalid(
            "rrule", Words(f"一次最多 {MOST_DATES} 个日期。", f"has more than {MOST_DATES} dates; take fewer.")
        )
    if count and len(dates) < count:
        raise _too_far(last_day)
    if not dates:
        raise invalid("rrule", Words("没有任何日期。", "has no dates at all."))
    return [day for day in dates if day not in set(except_days)]


def _parts(rule: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in rule.upper().removeprefix("RRULE:").rstrip(";").split(";")]
    parts = {name: value for name, _, value in pairs}
    sound = len(parts) == len(pairs) and all(
        name in PARTS and re.fullmatch(PARTS[name], value) for name, value in parts.items()
    )
    if not sound or "FREQ" not in parts or ("COUNT" in parts) == ("UNTIL" in parts):
        raise _no_rule()
    return parts


def _day(until: str) -> date | None:
    try:
        return datetime.strptime(until[:8], "%Y%m%d").date() if until else None
    except ValueError as error:
        raise _no_rule() from error


def _too_far(last_day: date) -> Problem:
    return invalid("rrule", Words(f"不能晚于 {last_day}。", f"must end by {last_day}."))


def _no_rule() -> Problem:
    return invalid(
        "rrule",
        Words(
            "应如 FREQ=WEEKLY;BYDAY=TU;COUNT=10:FREQ 为 DAILY、WEEKLY 或 MONTHLY，且须有 COUNT 或 UNTIL 之一。",
            "must look like FREQ=WEEKLY;BYDAY=TU;COUNT=10: FREQ DAILY, WEEKLY or MONTHLY, and one of COUNT and UNTIL.",
        ),
    )


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
            body.title or (wanted.team.name_zh if wanted.team else ""),
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
    zone = ZoneInfo(site.time_zone)
    days = dates_of(body.rrule, body.first_day, body.except_days)
    alongside: list[Wanted] = []
    for day in days:
        starts_at, ends_at = _on_the_wall(day, body.from_time, zone), _on_the_wall(day, body.to_time, zone)
        wanted = Wanted(site, room, starts_at, ends_at, team)
        if _is_on_the_wall(starts_at) and _is_on_the_wall(ends_at):
            check_length(wanted)
            reasons = reasons_against(session, wanted, alongside)
        else:
            words = Words("当天拨快时钟，没有这个时段。", "does not exist on that day: clocks are put forward.")
            reasons = [FieldError("starts_at", words)]
        if not reasons:
            alongside.append(wanted)
        told = [Reason(zh=reason.message.zh, en=reason.message.en) for reason in reasons]
        yield (
            wanted,
            Occurrence(local_day=day, starts_at=starts_at, ends_at=ends_at, free=not reasons, reasons=told),
        )


def _on_the_wall(day: date, clock: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), zone)


def _is_on_the_wall(moment: datetime) -> bool:
    """Whether the wall's clock ever shows this: not in the hour that is left out when it is put forward."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo).time() == moment.time()


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


def cancel_series(session: Session, series_id: UUID, reason: str) -> int:
    """Give up what of a series has not begun; returns how many dates. Raises 404 for a series that is none here."""
    if session.scalar(select(Booking.id).where(Booking.series_id == series_id).limit(1)) is None:
        raise not_found("这组预约", "recurring booking")
    query = select(Booking).where(
        Booking.series_id == series_id,
        Booking.status.in_(TAKEN),
        Booking.starts_at > func.clock_timestamp(),
    )
    rows = session.scalars(locked(query.order_by(Booking.id))).all()
    for booking in rows:
        give_up(session, booking, reason)
    return len(rows)
