"""Small lists, written at once while they are fetched: who is on a shift."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.audit import record
from services.common.database import Database
from services.common.errors import not_found
from services.registration.models import PersonSite, Registration, Shift, Site
from services.registration.operations.people.minors_shown import all_shown
from services.registration.personal_data import PersonalData
from services.registration.spreadsheets.writing import Sheet

AT_ONCE = 500
ROSTER = (
    "姓名 name", "电话 phone", "电子邮件 email", "状态 status", "人数 places", "到场 attendance",
    "签到 checked in", "签退 checked out", "报名时间 registered",
)  # fmt: skip


def open_roster(session: Session, shift_id: UUID) -> tuple[Shift, ZoneInfo]:
    """A shift whose roster is read now, which is noted, and its time zone. Raises 404."""
    shift = session.get(Shift, shift_id)
    if shift is None:
        raise not_found("这个场次", "shift")
    site = session.get_one(Site, shift.site_id)
    record(session, "download", "shifts", shift.id, shift.site_id, what="roster")
    return shift, ZoneInfo(site.time_zone)


def roster(database: Database, data: PersonalData, scope: str, shift: Shift, zone: ZoneInfo) -> Sheet:
    """Everybody with a place or waiting for one, in the order in which they signed up."""

    def rows() -> Iterator[tuple[str, ...]]:
        last = 0
        while True:
            query = (
                select(Registration, PersonSite)
                .outerjoin(
                    PersonSite,
                    (PersonSite.person_id == Registration.person_id) & (PersonSite.site_id == Registration.site_id),
                )
                .where(
                    Registration.shift_id == shift.id,
                    Registration.status != "cancelled",
                    Registration.position > last,
                )
            )
            with database.transaction(scope) as session:
                found = session.execute(query.order_by(Registration.position).limit(AT_ONCE)).all()
                all_shown(session, shift.site_id, [_born(data, told) for _, told in found if told])
            for registration, told in found:
                yield _line(data, registration, told, zone)
            if len(found) < AT_ONCE:
                return
            last = found[-1][0].position

    return Sheet("roster", ROSTER, rows())


def _born(data: PersonalData, told: PersonSite) -> tuple[UUID, date | None]:
    written = data.readable(told.birth_date)
    return told.person_id, date.fromisoformat(written) if written else None


def _line(data: PersonalData, registration: Registration, told: PersonSite | None, zone: ZoneInfo) -> tuple[str, ...]:
    details = [
        data.shown(stored) if stored else ""
        for stored in ((told.name, told.phone, told.email) if told else (None, None, None))
    ]
    times = [
        moment.astimezone(zone).strftime("%Y-%m-%d %H:%M") if moment else ""
        for moment in (registration.checked_in_at, registration.checked_out_at, registration.created_at)
    ]
    return (*details, registration.status, str(registration.party_size), registration.outcome or "", *times)
