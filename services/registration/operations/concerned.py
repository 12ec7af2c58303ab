"""Whom a change of an activity, its shifts or the site's ages concerns: shown by name before it is made.

ids = without_guardian(session, site_id, volunteering=True, below=18, of_activity=activity.id)
for one in concerned(session, data, ids): ...
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from services.common.errors import CONFLICT, Problem, Words
from services.common.events import AgeBand
from services.registration.models import Activity, Consent, PersonSite, Registration, Shift
from services.registration.operations.ages import LAW, SPANS, VOLUNTEERING
from services.registration.operations.shown import all_shown
from services.registration.personal_data import PersonalData, age_on


@dataclass(frozen=True)
class Concerned:
    """A registration, as staff are shown it: who, for when, and what they lack."""

    registration_id: UUID
    person_id: UUID
    name: str
    status: str
    party_size: int
    starts_at: datetime
    ends_at: datetime
    role_zh: str
    role_en: str
    lacks: list[str] = field(default_factory=list)


def concerned(
    session: Session, data: PersonalData, ids: Sequence[UUID], lacks: dict[UUID, list[str]] | None = None
) -> list[Concerned]:
    """These registrations by name, in the order in which they are given."""
    rows = session.execute(
        select(Registration, Shift, PersonSite)
        .join(Shift, Shift.id == Registration.shift_id)
        .outerjoin(
            PersonSite,
            (PersonSite.person_id == Registration.person_id) & (PersonSite.site_id == Registration.site_id),
        )
        .where(Registration.id.in_(ids))
    ).all()
    found = {registration.id: _named(data, registration, shift, told) for registration, shift, told in rows}
    told_of = [(told.person_id, _born(data, told)) for _, _, told in rows if told]
    if rows:
        all_shown(session, rows[0].Registration.site_id, told_of)
    for registration_id, missing in (lacks or {}).items():
        found[registration_id].lacks.extend(missing)
    return [found[one] for one in ids if one in found]


def _named(data: PersonalData, registration: Registration, shift: Shift, told: PersonSite | None) -> Concerned:
    return Concerned(
        registration_id=registration.id,
        person_id=registration.person_id,
        name=data.shown(told.name) if told else "",
        status=registration.status,
        party_size=registration.party_size,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        role_zh=shift.role_zh,
        role_en=shift.role_en,
    )


def _born(data: PersonalData, told: PersonSite) -> date | None:
    return date.fromisoformat(data.decrypt(told.birth_date)) if told.birth_date else None


def without_guardian(
    session: Session, site_id: UUID, volunteering: bool, below: int, of_activity: UUID | None = None
) -> list[UUID]:
    """Active registrations, on shifts to come, of minors who may be below this age and whose guardian has not agreed;
    of one activity, or of all those of the site that are volunteering or are not."""
    bands = [AgeBand.UNDER_14.value] + ([AgeBand.FROM_14.value] if below > LAW else [])
    which = Activity.id == of_activity if of_activity else Activity.volunteering.is_(volunteering)
    # What was said with this very sign-up counts as well, unlike in `guardian_agreed`.
    kinds = ["guardian_volunteering"] + ([] if volunteering else ["guardian_signup"])
    agreed = exists().where(
        Consent.person_id == Registration.person_id,
        Consent.site_id == Registration.site_id,
        Consent.withdrawn_at.is_(None),
        Consent.kind.in_(kinds),
    )
    return _to_come(session, site_id, which, Registration.age_band.in_(bands), ~agreed)


def younger_than(session: Session, site_id: UUID, age: int) -> list[UUID]:
    """Active registrations, on shifts to come, of minors who are below this age for certain."""
    bands = [band for band, (_, oldest) in SPANS.items() if oldest < min(age, VOLUNTEERING)]
    return _to_come(session, site_id, Registration.age_band.in_(bands))


def refuse(ids: Sequence[UUID]) -> None:
    """Raise 409 with these registrations, whose people could not sign up as things would be; nothing without any."""
    if ids:
        listed = ", ".join(str(one) for one in ids)
        words = Words(
            f"有 {len(ids)} 个未成年人的报名不符合这样的年龄要求或缺少监护人同意：{listed}。请先取得同意，或取消报名。",
            f"{len(ids)} registrations of minors would be too young, or lack a guardian's consent: {listed}."
            " Get the consent first, or cancel them.",
        )
        raise Problem(CONFLICT, words, registrations=[str(one) for one in ids])


def lacking(session: Session, data: PersonalData, shift: Shift, requirements: dict[str, Any]) -> dict[UUID, list[str]]:
    """What people with a place or a turn on the shift would lack if it asked for this, and lack nothing of now."""
    query = (
        select(Registration, PersonSite)
        .outerjoin(
            PersonSite,
            (PersonSite.person_id == Registration.person_id) & (PersonSite.site_id == Registration.site_id),
        )
        .where(Registration.shift_id == shift.id, Registration.status != "cancelled", Registration.outcome.is_(None))
        .order_by(Registration.position)
    )
    found = {}
    for registration, told in session.execute(query).all():
        born = _born(data, told) if told else None
        new, old = (_lacks(session, registration, born, shift, asked) for asked in (requirements, shift.requirements))
        if new - old:
            found[registration.id] = sorted(new - old)
    return found


def _lacks(
    session: Session, registration: Registration, born: date | None, shift: Shift, asked: dict[str, Any]
) -> set[str]:
    wanted = literal(asked, JSONB)
    lacks = set(session.scalars(select(func.person_meets(registration.person_id, shift.site_id, wanted))).one())
    youngest, oldest = asked.get("min_age"), asked.get("max_age")
    if (youngest, oldest) != (None, None):
        age = age_on(born, shift.local_day) if born else -1
        lacks |= {"age"} if not (youngest or 0) <= age <= (oldest or 200) else set()
    return lacks


def _to_come(session: Session, site_id: UUID, *which: ColumnElement[bool]) -> list[UUID]:
    query = (
        select(Registration.id)
        .join(Shift, Shift.id == Registration.shift_id)
        .join(Activity, Activity.id == Registration.activity_id)
        .where(
            Registration.site_id == site_id,
            Registration.status != "cancelled",
            Registration.outcome.is_(None),
            Shift.status == "open",
            Shift.starts_at > func.clock_timestamp(),
            *which,
        )
    )
    return list(session.scalars(query.order_by(Shift.starts_at, Registration.position)))
