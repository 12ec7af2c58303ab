"""Messages as people look at them: lists, one with its attempts, another try for a failed one."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import selectinload

from services.common.database import Database
from services.common.errors import CONFLICT, Problem, Words, invalid, not_found
from services.notifications.models import Message
from services.notifications.schemas import MessageQuery


def list_messages(database: Database, scope: str, query: MessageQuery) -> tuple[Sequence[Message], str | None]:
    """A page of what `scope` may see, newest first, and the cursor of the next page if there is one."""
    wanted = select(Message).order_by(Message.number.desc()).limit(query.limit + 1)
    for name, value in query.model_dump(exclude={"cursor", "limit"}, exclude_none=True).items():
        wanted = wanted.where(getattr(Message, name) == value)
    if query.cursor is not None:
        wanted = wanted.where(Message.number < _number(query.cursor))
    with database.transaction(scope) as session:
        found = session.scalars(wanted).all()
    page = found[: query.limit]
    return page, str(page[-1].number) if len(found) > query.limit else None


def get_message(database: Database, scope: str, message_id: UUID) -> Message:
    """One message with its deliveries. Raises 404 for one that `scope` may not see."""
    with database.transaction(scope) as session:
        found = session.get(Message, message_id, options=[selectinload(Message.deliveries)])
    if found is None:
        raise not_found("消息", "message")
    return found


def retry_message(database: Database, scope: str, message_id: UUID) -> None:
    """Put a failed message back, with all its attempts anew and three more days (a reminder: until the shift starts).

    Raises 409 for one that has not failed, or that is a reminder of a shift which has begun.
    """
    with database.transaction(scope) as session:
        row = session.execute(
            text(
                "SELECT state, kind = 'reminder' AND expires_at <= now() AS late FROM messages"
                " WHERE id = :id FOR UPDATE"
            ),
            {"id": message_id},
        ).one_or_none()
        if row is None:
            raise not_found("消息", "message")
        if row.state != "failed":
            raise Problem(
                CONFLICT,
                Words(
                    f"只能重试发送失败的消息,此消息为 {row.state}。",
                    f"Only a failed one can be retried; it is {row.state}.",
                ),
            )
        if row.late:
            raise Problem(CONFLICT, Words("场次已开始,不再提醒。", "The shift has begun; it is too late to remind."))
        session.execute(
            text("""
            UPDATE messages SET state = 'pending', attempts = 0, next_attempt_at = now(), error = NULL,
                expires_at = CASE WHEN kind = 'reminder' THEN expires_at ELSE now() + interval '3 days' END
            WHERE id = :id
            """),
            {"id": message_id},
        )


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
        raise invalid("cursor", Words("请使用 Link 头给出的地址。", "Follow the address in the Link header."))
    return int(cursor)
