"""What a mail provider or a mailbox says later of the mails that were accepted.

Reports come twice, in any order, and before our own record of the sending. Each is kept once, by ids, and heard when
no worker holds its message. One that names no message of ours by its whole Message-ID, which is on record before the
mail goes out, is nothing.

A mail that came back reached nobody: while what it tells still holds, it goes out by the next channel that reaches its
person, else it has failed, and registration's list of calls hears of it (`told.py`).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.common.sealing import Box
from services.notifications.mail.bounces import Report
from services.notifications.models import State
from services.notifications.operations.again import OVERTAKEN, reopen
from services.notifications.operations.refusable import ORDERED
from services.notifications.operations.suppressions import address_key, close_address

log = get_logger(__name__)

KEPT_DAYS = 14

KEEP = text("""
    INSERT INTO mail_receipts (message_id, event, permanent, said, sent_at)
    SELECT id, :event, :permanent AND (to_key IS NULL OR cast(:of AS bytea[]) = '{}' OR to_key = ANY(:of)), :said,
           sent_at
    FROM messages
    WHERE id = :message_id AND message_id_header = :header
    ON CONFLICT DO NOTHING
""")
# Of a mail whose worker died, or whose connection broke, nothing is on record until it is sent again. Heard before, its
# report would be forgotten, and that of the second mail, if it comes as early, taken for the same. Only what closes an
# address is heard at once, where it is known: no second one need go there.
WAITING = text("""
    SELECT r.number, r.message_id, r.event, r.permanent, r.said FROM mail_receipts AS r
    JOIN messages AS m ON m.id = r.message_id
    WHERE r.applied_at IS NULL AND m.state <> 'sending'
      AND (m.state <> 'pending' OR (r.permanent AND m.to_key IS NOT NULL))
    ORDER BY r.number LIMIT 200 FOR UPDATE OF r SKIP LOCKED
""")
FIND = text(f"""
    SELECT id, state, channel, site_id, to_key, kind, announcement_id,
           (SELECT count(*) FROM deliveries
            WHERE message_id = m.id AND channel = 'mail' AND outcome = 'sent') > 1 AS again,
           expires_at > now() AND NOT {OVERTAKEN} AS holds
    FROM messages AS m WHERE id = :id FOR UPDATE
""")  # noqa: S608 - a constant
END = text("""
    WITH ended AS (
        UPDATE messages SET state = :state, error = :error, next_attempt_at = now(),
            refused_by = CASE WHEN :state = 'pending' THEN refused_by || '{mail}' ELSE refused_by END
        WHERE id = :id RETURNING id, channel
    )
    INSERT INTO deliveries (message_id, started_at, outcome, reply, channel)
    SELECT id, now(), :outcome, :said, channel FROM ended
""")
HEARD = text("UPDATE mail_receipts SET applied_at = now() WHERE number = :number")
FORGET = text("""
    DELETE FROM mail_receipts WHERE number IN (
        SELECT number FROM mail_receipts WHERE received_at < now() - make_interval(days => :days)
        ORDER BY received_at LIMIT 1000)
    RETURNING applied_at
""")


def keep_reports(database: Database, box: Box, reports: Sequence[Report]) -> None:
    """Keep what was said; `hear_reports` lets the messages know. That another address than the message's is none, as
    one to which its reader has mails forwarded, closes nothing: it has not come, and that is all."""
    with database.transaction(EVERY_SITE) as session:
        for report in reports:
            session.execute(KEEP, {"message_id": report.message_id, "event": report.event,
                                   "permanent": report.permanent, "said": report.said[:300],
                                   "header": report.header,
                                   "of": [address_key(box, one) for one in report.of]})  # fmt: skip


def hear_reports(database: Database, falls_back: bool) -> int:
    """Let messages know what was said of them; returns of how many. `falls_back`: there is a channel besides mail."""
    with database.transaction(EVERY_SITE) as session:
        rows = session.execute(WAITING).all()
        for row in rows:
            message = session.execute(FIND, {"id": row.message_id}).one()
            if message.state != State.SENDING:
                session.execute(HEARD, {"number": row.number})
                _hear(session, message, row, falls_back)
    return len(rows)


def _hear(session: Session, message: Any, report: Any, falls_back: bool) -> None:
    """Only of a message that went by mail last: what went by another channel since is not ended by it. Of one that was
    mailed again nobody knows which of the two came back, and the second may have gone to another address: that one is
    closed by what comes back next."""
    if report.permanent and message.to_key and message.channel == "mail" and not message.again:
        reason = "complaint" if report.event == "complained" else "bounce"
        close_address(session, message.to_key, reason, report.said, message.id, message.site_id)
    if message.channel != "mail" or message.state not in (State.SENT, State.DELIVERED):
        return
    if report.event == "bounced":
        again = falls_back and report.permanent and _still_goes(session, message)
        _end(session, message, State.PENDING if again else State.FAILED, report, f"not delivered: {report.said}")
    elif report.event == "complained":
        _end(session, message, message.state, report, None)
    elif message.state == State.SENT:
        _end(session, message, State.DELIVERED, report, None)


def _still_goes(session: Session, message: Any) -> bool:
    """Whether it may go by another channel: it still holds, and does not go by mail alone, as links do, which would
    only come back again."""
    return bool(message.holds) and message.kind in ORDERED and reopen(session, message.announcement_id)


def _end(session: Session, message: Any, state: State, report: Any, error: str | None) -> None:
    told = {"id": message.id, "state": state, "error": error, "outcome": report.event, "said": report.said}
    session.execute(END, told)
    log.info("mail_report_heard", message_id=str(message.id), outcome=report.event, reason=report.said)


def forget_reports(database: Database) -> int:
    """Forget those that have waited or been heard long enough; returns how many."""
    with database.transaction(EVERY_SITE) as session:
        forgotten = session.execute(FORGET, {"days": KEPT_DAYS}).all()
    unheard = sum(row.applied_at is None for row in forgotten)
    if unheard:
        log.warning("mail_reports_of_nothing", count=unheard, reason="no message of ours was found in days")
    return len(forgotten)
