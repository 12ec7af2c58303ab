"""Messages to groups: of whatever sort, so many a minute to each."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from services.common.database import Database
from services.notifications.operations.claims import CLAIM, CLAIMABLE, OF_ALL, OF_SHIFT, Sort, Taken, take
from services.notifications.operations.claims.digests import ClaimedDigest
from services.notifications.operations.claims.notices import SHIFTS, ClaimedNotice

PER_MINUTE = 15
"""WeCom and DingTalk take 20 a minute from a bot, and DingTalk nothing for ten minutes from one that sends more.
Workers that claim at the same moment do not see each other's."""

WAITS = 15
"""Seconds until a message is looked at again that came over this."""

DUE = f"""
    fit AS MATERIALIZED (
        SELECT id, number, chat_id FROM messages WHERE {CLAIMABLE} AND {Sort.CHATS}
        ORDER BY next_attempt_at, number LIMIT :limit FOR UPDATE SKIP LOCKED
    ), counted AS MATERIALIZED (
        SELECT id, place + (
                   SELECT count(*) FROM messages AS gone WHERE gone.chat_id = fit.chat_id
                   AND (gone.state = 'sending' OR gone.sent_at > now() - interval '1 minute')
               ) > :per_minute AS is_too_many
        FROM (SELECT *, row_number() OVER (PARTITION BY chat_id ORDER BY number) AS place FROM fit) AS fit
    ), held_back AS (
        UPDATE messages SET next_attempt_at = now() + make_interval(secs => :waits),
            error = 'waits: the group takes no more in a minute'
        FROM counted WHERE messages.id = counted.id AND is_too_many
    ), due AS (
        SELECT id FROM counted WHERE NOT is_too_many
    )"""  # noqa: S608 - a constant

TOLD = f"""
    SELECT {OF_ALL}, {OF_SHIFT}, NULL AS words, chats.service, chats.language, chats.address, c.person_id, c.staff_id,
           c.shift_id, notices.kind AS audience, {SHIFTS} AS shifts, digests.day, digests.facts,
           alarms.kind AS alarm, alarms.subject, alarms.reason, alarms.began_at, alarms.ended_at,
           coalesce(c.details ->> 'over', '') <> '' AS over
    FROM claimed AS c JOIN chats ON chats.id = c.chat_id LEFT JOIN notices ON notices.id = c.notice_id
    LEFT JOIN shifts ON shifts.id = c.shift_id LEFT JOIN activities ON activities.id = shifts.activity_id
    LEFT JOIN digests ON digests.id = c.digest_id LEFT JOIN alarms ON alarms.id = c.alarm_id
    LEFT JOIN sites ON sites.id = c.site_id
    ORDER BY c.number
"""  # noqa: S608 - a constant


@dataclass(frozen=True)
class Alarm:
    """Something that is wrong, or that is `over`."""

    alarm: str
    subject: str
    reason: str
    began_at: datetime
    ended_at: datetime | None
    over: bool


@dataclass(frozen=True)
class ClaimedChat(Taken):
    """A claimed message to a group. `address` is ciphertext; None once the group was removed."""

    service: str
    language: str
    address: bytes | None
    about: ClaimedNotice | ClaimedDigest | Alarm


def claim_chats(database: Database, mail_domain: str, limit: int = CLAIM) -> list[ClaimedChat]:
    """Take up to `limit`, oldest due first, and commit that they are being sent."""
    values = {"limit": limit, "domain": mail_domain, "per_minute": PER_MINUTE, "waits": WAITS}
    return [_chat(dict(row._mapping)) for row in take(database, DUE, TOLD, values)]


def _chat(row: dict[str, Any]) -> ClaimedChat:
    sort: Any = Alarm if row["alarm"] else ClaimedDigest if row["day"] else ClaimedNotice
    about = sort(**{one.name: row[one.name] for one in fields(sort)})
    own = {one.name: row[one.name] for one in fields(ClaimedChat) if one.name != "about"}
    return ClaimedChat(**own, about=about)
