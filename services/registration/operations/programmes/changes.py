"""Later changes of a template: what a clone is offered.

What a site took (`taken`) is compared with the template as it is now, thing by thing:

    a1                      an activity that was added or removed
    a1/title_zh             a field of it that changed
    a1/shifts/s2            a shift that was added or removed
    a1/shifts/s2/when       its day, time or length

What the site declined stays away until the template changes the same thing again.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import Activity, Programme, ProgrammeClone, Shift, Site
from services.registration.operations.programmes.clones import clone_at, parts_at, place_at, times_at, window_at
from services.registration.operations.programmes.sources import SAME
from services.registration.operations.sites.organisations import describe_parts
from services.registration.schemas.organisations import PartAnswer
from services.registration.schemas.programmes import (
    ActivityTemplate,
    OfferAnswer,
    OfferedChange,
    OrganisationWish,
    ShiftTemplate,
)
from services.registration.schemas.requirements import Requirements

ACTIVITY_FIELDS = (*sorted(SAME), "place", "window", "organisations", "room_wish", "team_wish")
WISHES = ("room_wish", "team_wish")
"""What a clone is told and an activity's row does not have: accepting it notes it, and the site sees to it."""

ROLE_FIELDS = ("role_zh", "role_en", "capacity", "requirements")
WHEN = ("day", "time", "minutes")


@dataclass(frozen=True)
class Change:
    """One difference between what a site took and the template."""

    change: Literal["added", "removed", "changed"]
    activity_key: str
    shift_key: str | None
    field: str | None
    before: Any
    after: Any

    @property
    def is_new(self) -> bool:
        """Whether it is an activity that the site does not have yet."""
        return self.change == "added" and self.shift_key is None

    @property
    def path(self) -> str:
        """By this it is accepted or declined."""
        parts = [self.activity_key, *(("shifts", self.shift_key) if self.shift_key else ()), self.field]
        return "/".join(part for part in parts if part)


def open_changes(template: list[dict[str, Any]], clone: ProgrammeClone) -> list[Change]:
    """What differs, but for what the site declined as it is now."""
    return [
        change
        for change in _differences(clone.taken, template)
        if clone.declined.get(change.path) != {"after": change.after}
    ]


def _differences(taken: list[dict[str, Any]], template: list[dict[str, Any]]) -> Iterator[Change]:
    old, new = _by_key(taken), _by_key(template)
    for key in [*old, *(key for key in new if key not in old)]:
        if key not in new:
            yield Change("removed", key, None, None, old[key], None)
        elif key not in old:
            yield Change("added", key, None, None, None, new[key])
        else:
            yield from _in_activity(key, old[key], new[key])


