"""Every message goes out once, in order, and a failure is sorted into waiting, retrying and giving up."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.common import events
from services.notifications.mail import servers, smtp
from services.notifications.mail.servers import MailServers
from services.notifications.operations.claims import any_claimable
from services.notifications.operations.claims.news import claim
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.lanes import Lane
from services.notifications.operations.upkeep import expire_overdue, recover_abandoned
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]


def now_due(rows: Rows) -> None:
    """Let the back-off pass."""
    rows("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")


def waits(rows: Rows) -> int:
    """Seconds until the only pending message is tried again, to the nearest ten."""
    (row,) = rows("SELECT extract(epoch FROM next_attempt_at - now()) AS s FROM messages WHERE state = 'pending'")
    return round(float(row.s) / 10) * 10


def test_a_confirmation_reaches_the_person_with_its_request_id(story: Story, postman: Postman, sink: FaultySink,
                                                               rows: Rows) -> None:  # fmt: skip
    story.sign_up(story.opening())
    assert deliver_batch(postman) == 1
    (kept,) = sink.to("wang@example.org")
    (message,) = rows("SELECT * FROM messages")
    assert message.state == "sent"
    assert message.sent_at is not None
    assert kept.message_id == message.message_id_header
    assert re.fullmatch(rf"<{message.id}\.[0-9a-f]{{16}}@hesheng\.example>", kept.message_id), "half of it is secret"
    assert kept.mail["X-Request-Id"] == "req-1"
    assert kept.mail["Auto-Submitted"] == "auto-generated"
    assert kept.mail["Content-Language"] == "zh-CN"
    assert kept.mail["From"] == "Hesheng <hesheng@hesheng.example>"
    assert "王小明" in str(kept.mail["To"])
    (delivery,) = rows("SELECT * FROM deliveries")
    assert (delivery.outcome, delivery.reply) == ("sent", "250")
    assert deliver_batch(postman) == 0


def test_a_batch_takes_one_connection_and_one_request_for_contacts(story: Story, postman: Postman, sink: FaultySink,
                                                                   contacts: Contacts) -> None:  # fmt: skip
    shift = story.opening()
    story.tell(*(events.RegistrationConfirmed(**story.registration(shift, story.person(f"p{n}@example.org")))
                 for n in range(50)))  # fmt: skip
    assert deliver_batch(postman) == 50
    assert len(sink.kept) == 50
    assert sink.connections == 1
    assert contacts.asked == [50]


def test_a_message_waits_for_the_earlier_ones_of_its_registration(story: Story, postman: Postman, sink: FaultySink,
                                                                  rows: Rows) -> None:  # fmt: skip
    facts = story.sign_up(story.opening())
    story.cancel(facts)
    sink.behaviour["wang@example.org"] = ["450 busy"]
    assert deliver_batch(postman) == 1
    assert not any_claimable(postman.database)
    now_due(rows)
    assert deliver_batch(postman) == 1
    assert deliver_batch(postman) == 1
    assert ["报名成功" in kept.mail["Subject"] for kept in sink.kept] == [True, False]


def test_a_message_that_was_given_up_holds_nobody_up(story: Story, postman: Postman, sink: FaultySink) -> None:
    facts = story.sign_up(story.opening())
    sink.behaviour["wang@example.org"] = ["554 5.7.1 refused"]
    deliver_batch(postman)
    story.cancel(facts)
    deliver_batch(postman)
    assert ["取消" in kept.mail["Subject"] for kept in sink.kept] == [True]


def test_order_within_a_registration_holds_with_many_workers(story: Story, postman: Postman, sink: FaultySink,
                                                             rows: Rows) -> None:  # fmt: skip
    shift = story.opening()
    signed = [story.registration(shift, story.person(f"p{n}@example.org")) for n in range(40)]
    story.tell(*(events.RegistrationConfirmed(**facts) for facts in signed))
    story.change_activity(place="别处")
    story.tell(*(events.RegistrationCancelled(**facts, reason="person", was_waitlisted=False) for facts in signed))

    def work(_: int) -> None:
        while rows("SELECT 1 FROM messages WHERE state = 'pending'"):
            deliver_batch(postman)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(sink.kept) == 120
    for number in range(40):
        subjects = [str(kept.mail["Subject"])[:4] for kept in sink.to(f"p{number}@example.org")]
        assert subjects == ["报名成功", "活动有变", "报名已取"]


@pytest.mark.parametrize("fault", ["450 greylisted", "421 closing", "data 451 disk full"])
def test_a_temporary_refusal_is_retried_with_growing_waits(fault: str, story: Story, postman: Postman,
                                                           sink: FaultySink, rows: Rows,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(servers, "LOST_WITHIN", 0.0)  # the waits between are left out here
    story.sign_up(story.opening())
    sink.behaviour["wang@example.org"] = [fault] * 7
    seen = []
    for _ in range(7):
        deliver_batch(postman)
        seen.append(waits(rows))
        now_due(rows)
    assert seen == [30, 120, 600, 1800, 3600, 10800, 10800]
    deliver_batch(postman)
    (kept,) = sink.kept
    (message,) = rows("SELECT * FROM messages")
    assert (message.state, message.attempts, message.error) == ("sent", 8, None)
    outcomes = [row.outcome for row in rows("SELECT outcome FROM deliveries ORDER BY id")]
    assert outcomes == ["deferred"] * 7 + ["sent"]
    assert kept.message_id == message.message_id_header


def test_a_refused_message_fails_visibly_and_without_the_address(story: Story, postman: Postman, sink: FaultySink,
                                                                 rows: Rows) -> None:  # fmt: skip
    story.sign_up(story.opening(), "wang.x@example.org")
    sink.behaviour["wang.x@example.org"] = ["550 5.1.1 <wang.x@example.org>: user wang.x unknown"]
    deliver_batch(postman)
    (message,) = rows("SELECT state, error FROM messages")
    assert message == ("failed", "550 5.1.1 <…>: user … unknown")
    assert rows("SELECT outcome, reply FROM deliveries") == [("refused", "550 5.1.1 <…>: user … unknown")]


def test_a_refusal_of_one_leaves_the_others_of_the_batch_alone(story: Story, postman: Postman, sink: FaultySink,
                                                               rows: Rows) -> None:  # fmt: skip
    shift = story.opening()
    for name in ("a", "b", "c", "d"):
        story.sign_up(shift, f"{name}@example.org")
    sink.behaviour |= {"a@example.org": ["550 no"], "c@example.org": ["data 554 spam"]}
    deliver_batch(postman)
    assert [kept.recipient for kept in sink.kept] == ["b@example.org", "d@example.org"]
    assert sink.connections == 1


@pytest.mark.parametrize("email", [None, ""])
def test_whoever_has_no_address_is_told_apart_from_a_failure(email: str | None, story: Story, postman: Postman,
                                                     rows: Rows) -> None:  # fmt: skip
    story.sign_up(story.opening(), email)
    deliver_batch(postman)
    (message,) = rows("SELECT state, error FROM messages")
    assert message == ("no_contact", "the person has no e-mail address")
    assert [row.outcome for row in rows("SELECT outcome FROM deliveries")] == ["no_contact"]
    assert deliver_batch(postman) == 0


def test_whom_registration_no_longer_knows_has_no_contact(story: Story, postman: Postman, contacts: Contacts,
                                                                rows: Rows) -> None:  # fmt: skip
    story.sign_up(story.opening())
    contacts.people.clear()
    deliver_batch(postman)
    assert rows("SELECT state FROM messages") == [("no_contact",)]


def test_when_contacts_cannot_be_had_everybody_waits_and_no_attempt_is_counted(
    story: Story, postman: Postman, contacts: Contacts, sink: FaultySink, rows: Rows
) -> None:
    story.sign_up(story.opening())
    contacts.failing = True
    deliver_batch(postman)
    (message,) = rows("SELECT * FROM messages")
    assert (message.state, message.attempts) == ("pending", 0)
    assert message.error == "registration answered 503"
    assert waits(rows) == 10
    assert rows("SELECT * FROM deliveries") == []
    contacts.failing = False
    now_due(rows)
    deliver_batch(postman)
    assert len(sink.kept) == 1


def test_when_the_mail_server_is_away_everybody_waits_and_no_attempt_is_counted(
    story: Story, postman: Postman, rows: Rows
) -> None:
    story.sign_up(story.opening())
    nowhere = MailServers([smtp.MailServer("smtp", "127.0.0.1", 1)], postman.domain, lambda name, reason: None)
    deliver_batch(replace(postman, servers=nowhere))
    (message,) = rows("SELECT * FROM messages")
    assert (message.state, message.attempts) == ("pending", 0)
    assert message.error == "no mail server: ConnectionRefusedError"


@pytest.mark.parametrize("fault", ["drop", "hang"])
def test_a_connection_lost_after_data_makes_one_mail_ambiguous_and_the_rest_wait(
    fault: str, story: Story, postman: Postman, sink: FaultySink, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT", 0.5)
    shift = story.opening()
    for name in ("a", "b", "c"):
        story.sign_up(shift, f"{name}@example.org")
    sink.behaviour["b@example.org"] = [fault]
    deliver_batch(postman)
    states = [tuple(row) for row in rows("SELECT state, attempts FROM messages ORDER BY number")]
    assert states == [("sent", 1), ("pending", 1), ("pending", 0)]
    deliver_batch(postman)
    assert [kept.recipient for kept in sink.kept] == ["a@example.org", "b@example.org", "c@example.org"]
    now_due(rows)
    deliver_batch(postman)
    first, second = sink.to("b@example.org")
    assert first.message_id == second.message_id


def test_an_abandoned_message_goes_out_again_with_the_same_message_id(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    story.sign_up(story.opening())
    (held,) = claim(postman.database, postman.domain, Lane.ANSWER)
    assert recover_abandoned(postman.database) == 0
    rows("UPDATE messages SET claimed_at = claimed_at - interval '2 years'")
    assert recover_abandoned(postman.database) == 1
    deliver_batch(postman)
    assert [kept.message_id for kept in sink.kept] == [held.message_id_header]
    assert [row.outcome for row in rows("SELECT outcome FROM deliveries ORDER BY id")] == ["interrupted", "sent"]


def test_a_message_that_is_not_accepted_in_time_expires_with_its_last_error(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    story.sign_up(story.opening())
    (row,) = rows("SELECT expires_at - created_at AS lasts FROM messages")
    assert abs(row.lasts - timedelta(days=3)) < timedelta(seconds=2)
    sink.behaviour["wang@example.org"] = ["450 busy"]
    deliver_batch(postman)
    rows("UPDATE messages SET expires_at = now(), next_attempt_at = now()")
    assert deliver_batch(postman) == 0
    assert expire_overdue(postman.database) == 1
    assert rows("SELECT state, error FROM messages") == [("expired", "450 busy")]


def test_a_new_database_that_reads_an_old_log_mails_nobody(story: Story, postman: Postman, sink: FaultySink,
                                                           rows: Rows) -> None:  # fmt: skip
    shift = story.opening()
    facts = story.registration(shift, story.person("wang@example.org"))
    story.tell(events.RegistrationConfirmed(**facts), at=datetime.now(UTC) - timedelta(days=10))
    assert deliver_batch(postman) == 0
    expire_overdue(postman.database)
    assert rows("SELECT state FROM messages") == [("expired",)]


def test_a_mail_waits_for_the_name_and_time_zone_of_its_site(story: Story, postman: Postman, sink: FaultySink,
                                                             rows: Rows) -> None:  # fmt: skip
    story.sign_up(story.opening())
    rows("DELETE FROM sites")
    deliver_batch(postman)
    (message,) = rows("SELECT * FROM messages")
    assert (message.state, message.attempts, message.error) == ("pending", 0, "its site is not known yet")


def test_an_address_in_any_script_is_written_to(story: Story, postman: Postman, sink: FaultySink) -> None:
    story.sign_up(story.opening(), "王小明@例子.example")
    deliver_batch(postman)
    assert [kept.recipient for kept in sink.kept] == ["王小明@例子.example"]


def test_a_mail_that_cannot_be_made_does_not_hold_up_its_neighbours(story: Story, postman: Postman, sink: FaultySink,
                                                                    rows: Rows) -> None:  # fmt: skip
    shift = story.opening()
    story.sign_up(shift, "two words@exa mple.org")
    story.sign_up(shift, "li@example.org")
    deliver_batch(postman)
    assert [kept.recipient for kept in sink.kept] == ["li@example.org"]
    failed, _ = rows("SELECT state, error FROM messages ORDER BY number")
    assert failed.state == "failed"
    assert failed.error.startswith("not_rendered: ")
    assert "words" not in failed.error
