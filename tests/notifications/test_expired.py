"""What nobody took in time did not reach anybody: it is counted, told to who calls, and sent again where it holds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.common import events
from services.common.database import EVERY_SITE
from services.common.errors import Problem
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.messages import retry_failed, retry_message, stands
from services.notifications.operations.overview import overview
from services.notifications.operations.told import tell_whom_sms_reached
from services.notifications.operations.upkeep import expire_overdue, gauges
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
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


def test_word_of_a_place_holds_until_its_shift_is_over_and_that_of_an_offer_until_the_place_is_given_away(
    story: Story, rows: Rows
) -> None:
    shift = story.opening(timedelta(hours=5))
    held = story.sign_up(shift)
    waiting, until = story.wait(shift), datetime.now(UTC) + timedelta(hours=1)
    story.tell(events.RegistrationOffered(**waiting, expires_at=until, clashes=False))
    story.change_shift(shift, datetime.now(UTC) + timedelta(hours=6))
    story.cancel(held)
    lasts = {row.kind: round(row.hours) for row in rows("""
        SELECT kind, extract(epoch FROM expires_at - created_at) / 3600 AS hours FROM messages""")}  # fmt: skip
    assert lasts == {"confirmation": 7, "waitlisted": 7, "offer": 1, "change": 8, "cancellation": 72}


def test_what_was_to_be_told_before_a_shift_is_not_sent_again_after_it(
    story: Story, postman: Postman, rows: Rows
) -> None:
    story.sign_up(story.opening(timedelta(hours=5)))
    [message] = rows("UPDATE messages SET state = 'failed', error = '554' RETURNING id")
    retry_message(postman.database, EVERY_SITE, message.id)
    [row] = rows("SELECT expires_at = shifts.ends_at AS ends FROM messages JOIN shifts ON shifts.id = shift_id")
    assert row.ends, "it is sent again as long as it is of use, and no longer"
    rows("UPDATE messages SET state = 'failed', error = '554'")
    rows("UPDATE shifts SET starts_at = now() - interval '3 hours', ends_at = now() - interval '1 hour'")
    assert retry_failed(postman.database, "554") == 0
    with pytest.raises(Problem, match="The shift is over"):
        retry_message(postman.database, EVERY_SITE, message.id)


def test_word_of_a_place_on_a_shift_that_is_over_goes_to_nobody_and_is_seen(
    story: Story, postman: Postman, sink: FaultySink
) -> None:
    story.sign_up(story.opening(timedelta(hours=-5)))
    assert deliver_batch(postman) == 0 and expire_overdue(postman.database) == 1
    assert sink.kept == [] and stands(postman.database, EVERY_SITE) == {"expired": 1}
