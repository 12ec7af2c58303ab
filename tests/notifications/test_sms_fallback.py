"""Who wants it by SMS first is told by mail where the SMS is not to be had, and by each channel once at most."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from services.common import events
from services.common.database import EVERY_SITE, Database
from services.notifications.channels import sms as sms_channel
from services.notifications.contacts import ContactBook
from services.notifications.mail import servers
from services.notifications.operations import hand_over as handing
from services.notifications.operations.deliver import Postman, deliver_batch, make_postman
from services.notifications.operations.messages import retry_message
from services.notifications.operations.receipts import hear
from services.notifications.operations.told import tell_whom_sms_reached
from services.notifications.settings import Settings
from services.notifications.sms import Receipt
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.sms_stand_in import GatewayStandIn
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
PHONE, MAIL = "+8613800001234", "wang@example.org"
STATES = "SELECT state, channel FROM messages ORDER BY number"


@pytest.fixture
def by_both(settings: Settings, database: Database, gateway: GatewayStandIn) -> Postman:
    return make_postman(settings.model_copy(update={"sms_url": SecretStr(gateway.url())}), database)


@pytest.fixture
def sms_first(story: Story, rows: Rows) -> Callable[[], dict[str, Any]]:
    """Signs somebody up who has both, and wants SMS first."""

    def sign_up() -> dict[str, Any]:
        facts = story.registration(story.opening(), story.person(MAIL, phone=PHONE))
        rows("INSERT INTO preferences (person_id, site_id, sms_first) VALUES (:p, :s, '{confirmation}')",
             p=facts["person_id"], s=story.site_id)  # fmt: skip
        story.tell(events.RegistrationConfirmed(**facts))
        return facts

    return sign_up


def deliver_all(postman: Postman) -> None:
    while deliver_batch(postman):
        pass


def test_one_that_is_refused_goes_by_mail_at_once_and_once(
    sms_first: Callable[[], Any], by_both: Postman, gateway: GatewayStandIn, sink: FaultySink, rows: Rows
) -> None:
    sms_first()
    gateway.faults = ["400"]
    deliver_all(by_both)
    assert (gateway.taken, [kept.recipient for kept in sink.kept]) == ([], [MAIL])
    assert rows("SELECT state, channel, refused_by FROM messages") == [("sent", "mail", ["sms"])]
    told = rows("SELECT channel, outcome, provider FROM deliveries ORDER BY id")
    assert [tuple(one)[:2] for one in told] == [("sms", "refused"), ("mail", "sent")] and told[0].provider == "gateway"


def test_who_had_enough_sms_for_a_day_gets_mails(
    sms_first: Callable[[], Any], by_both: Postman, gateway: GatewayStandIn, sink: FaultySink, rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(handing, "PER_DAY", 2)
    for _ in range(3):
        sms_first()
    deliver_all(by_both)
    assert (len(gateway.taken), len(sink.kept)) == (2, 1)
    assert rows(STATES) == [("sent", "sms"), ("sent", "sms"), ("sent", "mail")]


def test_what_neither_brings_has_failed_and_goes_by_either_when_it_is_put_back(
    sms_first: Callable[[], Any], by_both: Postman, gateway: GatewayStandIn, sink: FaultySink, rows: Rows,
    contacts: Contacts, database: Database,
) -> None:  # fmt: skip
    facts = sms_first()
    gateway.faults = ["400"]
    sink.behaviour[MAIL] = ["550 5.1.1 no such user"]
    deliver_all(by_both)
    assert rows(STATES) == [("failed", "mail")]
    book = ContactBook(contacts.url, NOTIFICATIONS_TOKEN)
    tell_whom_sms_reached(database, book)
    (told,) = contacts.told
    assert (told["registration_id"], told["reached"], told["by_mail"]) == (str(facts["registration_id"]), False, True)
    retry_message(database, EVERY_SITE, rows("SELECT id FROM messages")[0].id)
    deliver_all(by_both)
    assert rows(STATES) == [("sent", "sms")]
    assert (len(gateway.taken), sink.kept) == (1, [])


def test_where_nobody_knows_whether_the_sms_came_no_mail_says_it_again(
    sms_first: Callable[[], Any], by_both: Postman, gateway: GatewayStandIn, sink: FaultySink, rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(servers, "RESTS", (0.0,))
    monkeypatch.setattr(sms_channel, "RESTS_PER_WAIT", 0.0)
    sms_first()
    gateway.faults = ["drop"]
    deliver_all(by_both)
    rows("UPDATE messages SET next_attempt_at = now()")
    deliver_all(by_both)
    [(state, channel, error)] = rows("SELECT state, channel, error FROM messages")
    assert (state, channel, error.partition(":")[0], sink.kept) == ("failed", "sms", "unknown", [])


def test_one_that_the_network_did_not_bring_goes_by_mail_and_a_late_receipt_changes_nothing(
    sms_first: Callable[[], Any], by_both: Postman, gateway: GatewayStandIn, sink: FaultySink, rows: Rows,
    database: Database,
) -> None:  # fmt: skip
    sms_first()
    deliver_all(by_both)
    (taken,) = gateway.taken
    hear(database, "gateway", [Receipt(None, taken.id, False, "absent")])
    assert rows(STATES) == [("pending", "sms")]
    deliver_all(by_both)
    hear(database, "gateway", [Receipt(taken.reference, taken.id, False, "absent")])
    deliver_all(by_both)
    assert rows(STATES) == [("sent", "mail")]
    assert (len(gateway.taken), len(sink.kept)) == (1, 1)


def test_who_has_no_address_after_all_is_not_told_and_stands_on_the_list_of_calls(
    sms_first: Callable[[], Any], by_both: Postman, gateway: GatewayStandIn, sink: FaultySink, rows: Rows,
    contacts: Contacts, database: Database,
) -> None:  # fmt: skip
    facts = sms_first()
    contacts.people[str(facts["person_id"])]["email"] = None
    deliver_all(by_both)
    hear(database, "gateway", [Receipt(None, gateway.taken[0].id, False, "absent")])
    deliver_all(by_both)
    assert rows(STATES) == [("failed", "sms")]
    tell_whom_sms_reached(database, ContactBook(contacts.url, NOTIFICATIONS_TOKEN))
    assert [(one["reached"], one["by_mail"]) for one in contacts.told] == [(False, True)]
