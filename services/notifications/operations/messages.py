"""Messages as people look at them: lists, one with its attempts, another try for a failed one."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import selectinload

from services.common.database import EVERY_SITE, Database
from services.common.errors import CONFLICT, Problem, Words, invalid, not_found
from services.notifications.models import Message, Stage, State
from services.notifications.operations.again import GIVEN_UP, HOLDS_UNTIL, OVERTAKEN, reopen
from services.notifications.operations.announcements.whom import ENDS_AT
from services.notifications.operations.suppressions import try_address_again
from services.notifications.schemas.messages import MessageQuery

NOT_SENT = (State.FAILED, State.EXPIRED, State.NO_CONTACT)
"""The ends from which a message may start again, where it still holds."""

LOCK_REGISTRATION = text("""
    SELECT FROM registrations WHERE id = (SELECT registration_id FROM messages WHERE id = :id) FOR UPDATE
""")

# Judged whatever the caller may see: an announcement to an area is of no site, and its messages are of sites.
JUDGED = f"""
    SELECT m.id, m.number, m.state, m.kind, m.announcement_id, m.suppression_id IS NOT NULL AS suppressed,
           EXISTS (SELECT FROM suppressions AS s WHERE s.id = m.suppression_id AND s.reason = 'complaint'
                   AND s.lifted_at IS NULL) AS complained,
           m.kind IN ('reminder', 'no_place', 'link', 'notice', 'hours', 'digest', 'alarm')
               AND m.expires_at <= now() AS late,
           {HOLDS_UNTIL} <= now() AS holds_no_more,
           m.kind <> 'cancellation' AND registrations.status = 'cancelled' AS cancelled,
           {OVERTAKEN} AS overtaken,
           m.state = 'expired' AND m.error LIKE 'recalled%' OR m.kind = 'notice'
               AND (notices.state <> 'fired' OR notices.due_at <> m.due_at OR shifts.cancelled) AS recalled,
           a.state = 'stopped' AS stopped, m.expires_at <= now() AND {ENDS_AT} <= now() AS is_over,
           a.id IS NOT NULL AND EXISTS (
               SELECT FROM messages AS other
               WHERE other.person_id IN (SELECT persons_of(person_now(m.person_id))) AND other.announcement_id = a.id
                 AND other.id <> m.id AND other.state IN ('pending', 'sending', 'sent', 'delivered')) AS told_as_another
    FROM messages AS m LEFT JOIN registrations ON registrations.id = m.registration_id
    LEFT JOIN announcements AS a ON a.id = m.announcement_id
    LEFT JOIN notices ON notices.id = m.notice_id LEFT JOIN shifts ON shifts.id = notices.shift_id
"""  # noqa: S608 - a constant

JUDGE_RETRY = text(f"{JUDGED} WHERE m.id = :id FOR UPDATE OF m")

AGAIN = text(f"""
    UPDATE messages AS m SET state = 'pending', attempts = 0, suppression_id = NULL, next_attempt_at = now(),
        error = NULL, handed_at = NULL, refused_by = '{{}}',
        expires_at = CASE
            WHEN kind IN ('reminder', 'no_place', 'link', 'notice', 'hours', 'digest', 'alarm') THEN expires_at
            ELSE least(now() + interval '3 days', CASE WHEN kind <> 'cancellation' THEN {HOLDS_UNTIL} END, (
                SELECT ends_at FROM (SELECT {ENDS_AT} AS ends_at FROM announcements AS a WHERE a.id = m.announcement_id)
                    AS about WHERE ends_at > now())) END
    WHERE id = :id
""")  # noqa: S608 - a constant


def list_messages(database: Database, scope: str, query: MessageQuery) -> tuple[Sequence[Message], str | None]:
    """A page of what `scope` may see, newest first, and the cursor of the next page if there is one."""
    wanted = select(Message).order_by(Message.number.desc()).limit(query.limit + 1)
    if query.state is not None:
        wanted = wanted.where(*_at(query.state))
    for name, value in query.model_dump(exclude={"cursor", "limit", "state"}, exclude_none=True).items():
        wanted = wanted.where(getattr(Message, name) == value)
    if query.cursor is not None:
        wanted = wanted.where(Message.number < number_of(query.cursor))
    with database.transaction(scope) as session:
        found = session.scalars(wanted).all()
    page = found[: query.limit]
    return page, str(page[-1].number) if len(found) > query.limit else None


def _at(stage: Stage) -> tuple[ColumnElement[bool], ...]:
    if stage not in (Stage.ACCEPTED, Stage.QUEUED):
        return (Message.state == stage,)
    due = Message.next_attempt_at <= func.now()
    return Message.state == State.PENDING, due if stage is Stage.QUEUED else ~due


STANDS = text(f"""
    SELECT CASE WHEN state <> 'pending' THEN state WHEN next_attempt_at <= now() THEN 'queued' ELSE 'accepted' END
           AS state, count(*) AS number
    FROM messages
    WHERE state IN ('pending', 'sending', 'suppressed', 'no_contact') OR {GIVEN_UP} GROUP BY 1 ORDER BY 1
