"""Staff's page of a programme's template: its words, its activities and their shifts. What the page does not show stays
as it is. Sites that have the programme are offered what changed; nothing changes there by itself."""

from typing import Any
from uuid import UUID, uuid4

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, Form, done, render, typed_version
from services.registration.models import Programme
from services.registration.operations.programmes import authority, templates
from services.registration.schemas.programmes import ProgrammeEdit

WORDS = ("title_zh", "title_en", "description_zh", "description_en")
OF_ACTIVITY = (*WORDS, "place", "risks_zh", "risks_en", "room_wish", "team_wish")
OF_SHIFT = ("time", "minutes", "capacity", "role_zh", "role_en")
NEW = "new"


def add_template_page(blueprint: APIBlueprint, database: Database) -> None:
    """The page, beside those of programmes."""

    @blueprint.get("/<uuid:programme_id>/edit")
    @allow(Caller.STAFF)
    def show_template(programme_id: UUID) -> Answer:
        """The template as a form."""
        with database.transaction(EVERY_SITE) as session:
            programme = authority.lock_kept(session, g.principal, programme_id)
            return _page(programme, Form(_written(programme)))

    @blueprint.post("/<uuid:programme_id>/edit")
    @allow(Caller.STAFF)
    def save_template(programme_id: UUID) -> Answer:
        """Keep it."""
        form: Form[ProgrammeEdit] = Form(request.form)
        with database.transaction(EVERY_SITE) as session:
            programme = authority.lock_kept(session, g.principal, programme_id)
            form.read(ProgrammeEdit, _typed(programme, request.form))
            with form.catching(), session.begin_nested():
                _save(session, programme_id, form.body)
            if form.failed:
                return _page(programme, form), 422
        address = url_for("programmes_pages.show_programme", programme_id=programme_id)
        return done(
            address, "模板已保存。已有此项目的站点会看到改动。", "Saved. Sites that have it are offered the changes."
        )


def _save(session: Session, programme_id: UUID, body: ProgrammeEdit) -> None:
    templates.edit_programme(session, g.principal, programme_id, body, typed_version())


def _page(programme: Programme, form: Form[Any]) -> str:
    return render("programmes/edit.html", programme=programme, form=form, new=NEW)


def _written(programme: Programme) -> dict[str, Any]:
    """The template as the form shows it: days are counted from 1."""
    values: dict[str, Any] = {name: getattr(programme, name) for name in (*WORDS, "version")}
    values["first_weekday"] = programme.first_weekday or ""
    for n, activity in enumerate(programme.template):
        values |= {f"activities.{n}.{name}": activity[name] for name in OF_ACTIVITY}
        for m, shift in enumerate(activity["shifts"]):
            at = f"activities.{n}.shifts.{m}"
            values |= {f"{at}.{name}": shift[name] for name in OF_SHIFT} | {f"{at}.day": shift["day"] + 1}
    return values


def _typed(programme: Programme, typed: Any) -> dict[str, Any]:
    """The stored template with what the form says in place of what it showed."""
    facts: dict[str, Any] = {name: typed.get(name, "") for name in WORDS}
    facts["first_weekday"] = typed.get("first_weekday") or None
    facts["activities"] = [
        _activity(activity, f"activities.{n}", typed)
        for n, activity in enumerate(programme.template)
        if not typed.get(f"activities.{n}.remove")
    ]
    return facts


def _activity(stored: dict[str, Any], at: str, typed: Any) -> dict[str, Any]:
    rows = [*stored["shifts"], {"key": f"n{uuid4().hex[:8]}"}]
    places = [*range(len(stored["shifts"])), NEW]
    shifts = [
        _shift(row, f"{at}.shifts.{place}", typed)
        for row, place in zip(rows, places, strict=True)
        if not typed.get(f"{at}.shifts.{place}.remove") and (place != NEW or typed.get(f"{at}.shifts.new.capacity"))
    ]
    return stored | {name: typed.get(f"{at}.{name}", stored[name]) for name in OF_ACTIVITY} | {"shifts": shifts}


def _shift(stored: dict[str, Any], at: str, typed: Any) -> dict[str, Any]:
    said = {name: typed[f"{at}.{name}"] for name in OF_SHIFT if typed.get(f"{at}.{name}")}
    day = typed.get(f"{at}.day", "").strip()
    return stored | said | {"day": int(day) - 1 if day.isdecimal() and len(day) < 6 else day}
