"""What providers say later of what they accepted: that it was delivered, or that it was not.

Receipts come twice, in any order, and before our own record of the send. Each is kept once, and heard when the message
is not in a worker's hands: at once, or when its send is recorded (`hear_waiting`). One that finds no message waits
`KEPT_DAYS`: a provider's account may carry SMS that are not ours. Whoever wanted it by SMS first, and was not reached,
gets a mail.
"""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.notifications.models import State
from services.notifications.operations.again import OVERTAKEN, reopen
from services.notifications.sms import Receipt

log = get_logger(__name__)

KEPT_DAYS = 3
OURS = re.compile(r"([0-9a-f]{32})-([1-9][0-9]{0,5})")
"""A hand-over's id: the message's, and for which time it was handed over (`hand_over.py`)."""

KEEP = text("""
    INSERT INTO receipts (provider, reference, hand_over, delivered, reason)
    VALUES (:provider, :reference, :hand_over, :delivered, :reason)
    ON CONFLICT DO NOTHING RETURNING number
""")

# `had_it`: this provider was handed it for that time, which is committed before the provider hears of it; what is said
# of anything else is made up. `turns`: they wanted it by SMS first, so that a mail may reach them, and it is still
# worth telling.
FIND = text(f"""
    SELECT m.id, m.state, m.hand_over, m.announcement_id, m.handed_at IS NOT NULL AS in_doubt,
           m.channel = 'sms' AND coalesce(m.handed_to, :provider) = :provider AS is_theirs,
           cast(:nth AS integer) IS NULL OR CASE
               WHEN m.handed_to IS NULL OR m.handed_to = :provider THEN m.hand_over >= :nth
               ELSE m.hand_over > :nth AND EXISTS (
                   SELECT FROM deliveries AS d WHERE d.message_id = m.id AND d.provider = :provider)
           END AS had_it,
           'mail' <> ALL (m.refused_by) AND m.expires_at > now()
           AND EXISTS (SELECT FROM preferences AS p WHERE p.person_id = person_now(m.person_id)
                       AND p.site_id = m.site_id AND m.kind = ANY (p.sms_first))
           AND NOT EXISTS (SELECT FROM announcements AS a WHERE a.id = m.announcement_id AND a.state = 'stopped')
           AND NOT {OVERTAKEN} AS turns
    FROM messages AS m
    WHERE m.id = coalesce(
        cast(:id AS uuid),
        (SELECT message_id FROM deliveries WHERE reference = cast(:reference AS text) AND provider = :provider
         ORDER BY id DESC LIMIT 1))
    FOR UPDATE OF m
""")  # noqa: S608 - a constant

WAITING = text("""
    SELECT number, provider, reference, hand_over, delivered, reason FROM receipts AS r
    WHERE applied_at IS NULL AND EXISTS (
        SELECT FROM messages AS m WHERE m.state <> 'sending' AND m.id = CASE
            WHEN r.hand_over IS NOT NULL THEN left(r.hand_over, 32)::uuid
            ELSE (SELECT message_id FROM deliveries WHERE reference = r.reference AND provider = r.provider
                  ORDER BY id DESC LIMIT 1) END)
    ORDER BY number LIMIT 500
""")

END = text("""
    WITH ended AS (
        UPDATE messages SET state = :state, handed_at = NULL, error = :error, sent_at = coalesce(sent_at, now()),
            refused_by = CASE WHEN :state = 'pending' THEN refused_by || '{sms}' ELSE refused_by END,
            next_attempt_at = CASE WHEN :state = 'pending' THEN now() ELSE next_attempt_at END
        WHERE id = :id RETURNING id
    )
    INSERT INTO deliveries (message_id, started_at, outcome, reply, channel, provider, reference)
    SELECT id, now(), :outcome, :reason, 'sms', :provider, :reference FROM ended
""")

HEARD = text("UPDATE receipts SET applied_at = now() WHERE number = :number")
DROP = text("DELETE FROM receipts WHERE number = :number")