def _in_activity(key: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for field in ACTIVITY_FIELDS:
        if old[field] != new[field]:
            yield Change("changed", key, None, field, old[field], new[field])
    before, after = _by_key(old["shifts"]), _by_key(new["shifts"])
    for shift in [*before, *(one for one in after if one not in before)]:
        if shift not in after:
            yield Change("removed", key, shift, None, before[shift], None)
        elif shift not in before:
            yield Change("added", key, shift, None, None, after[shift])
        else:
            yield from _in_shift(key, shift, before[shift], after[shift])


def _in_shift(key: str, shift: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    when = [{name: one[name] for name in WHEN} for one in (old, new)]
    if when[0] != when[1]:
        yield Change("changed", key, shift, "when", *when)
    for field in ROLE_FIELDS:
        if old[field] != new[field]:
            yield Change("changed", key, shift, field, old[field], new[field])


def _by_key(things: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {thing["key"]: thing for thing in things}


class AtSite:
    """A clone's activities and shifts as they now are, by their keys in the template. What is closed is not there."""

    def __init__(self, session: Session, clone: ProgrammeClone) -> None:
        self.clone = clone
        self._session = session
        self.site = session.get_one(Site, clone.site_id)
        self.zone = ZoneInfo(self.site.time_zone)
        activities = session.scalars(
            select(Activity).where(
                Activity.programme_id == clone.programme_id,
                Activity.site_id == clone.site_id,
                Activity.status != "cancelled",
            )
        ).all()
        self.completed = {one.programme_key for one in activities if one.status == "completed"}
        self.activities = {str(one.programme_key): one for one in activities if one.status != "completed"}
        keys = {one.id: key for key, one in self.activities.items()}
        shifts = session.scalars(select(Shift).where(Shift.activity_id.in_(keys), Shift.status == "open"))
        self.shifts = {(keys[one.activity_id], one.programme_key): one for one in shifts if one.programme_key}

    def concerns(self, change: Change) -> bool:
        """Whether there is still something here that the change could change."""
        return _concerns(change, self.activities, self.completed, self.shifts)

    def yours(self, change: Change) -> Any:
        """How it is here, in the words of the template; for something whole, what of it is not as it was taken."""
        if change.change == "added":
            return None
        if change.change == "removed":
            return self._own_changes(change)
        if change.shift_key is None:
            return self._activity_field(change.activity_key, str(change.field))
        shift = self.shifts[change.activity_key, change.shift_key]
        return self._when(shift) if change.field == "when" else self._role(shift)[str(change.field)]

    def conflicts(self, change: Change) -> bool:
        """Whether the site has changed it itself since it took it."""
        if change.change == "added" or change.field in WISHES:
            return False
        if change.change == "removed":
            return bool(self._own_changes(change))
        return bool(self.yours(change) != self.expected(change))

    def expected(self, change: Change) -> Any:
        """How it would be here if the site had left it as it took it, in the words of `yours`."""
        if change.field == "place":
            return place_at(self.site, change.before)
        if change.field == "window":
            return _text(self.window(_by_key(self.clone.taken)[change.activity_key]))
        if change.field == "organisations":
            wishes = [OrganisationWish.model_validate(one) for one in change.before]
            return [one.model_dump(mode="json") for one in parts_at(self._session, self.site, wishes)]
        return change.before

    def window(self, activity: dict[str, Any]) -> dict[str, datetime | None]:
        """The registration window that a template's activity has here."""
        one = ActivityTemplate.model_validate(activity)
        return window_at(self.clone.first_day, self.zone, one.window, one.shifts)

    def times(self, shift: dict[str, Any]) -> dict[str, datetime]:
        """When a template's shift is here."""
        return times_at(self.clone.first_day, self.zone, ShiftTemplate.model_validate(shift))

    def _own_changes(self, change: Change) -> list[str]:
        """The fields of an activity, or of a shift, that the site changed."""
        key, shift_key = change.activity_key, change.shift_key
        if shift_key is not None:
            shift = self.shifts[key, shift_key]
            own = {"when": self._when(shift)} | self._role(shift)
            taken = {"when": {name: change.before[name] for name in WHEN}} | change.before
            return [name for name, value in own.items() if value != taken[name]]
        fields = [Change("changed", key, None, field, change.before[field], None) for field in ACTIVITY_FIELDS]
        return [str(one.field) for one in fields if self.conflicts(one)]

    def _activity_field(self, key: str, field: str) -> Any:
        activity = self.activities[key]
        if field in WISHES:
            return None
        if field == "organisations":
            return [{"organisation_id": str(one.organisation_id), "role": one.role} for one in self._parts(activity)]
        if field == "window":
            names = ("registration_opens_at", "registration_closes_at")
            return _text({name: getattr(activity, name) for name in names})
        return getattr(activity, field)

    def _parts(self, activity: Activity) -> Sequence[PartAnswer]:
        return describe_parts(self._session, activity).organisations

    def _when(self, shift: Shift) -> dict[str, Any]:
        local = shift.starts_at.astimezone(self.zone)
        minutes = round((shift.ends_at - shift.starts_at).total_seconds() / 60)
        return {"day": (local.date() - self.clone.first_day).days, "time": f"{local:%H:%M}", "minutes": minutes}

    @staticmethod
    def _role(shift: Shift) -> dict[str, Any]:
        asked = Requirements.model_validate(shift.requirements).model_dump()
        return {name: getattr(shift, name) for name in ROLE_FIELDS} | {"requirements": asked}


def _text(times: dict[str, datetime | None]) -> dict[str, str | None]:
    return {name: moment.isoformat() if moment else None for name, moment in times.items()}


def _concerns(change: Change, activities: Container[Any], completed: Container[Any], shifts: Container[Any]) -> bool:
    """Whether a change is of something that is there: by the keys of what is open, completed, and of open shifts."""
    if change.is_new:
        return change.activity_key not in activities and change.activity_key not in completed
    if change.activity_key not in activities:
        return False
    there = (change.activity_key, change.shift_key) in shifts
    return change.shift_key is None or there != (change.change == "added")


def offers_at(session: Session, site_id: UUID) -> dict[UUID, list[Change]]:
    """By programme, what is offered to a site now: three queries, however many programmes it has."""
    found = session.execute(
        select(Programme, ProgrammeClone)
        .join(ProgrammeClone, ProgrammeClone.programme_id == Programme.id)
        .where(ProgrammeClone.site_id == site_id)
    ).all()
    changes = {programme.id: open_changes(programme.template, clone) for programme, clone in found}
    open_ones = {programme_id: some for programme_id, some in changes.items() if some}
    if not open_ones:
        return {}
    keys, shifts = _keys_at(session, site_id, list(open_ones))
    there: dict[UUID, list[Change]] = {}
    for programme_id, some in open_ones.items():
        active = {key for one, key, status in keys if one == programme_id and status != "completed"}
        completed = {key for one, key, status in keys if one == programme_id and status == "completed"}
        of_shifts = {(key, shift) for one, key, shift in shifts if one == programme_id}
        there[programme_id] = [one for one in some if _concerns(one, active, completed, of_shifts)]
    return {programme_id: some for programme_id, some in there.items() if some}


def _keys_at(session: Session, site_id: UUID, programmes: Sequence[UUID]) -> tuple[Sequence[Any], Sequence[Any]]:
    """(programme, activity's key, status) of the site's activities, (programme, activity's key, shift's key) of its
    open shifts."""
    mine = (Activity.site_id == site_id, Activity.programme_id.in_(programmes), Activity.status != "cancelled")
    activities = session.execute(select(Activity.programme_id, Activity.programme_key, Activity.status).where(*mine))
    shifts = session.execute(
        select(Activity.programme_id, Activity.programme_key, Shift.programme_key)
        .join(Shift, Shift.activity_id == Activity.id)
        .where(*mine, Activity.status != "completed", Shift.status == "open", Shift.programme_key.is_not(None))
    )
    return activities.all(), shifts.all()


def offered(session: Session, programme: Programme, site_id: UUID) -> OfferAnswer:
    """What the template offers the site's clone now. Raises 404 when the site does not have the programme."""
    clone = session.scalars(clone_at(programme.id, site_id)).one_or_none()
    if clone is None:
        raise not_found("这个站点的项目", "programme at this site")
    here = AtSite(session, clone)
    found = [change for change in open_changes(programme.template, clone) if here.concerns(change)]
    titles = _by_key(clone.taken) | _by_key(programme.template)
    return OfferAnswer(
        programme_id=programme.id,
        programme_version=programme.version,
        changes=[_described(here, change, titles[change.activity_key]) for change in found],
    )


def _described(here: AtSite, change: Change, activity: dict[str, Any]) -> OfferedChange:
    return OfferedChange(
        path=change.path,
        what="field" if change.field else "shift" if change.shift_key else "activity",
        change=change.change,
        title_zh=activity["title_zh"],
        title_en=activity["title_en"],
        before=change.before,
        after=change.after,
        yours=here.yours(change),
        conflict=here.conflicts(change),
    )
