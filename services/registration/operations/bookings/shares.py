"""Fair shares: how long each team has rooms in a week, and how long it may."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import Words, called
from services.registration.models import Activity, Booking, Shift, Site, Team
from services.registration.operations.bookings.rooms import TAKEN


@dataclass(frozen=True)
class Usage:
    """How long a team has rooms in a week, in minutes."""

    team_id: UUID
    name_zh: str
    name_en: str
    minutes: int


def monday_of(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())


def usage(session: Session, site_id: UUID, monday: date, besides: UUID | None = None) -> list[Usage]:
    """Every team of the site that has rooms in that week, whoever uses them most first; one booking may be left out.

    What is only requested counts too: it holds its time. So do rooms that shifts of a team's activity have. A booking
    counts in the week of its first day.
    """
    minutes = func.sum(func.extract("epoch", Booking.ends_at - Booking.starts_at) / 60)
    query = (
        select(Team.id, Team.name_zh, Team.name_en, minutes.label("minutes"))
        .select_from(Booking)
        .outerjoin(Shift, Shift.id == Booking.shift_id)
        .outerjoin(Activity, Activity.id == Shift.activity_id)
        .join(Team, Team.id == func.coalesce(Booking.team_id, Activity.team_id))
        .where(Booking.site_id == site_id, Booking.status.in_(TAKEN))
        .where(Booking.local_day >= monday, Booking.local_day < monday + timedelta(days=7))
        .group_by(Team.id)
        .order_by(minutes.desc(), Team.position)
    )
    if besides is not None:
        query = query.where(Booking.id != besides)
    return [Usage(row.id, row.name_zh, row.name_en, round(row.minutes)) for row in session.execute(query)]


def over_share(site: Site, team: Team, monday: date, used: Sequence[Usage], wanted: int) -> Words | None:
    """Why a team cannot have so many minutes more in that week, with what each team has; None when it can."""
    limit = site.team_minutes_per_week
    own = next((one.minutes for one in used if one.team_id == team.id), 0)
    if limit is None or own + wanted <= limit:
        return None
    others_zh = "、".join(f"{called(one).zh} {hours(one.minutes)}" for one in used) or "无"
    others_en = ", ".join(f"{called(one).en} {hours(one.minutes)}" for one in used) or "none"
    name = called(team)
    return Words(
        f"{monday} 起的一周，{name.zh}已有 {hours(own)} 小时，再加 {hours(wanted)} 小时就超过每队每周"
        f" {hours(limit)} 小时。各队已用小时数：{others_zh}。",
        f"in the week from {monday} {name.en} has {hours(own)} h; {hours(wanted)} h more exceed the"
        f" {hours(limit)} h that each team may have. Hours by team: {others_en}.",
    )


def hours(minutes: int) -> str:
    """Minutes as hours, as people say them: 90 are 1.5."""
    return f"{minutes / 60:.2f}".rstrip("0").rstrip(".")
