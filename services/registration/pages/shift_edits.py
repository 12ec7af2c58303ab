"""Staff's page of one shift: what follows from a change is shown, by name, before it is made.

who would lose their place to fewer places; who lacks what the shift would ask for;
which shifts of a series change with it, and which stay as they are
"""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import not_found
from services.common.pages import Answer, Form, done, read_form, render, typed_version
from services.registration.models import Activity, Shift, Site
from services.registration.operations.activities import following_shifts, private_notes, shifts
from services.registration.operations.activities.concerned import concerned, lacking
from services.registration.operations.activities.recurrence import at_wall_clock
from services.registration.operations.seats import venues
from services.registration.pages.activity_forms import ShiftForm, shift_values
from services.registration.pages.requirement_forms import list_fields, trainings_known
from services.registration.personal_data import PersonalData
from services.registration.schemas.activities import ShiftEdit
from services.registration.schemas.private_notes import NoteBody
from services.registration.schemas.series import FollowingAnswer, FollowingEdit


@dataclass
class Seen:
    """What follows from a change, by id."""

    moves: list[UUID] = field(default_factory=list)
    lacks: dict[UUID, list[str]] = field(default_factory=dict)
    series: FollowingAnswer | None = None

    @property
    def matters(self) -> bool:
        """Whether it is to be shown before it is done."""
        return bool(self.moves or self.lacks or self.series)

    @property
    def mark(self) -> str:
        """Names exactly this: a form that carries it has shown it."""
        of_series = self.series and ([one.id for one in self.series.shifts], self.series.left_alone)
        return hashlib.sha256(repr((self.moves, sorted(self.lacks.items()), of_series)).encode()).hexdigest()[:16]


def add_edit(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    """The page of one shift, beside those of activities."""

    @blueprint.get("/shifts/<uuid:shift_id>")
    @allow(Caller.STAFF)
    def show_shift(shift_id: UUID) -> Answer:
        """The form of one shift."""
        with database.transaction(g.principal.scope) as session:
            return _shift_page(session, shift_id, None)

    @blueprint.post("/shifts/<uuid:shift_id>")
    @allow(Caller.STAFF)
    def edit_shift(shift_id: UUID) -> Answer:
        """Change the shift, and those that follow it where that was asked for; what follows from it is shown first."""
        seen = Seen()
        with database.transaction(g.principal.scope) as session:
            shift = find_shift(session, shift_id)
            form = read_form(ShiftForm, list_fields("requirements"), ("version", "seen"))
            with form.catching(), session.begin_nested() as attempt:
                seen = _change(session, data, shift, form.body, typed_version())
                told = not seen.matters or request.form.get("seen") == seen.mark
                if not told:
                    attempt.rollback()
            if form.failed:
                return _shift_page(session, shift_id, form), 422
            if not told:
                return _shift_page(session, shift_id, form, seen, data)
            address = activity_url(shift.activity_id)
        stayed = len(seen.series.left_alone) if seen.series else 0
        zh, en = (f"另有 {stayed} 场保持不变。", f" {stayed} others stay as they are.") if stayed else ("", "")
        return done(address, f"场次已修改。{zh}", f"The shift was changed.{en}")

    @blueprint.get("/shifts/<uuid:shift_id>/private-note")
    @allow(Caller.STAFF)
    def show_note(shift_id: UUID) -> Answer:
        """The private note of a shift, on a page of its own: that it was read is on record."""
        with database.transaction(g.principal.scope) as session:
            find_shift(session, shift_id)
            note = private_notes.read_note(session, data, shift_id)
            return _note_page(session, shift_id, Form(note.model_dump()))

    @blueprint.post("/shifts/<uuid:shift_id>/private-note")
    @allow(Caller.STAFF)
    def save_note(shift_id: UUID) -> Answer:
        """Write or delete the private note."""
        with database.transaction(g.principal.scope) as session:
            shift = find_shift(session, shift_id)
            form = read_form(NoteBody, left_out=("version",))
            with form.catching(), session.begin_nested():
                private_notes.write_note(session, data, shift_id, form.body.note, typed_version())
            if form.failed:
                return _note_page(session, shift_id, form), 422
            address = activity_url(shift.activity_id)
        return done(address, "私密说明已保存。", "The private note was saved.")


def _note_page(session: Session, shift_id: UUID, form: Form[Any]) -> str:
    shift = find_shift(session, shift_id)
    activity, zone = session.get_one(Activity, shift.activity_id), str(site_zone(session))
    return render("activities/private_note.html", shift=shift, activity=activity, zone=zone, form=form)


def _change(session: Session, data: PersonalData, shift: Shift, form: ShiftForm, expected: set[int]) -> Seen:
    zone = site_zone(session)
    if form.following:
        return _change_following(session, data, shift, form, zone, expected)
    requirements = form.requirements.stored()
    lacks = lacking(session, data, shift, requirements) if requirements != shift.requirements else {}
    hour, minute = map(int, form.time.split(":"))
    local = shift.starts_at.astimezone(zone).replace(tzinfo=None)
    local = local.replace(year=form.day.year, month=form.day.month, day=form.day.day, hour=hour, minute=minute)
    starts_at = at_wall_clock(local, zone)
    changes = {
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=form.minutes),
        "requirements": form.requirements,
        "role_zh": form.role_zh,
        "role_en": form.role_en,
    }
    fewer = form.capacity < shift.confirmed + shift.offered + shift.held
    edit = ShiftEdit.model_validate(changes | ({} if fewer else {"capacity": form.capacity}))
    shifts.edit_shift(session, shift.id, edit, expected)
    return Seen(_move(session, shift, form.capacity) if fewer else [], lacks)


