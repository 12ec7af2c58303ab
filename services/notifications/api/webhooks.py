"""Webhooks: where a site is told of its events, and what became of that."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions, json_body, own_site, page
from services.common.database import Database
from services.notifications.models import WebhookDelivery, WebhookEndpoint
from services.notifications.operations.webhooks import deliveries, endpoints
from services.notifications.operations.webhooks.endpoints import Rules
from services.notifications.schemas.webhooks import (
    RedeliverBody,
    RedeliveredAnswer,
    RotateBody,
    WebhookAnswer,
    WebhookBody,
    WebhookDeliveriesQuery,
    WebhookDeliveryAnswer,
    WebhookDeliveryList,
    WebhookDeliveryWithTries,
    WebhookEdit,
    WebhookList,
    WebhooksQuery,
    WebhookTest,
    WebhookWithSecret,
)


def webhooks_blueprint(database: Database, rules: Rules) -> APIBlueprint:
    """The routes of webhooks."""
    blueprint = APIBlueprint("webhooks", __name__, tag="Webhooks", url_prefix="/v1/webhooks")
    _add_reading(blueprint, database)
    _add_changing(blueprint, database, rules)
    _add_deliveries(blueprint, database)
    _add_again(blueprint, database, rules)
    return blueprint


def _add_reading(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(WebhooksQuery, location="query", arg_name="query")
    @blueprint.output(WebhookList)
    def list_webhooks(query: WebhooksQuery) -> Response:
        """The site's endpoints; an operator sees every site's."""
        rows = select(WebhookEndpoint)
        if query.given_up:
            rows = rows.where(WebhookEndpoint.disabled_why.in_(("failing", "gone")))
        with database.transaction(g.principal.scope) as session:
            return page(
                session, rows, WebhookEndpoint.number, query, lambda f: [WebhookAnswer.model_validate(w) for w in f]
            )

    @blueprint.get("/<uuid:webhook_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(WebhookAnswer)
    def show_webhook(webhook_id: UUID) -> Response:
        """One endpoint, and how it goes."""
        with database.transaction(g.principal.scope) as session:
            return answered(WebhookAnswer.model_validate(endpoints.find_endpoint(session, webhook_id)))


def _add_changing(blueprint: APIBlueprint, database: Database, rules: Rules) -> None:
    @blueprint.post("")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(WebhookBody, arg_name="body")
    @blueprint.output(WebhookWithSecret, status_code=201)
    def create_webhook(body: WebhookBody) -> Response:
        """Be told of the site's events from now on. At most five endpoints; the secret is shown this once."""
        return create(
            database, rules.box, body, lambda s: _shown(*endpoints.create_endpoint(s, rules, own_site(), body))
        )

    @blueprint.patch("/<uuid:webhook_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(WebhookEdit, arg_name="body")
    @blueprint.output(WebhookAnswer)
    def edit_webhook(webhook_id: UUID, body: WebhookEdit) -> Response:
        """Change its address or what it asks for, disable it, or enable it again."""
        with database.transaction(g.principal.scope) as session:
            endpoint = endpoints.edit_endpoint(session, rules, webhook_id, body, expected_versions())
            return answered(WebhookAnswer.model_validate(endpoint))

    @blueprint.delete("/<uuid:webhook_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output({}, status_code=204)
    def delete_webhook(webhook_id: UUID) -> Response:
        """Be told nothing more there; what it was told is forgotten."""
        endpoints.delete_endpoint(database, g.principal.scope, webhook_id)
        return Response(status=204)

    @blueprint.post("/<uuid:webhook_id>/secret")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(RotateBody, optional=True)
    @blueprint.output(WebhookWithSecret, status_code=201)
    def rotate_secret(webhook_id: UUID, body: RotateBody) -> Response:
        """Another secret, shown this once. Until the old one ends, what is sent has a signature by each."""
        return create(
            database,
            rules.box,
            body,
            lambda s: _shown(*endpoints.rotate_secret(s, rules, webhook_id, body.keep_old_hours)),
        )


def _shown(endpoint: WebhookEndpoint, secret: str) -> WebhookWithSecret:
    return WebhookWithSecret(**WebhookAnswer.model_validate(endpoint).model_dump(), secret=secret)


def _add_deliveries(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/<uuid:webhook_id>/deliveries")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(WebhookDeliveriesQuery, location="query", arg_name="query")
    @blueprint.output(WebhookDeliveryList)
    def list_deliveries(webhook_id: UUID, query: WebhookDeliveriesQuery) -> Response:
        """What it was told, newest first; kept for 30 days."""
        with database.transaction(g.principal.scope) as session:
            found, following = deliveries.list_deliveries(session, webhook_id, query)
            items = [WebhookDeliveryAnswer.model_validate(one) for one in found]
        return answered(WebhookDeliveryList(items=items), following=following)

    @blueprint.get("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(WebhookDeliveryWithTries)
    def show_delivery(webhook_id: UUID, delivery_id: UUID) -> Response:
        """One delivery with what was sent, and every attempt."""
        with database.transaction(g.principal.scope) as session:
            return _one(deliveries.get_delivery(session, webhook_id, delivery_id))


def _add_again(blueprint: APIBlueprint, database: Database, rules: Rules) -> None:
    @blueprint.post("/<uuid:webhook_id>/test")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(WebhookTest, optional=True)
    @blueprint.output(WebhookDeliveryWithTries, status_code=201)
    def send_test(webhook_id: UUID, body: WebhookTest) -> Response:
        """Send `hesheng.webhook.test.v1`, for which nothing happened. At most twenty an hour."""

        def make(session: Session) -> WebhookDeliveryWithTries:
            delivery_id = deliveries.send_test(session, webhook_id)
            return WebhookDeliveryWithTries.model_validate(deliveries.get_delivery(session, webhook_id, delivery_id))

        return create(database, rules.box, body, make)

    @blueprint.post("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/redeliver")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(WebhookDeliveryWithTries)
    def redeliver(webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send one again, under the same webhook-id."""
        with database.transaction(g.principal.scope) as session:
            deliveries.send_again(session, webhook_id, delivery_id)
            return _one(deliveries.get_delivery(session, webhook_id, delivery_id))

    @blueprint.post("/<uuid:webhook_id>/redeliver")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(RedeliverBody, arg_name="body")
    @blueprint.output(RedeliveredAnswer)
    def redeliver_failed(webhook_id: UUID, body: RedeliverBody) -> Response:
        """Send again what failed or was skipped since a time, at most 10,000 at once, under the same webhook-ids."""
        with database.transaction(g.principal.scope) as session:
            count, more = deliveries.send_failed_again(session, webhook_id, body.since)
        return answered(RedeliveredAnswer(count=count, more=more))


def _one(delivery: WebhookDelivery) -> Response:
    return answered(WebhookDeliveryWithTries.model_validate(delivery))
