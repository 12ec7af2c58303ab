"""Addresses to which no mail goes any more: the mailbox does not exist, or its owner called us spam.

    closed = closed_addresses(database, box, ["wang@example.org", …])    # {address: Closed}

An address is kept as a keyed hash, so that it holds at every site and says nothing to who has the database alone. One
that bounced is tried again after `BOUNCE_DAYS`: mailboxes come back, and a try costs little. A complaint holds until
somebody lifts it, and only for what may be refused: what answers somebody's own act is no spam.

Links are not held back: each was just asked for by somebody who waits for it, and how many may be asked for is bounded.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.sealing import Box
from services.notifications.operations.refusable import REFUSABLE

BOUNCE_DAYS = 180

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
    UPDATE suppressions SET lifted_at = now(), lifted_why = 'somebody says that the address works'
    WHERE lifted_at IS NULL AND (message_id = :id OR id = (SELECT suppression_id FROM messages WHERE id = :id))
    RETURNING id
""")


@dataclass(frozen=True)
class Closed:
    """Why no mail goes to an address; `reason` is bounce or complaint."""

    id: int
    reason: str
    said: str

    def closes(self, kind: str) -> bool:
        """Whether messages of this kind are held back by it."""
        return self.reason == "bounce" or kind in REFUSABLE


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


def lift_of_message(session: Session, message_id: UUID) -> bool:
    """Send mails to this message's address again, because somebody says that it works; whether none went there."""
    return session.execute(LIFT, {"id": message_id}).first() is not None
