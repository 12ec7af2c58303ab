"""What became of each delivery: lists, one with its attempts, sent again one by one or all that failed, a test."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import select, text
from sqlalchemy.orm import Session, selectinload

from services.common.errors import CONFLICT, TOO_MANY, Problem, Words, not_found
from services.common.logs import current_request_id
from services.notifications.models import WebhookDelivery, WebhookEndpoint
from services.notifications.operations.messages import number_of
from services.notifications.operations.webhooks.endpoints import find_endpoint
from services.notifications.schemas.webhooks import WebhookDeliveriesQuery
from services.notifications.webhooks.types import TEST

MOST_AGAIN = 10_000
MOST_ASKED = 20_000
"""Deliveries of one endpoint that are sent again within an hour because somebody asked: all that failed, twice over."""
MOST_TESTS = 20
"""Tests of one endpoint within an hour: whoever puts in a stranger's address cannot make us a nuisance to them."""


def list_deliveries(
    session: Session, endpoint_id: UUID, query: WebhookDeliveriesQuery
) -> tuple[Sequence[WebhookDelivery], str | None]:
    """A page of an endpoint's deliveries, newest first, and the cursor of the next page if there is one."""
    find_endpoint(session, endpoint_id)
    wanted = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if query.state:
        wanted = wanted.where(WebhookDelivery.state == query.state)
    if query.type:
        wanted = wanted.where(WebhookDelivery.type == query.type)
    if query.cursor is not None:
        wanted = wanted.where(WebhookDelivery.number < number_of(query.cursor))
    found = session.scalars(wanted.order_by(WebhookDelivery.number.desc()).limit(query.limit + 1)).all()
    page = found[: query.limit]
    return page, str(page[-1].number) if len(found) > query.limit else None


def get_delivery(session: Session, endpoint_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """One with its attempts. Raises 404."""
    found = session.get(WebhookDelivery, delivery_id, options=[selectinload(WebhookDelivery.tries)])
    if found is None or found.endpoint_id != endpoint_id:
        raise not_found("这次投递", "delivery")
    return found


AGAIN = """
    state = 'pending', attempts = 0, next_attempt_at = now(), ended_at = NULL, claimed_at = NULL, error = NULL,
    expires_at = greatest(expires_at, now() + interval '5 days')
"""
ONE_AGAIN = text(f"UPDATE webhook_deliveries SET {AGAIN} WHERE id = :id AND state <> 'sending'")  # noqa: S608
ALL_AGAIN = text(f"""
    UPDATE webhook_deliveries SET {AGAIN}
    WHERE state IN ('failed', 'skipped') AND id IN (
        SELECT id FROM webhook_deliveries
        WHERE endpoint_id = :endpoint_id AND state IN ('failed', 'skipped') AND occurred_at >= :since
        ORDER BY number LIMIT :most)
""")  # noqa: S608 - AGAIN is a constant
RESTED = text("UPDATE webhook_endpoints SET resting_until = NULL WHERE id = :endpoint_id")
ASKED = text("""
    UPDATE webhook_endpoints SET resting_until = NULL,
        again = :count + CASE WHEN again_since > now() - interval '1 hour' THEN again ELSE 0 END,
        again_since = CASE WHEN again_since > now() - interval '1 hour' THEN again_since ELSE now() END
    WHERE id = :endpoint_id RETURNING again
""")


def send_again(session: Session, endpoint_id: UUID, delivery_id: UUID) -> None:
    """Send one again, whatever became of it, under the same webhook-id; one that waits is tried now.

    Raises 404, 409 where its endpoint is disabled or it is being sent this moment, and 429.
    """
    _enabled(session, endpoint_id)
    get_delivery(session, endpoint_id, delivery_id)
    if not session.execute(ONE_AGAIN, {"id": delivery_id}).rowcount:  # type: ignore[attr-defined]
        raise Problem(CONFLICT, Words("正在投递，请稍候。", "It is being sent this moment. Wait a little."))
    _count(session, endpoint_id, 1)
    session.expire_all()


def _count(session: Session, endpoint_id: UUID, count: int) -> None:
    """Let the endpoint be tried now. Raises 429 where too many are asked for within an hour."""
    if session.execute(ASKED, {"endpoint_id": endpoint_id, "count": count}).scalar_one() > MOST_ASKED:
        raise Problem(
            TOO_MANY,
            Words(
                f"一小时内最多重新投递 {MOST_ASKED} 次，请稍后再试。",
                f"At most {MOST_ASKED} deliveries are sent again within an hour. Try again later.",
            ),
            retry_after="1800",
        )


def send_failed_again(session: Session, endpoint_id: UUID, since: datetime) -> tuple[int, bool]:
    """Send again what failed or was skipped of events from `since` on, oldest first; how many, and whether there are
    more than are taken at once. Raises 404, 409 where the endpoint is disabled, and 429."""
    _enabled(session, endpoint_id)
    told = {"endpoint_id": endpoint_id, "since": since, "most": MOST_AGAIN}
    count = int(session.execute(ALL_AGAIN, told).rowcount)  # type: ignore[attr-defined]
    _count(session, endpoint_id, count)
    return count, count == MOST_AGAIN


ADD_TEST = text("""
    INSERT INTO webhook_deliveries (id, endpoint_id, site_id, event_id, type, occurred_at, request_id, body, state,
                                    expires_at)
    VALUES (md5(cast(:endpoint_id AS uuid)::text || cast(:event_id AS uuid)::text)::uuid, :endpoint_id, :site_id,
            :event_id, :type, :at, :request_id, :body, 'pending', now() + interval '1 hour')
    RETURNING id
""")
TESTS = text("""
    SELECT count(*) FROM webhook_deliveries
    WHERE endpoint_id = :endpoint_id AND type = :type AND created_at > now() - interval '1 hour'
""")


def send_test(session: Session, endpoint_id: UUID) -> UUID:
    """Send an event that nothing happened for; its delivery. Raises 404, 409 where the endpoint is disabled, 429."""
    endpoint = _enabled(session, endpoint_id)
    if (session.scalar(TESTS, {"endpoint_id": endpoint_id, "type": TEST}) or 0) >= MOST_TESTS:
        raise Problem(
            TOO_MANY,
            Words(
                f"一小时内最多测试 {MOST_TESTS} 次，请稍后再试。",
                f"At most {MOST_TESTS} tests within an hour. Try again later.",
            ),
            retry_after="600",
        )
    event_id, at = uuid4(), session.scalar(text("SELECT now()")) or datetime.now(UTC)
    told = {
        "endpoint_id": endpoint_id,
        "site_id": endpoint.site_id,
        "event_id": event_id,
        "type": TEST,
        "at": at,
        "request_id": current_request_id(),
        "body": _test_event(endpoint, event_id, at),
    }
    session.execute(RESTED, {"endpoint_id": endpoint_id})
    return session.execute(ADD_TEST, told).scalar_one()


def _test_event(endpoint: WebhookEndpoint, event_id: UUID, at: datetime) -> str:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": str(event_id),
            "source": "/hesheng/notifications",
            "type": TEST,
            "subject": str(endpoint.id),
            "time": at.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": {"site_id": str(endpoint.site_id)},
        },
        separators=(",", ":"),
    )


def _enabled(session: Session, endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = find_endpoint(session, endpoint_id, lock=True)
    if not endpoint.enabled:
        raise Problem(CONFLICT, Words("接收地址已停用，请先启用。", "The endpoint is disabled. Enable it first."))
    return endpoint
