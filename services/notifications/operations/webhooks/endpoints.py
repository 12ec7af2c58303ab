"""Where sites are told: made, changed, disabled, with another secret. Within the caller's transaction.

endpoint, secret = create_endpoint(session, rules, site_id, body)     # the secret is shown this once
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.common.database import Database
from services.common.errors import CHANGED_MEANWHILE, CONFLICT, TOO_MANY, Problem, Words, not_found
from services.common.sealing import Box
from services.notifications.models import WebhookEndpoint
from services.notifications.schemas.webhooks import WebhookBody, WebhookEdit
from services.notifications.webhooks.addresses import read_url
from services.notifications.webhooks.signing import new_secret

MOST = 5
"""Endpoints of one site: a program of its own, one of the city's, one to try things out, and two to spare."""


@dataclass(frozen=True)
class Rules:
    """What endpoints are made by: the box for their secrets, and whether this machine itself may be one."""

    box: Box
    loopback: bool


MOST_MADE = 20
"""Of a site within a day: each may be tested, and whoever puts in a stranger's address and deletes it again must not
get more tests by it. The audit log tells, which nothing is taken out of."""

MADE = text("""
    SELECT count(*) FROM audit_log
    WHERE site_id = :site AND kind = 'webhook_endpoints' AND action = 'insert' AND at > now() - interval '1 day'
""")
SLICE = 5_000
FORGET_SOME = text("""
    DELETE FROM webhook_deliveries WHERE id IN (
        SELECT id FROM webhook_deliveries WHERE endpoint_id = :id ORDER BY number LIMIT :slice)
""")
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('webhooks of ' || :site, 0))")


def create_endpoint(session: Session, rules: Rules, site_id: UUID, body: WebhookBody) -> tuple[WebhookEndpoint, str]:
    """Add one, and its secret. Raises 422 for an address that is never called, 409 where the site has enough, and 429
    where it made too many within a day."""
    read_url(body.url, rules.loopback)
    session.execute(ONE_AT_A_TIME, {"site": str(site_id)})
    count = session.scalar(select(func.count()).where(WebhookEndpoint.site_id == site_id)) or 0
    if count >= MOST:
        raise Problem(
            CONFLICT,
            Words(
                f"一个站点最多 {MOST} 个接收地址，请先删除不用的。",
                f"A site has at most {MOST} endpoints. Delete one that is not used.",
            ),
        )
    if (session.scalar(MADE, {"site": site_id}) or 0) >= MOST_MADE:
        raise Problem(
            TOO_MANY,
            Words(
                f"一个站点一天内最多新增 {MOST_MADE} 个接收地址，请明天再试。",
                f"A site adds at most {MOST_MADE} endpoints within a day. Try again tomorrow.",
            ),
            retry_after="3600",
        )
    secret = new_secret()
    endpoint = WebhookEndpoint(site_id=site_id, secret=rules.box.encrypt(secret), **body.model_dump())
    session.add(endpoint)
    session.flush()
    session.refresh(endpoint)
    return endpoint, secret


def find_endpoint(session: Session, endpoint_id: UUID, lock: bool = False) -> WebhookEndpoint:
    """An endpoint. Raises 404 for one that the caller may not see."""
    how = {"key_share": True} if lock else None
    found = session.get(WebhookEndpoint, endpoint_id, with_for_update=how, populate_existing=lock)
    if found is None:
        raise not_found("这个接收地址", "webhook")
    return found


def edit_endpoint(
    session: Session, rules: Rules, endpoint_id: UUID, body: WebhookEdit, expected: Collection[int] | None
) -> WebhookEndpoint:
    """Change what it asks for, where it is, or whether anything is sent there.

    Whoever changes the address or enables it says that it works now: it is tried anew, without a rest. Raises 404, 412
    when somebody else changed it since the caller read it, and 422.
    """
    endpoint = find_endpoint(session, endpoint_id, lock=True)
    _check_version(endpoint, expected)
    asked = body.model_dump(exclude_unset=True)
    if "url" in asked:
        read_url(asked["url"], rules.loopback)
    enabled = asked.pop("enabled", endpoint.enabled)
    works_now = asked.get("url", endpoint.url) != endpoint.url or (enabled and not endpoint.enabled)
    changed = [name for name, value in asked.items() if getattr(endpoint, name) != value]
    for name in changed:
        setattr(endpoint, name, asked[name])
    if enabled != endpoint.enabled:
        changed.append("enabled")
        _switch(session, endpoint, enabled)
    if works_now:
        endpoint.failures, endpoint.failing_since, endpoint.resting_until, endpoint.error = 0, None, None, None
    if changed:
        endpoint.version += 1
    session.flush()
    return endpoint


def _switch(session: Session, endpoint: WebhookEndpoint, enabled: bool) -> None:
    if enabled != endpoint.enabled:
        endpoint.disabled_at = None if enabled else session.scalar(select(func.now()))
        endpoint.disabled_why = None if enabled else "staff"


def _check_version(endpoint: WebhookEndpoint, expected: Collection[int] | None) -> None:
    if expected is not None and endpoint.version not in expected:
        raise Problem(
            CHANGED_MEANWHILE,
            Words(
                f"现在是第 {endpoint.version} 版。请重新读取后再修改。",
                f"It is at version {endpoint.version} now. Read it again, then change it.",
            ),
        )


def delete_endpoint(database: Database, scope: str, endpoint_id: UUID) -> None:
    """Tell it nothing more, and forget what it was told. Raises 404.

    It is disabled first and what it was told goes in slices, so that years of it hold up no event of its site.
    """
    with database.transaction(scope) as session:
        _switch(session, find_endpoint(session, endpoint_id, lock=True), enabled=False)
    while _forget_some(database, scope, endpoint_id):
        pass
    with database.transaction(scope) as session:
        session.delete(find_endpoint(session, endpoint_id, lock=True))


def _forget_some(database: Database, scope: str, endpoint_id: UUID) -> int:
    with database.transaction(scope) as session:
        return session.execute(FORGET_SOME, {"id": endpoint_id, "slice": SLICE}).rowcount  # type: ignore[attr-defined]


def rotate_secret(
    session: Session, rules: Rules, endpoint_id: UUID, keep_old_hours: int
) -> tuple[WebhookEndpoint, str]:
    """Another secret; the old one goes on beside it for so long, and for no hours ends at once.

    Raises 409 while there is an older one still that a third would put out before its time.
    """
    endpoint = find_endpoint(session, endpoint_id, lock=True)
    now = session.execute(select(func.now())).scalar_one()
    if keep_old_hours and endpoint.old_secret_until and endpoint.old_secret_until > now:
        raise Problem(CONFLICT, TWO_ALREADY)
    secret = new_secret()
    endpoint.old_secret = endpoint.secret if keep_old_hours else None
    endpoint.old_secret_until = now + timedelta(hours=keep_old_hours) if keep_old_hours else None
    endpoint.secret = rules.box.encrypt(secret)
    endpoint.version += 1
    session.flush()
    return endpoint, secret


TWO_ALREADY = Words(
    "上一次更换的旧密钥还在有效期内。请等它到期，或让旧密钥立即失效。",
    "The old secret of the last exchange is still good. Wait until it ends, or let the old ones end at once.",
)
