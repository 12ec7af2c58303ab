"""A resident's teams: answered, left; and what a leader does for theirs."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request, url_for
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.errors import not_found
from services.common.pages import Answer, Form, done, render
from services.registration.api.residents import resident
from services.registration.operations.bookings.answers import turned_down
from services.registration.operations.people.proven_sites import Resident
from services.registration.operations.seats.throttle import LOG_INS, Throttle
from services.registration.operations.teams import leaders, teams
from services.registration.operations.teams.own_teams import own_membership, own_teams, rehearsals
from services.registration.pages.certificates import catching
from services.registration.pages.mine import ANSWERED_AFTER, read_contact
from services.registration.pages.resident import add_box, in_resident_menu, resident_blueprint
from services.registration.personal_data import PersonalData
from services.registration.schemas.hours import RollEntry

Page = Callable[[UUID, Form[Any]], str]


def own_teams_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of one's own teams."""
    blueprint = resident_blueprint("own_teams_pages", __name__, url_prefix="/my/teams")
    add_box("mine/teams_box.html", _box)
    in_resident_menu("own_teams_pages.show_teams", "我的队伍", "My teams")

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_teams() -> Answer:
        """What one is in or invited to, and when it rehearses."""
        with database.transaction(EVERY_SITE) as session:
            return render("mine/teams.html", **_box(session, resident()))

    @blueprint.post("/<uuid:member_id>/accept")
    @allow(Caller.PERSON)
    def accept(member_id: UUID) -> Response:
        """Join a team that invited one."""
        return answer(member_id, True, "您已加入队伍。", "You are in the team now.")

    @blueprint.post("/<uuid:member_id>/decline")
    @allow(Caller.PERSON)
    def decline(member_id: UUID) -> Response:
        """Do not join it."""
        return answer(member_id, False, "已回复，不加入。", "You declined.")

    def answer(member_id: UUID, accepted: bool, zh: str, en: str) -> Response:
        with database.transaction(EVERY_SITE) as session:
            teams.answer_own(session, resident(), member_id, accepted)
        return done(_home(), zh, en)

    @blueprint.get("/<uuid:member_id>/leave")
    @allow(Caller.PERSON)
    def show_leaving(member_id: UUID) -> Answer:
        """What leaving means."""
        with database.transaction(EVERY_SITE) as session:
            return render("mine/team_leave.html", one=own_membership(session, resident(), member_id))

    @blueprint.post("/<uuid:member_id>/leave")
    @allow(Caller.PERSON)
    def leave(member_id: UUID) -> Response:
        """Leave it."""
        with database.transaction(EVERY_SITE) as session:
            teams.leave_own(session, resident(), member_id)
        return done(_home(), "您已退出队伍。", "You left the team.")

    _add_leading(blueprint, database, data)
    return blueprint


def _home() -> str:
    return url_for("own_teams_pages.show_teams")


def _box(session: Session, whose: Resident) -> dict[str, Any]:
    found = own_teams(session, whose)
    joined = [one.team.id for one in found if one.member.status == "member"]
    return {"teams": found, "rehearsals": rehearsals(session, joined)}


def _add_leading(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    def page(member_id: UUID, form: Form[Any]) -> str:
        with database.transaction(EVERY_SITE) as session:
            led = leaders.find_led(session, resident(), member_id)
            return render(
                "mine/team_led.html",
                led=led,
                form=form,
                members=leaders.led_roster(session, data, led),
                invited=leaders.open_invitations(session, led),
                rehearsals=rehearsals(session, [led.team.id])[led.team.id],
                turned_down=turned_down(session, led.team.id),
                shifts=leaders.shifts_to_call(session, led),
            )

    @blueprint.get("/<uuid:member_id>/lead")
    @allow(Caller.PERSON)
    def show_led(member_id: UUID) -> Answer:
        """The team as its leader sees it."""
        return page(member_id, Form())

    _add_asking(blueprint, database, data, page)
    _add_roll(blueprint, database, data)


def _add_asking(blueprint: APIBlueprint, database: Database, data: PersonalData, page: Page) -> None:
    throttle = Throttle(LOG_INS)

    @blueprint.post("/<uuid:member_id>/lead/invitations")
    @allow(Caller.PERSON)
    def invite(member_id: UUID) -> Answer:
        """Invite somebody. What is answered tells nobody whether the site knows them."""
        form, began = read_contact(), time.monotonic()
        with catching(form), database.transaction(EVERY_SITE) as session:
            led = leaders.find_led(session, resident(), member_id)
            throttle.take(data.fingerprint("contact", form.body.contact.lower()).hex(), request.remote_addr)
            leaders.invite_as_leader(session, data, led, form.body)
        if form.failed:
            return page(member_id, form), 422
        time.sleep(max(0.0, ANSWERED_AFTER - (time.monotonic() - began)))
        return done(
            url_for("own_teams_pages.show_led", member_id=member_id),
            "如果站点认识这位居民，对方会收到邀请。",
            "If the site knows this person, they get an invitation.",
        )


def _add_roll(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    def page(member_id: UUID, shift_id: UUID, form: Form[Any]) -> str:
        with database.transaction(EVERY_SITE) as session:
            led = leaders.find_led(session, resident(), member_id)
            people = leaders.team_on_shift(session, data, led, shift_id)
            shifts = {shift.id: (shift, activity) for shift, activity, _ in leaders.shifts_to_call(session, led)}
            if shift_id not in shifts:
                raise not_found("现在可以点名的场次", "shift whose roll can be called now")
            shift, activity = shifts[shift_id]
            return render("mine/team_roll.html", led=led, people=people, shift=shift, activity=activity, form=form)

    @blueprint.get("/<uuid:member_id>/lead/roll/<uuid:shift_id>")
    @allow(Caller.PERSON)
    def show_roll(member_id: UUID, shift_id: UUID) -> Answer:
        """The team's part of a shift's list."""
        return page(member_id, shift_id, Form())

    @blueprint.post("/<uuid:member_id>/lead/roll/<uuid:shift_id>")
    @allow(Caller.PERSON)
    def call_roll(member_id: UUID, shift_id: UUID) -> Answer:
        """Say who came. Who was left open stays open."""
        form: Form[RollEntry] = Form(request.form)
        with catching(form), database.transaction(EVERY_SITE) as session:
            led = leaders.find_led(session, resident(), member_id)
            said = [
                (one.registration.id, request.form.get(f"outcome.{one.registration.id}", ""))
                for one in leaders.team_on_shift(session, data, led, shift_id)
            ]
            entries = [
                RollEntry(registration_id=registration_id, outcome=outcome)
                for registration_id, outcome in said
                if outcome in ("present", "attended", "no_show")
            ]
            if entries:
                leaders.call_team_roll(session, led, shift_id, entries)
        if form.failed:
            return page(member_id, shift_id, form), 422
        return done(url_for("own_teams_pages.show_led", member_id=member_id), "点名已保存。", "The list was recorded.")
