"""SMS that people send back: who answers R, TD or 退订 gets no more of those that may be refused.

A provider tells of each again until it hears that we have it, so each is kept by its reference, and acts once: whoever
wants them again meanwhile is not overruled. Neither number nor words are kept. Whose a number is say the SMS that went
to it; what neither refuses nor comes from such a number is counted, and nothing else.
"""

import unicodedata
from collections.abc import Sequence

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.common.sealing import Box
from services.notifications.operations.hand_over import key_of_number
from services.notifications.operations.preferences import refuse_sms
from services.notifications.operations.receipts import KEPT_DAYS
from services.notifications.sms import Reply

log = get_logger(__name__)

WANTS_NONE = ("R", "T", "TD", "退订")

WHOSE = text("""
    SELECT DISTINCT person_now(person_id) AS person_id, site_id FROM messages
    WHERE to_key = :to_key AND channel = 'sms' AND person_id IS NOT NULL ORDER BY 1, 2
""")
KEEP = text("""
    INSERT INTO replies (provider, reference, outcome) VALUES (:provider, :reference, :outcome)
    ON CONFLICT DO NOTHING RETURNING true
""")
AS_PERSON = text("SELECT set_config('hesheng.actor', 'person:' || cast(:person_id AS text), true)")
FORGET = text("DELETE FROM replies WHERE received_at < now() - make_interval(days => :days)")


def hear_replies(database: Database, box: Box, provider: str, replies: Sequence[Reply]) -> None:
    """Do as people say who send an SMS back. What was heard before changes nothing."""
    for reply in replies:
        _hear(database, provider, reply, key_of_number(box, reply.sender))


def _hear(database: Database, provider: str, reply: Reply, to_key: bytes) -> None:
    with database.transaction(EVERY_SITE) as session:
        known = session.execute(WHOSE, {"to_key": to_key}).all() if wants_none(reply.words) else None
        outcome = "other" if known is None else "refused" if known else "unknown"
        is_new = session.scalar(KEEP, {"provider": provider, "reference": reply.reference, "outcome": outcome})
        for person_id, site_id in known or () if is_new else ():
            session.execute(AS_PERSON, {"person_id": person_id})
            refuse_sms(session, person_id, site_id)
    if is_new:
        log.info("sms_reply_heard", outcome=outcome)


def wants_none(words: str) -> bool:
    """Whether it says so, however it is typed: `td`, `Ｒ。`, `“退订”`."""
    said = "".join(one for one in unicodedata.normalize("NFKC", words) if one.isalnum())
    return said.upper() in WANTS_NONE


def forget_replies(database: Database) -> int:
    """Forget those of which no provider tells again; returns how many."""
    with database.transaction(EVERY_SITE) as session:
        return session.execute(FORGET, {"days": KEPT_DAYS}).rowcount  # type: ignore[attr-defined]
