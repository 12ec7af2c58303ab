"""The phone list: who gave a number alone and has news. The public pages promise that the site calls them."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import g, url_for
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.pages import Answer, done, in_menu, page_blueprint, render
from services.registration.models import Site
from services.registration.operations.seats import calls
from services.registration.pages.home import Box, Line, box
from services.registration.pages.registration import WORDS
from services.registration.personal_data import PersonalData

AT_ONCE = 50

NEWS = {
    "place": ("已有名额", "They have a place"),
    "offer": ("有一个名额，请问要不要", "A place is offered: ask whether they want it"),
    "waits": ("名额减少，改为候补", "There are fewer places: they wait again"),
    "cancelled": ("报名已取消", "Their registration was cancelled"),
    "moved": ("时间或地点有变", "The time or the place was changed"),
}


def calls_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of calls."""
    blueprint = page_blueprint("calls_pages", __name__, url_prefix="/staff/calls")
    in_menu("calls_pages.list_calls", "电话通知", "Phone list", 13)
    box(calls_waiting)

    @blueprint.get("/")
    @allow(Caller.STAFF)
    def list_calls() -> Answer:
        """Whom to call, the earliest shifts first."""
        with database.transaction(g.principal.scope) as session:
            found = calls.calls_to_make(session, data, own_site(), AT_ONCE)
            total = calls.count_calls(session, own_site())
            zone = session.get_one(Site, own_site()).time_zone
            return render("shifts/calls.html", found=found, total=total, zone=zone, news=NEWS, **WORDS)

    @blueprint.post("/<uuid:call_id>/done")
    @allow(Caller.STAFF)
    def make_call(call_id: UUID) -> Answer:
        """Somebody was told."""
        with database.transaction(g.principal.scope) as session:
            calls.call_made(session, call_id, g.principal.actor)
        return done(url_for(".list_calls"), "已记为通知过。", "Noted: they were told.")

    return blueprint


def calls_waiting(session: Session, site_id: UUID) -> Box | None:
    """How many people are to be called."""
    waiting = calls.count_calls(session, site_id)
    if not waiting:
        return None
    line = Line(f"要打电话通知：{waiting} 人", f"To be called: {waiting}", url_for("calls_pages.list_calls"))
    return Box("电话通知", "Phone list", [line])
