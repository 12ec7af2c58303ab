"""Staff's pages of shifts: more of them, changes to one or to all that follow, calling off."""

import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g, request
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import not_found
from services.common.pages import Answer, Form, done, read_form, render
from services.common.schemas import Body
from services.registration.models import Activity
from services.registration.operations.activities import following_shifts, series, shifts
from services.registration.pages.activity_forms import REPEATS, ROLE_ROWS, WHEN_LISTS, When
from services.registration.pages.requirement_forms import trainings_known
from services.registration.pages.shift_edits import activity_url, add_edit, find_shift, site_zone
from services.registration.personal_data import PersonalData
from services.registration.schemas.activities import SlotBody
from services.registration.schemas.series import ShiftSeriesAnswer


class MoreShifts(Body):
    """More shifts of an activity."""

    when: When


def add_shift_pages(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    """The pages of shifts, beside those of activities."""
    _add_more(blueprint, database)
    add_edit(blueprint, database, data)
    _add_cancel(blueprint, database)


def _add_more(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/<uuid:activity_id>/shifts/new")
    @allow(Caller.STAFF)
    def new_shifts(activity_id: UUID) -> Answer:
        """The form of more shifts."""
        with database.transaction(g.principal.scope) as session:
            return _more_page(session, activity_id, Form())

    @blueprint.post("/<uuid:activity_id>/shifts/new")
    @allow(Caller.STAFF)
    def create_shifts(activity_id: UUID) -> Answer:
        """Add the shifts, or only show what they would be."""
        preview, seen = "preview" in request.form, None
        with database.transaction(g.principal.scope) as session:
            zone = site_zone(session)
            form = read_form(MoreShifts, WHEN_LISTS, ("preview", "seen"))
            with form.catching(), session.begin_nested():
                seen = add_when(session, activity_id, form.body.when, zone, preview)
            if form.failed or seen:
                page = _more_page(session, activity_id, form, seen)
                return (page, 422) if form.failed else page
        return done(activity_url(activity_id), "场次已添加。", "The shifts were added.")


def add_when(
    session: Session, activity_id: UUID, when: When, zone: ZoneInfo, preview: bool
) -> ShiftSeriesAnswer | None:
    """Add the shifts, a series where they repeat. Returns what they would be where nothing was added: for a preview,
    and where something clashes that the form had not shown (`seen`)."""
    seen = series.create_series(session, activity_id, when.series(zone, preview=True))
    if preview or (seen.clashing and request.form.get("seen") != clash_mark(seen)):
        return seen
    wanted = when.series(zone, preview=False)
    if when.repeat != "none":
        series.create_series(session, activity_id, wanted)
        return None
    ends_at = wanted.first_starts_at + timedelta(minutes=when.minutes)
    shifts.create_slot(
        session, activity_id, SlotBody(starts_at=wanted.first_starts_at, ends_at=ends_at, roles=when.roles)
    )
    return None


def clash_mark(seen: ShiftSeriesAnswer) -> str:
    """Names what clashes: a form that carries it has shown exactly these."""
    told = [f"{slot.starts_at} {clash.model_dump_json()}" for slot in seen.slots for clash in slot.clashes]
    return hashlib.sha256("".join(told).encode()).hexdigest()[:16]


def _more_page(session: Session, activity_id: UUID, form: Form[Any], seen: Any = None) -> str:
    activity = session.get(Activity, activity_id)
    if activity is None:
        raise not_found("这个活动", "activity")
    return render(
        "activities/shifts.html",
        activity=activity,
        form=form,
        seen=seen,
        zone=str(site_zone(session)),
        repeats=REPEATS,
        role_rows=range(ROLE_ROWS),
        trainings=trainings_known(session, own_site()),
    )


def _add_cancel(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/shifts/<uuid:shift_id>/cancel")
    @allow(Caller.STAFF)
    def show_cancel(shift_id: UUID) -> Answer:
        """What follows from calling off a shift, or it and all that follow, before it is done."""
        with database.transaction(g.principal.scope) as session:
            return _cancel_page(session, shift_id, Form(), "following" in request.args)

    @blueprint.post("/shifts/<uuid:shift_id>/cancel")
    @allow(Caller.STAFF)
    def cancel_shift(shift_id: UUID) -> Answer:
        """Call off a shift, or it and all that follow."""
        form: Form[Any] = Form()
        all_of_them = "following" in request.form
        with database.transaction(g.principal.scope) as session:
            shift = find_shift(session, shift_id)
            with form.catching(), session.begin_nested():
                _cancel(session, shift_id, all_of_them)
            if form.failed:
                return _cancel_page(session, shift_id, form, False), 422
        return done(activity_url(shift.activity_id), "场次已取消。", "The shift was called off.")


def _cancel(session: Session, shift_id: UUID, all_of_them: bool) -> None:
    if all_of_them:
        following_shifts.cancel_following(session, shift_id)
    else:
        shifts.cancel_shift(session, shift_id)


def _cancel_page(session: Session, shift_id: UUID, form: Form[Any], all_of_them: bool) -> str:
    shift = find_shift(session, shift_id)
    activity, zone = session.get_one(Activity, shift.activity_id), str(site_zone(session))
    facts = {
        "starts_at": shift.starts_at,
        "ends_at": shift.ends_at,
        "told": following_shifts.people_on(session, [shift]),
    }
    seen = None
    if all_of_them:
        with session.begin_nested() as attempt:
            seen = following_shifts.cancel_following(session, shift_id)
            attempt.rollback()
    return render(
        "activities/cancel_shift.html",
        shift_id=shift_id, activity=activity, facts=facts, zone=zone, form=form, seen=seen,
    )  # fmt: skip