""")  # noqa: S608 - a constant


def stands(database: Database, scope: str) -> dict[str, int]:
    """How many messages are in each state that is not a happy end; those without any are left out, and so is what was
    recalled."""
    with database.transaction(scope) as session:
        return {row.state: row.number for row in session.execute(STANDS)}


def get_message(database: Database, scope: str, message_id: UUID) -> Message:
    """One message with its deliveries. Raises 404 for one that `scope` may not see."""
    with database.transaction(scope) as session:
        found = session.get(Message, message_id, options=[selectinload(Message.deliveries)])
    if found is None:
        raise not_found("消息", "message")
    return found


def retry_message(database: Database, scope: str, message_id: UUID, address_works: bool = True) -> None:
    """Put back what failed, expired or had no address, with all attempts anew and three more days. Whoever does so of
    one message says that its address works by now (`address_works`); what its owner reported as spam is not lifted so.

    A reminder, word that there is no place, or a link keeps its own time; an announcement of an activity ends with it,
    and what tells of a registration with its shift.
    One that was done is under way again until this has ended too.

    Raises 409 for one in another state, and for one that tells what is no longer so.
    """
    get_message(database, scope, message_id)
    with database.transaction(EVERY_SITE) as session:
        # The registration first, as the handlers do: what happens to it meanwhile is then seen by the second statement.
        session.execute(LOCK_REGISTRATION, {"id": message_id})
        row = session.execute(JUDGE_RETRY, {"id": message_id}).one_or_none()
        if row is None:
            raise not_found("消息", "message")
        objection = _objection(row)
        if objection:
            raise Problem(CONFLICT, objection)
        if not reopen(session, row.announcement_id):
            raise Problem(CONFLICT, STOPPED)
        if address_works:
            try_address_again(session, message_id)
        session.execute(AGAIN, {"id": message_id})


FAILED_FOR = text(f"""
    {JUDGED} WHERE m.id IN (
        SELECT id FROM messages
        WHERE {GIVEN_UP} AND number > :after
          AND CASE WHEN cast(:reason AS text) IS NULL THEN coalesce(error, '') NOT LIKE 'unknown%'
                   ELSE coalesce(error, '') = :reason END
        ORDER BY number LIMIT :most)
    ORDER BY m.number
""")  # noqa: S608 - a constant

STOPPED = Words("公告已停止发送。", "The announcement was stopped.")

MOST_AT_ONCE = 1000


def retry_failed(database: Database, reason: str | None, most: int = MOST_AT_ONCE) -> int:
    """Put back what failed or expired for this reason, oldest first and at most so many; returns how many.

    None is every reason but one: of what may have been received all the same, somebody must say that it was not.

    Each in a transaction of its own. What tells what is no longer so stays as it is, and keeps nothing behind it from
    its turn.
    """
    count = after = 0
    while count < most and (page := _failed(database, reason, after, most)):
        after = page[-1].number
        able = [row.id for row in page if _objection(row) is None]
        for message_id in able[: most - count]:
            with suppress(Problem):
                retry_message(database, EVERY_SITE, message_id, address_works=False)
                count += 1
    return count


def _failed(database: Database, reason: str | None, after: int, most: int) -> Sequence[Any]:
    """The next ones behind a number, as they are judged."""
    with database.transaction(EVERY_SITE) as session:
        return session.execute(FAILED_FOR, {"reason": reason, "after": after, "most": most}).all()


def _objection(row: Any) -> Words | None:
    """Why this message may not go out again."""
    if row.state not in NOT_SENT and not (row.state == State.SUPPRESSED and row.suppressed):
        return Words(
            f"只能重试发送失败、已失效、没有邮箱或因退信停发的消息，此消息为 {row.state}。",
            f"Only one that failed, expired, has no address or a closed one can be retried; it is {row.state}.",
        )
    if row.complained:
        return Words(
            "收件人把我们的邮件标成了垃圾邮件。请等本人要求后，写明原因恢复发送，再重试此消息。",
            "The recipient reported a mail of ours as spam. Once they ask for mails, lift that with the reason, and"
            " send this again then.",
        )
    if row.cancelled:
        return Words("报名已取消，此消息不再属实。", "The registration is cancelled; the message no longer holds.")
    if row.recalled:
        return Words(
            "场次已取消或已变动，此消息不再属实。", "The shift was called off or moved; the message no longer holds."
        )
    if row.stopped:
        return STOPPED
    if row.is_over:
        return Words(
            "公告所说的活动已经结束，不再发送。", "The activity is over; it is too late to send the announcement."
        )
    if row.told_as_another:
        return Words(
            "此人与另一人是同一人，那边已有这份公告。",
            "This person turned out to be another one, who has a message of it already.",
        )
    if row.overtaken:
        return Words(
            "此报名已有更新的消息，此消息不再属实。",
            "There is a later message of this registration; this one no longer holds.",
        )
    if row.holds_no_more:
        return Words(
            "场次已结束，或名额已不再保留，不再发送。",
            "The shift is over, or the place is no longer kept for them; it is too late to send this.",
        )
    if row.late and row.kind == "link":
        return Words("链接已过期，请重新获取。", "The link has expired; let a new one be issued.")
    if row.late and row.kind in ("digest", "alarm"):
        return Words("它的时间已过，不再发送。", "Its time is over; it is too late to send it.")
    if row.late and row.kind == "hours":
        return Words("时限已过，不再提醒。", "Its time is over; it is too late to remind.")
    if row.late:
        return Words("场次已开始，不再提醒。", "The shift has begun; it is too late to remind.")
    return None


def number_of(cursor: str) -> int:
    """The number that a cursor is. Raises 422 for what is none."""
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
        raise invalid("cursor", Words("请使用 Link 头给出的地址。", "Follow the address in the Link header."))
    return int(cursor)
