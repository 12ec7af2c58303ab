"""Webhooks of a site: the forms that add and change an endpoint, and the page that shows a secret this once."""

import secrets
from collections.abc import Callable
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site, owner_of
from services.common.database import Database
from services.common.idempotency import Attempt, earlier_answer, remember
from services.common.pages import Answer, Form, done, read_form, render, typed_version
from services.common.sealing import Box
from services.notifications.models import WebhookEndpoint
from services.notifications.operations.webhooks import endpoints
from services.notifications.operations.webhooks.endpoints import Rules
from services.notifications.pages.site import zone
from services.notifications.pages.webhook_words import KINDS
from services.notifications.schemas.webhooks import (
    OLD_SECRET_HOURS,
    RotateBody,
    WebhookAnswer,
    WebhookBody,
    WebhookEdit,
    WebhookWithSecret,
)

Made = tuple[WebhookEndpoint, str]


def add_forms(blueprint: APIBlueprint, database: Database, rules: Rules) -> None:
    """Their routes."""
    _add_new(blueprint, database, rules)
    _add_edit(blueprint, database, rules)
    _add_secret(blueprint, database, rules)


def _form(form: Form[Any], webhook: WebhookEndpoint | None = None) -> str:
    chosen = request.form.getlist("types") if request.method == "POST" else webhook.types if webhook else []
    single = [name for name in chosen if name not in KINDS]
    once = form.value("once") or secrets.token_urlsafe()
    return render(
        "webhooks/form.html", form=form, webhook=webhook, kinds=KINDS, chosen=chosen, single=single, once=once
    )


def _add_new(blueprint: APIBlueprint, database: Database, rules: Rules) -> None:
    @blueprint.get("/new")
    @allow(Caller.STAFF)
    def new_webhook() -> Answer:
        """The form of a new endpoint."""
        own_site()
        return _form(Form())

    @blueprint.post("/new")
    @allow(Caller.STAFF)
    def create_webhook() -> Answer:
        """Add it, and show its secret this once: sent again, the form makes no second one."""
        form = read_form(WebhookBody, lists=("types",), left_out=("once",))
        with form.catching(), database.transaction(g.principal.scope) as session:
            body = form.body
            made = made_once(
                session, rules.box, body.model_dump_json(),
                lambda: endpoints.create_endpoint(session, rules, own_site(), body),
            )  # fmt: skip
            return render("webhooks/secret.html", made=made, zone=zone(database))
        return _form(form), 422


def _add_edit(blueprint: APIBlueprint, database: Database, rules: Rules) -> None:
    @blueprint.get("/<uuid:webhook_id>/edit")
    @allow(Caller.STAFF)
    def show_edit(webhook_id: UUID) -> Answer:
        """The form of an endpoint."""
        with database.transaction(g.principal.scope) as session:
            webhook = endpoints.find_endpoint(session, webhook_id)
            return _form(Form({"url": webhook.url, "description": webhook.description}), webhook)

    @blueprint.post("/<uuid:webhook_id>/edit")
    @allow(Caller.STAFF)
    def edit(webhook_id: UUID) -> Answer:
        """Change it."""
        form: Form[WebhookEdit] = Form(request.form)
        typed = {"url": form.value("url"), "description": form.value("description")}
        form.read(WebhookEdit, typed | {"types": request.form.getlist("types")})
        with form.catching(), database.transaction(g.principal.scope) as session:
            endpoints.edit_endpoint(session, rules, webhook_id, form.body, typed_version())
        if form.failed:
            with database.transaction(g.principal.scope) as session:
                return _form(form, endpoints.find_endpoint(session, webhook_id)), 422
        return done(url_for(".show_webhook", webhook_id=webhook_id), "已保存。", "Saved.")


def _add_secret(blueprint: APIBlueprint, database: Database, rules: Rules) -> None:
    @blueprint.get("/<uuid:webhook_id>/secret")
    @allow(Caller.STAFF)
    def show_rotation(webhook_id: UUID) -> Answer:
        """What another secret means, before there is one."""
        return _rotation(webhook_id, Form())

    def _rotation(webhook_id: UUID, form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            webhook = endpoints.find_endpoint(session, webhook_id)
            once = secrets.token_urlsafe()
            hours = OLD_SECRET_HOURS
            return render(
                "webhooks/rotate.html", webhook=webhook, form=form, once=once, hours=hours, zone=zone(database)
            )

    @blueprint.post("/<uuid:webhook_id>/secret")
    @allow(Caller.STAFF)
    def rotate(webhook_id: UUID) -> Answer:
        """Make another secret and show it, this once."""
        form = read_form(RotateBody, left_out=("once",))
        with form.catching(), database.transaction(g.principal.scope) as session:
            hours = form.body.keep_old_hours
            made = made_once(
                session, rules.box, str(hours), lambda: endpoints.rotate_secret(session, rules, webhook_id, hours)
            )
            return render("webhooks/secret.html", made=made, zone=zone(database))
        return _rotation(webhook_id, form), 409


def made_once(session: Session, box: Box, typed: str, make: Callable[[], Made]) -> WebhookWithSecret:
    """What the form makes, or what it made when it was sent before."""
    once = request.form.get("once", "")[:100] or secrets.token_urlsafe()
    attempt = Attempt(owner_of(g.principal), once, box.fingerprint(request.path, typed))
    kept = earlier_answer(session, attempt)
    if kept:
        return WebhookWithSecret.model_validate_json(box.decrypt(kept["sealed"].encode()))
    endpoint, secret = make()
    made = WebhookWithSecret(**WebhookAnswer.model_validate(endpoint).model_dump(), secret=secret)
    remember(session, attempt, {"sealed": box.encrypt(made.model_dump_json()).decode()})
    return made
