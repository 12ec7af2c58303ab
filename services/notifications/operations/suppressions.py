"""Addresses to which no mail goes any more: the mailbox does not exist, or its owner called us spam.

    closed = closed_addresses(database, box, ["wang@example.org", …])    # {address: Closed}

An address is kept as a keyed hash, so that it holds at every site and says nothing to who has the database alone. One
that bounced is tried again after `BOUNCE_DAYS`: mailboxes come back, and a try costs little. A complaint holds until
somebody lifts it, and only for what may be refused, digests to colleagues among it: what answers somebody's own act, or
is somebody's work to see to, is no spam. What holds no more is forgotten: a bounce then, what was lifted after
`LIFTED_DAYS`.

Links are not held back: each was just asked for by somebody who waits for it, and how many may be asked for is bounded.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.errors import CONFLICT, Problem, Words, not_found
from services.common.sealing import Box
from services.notifications.mail.smtp import ADDRESS
from services.notifications.models import Kind
from services.notifications.operations.refusable import REFUSABLE
from services.notifications.schemas.suppressions import SuppressionQuery

BOUNCE_DAYS = LIFTED_DAYS = 180

CLOSED = text("""
    SELECT address_key, id, reason, said FROM suppressions
    WHERE address_key = ANY(:keys) AND lifted_at IS NULL
      AND (reason = 'complaint' OR since > now() - make_interval(days => :days))
    ORDER BY reason DESC
""")

CLOSE = text("""
    INSERT INTO suppressions AS s (address_key, reason, said, message_id, site_id)
    VALUES (:address_key, :reason, :said, :message_id, :site_id)
    ON CONFLICT (address_key, reason) WHERE lifted_at IS NULL
    DO UPDATE SET since = now(), said = excluded.said, message_id = excluded.message_id, site_id = excluded.site_id
""")

OF_MESSAGE = text("""
    SELECT id, reason, said, since FROM suppressions
    WHERE lifted_at IS NULL AND (message_id = :id OR id = (SELECT suppression_id FROM messages WHERE id = :id))
    ORDER BY id LIMIT 1
""")
LIFT = text("""
    UPDATE suppressions SET lifted_at = now(), lifted_why = :why
    WHERE lifted_at IS NULL AND (message_id = :id OR id = (SELECT suppression_id FROM messages WHERE id = :id))
      AND reason = ANY(:reasons)
    RETURNING id
""")
LIFT_ONE = text("""
    UPDATE suppressions SET lifted_at = now(), lifted_why = :why WHERE id = :id AND lifted_at IS NULL RETURNING id
""")
FORGET = text("""
    DELETE FROM suppressions WHERE id IN (
        SELECT id FROM suppressions
        WHERE (lifted_at IS NOT NULL OR reason = 'bounce')
          AND coalesce(lifted_at, since) < now() - make_interval(days => :days)
        ORDER BY coalesce(lifted_at, since) LIMIT 1000)
""")

# The message by which it became known, or else one that was held back; as far as the caller sees either.
SEEN = """
    SELECT s.id, s.reason, s.said, s.since, s.lifted_at, s.lifted_why, m.id AS message_id, m.kind AS message_kind,
           CASE WHEN s.reason = 'bounce' THEN s.since + make_interval(days => :days) END AS until
    FROM suppressions AS s LEFT JOIN LATERAL (
        SELECT id, kind FROM (
            SELECT id, kind, 0 AS place FROM messages WHERE id = s.message_id
            UNION ALL (SELECT id, kind, 1 FROM messages WHERE suppression_id = s.id ORDER BY number DESC LIMIT 1)
        ) AS known ORDER BY place LIMIT 1) AS m ON true
"""
LIST = text(f"""{SEEN}
    WHERE (s.lifted_at IS NOT NULL) = :lifted AND s.id < coalesce(:before, s.id + 1)
      AND (s.lifted_at IS NOT NULL OR s.reason = 'complaint' OR s.since > now() - make_interval(days => :days))
    ORDER BY s.id DESC LIMIT :limit
