"""One registration, for staff: what can be done with it, and what would follow, before it is done."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import not_found
from services.common.events import CancelReason, RegistrationCancelled, RegistrationOffered
from services.common.pages import Answer, Form, done, read_form, render
from services.common.schemas import Body
from services.registration.models import Activity, PersonSite, Registration, Shift, Site, Transfer
from services.registration.operations.seats import offers
from services.registration.operations.seats.coming import say_coming
from services.registration.operations.seats.registrations import cancel_registration, find_registration, who_moves_up
from services.registration.operations.seats.seats import is_ahead, is_over
from services.registration.operations.seats.shift_roster import one_line
from services.registration.personal_data import PersonalData
from services.registration.schemas.registrations import PartySize, Priority

CHANNELS = {
    "site": ("站点系统", "site's own system"),
    "web": ("网上", "online"),
    "desk": ("报名台", "at the desk"),
    "phone": ("电话", "by phone"),
    "proxy": ("他人代办", "somebody for them"),
    "team": ("队伍报名", "with a team"),
    "import": ("导入", "import"),
}
REASONS = {
    CancelReason.PERSON: ("本人取消", "by the person"),
    CancelReason.SITE: ("站点取消", "by the site"),
    CancelReason.SHIFT_CANCELLED: ("场次取消", "the shift was called off"),
    CancelReason.ACTIVITY_CANCELLED: ("活动取消", "the activity was called off"),
    CancelReason.MERGED: ("重复登记已合并", "entered twice, merged"),
    CancelReason.OFFER_DECLINED: ("没有接受名额", "declined the place"),
    CancelReason.OFFER_EXPIRED: ("没有按时答复", "did not answer in time"),
    CancelReason.HANDED_OVER: ("名额已转让", "handed over"),
    CancelReason.SWAPPED: ("已换场次", "swapped"),
    CancelReason.INSTEAD_OF: ("改去同时间的另一场", "took another place at the same time"),
    CancelReason.SHIFT_BEGUN: ("到开始时没有轮到", "their turn did not come"),
    CancelReason.REQUIREMENTS: ("轮到时不符合条件", "no longer met the requirements"),
}
WORDS = {"channels": CHANNELS, "reasons": REASONS}


class SizeForm(Body):
    """How many come, of the registration as the page showed it."""

    party_size: PartySize
    version: int = Field(ge=1, le=2**31 - 1)


class PriorityForm(Body):
    """Whose turn is earlier, of the registration as the page showed it."""

    priority: Priority
    version: int = Field(ge=1, le=2**31 - 1)


def add_registration_pages(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    """The page of one registration, and its buttons; beside the roster."""
    _add_one(blueprint, database, data)
    _add_edits(blueprint, database, data)


def _add_one(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/registrations/<uuid:registration_id>")
    @allow(Caller.STAFF)
    def show_registration(registration_id: UUID) -> Answer:
        """One registration, and what can be done with it."""
        with database.transaction(g.principal.scope) as session:
            return registration_page(session, data, registration_id, Form())

    @blueprint.post("/registrations/<uuid:registration_id>/<step>")
    @allow(Caller.STAFF)
    def take_step(registration_id: UUID, step: str) -> Answer:
        """Note that the person will come, cancel for them or the site, accept an offer or decline it."""
        if step not in STEPS:
            raise not_found("这个操作", "step")
        form: Form[Any] = Form(request.form)
        with database.transaction(g.principal.scope) as session:
            shift_id = own_registration(session, registration_id).shift_id
            with form.catching(), session.begin_nested():
                _take(session, data, registration_id, step)
            if form.failed:
                return registration_page(session, data, registration_id, form), 422
        return done(url_for(".show_roster", shift_id=shift_id), *STEPS[step])


STEPS = {
    "coming": ("已记下本人会来。", "It was noted that the person will come."),
    "cancel": ("报名已取消。", "The registration was cancelled."),
    "accept": ("已替本人接受名额。", "The place was accepted for the person."),
    "decline": ("已替本人放弃名额。", "The place was declined for the person."),
}


def _take(session: Session, data: PersonalData, registration_id: UUID, step: str) -> None:
    if step == "coming":
        say_coming(session, registration_id)
    elif step == "cancel":
        reason = CancelReason.SITE if request.form.get("reason") == "site" else CancelReason.PERSON
        cancel_registration(session, registration_id, reason)
    elif step == "accept":
        offers.accept_offer(session, data, registration_id, "instead_of" in request.form)
    else:
        offers.decline_offer(session, registration_id)


def _add_edits(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/size")
    @allow(Caller.STAFF)
    def resize(registration_id: UUID) -> Answer:
        """Change how many come."""
        form = read_form(SizeForm)
        with database.transaction(g.principal.scope) as session:
            own_registration(session, registration_id)
            with form.catching(), session.begin_nested():
                offers.resize_party(session, registration_id, form.body.party_size, {form.body.version})
            if form.failed:
                return registration_page(session, data, registration_id, form), 422
        return _back(registration_id, "人数已修改。", "The number of people was changed.")

    @blueprint.post("/registrations/<uuid:registration_id>/priority")
    @allow(Caller.STAFF)
    def set_priority(registration_id: UUID) -> Answer:
        """Change whose turn comes earlier."""
        form = read_form(PriorityForm)
        with database.transaction(g.principal.scope) as session:
            own_registration(session, registration_id)
            with form.catching(), session.begin_nested():
                offers.set_priority(session, registration_id, form.body.priority, {form.body.version})
            if form.failed:
                return registration_page(session, data, registration_id, form), 422
        return _back(registration_id, "优先级已修改。", "The priority was changed.")


def _back(registration_id: UUID, zh: str, en: str) -> Answer:
    return done(url_for(".show_registration", registration_id=registration_id), zh, en)


def own_registration(session: Session, registration_id: UUID) -> Registration:
    """The registration, at the site where staff work just now. Raises 404."""
    registration = find_registration(session, registration_id)
    if registration.site_id != own_site():
        raise not_found("这个报名", "registration")
    return registration


def own_shift(session: Session, shift_id: UUID) -> Shift:
    """The shift, at the site where staff work just now. Raises 404."""
    shift = session.get(Shift, shift_id)
    if shift is None or shift.site_id != own_site():
        raise not_found("这个场次", "shift")
    return shift


def shift_facts(session: Session, shift: Shift) -> dict[str, Any]:
    """What every page says of the shift."""
    return {
        "shift": shift,
        "activity": session.get_one(Activity, shift.activity_id),
        "zone": session.get_one(Site, shift.site_id).time_zone,
    }


def registration_page(session: Session, data: PersonalData, registration_id: UUID, form: Form[Any], **more: Any) -> str:
    """One registration: who it is, what would follow from each button."""
    registration = own_registration(session, registration_id)
    shift = session.get_one(Shift, registration.shift_id)
    active = registration.status != "cancelled" and registration.outcome is None and not is_over(session, shift)
    asked = select(Transfer).where(Transfer.registration_id == registration_id, Transfer.status == "asked")
    return render(
        "shifts/registration.html",
        line=one_line(session, data, registration),
        form=form,
        active=active,
        ahead=is_ahead(session, shift),
        follows=_follows(session, data, registration_id) if active else [],
        asked=session.scalars(asked).one_or_none(),
        **{"found": None, "others": None} | more,
        **shift_facts(session, shift),
        **WORDS,
    )


def _follows(session: Session, data: PersonalData, registration_id: UUID) -> list[tuple[str, bool]]:
    """Who moves up when the registration is cancelled, by name; and whether the place is only offered."""
    events = [one for one in who_moves_up(session, registration_id) if not isinstance(one, RegistrationCancelled)]
    people = [event.person_id for event in events]
    told = select(PersonSite).where(PersonSite.person_id.in_(people), PersonSite.site_id == own_site())
    names = {row.person_id: data.shown(row.name) for row in session.scalars(told)} if people else {}
    return [(names.get(event.person_id, ""), isinstance(event, RegistrationOffered)) for event in events]
