"""What keeps a room from being booked: told all at once, in words, under the site's lock.

The lock makes the list complete and shares fair; that two bookings never overlap is the database's own promise
(`bookings_apart`), whoever forgets the lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from services.common.errors import CONFLICT, FieldError, Problem, Words, called, invalid
from services.registration.models import Room, Site, Team
from services.registration.operations.bookings.opening import hours_of, is_open
from services.registration.operations.bookings.rooms import taken_during, with_set_up
from services.registration.operations.bookings.shares import monday_of, over_share, usage

LONGEST = timedelta(hours=24)
LONGEST_BLOCK = timedelta(days=400)
LONGEST_AGO = timedelta(days=1)
AHEAD_DAYS = 60
"""How far ahead a leader asks where the site says nothing else (`booking_horizon_days`)."""


@dataclass
class Wanted:
    """A time in a room, and for whom. `besides` is the booking that is to move there. Whoever may not know who else has
    rooms is told when they are taken (`names_others`)."""

    site: Site
    room: Room
    starts_at: datetime
    ends_at: datetime
    team: Team | None = None
    block: bool = False
    besides: UUID | None = None
    names_others: bool = True
    local_day: date = field(init=False)

    def __post_init__(self) -> None:
        self.local_day = self.starts_at.astimezone(ZoneInfo(self.site.time_zone)).date()

    @property
    def minutes(self) -> int:
        """How long, without set-up."""
        return round((self.ends_at - self.starts_at).total_seconds() / 60)

    @property
    def setup_minutes(self) -> int:
        """What is kept free before and after; nothing around a block, for nobody sets up."""
        return 0 if self.block else self.room.setup_minutes

    @property
    def during(self) -> tuple[datetime, datetime]:
        """The time with its set-up."""
        return with_set_up(self.starts_at, self.ends_at, self.setup_minutes)


def furthest(site: Site) -> datetime:
    """The furthest time for which a team's leader may ask, or staff for a team where the site sets how far."""
    return datetime.now(UTC) + timedelta(days=site.booking_horizon_days or AHEAD_DAYS)


def check_length(wanted: Wanted) -> None:
    """Raise 422 for a time that is none, lies long back, or is too long."""
    if wanted.ends_at <= wanted.starts_at:
        raise invalid("ends_at", Words("结束应晚于开始。", "must be later than starts_at."))
    longest, zh, en = (LONGEST_BLOCK, "400 天", "400 days") if wanted.block else (LONGEST, "24 小时", "24 hours")
    if wanted.ends_at - wanted.starts_at > longest:
        raise invalid("ends_at", Words(f"不能超过 {zh}。", f"must be within {en} of starts_at."))
    if wanted.starts_at < datetime.now(UTC) - LONGEST_AGO:
        raise invalid("starts_at", Words("不得早于一天之前。", "must not lie more than a day in the past."))


def refuse(reasons: Sequence[FieldError]) -> None:
    """Raise one problem with every reason, if there is any."""
    if reasons:
        raise Problem(CONFLICT, reasons[0].message, reasons)


def reasons_against(session: Session, wanted: Wanted, alongside: Sequence[Wanted] = ()) -> list[FieldError]:
    """Why the room cannot be had then: every reason. `alongside` are times of the same request, not saved yet."""
    found = [FieldError("starts_at", words) for words in _overlaps(session, wanted, alongside)]
    if wanted.room.retired:
        found.append(FieldError("room_id", Words("此房间已不再使用。", "is no longer in use.")))
    if wanted.block:
        return found
    zone = ZoneInfo(wanted.site.time_zone)
    if not is_open(wanted.site.opening_hours, wanted.site.exceptions, zone, wanted.starts_at, wanted.ends_at):
        found.append(FieldError("starts_at", _hours_in_words(wanted)))
    return found if wanted.team is None else found + _against_team(session, wanted, wanted.team, alongside)


def _overlaps(session: Session, wanted: Wanted, alongside: Sequence[Wanted]) -> list[Words]:
    begins, ends = wanted.during
    taken = [
        _taken(
            wanted.site,
            row.title if wanted.names_others else "",
            row.starts_at,
            row.ends_at,
            row.setup_minutes + wanted.setup_minutes,
        )
        for row in taken_during(session, wanted.room.id, begins, ends)
        if row.id != wanted.besides
    ]
    same = [other for other in alongside if other.during[0] < ends and begins < other.during[1]]
    return taken + [
        _taken(wanted.site, "同一系列 · this series", other.starts_at, other.ends_at, 2 * other.setup_minutes)
        for other in same
    ]


def _taken(site: Site, title: str, starts_at: datetime, ends_at: datetime, setup: int) -> Words:
    zone = ZoneInfo(site.time_zone)
    when = f"{starts_at.astimezone(zone):%m-%d %H:%M}–{ends_at.astimezone(zone):%H:%M}"
    if ends_at - starts_at > LONGEST:
        when = f"{starts_at.astimezone(zone):%Y-%m-%d %H:%M} – {ends_at.astimezone(zone):%Y-%m-%d %H:%M}"
    # Each has its set-up before and after, so that between two there is both.
    set_up = (f"（之间须留 {setup} 分钟布置）", f" (keep {setup} minutes between for set-up)") if setup else ("", "")
    whose = (f"{title}，", f"{title}, ") if title else ("", "")
    return Words(f"该时段已有预约：{whose[0]}{when}{set_up[0]}。", f"is taken: {whose[1]}{when}{set_up[1]}.")


def _hours_in_words(wanted: Wanted) -> Words:
    hours = hours_of(wanted.site.opening_hours, wanted.site.exceptions, wanted.local_day)
    told = next((one for one in wanted.site.exceptions if one["date"] == wanted.local_day.isoformat()), None)
    note = (f"（{called(told, 'note').zh}）", f" ({called(told, 'note').en})") if told and told["note_zh"] else ("", "")
    when = "、".join("–".join(pair) for pair in hours)
    if not when:
        return Words(
            f"{wanted.local_day} 不开放{note[0]}。", f"is on {wanted.local_day}, when the site is closed{note[1]}."
        )
    return Words(
        f"不在开放时间内：{wanted.local_day} 开放 {when}{note[0]}。",
        f"is outside opening hours: on {wanted.local_day} the site is open {when}{note[1]}.",
    )


def _against_team(session: Session, wanted: Wanted, team: Team, alongside: Sequence[Wanted]) -> list[FieldError]:
    found = []
    if not wanted.room.for_teams:
        found.append(FieldError("room_id", Words("此房间不对队伍开放。", "is not for teams to book.")))
    days = wanted.site.booking_horizon_days
    if days is not None and wanted.starts_at > furthest(wanted.site):
        found.append(
            FieldError(
                "starts_at",
                Words(f"队伍最多提前 {days} 天预约。", f"is too far ahead: teams book at most {days} days."),
            )
        )
    monday = monday_of(wanted.local_day)
    used = usage(session, wanted.site.id, monday, wanted.besides)
    more = sum(other.minutes for other in alongside if monday_of(other.local_day) == monday)
    told = used if wanted.names_others else [one for one in used if one.team_id == team.id]
    excess = over_share(wanted.site, team, monday, told, wanted.minutes + more)
    return [*found, FieldError("team_id", excess)] if excess else found