""")
ONE = text(f"{SEEN} WHERE s.id = :id")


@dataclass(frozen=True)
class Closed:
    """Why no mail goes to an address; `reason` is bounce or complaint."""

    id: int
    reason: str
    said: str

    def closes(self, kind: str) -> bool:
        """Whether messages of this kind are held back by it."""
        return self.reason == "bounce" or kind in (*REFUSABLE, Kind.DIGEST)


def address_key(box: Box, address: str) -> bytes:
    """By what an address is known here. Capital letters make no other address, whatever the standard says."""
    return box.fingerprint("email", address.strip().lower())[:16]


def closed_addresses(database: Database, box: Box, addresses: Collection[str]) -> dict[str, Closed]:
    """Those of these that are closed; of one that bounced and complained, the bounce, which holds for more."""
    keys = {address: address_key(box, address) for address in addresses}
    if not keys:
        return {}
    with database.transaction(EVERY_SITE) as session:
        rows = session.execute(CLOSED, {"keys": list(set(keys.values())), "days": BOUNCE_DAYS}).all()
    closed = {bytes(row.address_key): Closed(row.id, row.reason, row.said) for row in rows}
    return {address: closed[key] for address, key in keys.items() if key in closed}


def close_address(session: Session, key: bytes, reason: str, said: str, message_id: UUID, site_id: UUID | None) -> None:
    """Send no more mails there; `said` is what showed it, without the address."""
    told = {"address_key": key, "reason": reason, "said": said[:300], "message_id": message_id, "site_id": site_id}
    session.execute(CLOSE, told)


def suppression_of(session: Session, message_id: UUID) -> Row[Any] | None:
    """What keeps mails from this message's address, where it held the message back or the message showed it."""
    return session.execute(OF_MESSAGE, {"id": message_id}).first()


def lift_of_message(session: Session, message_id: UUID, why: str) -> bool:
    """Send mails to this message's address again, because of what somebody says; whether none went there."""
    told = {"id": message_id, "why": _without_addresses(why), "reasons": ["bounce", "complaint"]}
    return session.execute(LIFT, told).first() is not None


def try_address_again(session: Session, message_id: UUID) -> None:
    """Send mails to this message's address again, though one bounced: an operator tries. That its owner complained
    stays: they must ask for it, and whoever lifts it says so."""
    why = "运维人员再次发送了发往该邮箱的消息 / An operator sent a message to it again"
    session.execute(LIFT, {"id": message_id, "why": why, "reasons": ["bounce"]})


def list_suppressions(
    session: Session, query: SuppressionQuery, before: int | None
) -> tuple[Sequence[Row[Any]], str | None]:
    """A page of those that hold, or that were lifted, newest first, and the cursor of the next page if there is one."""
    told = {"lifted": query.lifted, "before": before, "days": BOUNCE_DAYS, "limit": query.limit + 1}
    found = session.execute(LIST, told).all()
    page = found[: query.limit]
    return page, str(page[-1].id) if len(found) > query.limit else None


def find_suppression(session: Session, suppression_id: int) -> Row[Any]:
    """One of them. Raises 404 for one that the session may not see."""
    found = session.execute(ONE, {"id": suppression_id, "days": BOUNCE_DAYS}).one_or_none()
    if found is None:
        raise not_found("停发记录", "suppression")
    return found


def lift_suppression(session: Session, suppression_id: int, why: str) -> Row[Any]:
    """Send mails there again. Raises 404, and 409 for one that was lifted already."""
    find_suppression(session, suppression_id)
    if session.execute(LIFT_ONE, {"id": suppression_id, "why": _without_addresses(why)}).first() is None:
        raise Problem(CONFLICT, Words("已经恢复发送。", "Mails go there again already."))
    return find_suppression(session, suppression_id)


def _without_addresses(why: str) -> str:
    """What somebody typed: an address is known here as a hash alone."""
    return ADDRESS.sub("…", why)


def forget_suppressions(database: Database) -> int:
    """Forget those that hold no more; returns how many."""
    with database.transaction(EVERY_SITE) as session:
        return session.execute(FORGET, {"days": LIFTED_DAYS}).rowcount  # type: ignore[attr-defined]
