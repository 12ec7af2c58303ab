"""From a team's roster to volunteers in one step: who lacks which data, who agreed and how, and all of them at once."""

import re
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from werkzeug.datastructures import MultiDict

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.errors import Words
from services.common.pages import Answer, Form, done, page_blueprint, render
from services.registration.codes import CATEGORIES
from services.registration.operations.teams import teams
from services.registration.operations.teams.rosters import LACKING, make_roster_volunteers, roster_members
from services.registration.personal_data import PersonalData
from services.registration.schemas.teams import RosterBody, RosterLine

PLAIN = ("sex", "birth_date", "how")
OF_GUARDIAN = ("name", "phone", "email")
NOBODY = Words("请至少选择一位队员。", "Choose at least one member.")


def rosters_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The page of a team's roster."""
    blueprint = page_blueprint("rosters_pages", __name__, url_prefix="/staff/teams")

    def page(team_id: UUID, form: Form[Any], refused: list[RosterLine] | None = None) -> str:
        with database.transaction(g.principal.scope) as session:
            return render(
                "teams/roster.html",
                team=teams.find_team(session, team_id),
                members=roster_members(session, data, team_id),
                form=form,
                refused={line.person_id: Words(line.zh, line.en) for line in refused or ()},
                lacking=LACKING,
                categories=CATEGORIES,
            )

    @blueprint.get("/<uuid:team_id>/volunteers")
    @allow(Caller.STAFF)
    def show_roster(team_id: UUID) -> Answer:
        """Who is a volunteer, and what is lacking of whom."""
        return page(team_id, Form(MultiDict()))

    @blueprint.post("/<uuid:team_id>/volunteers")
    @allow(Caller.STAFF)
    def make_volunteers(team_id: UUID) -> Answer:
        """Register all who were chosen. Who cannot be is shown with the reason; the others are volunteers now."""
        form = _read()
        lines: list[RosterLine] = []
        with form.catching(), database.transaction(g.principal.scope) as session:
            lines = make_roster_volunteers(session, data, team_id, form.body, g.principal.actor).items
        refused = [line for line in lines if line.outcome == "refused"]
        if form.failed or refused:
            return page(team_id, form, refused), 422
        made = sum(line.outcome == "registered" for line in lines)
        address = url_for("rosters_pages.show_roster", team_id=team_id)
        return done(address, f"已登记 {made} 位志愿者。", f"{made} volunteer(s) registered.")

    return blueprint


def _read() -> Form[RosterBody]:
    """Each member's fields begin with their id; what is wrong goes back to them."""
    form: Form[RosterBody] = Form(request.form)
    chosen = request.form.getlist("chosen")
    members = [_member(form, person_id) for person_id in chosen]
    categories = request.form.getlist("categories")
    body = {"members": [one | {"categories": categories} for one in members], "how": form.value("how") or "paper"}
    form.read(RosterBody, body)
    form.errors = {_field(name, chosen): words for name, words in form.errors.items()}
    if not chosen:
        form.errors, form.problem = {}, NOBODY
    return form


def _member(form: Form[Any], person_id: str) -> dict[str, Any]:
    told: dict[str, Any] = {"person_id": person_id, "terms_consent": True}
    told |= {name: value for name in PLAIN if (value := form.value(f"{person_id}.{name}"))}
    guardian = {name: value for name in OF_GUARDIAN if (value := form.value(f"{person_id}.guardian.{name}").strip())}
    if guardian:
        told["guardian"] = guardian
    if form.value(f"{person_id}.guardian_consent") == "on":
        told["guardian_consent"] = True
    return told


def _field(name: str, chosen: list[str]) -> str:
    found = re.fullmatch(r"members\.(\d+)\.(.+)", name)
    return f"{chosen[int(found[1])]}.{found[2]}" if found else name