def _move(session: Session, shift: Shift, capacity: int) -> list[UUID]:
    """Give the shift fewer places than are taken; returns who moved to the waitlist."""
    plan = venues.preview_capacity(session, shift.id, capacity)
    moves = [move.id for move in plan.moves]
    venues.apply_capacity(session, shift.id, capacity, plan.token)
    return moves


def _change_following(
    session: Session, data: PersonalData, shift: Shift, form: ShiftForm, zone: ZoneInfo, expected: set[int]
) -> Seen:
    old = shift_values(shift, zone)
    names = ("time", "minutes", "capacity", "role_zh", "role_en")
    sent: dict[str, Any] = {name: getattr(form, name) for name in names}
    changes = {name: value for name, value in sent.items() if value != old[name] and value != ""}
    lacks: dict[UUID, list[str]] = {}
    if form.requirements.stored() != shift.requirements:
        changes["requirements"] = form.requirements
        for one in following_shifts.of_same_role(session, shift):
            lacks |= lacking(session, data, one, form.requirements.stored())
    days = (form.day - shift.starts_at.astimezone(zone).date()).days
    edit = FollowingEdit.model_validate(changes | ({"days": days} if days else {}))
    return Seen([], lacks, following_shifts.edit_following(session, shift.id, edit, expected))


def _shift_page(
    session: Session,
    shift_id: UUID,
    form: Form[Any] | None,
    seen: Seen | None = None,
    data: PersonalData | None = None,
) -> str:
    shift = find_shift(session, shift_id)
    zone = site_zone(session)
    return render(
        "activities/shift.html",
        shift=shift,
        activity=session.get_one(Activity, shift.activity_id),
        zone=str(zone),
        trainings=trainings_known(session, shift.site_id),
        form=form or Form(shift_values(shift, zone)),
        in_series=shift.series_id is not None and not shift.detached,
        seen=seen,
        moves=concerned(session, data, seen.moves) if seen and data else [],
        unmet=concerned(session, data, list(seen.lacks), seen.lacks) if seen and data else [],
    )


def find_shift(session: Session, shift_id: UUID) -> Shift:
    shift = session.get(Shift, shift_id)
    if shift is None or shift.site_id != own_site():
        raise not_found("这个场次", "shift")
    return shift


def site_zone(session: Session) -> ZoneInfo:
    return ZoneInfo(session.get_one(Site, own_site()).time_zone)


def activity_url(activity_id: UUID) -> str:
    return url_for("activities_pages.show_activity", activity_id=activity_id)
