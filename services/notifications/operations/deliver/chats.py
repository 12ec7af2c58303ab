"""The round of messages to groups, of whatever sort."""

from collections.abc import Iterator
from functools import partial

from services.common.errors import Problem
from services.common.logs import get_logger
from services.notifications.channels.chat import Chat
from services.notifications.models import State
from services.notifications.operations.claims import Result, release
from services.notifications.operations.claims.chats import ClaimedChat, claim_chats
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import Ready, note, send_round, written
from services.notifications.operations.lanes import Lane

log = get_logger(__name__)

REMOVED = Result(State.SUPPRESSED, "suppressed", "the group was removed")
UNREADABLE_DELAY = 600.0
"""Seconds until a message is looked at again whose group's address cannot be read: an operator must put a key back."""

SLOW_DELAY = 30.0
"""Seconds until a message is looked at again whose group's service is left alone."""


def deliver_chats(postman: Postman) -> int:
    """What groups are told; returns how many were claimed."""
    claim = partial(claim_chats, postman.database, postman.domain)
    return send_round(postman, Lane.NEWS, claim, partial(_letters, postman), Chat.bucket)


def _letters(postman: Postman, messages: list[ClaimedChat]) -> Iterator[Ready]:
    chat = postman.chat
    for message in messages:
        if message.address is None:
            note(postman, message, REMOVED)
            continue
        if chat.is_slow(message.service):
            release(postman.database, [message], SLOW_DELAY, "waits: the service of its group is slow to answer")
            continue
        try:
            address = chat.box.decrypt(bytes(message.address))
        except Problem:
            log.error("chat_address_unreadable", message_id=str(message.id))
            release(postman.database, [message], UNREADABLE_DELAY, "its address cannot be read: a key is missing")
            continue
        yield from written(postman, message, chat, partial(chat.compose_for, message, address))
