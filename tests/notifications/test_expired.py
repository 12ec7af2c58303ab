"""What nobody took in time did not reach anybody: it is counted, told to who calls, and sent again where it holds."""

from collections.abc import Callable
from typing import Any

import pytest

from services.common.database import EVERY_SITE
from services.common.errors import Problem
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.messages import retry_failed, retry_message, stands
from services.notifications.operations.overview import overview
from services.notifications.operations.told import tell_whom_sms_reached
from services.notifications.operations.upkeep import expire_overdue, gauges
from tests.notifications.conftest import Contacts
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]

EXPIRE = """
    UPDATE messages SET error = :error, created_at = now() - interval '3 days', expires_at = now()
    WHERE kind = :kind AND state = 'pending'
"""


def test_what_expired_is_counted_told_to_who_calls_and_goes_again(
    story: Story, postman: Postman, contacts: Contacts, rows: Rows
) -> None:
    facts = story.sign_up(story.opening())
    deliver_batch(postman)
    story.cancel(facts, reason="shift_cancelled")
    rows(EXPIRE, error="450 busy", kind="cancellation")
    assert expire_overdue(postman.database) == 1
    with postman.database.transaction(EVERY_SITE) as session:
        assert gauges(session)["messages_expired"] == 1
    assert stands(postman.database, EVERY_SITE) == {"expired": 1}
    assert [(one.reason, one.messages) for one in overview(postman.database, []).failed] == [("450 busy", 1)]
    tell_whom_sms_reached(postman.database, postman.contacts)
    assert [(one["reached"], one["by_mail"]) for one in contacts.told] == [(False, True)]
    assert retry_failed(postman.database, None) == 1
    deliver_batch(postman)
    assert rows("SELECT 1 FROM messages WHERE state <> 'sent'") == []


def test_what_was_recalled_is_none_of_them(story: Story, postman: Postman, contacts: Contacts, rows: Rows) -> None:
    story.sign_up(story.opening())
    rows("UPDATE messages SET state = 'expired', error = 'recalled: the registration or its shift changed'")
    [message] = rows("SELECT id FROM messages")
    with postman.database.transaction(EVERY_SITE) as session:
        assert gauges(session)["messages_expired"] == 0
    assert stands(postman.database, EVERY_SITE) == {} and overview(postman.database, []).failed == []
    tell_whom_sms_reached(postman.database, postman.contacts)
    assert contacts.told == [] and retry_failed(postman.database, None) == 0
    with pytest.raises(Problem, match="called off or moved"):
        retry_message(postman.database, EVERY_SITE, message.id)


def test_nobody_is_called_of_what_a_new_database_reads_in_an_old_log(
    story: Story, postman: Postman, contacts: Contacts, rows: Rows
) -> None:
    story.sign_up(story.opening())
    rows("UPDATE messages SET expires_at = created_at - interval '1 day'")
    assert expire_overdue(postman.database) == 1
    tell_whom_sms_reached(postman.database, postman.contacts)
    assert contacts.told == []


def test_what_may_not_go_again_keeps_nothing_behind_it_from_going(story: Story, postman: Postman, rows: Rows) -> None:
    shift = story.opening()
    for _ in range(3):
        story.cancel(story.sign_up(shift))
    rows("UPDATE messages SET state = 'failed', error = '554' WHERE kind = 'confirmation'")
    rows("UPDATE messages SET state = 'sent' WHERE kind = 'cancellation'")
    late = [story.sign_up(shift)["registration_id"] for _ in range(3)]
    rows("UPDATE messages SET state = 'failed', error = '554' WHERE registration_id = ANY(:ids)", ids=late)
    assert [retry_failed(postman.database, "554", most=2) for _ in range(3)] == [2, 1, 0]