FORGET = text("""
    DELETE FROM receipts WHERE number IN (
        SELECT number FROM receipts WHERE received_at < now() - make_interval(days => :days)
        ORDER BY received_at LIMIT 1000)
    RETURNING applied_at
""")


def hear(database: Database, provider: str, receipts: Sequence[Receipt]) -> None:
    """Keep what this provider says and let the messages know. What was heard before changes nothing."""
    for receipt in receipts:
        ours = OURS.fullmatch(receipt.hand_over) if receipt.hand_over else None
        if receipt.hand_over and ours is None:
            continue  # of somebody else who sends from the same account
        with database.transaction(EVERY_SITE) as session:
            number = session.scalar(KEEP, {"provider": provider, **vars(receipt)})
            if number is not None:
                _apply(session, number, provider, receipt)


def hear_waiting(database: Database) -> int:
    """The same for those that came before their send was recorded; returns how many."""
    with database.transaction(EVERY_SITE) as session:
        rows = session.execute(WAITING).all()
        for row in rows:
            receipt = Receipt(row.reference, row.hand_over, row.delivered, row.reason)
            _apply(session, row.number, row.provider, receipt)
    return len(rows)


def _apply(session: Session, number: int, provider: str, receipt: Receipt) -> None:
    ours = OURS.fullmatch(receipt.hand_over or "")
    of = {"id": UUID(ours[1]), "nth": int(ours[2])} if ours else {"id": None, "nth": None}
    message = session.execute(FIND, of | {"reference": receipt.reference, "provider": provider}).one_or_none()
    if message is None:
        return
    if not message.had_it:
        # Kept, it would stand in the way of the true one.
        session.execute(DROP, {"number": number})
        log.warning("receipt_made_up", message_id=str(message.id), provider=provider)
        return
    if message.state == State.SENDING:
        return
    session.execute(HEARD, {"number": number})
    # An SMS that was delivered reached them, for whichever time it was handed over. That one failed says something of
    # that one alone, and nothing once another was delivered or something else told them.
    is_latest = message.is_theirs and (ours is None or int(ours[2]) == message.hand_over)
    if receipt.delivered and message.state != State.DELIVERED:
        _end(session, message, State.DELIVERED, provider, receipt)
    elif not receipt.delivered and is_latest and (message.state == State.SENT or _is_unsure(message)):
        _end(session, message, State.PENDING if _goes_on(session, message) else State.FAILED, provider, receipt)


def _is_unsure(message: Any) -> bool:
    return bool(message.state == State.PENDING and message.in_doubt)


def _goes_on(session: Session, message: Any) -> bool:
    """Whether a mail tells it. One that waits keeps its announcement under way as it is; merging people holds such
    messages behind their announcements, so that these are not held behind them here."""
    return bool(message.turns) and (message.state == State.PENDING or reopen(session, message.announcement_id))


def _end(session: Session, message: Any, state: State, provider: str, receipt: Receipt) -> None:
    delivered = state is State.DELIVERED
    reason = receipt.reason or None
    told = {"state": state, "outcome": "delivered" if delivered else "undelivered", "reason": reason}
    error = None if delivered else f"not delivered: {receipt.reason}"
    told |= {"id": message.id, "error": error, "provider": provider, "reference": receipt.reference}
    session.execute(END, told)
    log.info("receipt_heard", message_id=str(message.id), outcome=told["outcome"], reason=reason)


def forget_receipts(database: Database) -> int:
    """Forget those that have waited or been heard long enough; returns how many."""
    with database.transaction(EVERY_SITE) as session:
        forgotten = session.execute(FORGET, {"days": KEPT_DAYS}).all()
    unheard = sum(row.applied_at is None for row in forgotten)
    if unheard:
        log.warning("receipts_of_nothing", count=unheard, reason="no message of ours was found in days")
    return len(forgotten)
