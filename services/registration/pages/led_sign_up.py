"""A leader signs their team up: a shift, ticks, what each would get, and then for good."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import request, url_for

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.errors import Words
from services.common.pages import Answer, Form, done, render
from services.registration.api.residents import resident
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.seats.throttle import TRIALS, Throttle
from services.registration.operations.teams import led_sign_up
from services.registration.operations.teams.leaders import find_led
from services.registration.pages.certificates import catching
from services.registration.pages.resident import resident_blueprint
from services.registration.personal_data import PersonalData
from services.registration.schemas.leading import LedSignUp, LedSignUpBody, LedVerdict

NOBODY = Words("请至少勾选一人。", "Tick at least one of them.")


def led_sign_up_pages(database: Database, data: PersonalData, sign_ups: SignUps) -> APIBlueprint:
    """The pages of a leader's sign-up."""
    blueprint = resident_blueprint("led_sign_up_pages", __name__, url_prefix="/my/teams/<uuid:member_id>/lead/shifts")
    throttle = Throttle(TRIALS)

    @blueprint.get("")
    @allow(Caller.PERSON)
    def choose_shift(member_id: UUID) -> Answer:
        """For which shift the team signs up."""
        with database.transaction(EVERY_SITE) as session:
            led = find_led(session, resident(), member_id)
            return render("mine/team_shifts.html", led=led, shifts=led_sign_up.shifts_to_join(session, led))

    def page(member_id: UUID, shift_id: UUID, form: Form[Any], verdicts: Sequence[LedVerdict] = ()) -> str:
        with database.transaction(EVERY_SITE) as session:
            led = find_led(session, resident(), member_id)
            found, one = led_sign_up.shift_for_team(session, led, shift_id)
            members = led_sign_up.standings(session, data, led, shift_id)
            return render(
                "mine/team_shift.html",
                led=led,
                found=found,
                one=one,
                form=form,
                members=members,
                # Nobody unless chosen: in another language the page is made anew, and whoever was not asked stays out.
                ticked=form.values.getlist("member_ids") if form.values else [],
                verdicts=verdicts,
            )

    @blueprint.get("/<uuid:shift_id>")
    @allow(Caller.PERSON)
    def show_members(member_id: UUID, shift_id: UUID) -> Answer:
        """The members, to be ticked."""
        return page(member_id, shift_id, Form())

    @blueprint.post("/<uuid:shift_id>")
    @allow(Caller.PERSON)
    def sign_up(member_id: UUID, shift_id: UUID) -> Answer:
        """Show what each of the ticked would get; once that was read, sign them up."""
        form: Form[Any] = Form(request.form)
        if request.form.get("step") == "choose":
            return page(member_id, shift_id, form)
        if request.form.get("step") == "confirm":
            with catching(form), database.transaction(EVERY_SITE) as session:
                form.read(LedSignUp, _typed() | ({"agreed": True} if "agreed" in request.form else {}))
                led = find_led(session, resident(), member_id)
                made = led_sign_up.sign_up_as_leader(session, data, sign_ups, led, shift_id, form.body)
            if not form.failed:
                here = url_for("led_sign_up_pages.show_members", member_id=member_id, shift_id=shift_id)
                return done(here, *_told(made))
        trial: Form[LedSignUpBody] = Form(request.form)
        verdicts: list[LedVerdict] = []
        with catching(trial):
            throttle.take(str(member_id), request.remote_addr)
            trial.read(LedSignUpBody, _typed())
            if "member_ids" in trial.errors:
                trial.errors["member_ids"] = led_sign_up.TOO_MANY if request.form.getlist("member_ids") else NOBODY
            with database.transaction(EVERY_SITE) as session:
                led = find_led(session, resident(), member_id)
                verdicts = led_sign_up.try_sign_up(session, data, sign_ups, led, shift_id, trial.body)
        shown = trial if trial.failed else _without_numbers(form)
        return page(member_id, shift_id, shown, verdicts), 422 if shown.failed else 200

    return blueprint


def _typed() -> dict[str, Any]:
    return {
        "member_ids": request.form.getlist("member_ids"),
        "all_or_nothing": "all_or_nothing" in request.form,
    }


def _without_numbers(form: Form[Any]) -> Form[Any]:
    """What keeps single members off stands below their names, not at their number in the list."""
    found = [name for name in form.errors if name.startswith("member_ids.")]
    for name in found:
        del form.errors[name]
    if found and not form.failed:
        form.problem = led_sign_up.NOT_EVERYBODY
    return form


def _told(made: Sequence[LedVerdict]) -> tuple[str, str]:
    count = Counter(one.verdict for one in made)
    zh = f"有名额 {count['confirmed']} 人，候补 {count['waitlisted']} 人"
    en = f"{count['confirmed']} with a place, {count['waitlisted']} waiting"
    if count["already"]:
        zh, en = f"{zh}，先前已报 {count['already']} 人", f"{en}, {count['already']} signed up before"
    if count["refused"]:
        return f"已报名：{zh}；{count['refused']} 人没有报上。", f"Signed up: {en}; {count['refused']} could not be."
    return f"已报名：{zh}。", f"Signed up: {en}."
