"""Webhooks of a site, for its staff: where it is told of its events, how that goes, and sending again."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import func, select, text

from services.common.auth import OPERATORS, Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.errors import not_found
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, render
from services.notifications.models import WebhookEndpoint, WebhookState
from services.notifications.operations.webhooks import deliveries, endpoints
from services.notifications.operations.webhooks.endpoints import Rules
from services.notifications.pages.site import zone
from services.notifications.pages.webhook_forms import add_forms
from services.notifications.pages.webhook_words import KINDS, OUTCOMES, STATES, WHY_DISABLED
from services.notifications.schemas.webhooks import WebhookDeliveriesQuery, WebhookEdit

WITHIN = {"1": timedelta(hours=1), "24": timedelta(days=1), "120": timedelta(days=5), "720": timedelta(days=30)}
SITE_NAMES = text("SELECT id, name_zh, name_en FROM sites WHERE id = ANY(:sites)")


def webhooks_pages(database: Database, rules: Rules) -> APIBlueprint:
    """The list, an endpoint with what it was told, a delivery; and the forms."""
    blueprint = page_blueprint("webhooks_pages", __name__, url_prefix="/staff/webhooks")
    in_menu("webhooks_pages.list_webhooks", "事件推送", "Webhooks", 27, without_site=OPERATORS)
    _add_reading(blueprint, database)
    _add_buttons(blueprint, database, rules)
    add_forms(blueprint, database, rules)
    return blueprint


def _words(database: Database) -> dict[str, Any]:
    return {"kinds": KINDS, "states": STATES, "outcomes": OUTCOMES, "why": WHY_DISABLED, "zone": zone(database)}


def _add_reading(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def list_webhooks() -> Answer:
        """The site's; before an operator chose one, those of every site that were given up."""
        site_id = g.principal.site_id
        wanted = select(WebhookEndpoint).order_by(WebhookEndpoint.number).limit(200)
        if site_id:
            wanted = wanted.where(WebhookEndpoint.site_id == site_id)
        else:
            wanted = wanted.where(WebhookEndpoint.disabled_why.in_(("failing", "gone")))
        with database.transaction(g.principal.scope) as session:
            found = session.scalars(wanted).all()
        with database.transaction(EVERY_SITE) as session:
            names = {row.id: row for row in session.execute(SITE_NAMES, {"sites": [one.site_id for one in found]})}
        full = len(found) >= endpoints.MOST
        return render(
            "webhooks/list.html", webhooks=found, names=names, at_site=bool(site_id), full=full, **_words(database)
        )

    @blueprint.get("/<uuid:webhook_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def show_webhook(webhook_id: UUID) -> Answer:
        """An endpoint, and what it was told."""
        return _one(database, webhook_id, Form())

    @blueprint.get("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def show_delivery(webhook_id: UUID, delivery_id: UUID) -> Answer:
        """What was sent, and what came of each attempt."""
        with database.transaction(g.principal.scope) as session:
            webhook = endpoints.find_endpoint(session, webhook_id)
            delivery = deliveries.get_delivery(session, webhook_id, delivery_id)
            return render("webhooks/delivery.html", webhook=webhook, delivery=delivery, **_words(database))


def _one(database: Database, webhook_id: UUID, form: Form[Any]) -> str:
    asked = {name: value for name in ("state", "cursor") if (value := request.args.get(name, "").strip())}
    query: Form[WebhookDeliveriesQuery] = Form(asked)
    query.read(WebhookDeliveriesQuery, asked | {"limit": 20})
    body = WebhookDeliveriesQuery(limit=20) if query.failed else query.body
    with database.transaction(g.principal.scope) as session:
        webhook = endpoints.find_endpoint(session, webhook_id)
        found, following = deliveries.list_deliveries(session, webhook_id, body)
        onward: dict[str, Any] = asked | {"cursor": following}
        more = url_for(".show_webhook", webhook_id=webhook_id, **onward) if following else ""
        return render(
            "webhooks/one.html",
            webhook=webhook,
            deliveries=found,
            more=more,
            asked=body.state,
            all_states=list(WebhookState),
            form=form,
            **_words(database),
        )


def _add_buttons(blueprint: APIBlueprint, database: Database, rules: Rules) -> None:
    @blueprint.post("/<uuid:webhook_id>/<string:step>")
    @allow(Caller.STAFF)
    def switch(webhook_id: UUID, step: str) -> Answer:
        """Have it told again, or nothing more for now."""
        if step not in ("enable", "disable"):
            raise not_found("这个操作", "step")
        with database.transaction(g.principal.scope) as session:
            endpoints.edit_endpoint(session, rules, webhook_id, WebhookEdit(enabled=step == "enable"), None)
        words = ("已启用。", "It is enabled.") if step == "enable" else ("已停用。", "It is disabled.")
        return done(url_for(".show_webhook", webhook_id=webhook_id), *words)

    @blueprint.post("/<uuid:webhook_id>/delete")
    @allow(Caller.STAFF)
    def delete(webhook_id: UUID) -> Answer:
        """Take it away with what it was told."""
        endpoints.delete_endpoint(database, g.principal.scope, webhook_id)
        return done(url_for(".list_webhooks"), "已删除。", "It was deleted.")

    @blueprint.post("/<uuid:webhook_id>/test")
    @allow(Caller.STAFF)
    def send_test(webhook_id: UUID) -> Answer:
        """Send an event that nothing happened for."""
        form: Form[Any] = Form()
        with form.catching(), database.transaction(g.principal.scope) as session:
            delivery_id = deliveries.send_test(session, webhook_id)
        if form.failed:
            return _one(database, webhook_id, form), 409
        address = url_for(".show_delivery", webhook_id=webhook_id, delivery_id=delivery_id)
        return done(address, "测试已排队，刷新本页看结果。", "The test is on its way. Reload for what came of it.")

    @blueprint.post("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/again")
    @allow(Caller.STAFF)
    def send_again(webhook_id: UUID, delivery_id: UUID) -> Answer:
        """Send one again."""
        form: Form[Any] = Form()
        with form.catching(), database.transaction(g.principal.scope) as session:
            deliveries.send_again(session, webhook_id, delivery_id)
        if form.failed:
            return _one(database, webhook_id, form), 409
        address = url_for(".show_delivery", webhook_id=webhook_id, delivery_id=delivery_id)
        return done(address, "将再次投递，刷新本页看结果。", "It is sent again. Reload for what came of it.")

    @blueprint.post("/<uuid:webhook_id>/again")
    @allow(Caller.STAFF)
    def send_failed_again(webhook_id: UUID) -> Answer:
        """Send again what failed within the time chosen."""
        within = WITHIN.get(request.form.get("within", ""))
        if within is None:
            raise not_found("这个时间范围", "span of time")
        form: Form[Any] = Form()
        with form.catching(), database.transaction(g.principal.scope) as session:
            since = session.execute(select(func.now())).scalar_one() - within
            count, _ = deliveries.send_failed_again(session, webhook_id, since)
        if form.failed:
            return _one(database, webhook_id, form), 409
        address = url_for(".show_webhook", webhook_id=webhook_id)
        return done(address, f"将再次投递 {count} 个事件。", f"{count} event(s) are sent again.")
