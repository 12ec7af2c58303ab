"""What was sent, what waits and what failed, for staff of the site; an operator sees every site's."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import text

from services.common.auth import OPERATORS, Caller, allow
from services.common.database import Database
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.notifications.models import Kind, Message, Stage
from services.notifications.operations.messages import NOT_SENT, get_message, list_messages, retry_message, stands
from services.notifications.operations.suppressions import lift_of_message, suppression_of
from services.notifications.pages.reasons import reason_of
from services.notifications.pages.site import zone
from services.notifications.pages.words import CHANNELS, OUTCOMES, STATES
from services.notifications.schemas.messages import MessageQuery
from services.notifications.schemas.suppressions import LiftBody
from services.notifications.wording.names import KIND_NAMES, PURPOSE_NAMES

FILTERS = ("state", "kind", "person_id", "registration_id", "request_id", "cursor")

ABOUT = text("""
    SELECT title_zh, title_en, starts_at, ends_at FROM shifts JOIN activities ON activities.id = activity_id
    WHERE shifts.id = :shift
""")


def messages_pages(database: Database) -> APIBlueprint:
    """The list, and one message's whole life."""
    blueprint = page_blueprint("messages_pages", __name__, url_prefix="/staff/messages")
    in_menu("messages_pages.show_messages", "消息", "Messages", 6, without_site=OPERATORS)

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def show_messages() -> Answer:
        """The newest first, by state and kind."""
        asked = {name: value for name in FILTERS if (value := request.args.get(name, "").strip())}
        form: Form[MessageQuery] = Form(asked)
        form.read(MessageQuery, asked | {"limit": 50})
        if form.failed:
            return _list(database, form, asked), 422
        messages, following = list_messages(database, g.principal.scope, form.body)
        onward: dict[str, Any] = asked | {"cursor": following}
        more = url_for(".show_messages", **onward) if following else ""
        return _list(database, form, asked, messages=messages, counts=stands(database, g.principal.scope), more=more)

    @blueprint.get("/<uuid:message_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def show_message(message_id: UUID) -> Answer:
        """From its cause to its end."""
        return _one(database, get_message(database, g.principal.scope, message_id), Form())

    @blueprint.post("/<uuid:message_id>/retry")
    @allow(Caller.OPERATOR)
    def retry(message_id: UUID) -> Answer:
        """Send it again."""
        form: Form[Any] = Form()
        with form.catching():
            retry_message(database, g.principal.scope, message_id)
        if form.failed:
            return _one(database, get_message(database, g.principal.scope, message_id), form), 409
        return done(url_for(".show_message", message_id=message_id), "消息将再次发送。", "The message is sent again.")

    @blueprint.post("/<uuid:message_id>/lift")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def lift(message_id: UUID) -> Answer:
        """Send mails to its address again."""
        message, form = get_message(database, g.principal.scope, message_id), read_form(LiftBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            lift_of_message(session, message_id, form.body.reason)
        if form.failed:
            return _one(database, message, form), 422
        return done(url_for(".show_message", message_id=message_id), "已恢复发送。", "Mails go there again.")

    return blueprint


def _list(database: Database, form: Form[MessageQuery], asked: dict[str, str], **more: Any) -> str:
    chosen = {"state": [(one, STATES[one]) for one in Stage], "kind": [(one, KIND_NAMES[one]) for one in Kind]}
    known: dict[str, Any] = {"messages": [], "counts": {}, "more": ""}
    return render("messages/list.html", form=form, asked=asked, chosen=chosen, **_words(database), **known | more)


def _one(database: Database, message: Message, form: Form[Any]) -> str:
    recalled = message.stage is Stage.EXPIRED and (message.error or "").startswith("recalled")
    ended = (message.state in NOT_SENT and not recalled) or message.suppression_id is not None
    with database.transaction(g.principal.scope) as session:
        closed = suppression_of(session, message.id)
        about = session.execute(ABOUT, {"shift": message.shift_id}).one_or_none()
    is_unwanted = closed and closed.id == message.suppression_id and closed.reason == "complaint"
    again = g.principal.is_operator and ended and not is_unwanted
    more = {"again": again, "outcomes": OUTCOMES, "closed": closed, "about": about}
    return render("messages/one.html", message=message, form=form, **more, **_words(database))


def _words(database: Database) -> dict[str, Any]:
    return {
        "kinds": KIND_NAMES,
        "states": STATES,
        "purposes": PURPOSE_NAMES,
        "channels": CHANNELS,
        "reason_of": reason_of,
        "zone": zone(database),
    }
