"""Groups that bots write to: a site's, which its staff name, and the operators', from the installation's settings.

chat = create_chat(session, box, site_id, body)      # within the caller's transaction
keep_operators_chats(database, box, "wecombot://… mailto://…")
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.errors import CHANGED_MEANWHILE, CONFLICT, Problem, Words, not_found
from services.common.sealing import Box
from services.notifications.chat.addresses import read_address
from services.notifications.models import Chat
from services.notifications.schemas.chats import ChatBody, ChatEdit

MOST = 10
"""Groups of one site: each is a request for everything that it is told."""

MOST_MADE = 20
"""Groups that one site adds within a day, those that were removed again too: each can be tested."""

MOST_TESTS = 10
"""Tests to one group within an hour."""

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('chats of ' || :site, 0))")
END_MESSAGES = text("""
    UPDATE messages SET state = 'suppressed', error = 'the group was removed'
    WHERE chat_id = :chat AND state = 'pending'
""")
TEST = text("""
    WITH made AS (
        INSERT INTO alarms (site_id, kind, subject, ended_at)
        SELECT :site, 'test', :chat, now()
        WHERE :most > (SELECT count(*) FROM alarms
                       WHERE kind = 'test' AND subject = :chat AND began_at > now() - interval '1 hour')
        RETURNING id
    )
    INSERT INTO messages (id, kind, site_id, alarm_id, chat_id, expires_at)
    SELECT md5(concat_ws('/', 'alarm', id, :chat))::uuid, 'alarm', :site, id, cast(:chat AS uuid),
           now() + interval '10 minutes'
    FROM made RETURNING id
""")


def create_chat(session: Session, box: Box, site_id: UUID, body: ChatBody) -> Chat:
    """Add one. Raises 422 for what is no address of a bot, 409 where the site has enough."""
    service, address = read_address(body.address, body.secret)
    session.execute(ONE_AT_A_TIME, {"site": str(site_id)})
    of_site = Chat.site_id == site_id, Chat.removed_at.is_(None)
    if (session.scalar(select(func.count()).where(*of_site)) or 0) >= MOST:
        raise Problem(
            CONFLICT,
            Words(
                f"一个站点最多 {MOST} 个群，请先移除不用的。",
                f"A site has at most {MOST} groups. Remove one that is not used.",
            ),
        )
    of_today = Chat.site_id == site_id, Chat.created_at > func.now() - timedelta(days=1)
    if (session.scalar(select(func.count()).where(*of_today)) or 0) >= MOST_MADE:
        raise Problem(
            CONFLICT,
            Words(
                f"一天最多添加 {MOST_MADE} 个群，请明天再试。",
                f"At most {MOST_MADE} groups are added within a day. Try again tomorrow.",
            ),
        )
    chat = Chat(
        site_id=site_id,
        service=service,
        address=box.encrypt(address),
        **body.model_dump(include={"name", "topics", "language"}),
    )
    session.add(chat)
    session.flush()
    session.refresh(chat)
    return chat


def find_chat(session: Session, chat_id: UUID, lock: bool = False) -> Chat:
    """A group. Raises 404 for one that the caller may not see, or that was removed."""
    how = {"key_share": True} if lock else None
    found = session.get(Chat, chat_id, with_for_update=how, populate_existing=lock)
    if found is None or found.removed_at is not None:
        raise not_found("这个群", "group")
    return found


def edit_chat(session: Session, box: Box, chat_id: UUID, body: ChatEdit, expected: Collection[int] | None) -> Chat:
    """Change what it is told, or where it is. Raises 404, 412 when somebody else changed it since, 422."""
    chat = _of_site(session, chat_id)
    if expected is not None and chat.version not in expected:
        raise Problem(
            CHANGED_MEANWHILE,
            Words(
                f"现在是第 {chat.version} 版。请重新读取后再修改。",
                f"It is at version {chat.version} now. Read it again.",
            ),
        )
    asked = body.model_dump(exclude_unset=True, include={"name", "topics", "language"})
    for name, value in asked.items():
        setattr(chat, name, value)
    if body.address is not None:
        chat.service, written = read_address(body.address, body.secret)
        chat.address = box.encrypt(written)
    if session.is_modified(chat):
        chat.version += 1
    session.flush()
    return chat


def remove_chat(session: Session, chat_id: UUID) -> None:
    """Tell it nothing more, and forget its address. Raises 404."""
    chat = _of_site(session, chat_id)
    chat.removed_at, chat.address = session.scalar(select(func.now())), None
    chat.version += 1
    session.flush()
    session.execute(END_MESSAGES, {"chat": chat_id})


def send_test(session: Session, chat_id: UUID) -> UUID:
    """Let a message go there that tells nothing; answers its id. Raises 404, 409 for too many within an hour."""
    chat = find_chat(session, chat_id, lock=True)
    values = {"chat": str(chat_id), "site": chat.site_id, "most": MOST_TESTS}
    made: UUID | None = session.scalar(TEST, values)
    if made is None:
        raise Problem(
            CONFLICT,
            Words(
                f"一小时内最多测试 {MOST_TESTS} 次，请稍后再试。",
                f"At most {MOST_TESTS} tests an hour. Please wait a while.",
            ),
        )
    return made


def _of_site(session: Session, chat_id: UUID) -> Chat:
    """To be changed: the operators' own are in the installation's settings."""
    chat = find_chat(session, chat_id, lock=True)
    if chat.site_id is None:
        raise Problem(
            CONFLICT, Words("这个群在 OPERATORS_CHAT 中设置。", "This one is set by OPERATORS_CHAT, and changed there.")
        )
    return chat


OPERATORS = text("SELECT id FROM chats WHERE site_id IS NULL AND removed_at IS NULL")
ADD_OPERATORS = text("""
    INSERT INTO chats (id, service, name, language, topics, address)
    VALUES (:id, :service, :service, 'zh', '{}', :address)
    ON CONFLICT (id) DO UPDATE SET address = excluded.address, removed_at = NULL
""")


def keep_operators_chats(database: Database, box: Box, addresses: str) -> int:
    """Have the operators' groups be those of the settings, one address after another with spaces or line ends between;
    returns how many changed. Its id follows from an address, so that it is the same one after a restart."""
    wanted = {UUID(bytes=box.fingerprint("chat", one)[:16]): one for one in addresses.split()}
    with database.transaction(EVERY_SITE) as session:
        session.execute(ONE_AT_A_TIME, {"site": "operators"})
        there = set(session.scalars(OPERATORS))
        for chat_id in wanted.keys() - there:
            address = wanted[chat_id]
            told = {"id": chat_id, "service": address.partition("://")[0], "address": box.encrypt(address)}
            session.execute(ADD_OPERATORS, told)
        for chat_id in there - wanted.keys():
            gone = session.get_one(Chat, chat_id)
            gone.removed_at, gone.address = session.scalar(select(func.now())), None
            session.flush()
            session.execute(END_MESSAGES, {"chat": chat_id})
        return len(wanted.keys() ^ there)
