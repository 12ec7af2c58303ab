"""Addresses to which no mail goes any more: for staff those that their site's messages met, for operators all."""

from typing import Any

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import Row

from services.common.auth import OPERATORS, Caller, allow
from services.common.database import Database
from services.common.pages import Answer, Form, asked_position, done, in_menu, page_blueprint, read_form, render
from services.notifications.operations.suppressions import find_suppression, lift_suppression, list_suppressions
from services.notifications.pages.site import zone
from services.notifications.schemas.suppressions import LiftBody, SuppressionQuery
from services.notifications.wording.names import KIND_NAMES


def suppressions_pages(database: Database) -> APIBlueprint:
    """The list, and one with the form that lifts it."""
    blueprint = page_blueprint("suppressions_pages", __name__, url_prefix="/staff/suppressions")
    in_menu("suppressions_pages.show_suppressions", "停发的邮箱", "Closed addresses", 18, without_site=OPERATORS)

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def show_suppressions() -> Answer:
        """Those that hold, newest first, or those that were lifted."""
        lifted = request.args.get("lifted") == "true"
        with database.transaction(g.principal.scope) as session:
            found, following = list_suppressions(
                session, SuppressionQuery(lifted=lifted), asked_position("cursor") or None
            )
        chosen = "true" if lifted else None
        more = url_for(".show_suppressions", lifted=chosen, cursor=following) if following else ""
        return render(
            "suppressions/list.html", found=found, lifted=lifted, more=more, kinds=KIND_NAMES, zone=zone(database)
        )

    @blueprint.get("/<int:suppression_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def show_suppression(suppression_id: int) -> Answer:
        """What showed it, how long it holds, and the form."""
        with database.transaction(g.principal.scope) as session:
            return _one(database, find_suppression(session, suppression_id), Form())

    @blueprint.post("/<int:suppression_id>/lift")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def lift(suppression_id: int) -> Answer:
        """Send mails there again."""
        form = read_form(LiftBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            lift_suppression(session, suppression_id, form.body.reason)
        if form.failed:
            with database.transaction(g.principal.scope) as session:
                return _one(database, find_suppression(session, suppression_id), form), 422
        address = url_for(".show_suppression", suppression_id=suppression_id)
        return done(address, "已恢复发送。", "Mails go there again.")

    return blueprint


def _one(database: Database, found: Row[Any], form: Form[Any]) -> str:
    return render("suppressions/one.html", found=found, form=form, kinds=KIND_NAMES, zone=zone(database))
