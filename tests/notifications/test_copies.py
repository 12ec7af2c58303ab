"""A minor who reads mail is told, and so is the guardian: once each, whatever dies, and nobody who is none any more."""

from collections.abc import Callable
from typing import Any

import pytest

from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.upkeep import recover_abandoned
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
CHILD, MOTHER = "child@example.org", {"email": "mother@example.org", "language": "en"}


def deliver(postman: Postman) -> None:
    while deliver_batch(postman):
        pass


@pytest.fixture
def child(story: Story, contacts: Contacts) -> dict[str, Any]:
    """Somebody with a guardian, who signed up."""
    facts = story.sign_up(story.opening(), CHILD)
    contacts.people[str(facts["person_id"])]["guardian"] = MOTHER
    return facts


def test_the_guardian_reads_a_copy_in_their_language_that_opens_nothing(
    story: Story, child: dict[str, Any], postman: Postman, sink: FaultySink, contacts: Contacts
) -> None:
    contacts.people[str(child["person_id"])]["manage_url"] = "http://127.0.0.1/links/mine/token"
    deliver(postman)
    story.cancel(child)
    deliver(postman)
    to = {kept.mail["To"].addresses[0].addr_spec: kept.mail for kept in sink.kept}
    assert [kept.mail["To"].addresses[0].addr_spec for kept in sink.kept].count(CHILD) == 2 == len(sink.kept) - 2
    for kind in ("plain", "html"):
        own, copy = (to[one].get_body((kind,)).get_content() for one in (CHILD, MOTHER["email"]))
        assert "监护人" not in own
        assert "You are the guardian of" in copy and "/my/messages" not in copy and "/links/" not in copy
    confirmation = next(one.mail for one in sink.kept if one.mail["To"].addresses[0].addr_spec == CHILD)
    assert "/links/mine/" in confirmation.get_body(("plain",)).get_content()


def test_whatever_dies_there_is_one_copy_and_a_child_that_is_not_reached_keeps_none_from_it(
    child: dict[str, Any], postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    sink.behaviour[CHILD] = ["450 greylisted"]
    deliver(postman)
    assert [kept.mail["To"].addresses[0].addr_spec for kept in sink.kept] == [MOTHER["email"]]
    rows("UPDATE messages SET state = 'sending', claimed_at = now() WHERE copy_of IS NULL")  # its worker died
    recover_abandoned(postman.database, lease=0)
    deliver(postman)
    assert len(sink.kept) == 2
    assert rows("SELECT state, copy_of IS NULL FROM messages ORDER BY number") == [("sent", True), ("sent", False)]


def test_a_copy_holds_up_no_message_to_the_child_and_counts_as_none(
    story: Story, child: dict[str, Any], postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    sink.behaviour[MOTHER["email"]] = ["450 full"] * 9
    deliver(postman)
    story.cancel(child)
    deliver(postman)
    assert [kept.mail["To"].addresses[0].addr_spec for kept in sink.kept] == [CHILD, CHILD]
    waiting = "SELECT kind FROM messages WHERE state = 'pending' AND copy_of IS NOT NULL ORDER BY number"
    assert rows(waiting) == [("confirmation",), ("cancellation",)], "the next one waits for the one before"
    assert rows("SELECT count(*) FROM messages WHERE copy_of IS NOT NULL") == [(2,)]


def test_who_is_no_guardian_any_more_gets_none(
    child: dict[str, Any], postman: Postman, sink: FaultySink, rows: Rows, contacts: Contacts
) -> None:
    sink.behaviour[MOTHER["email"]] = ["450 later"]
    deliver(postman)
    contacts.people[str(child["person_id"])]["guardian"] = None
    rows("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    deliver(postman)
    assert [kept.mail["To"].addresses[0].addr_spec for kept in sink.kept] == [CHILD]
    told = rows("SELECT state, error FROM messages WHERE copy_of IS NOT NULL")
    assert told == [("suppressed", "nobody is their guardian any more")]
