"""A site is told of its events: each once, signed, tried again for days, whatever its receiver does."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import text

from services.common import events
from services.common.database import EVERY_SITE, Database
from services.common.sealing import Box
from services.notifications.operations.upkeep import gauges
from services.notifications.operations.webhooks import endpoints, upkeep
from services.notifications.operations.webhooks.deliveries import send_again, send_failed_again
from services.notifications.operations.webhooks.endpoints import Rules
from services.notifications.operations.webhooks.outgoing import AT_ONCE, BACKOFF, OF_SITE, claim
from services.notifications.operations.webhooks.send import Sender
from services.notifications.pump import duties
from services.notifications.schemas.webhooks import WebhookBody, WebhookEdit
from services.notifications.settings import Settings
from services.notifications.webhooks import post
from tests.notifications.receiver import Receiver
from tests.notifications.story import Story
from tests.notifications.test_crashes import plainly

Rows = Callable[..., list[Any]]
ROOT = Path(__file__).parents[2]
OPENING = ["hesheng.site.saved.v1", "hesheng.activity.published.v1", "hesheng.shift.opened.v1"]


@pytest.fixture
def receivers() -> Iterator[Callable[[], Receiver]]:
    made: list[Receiver] = []

    def make() -> Receiver:
        made.append(Receiver())
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def receiver(receivers: Callable[[], Receiver]) -> Receiver:
    return receivers()


@pytest.fixture
def rules(settings: Settings) -> Rules:
    return Rules(settings.box(), loopback=True)


@pytest.fixture
def register(database: Database, rules: Rules, story: Story) -> Callable[..., UUID]:
    """A receiver is told of a site's events from now on."""

    def add(receiver: Receiver, site_id: UUID | None = None, **body: Any) -> UUID:
        with database.transaction(EVERY_SITE) as session:
            asked = WebhookBody(url=receiver.url, **body)
            endpoint, secret = endpoints.create_endpoint(session, rules, site_id or story.site_id, asked)
            receiver.secrets = [secret]
            return endpoint.id

    return add


@pytest.fixture
def sender(database: Database, settings: Settings) -> Sender:
    return Sender(database, settings.box(), loopback=True)


def send(sender: Sender) -> None:
    """Everything that is due, however many go at once."""
    while sender.send_due():
        sender.finish()


def due_now(rows: Rows) -> None:
    rows("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE state = 'pending'")
    rows("UPDATE webhook_endpoints SET resting_until = NULL")


def test_a_site_is_told_of_its_own_events_each_once_as_they_stand_in_the_log(
    story: Story, register: Callable[..., UUID], receiver: Receiver, receivers: Callable[[], Receiver], sender: Sender,
    rows: Rows
) -> None:  # fmt: skip
    register(receiver)
    register(neighbour := receivers(), uuid4())
    shift = story.opening()
    facts = story.sign_up(shift)
    pages = story.tell(events.RegistrationResized(**facts | {"version": 2, "party_size": 3}), request_id="req-9")
    story.tell(events.SiteKeyIssued(key_id=uuid4(), site_id=story.site_id, sha256="0" * 64))
    story.tell(events.PersonErased(person_id=uuid4()))
    for page in pages:
        story.subscriber.apply_page(page)
    send(sender)
    assert sorted(receiver.types) == sorted(
        [*OPENING, "hesheng.registration.confirmed.v1", "hesheng.registration.resized.v1"]
    )
    assert (len(receiver.told), receiver.refused, neighbour.connections) == (5, 0, 0)
    (last,) = [one for one in receiver.told if one.event["type"] == "hesheng.registration.resized.v1"]
    assert last.event == pages[0].events[0].model_dump(mode="json")
    assert last.event["requestid"] == "req-9"
    assert last.headers["content-type"].startswith("application/cloudevents+json")
    assert last.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert rows("SELECT DISTINCT state, attempts FROM webhook_deliveries") == [("delivered", 1)]


def test_an_endpoint_gets_what_it_asks_for(story: Story, register: Callable[..., UUID], receiver: Receiver,
                                           sender: Sender) -> None:  # fmt: skip
    register(receiver, types=["hesheng.shift.*", "hesheng.registration.cancelled.v1"])
    facts = story.sign_up(story.opening())
    story.cancel(facts)
    send(sender)
    assert sorted(receiver.types) == ["hesheng.registration.cancelled.v1", "hesheng.shift.opened.v1"]


def test_a_log_that_is_read_again_gives_the_same_ids_and_nothing_older_than_the_endpoint(
    story: Story, register: Callable[..., UUID], receiver: Receiver, rows: Rows
) -> None:
    register(receiver)
    site = {
        "site_id": story.site_id,
        "area": "140107",
        "name_zh": "站",
        "name_en": "Site",
        "time_zone": "Asia/Shanghai",
    }
    pages = story.tell(events.SiteSaved(**site), at=datetime.now(UTC) - timedelta(hours=1))
    pages += story.tell(events.SiteSaved(**site), events.SiteSaved(**site))
    before = rows("SELECT id, event_id FROM webhook_deliveries ORDER BY number")
    assert len(before) == 2
    rows("DELETE FROM webhook_deliveries")
    rows("DELETE FROM cursors")
    for page in pages:
        story.subscriber.apply_page(page)
    assert rows("SELECT id, event_id FROM webhook_deliveries ORDER BY number") == before


def test_what_is_parked_is_told_when_it_is_released(story: Story, register: Callable[..., UUID], receiver: Receiver,
                                                    sender: Sender, rows: Rows) -> None:  # fmt: skip
    register(receiver)
    unknown = story.shift(uuid4(), datetime.now(UTC) + timedelta(days=1))
    story.tell(events.ShiftOpened(**unknown))  # its activity is not known yet
    assert rows("SELECT count(*) FROM webhook_deliveries") == [(0,)]
    rows("INSERT INTO activities (id, site_id, title_zh, title_en, place, reminder_minutes)"
         " VALUES (:id, :site, 'x', 'x', 'x', '{}')", id=story.activity["activity_id"], site=story.site_id)  # fmt: skip
    story.subscriber.release(str(story.activity["activity_id"]))
    send(sender)
    assert receiver.types == ["hesheng.shift.opened.v1"]


@pytest.mark.parametrize(("fault", "outcome", "status", "wait"), [
    ("500", "refused", 500, 5), ("404", "refused", 404, 5), ("429 120", "refused", 429, 120),
    ("503 9999999", "refused", 503, 86_400), ("302 http://127.0.0.1:1/", "redirected", 302, 5),
    ("drop", "unanswered", None, 5), ("hang", "unanswered", None, 5)])  # fmt: skip
def test_what_was_not_taken_is_sent_again_later_under_the_same_id(
    fault: str, outcome: str, status: int | None, wait: int, story: Story, register: Callable[..., UUID],
    receiver: Receiver, sender: Sender, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    register(receiver, types=["hesheng.shift.*"])
    story.opening()
    receiver.behaviour.append(fault)
    with monkeypatch.context() as hurry:
        hurry.setattr(post, "SECONDS", 0.5 if fault == "hang" else post.SECONDS)
        send(sender)
    assert rows("SELECT outcome, status FROM webhook_attempts") == [(outcome, status)]
    (row,) = rows("""
        SELECT state, attempts, extract(epoch FROM next_attempt_at - now()) AS wait, failures, failing_since,
               extract(epoch FROM resting_until - now()) AS rest
        FROM webhook_deliveries AS d JOIN webhook_endpoints AS e ON e.id = d.endpoint_id
    """)
    assert (row.state, row.attempts, row.failures) == ("pending", 1, 1)
    assert wait - 5 <= row.wait <= wait
    assert row.rest <= max(wait, 2) and (wait < 100 or row.rest > 100)
    assert sender.send_due() == 0
    due_now(rows)
    send(sender)
    assert len({one.webhook_id for one in receiver.told}) == 1
    assert receiver.told[0].headers["webhook-timestamp"].isdecimal()
    assert rows("SELECT state, error, attempts FROM webhook_deliveries") == [("delivered", None, 2)]
    assert rows("SELECT failures, failing_since, error FROM webhook_endpoints") == [(0, None, None)]


def test_it_is_given_up_after_eleven_attempts_over_three_days(story: Story, register: Callable[..., UUID],
                                                              receiver: Receiver, sender: Sender,
                                                              rows: Rows) -> None:  # fmt: skip
    assert len(BACKOFF) == 10 and timedelta(days=3) < timedelta(seconds=sum(BACKOFF)) < timedelta(days=4)
    register(receiver, types=["hesheng.shift.*"])
    story.opening()
    receiver.behaviour += ["500"] * 11
    for _ in range(11):
        due_now(rows)
        send(sender)
    assert rows("SELECT state, attempts, error FROM webhook_deliveries") == [("failed", 11, rows(
        "SELECT error FROM webhook_endpoints")[0].error)]  # fmt: skip
    due_now(rows)
    assert sender.send_due() == 0


def test_who_hangs_holds_up_nobody_else_and_then_rests(
    story: Story, register: Callable[..., UUID], receivers: Callable[[], Receiver], sender: Sender, rows: Rows
) -> None:
    slow, well = receivers(), receivers()
    slow.behaviour += ["hang"] * 20
    slow_id = register(slow)
    shift = story.opening()
    for _ in range(10):
        story.sign_up(shift)
    register(well, types=["hesheng.registration.*"])
    for _ in range(10):
        story.sign_up(shift)
    deadline = time.monotonic() + 10
    while len(well.told) < 10 and time.monotonic() < deadline:
        sender.send_due()
    assert len(well.types) == 10
    assert (slow.connections, len(slow.told)) == (AT_ONCE, AT_ONCE), "no more than so many at once"
    slow.released.set()
    sender.finish()
    assert rows("SELECT failures FROM webhook_endpoints WHERE id = :id", id=slow_id) == [(AT_ONCE,)]
    assert sender.send_due() == 0, "it rests, however much waits"
    rows("UPDATE webhook_endpoints SET resting_until = now() WHERE id = :id", id=slow_id)
    slow.behaviour.clear()
    assert sender.send_due() == 1, "and is tried with one"
    sender.finish()
    send(sender)
    assert len({one.webhook_id for one in slow.told}) == 23


def test_one_site_with_a_long_queue_is_served_no_earlier_for_it(
    story: Story, register: Callable[..., UUID], receivers: Callable[[], Receiver], sender: Sender
) -> None:
    busy, quiet = receivers(), receivers()
    register(busy)
    shift = story.opening()
    for _ in range(20):
        story.sign_up(shift)
    story.site_id = uuid4()
    register(quiet)
    story.tell(events.SiteSaved(site_id=story.site_id, area="140107", name_zh="站", name_en="Site", time_zone="UTC"))
    assert sender.send_due() == AT_ONCE + 1
    sender.finish()
    assert len(quiet.told) == 1


def test_a_site_that_answers_slowly_at_many_addresses_takes_no_sender_from_the_others(
    story: Story, register: Callable[..., UUID], receivers: Callable[[], Receiver], database: Database
) -> None:
    slow = [register(receivers()) for _ in range(5)]
    shift = story.opening()
    for _ in range(10):
        story.sign_up(shift)
    assert len(claim(database, 16)) == OF_SITE, "all under way now, and none comes back"
    site_id, story.site_id = story.site_id, uuid4()
    prompt = register(receivers())
    story.tell(events.SiteSaved(site_id=story.site_id, area="140107", name_zh="站", name_en="Site", time_zone="UTC"))
    with database.transaction(EVERY_SITE) as session:  # one of the slow ones comes to its end, and its sender is free
        ended = "UPDATE webhook_deliveries SET state = 'delivered', ended_at = now() WHERE id = (SELECT id FROM"
        ended += " webhook_deliveries WHERE state = 'sending' AND site_id = :site LIMIT 1)"
        session.execute(text(ended), {"site": site_id})
    [given] = claim(database, 1)
    assert given.endpoint_id == prompt and prompt not in slow


def test_an_endpoint_that_says_410_is_disabled_and_gets_all_of_it_when_it_is_mended(
    story: Story, register: Callable[..., UUID], receiver: Receiver, sender: Sender, rows: Rows, database: Database,
    rules: Rules
) -> None:  # fmt: skip
    webhook = register(receiver)
    began = datetime.now(UTC)
    shift = story.opening()
    receiver.behaviour += ["410"]
    assert sender.send_due() == 3
    sender.finish()
    assert rows("SELECT disabled_why FROM webhook_endpoints") == [("gone",)]
    assert rows("SELECT action, changed FROM audit_log WHERE record = :id AND actor = 'system'", id=str(webhook)) == [
        ("webhook.disabled", {"why": "gone"})]  # fmt: skip
    story.sign_up(shift)
    assert sender.send_due() == 0
    states = {row.state for row in rows("SELECT state FROM webhook_deliveries")}
    assert states == {"failed", "delivered", "skipped"}
    with database.transaction(EVERY_SITE) as session:
        assert gauges(session)["webhook_endpoints_given_up"] == 1
        endpoints.edit_endpoint(session, rules, webhook, WebhookEdit(enabled=True), None)
        assert send_failed_again(session, webhook, began - timedelta(minutes=1)) == (2, False)
    send(sender)
    assert len(receiver.types) == 4
    assert rows("SELECT DISTINCT state FROM webhook_deliveries") == [("delivered",)]


def test_nothing_but_failure_for_five_days_disables_and_what_waits_is_kept_as_skipped(
    story: Story, register: Callable[..., UUID], receiver: Receiver, sender: Sender, rows: Rows, database: Database
) -> None:
    register(receiver)
    story.opening()
    receiver.behaviour += ["500"] * 9
    sender.send_due()
    sender.finish()
    assert rows("SELECT disabled_why FROM webhook_endpoints") == [(None,)]
    rows("UPDATE webhook_endpoints SET failing_since = now() - interval '5 days', resting_until = NULL")
    rows("UPDATE webhook_deliveries SET next_attempt_at = now()")
    assert sender.send_due() == 1
    sender.finish()
    assert rows("SELECT disabled_why FROM webhook_endpoints") == [("failing",)]
    assert upkeep.end_deliveries(database) == 3
    assert rows("SELECT DISTINCT state FROM webhook_deliveries") == [("skipped",)]
    assert upkeep.end_deliveries(database) == 0


def test_while_a_secret_is_exchanged_either_one_verifies_and_then_the_new_one_alone(
    story: Story, register: Callable[..., UUID], receiver: Receiver, sender: Sender, rows: Rows, database: Database,
    rules: Rules
) -> None:  # fmt: skip
    webhook = register(receiver, types=["hesheng.registration.*"])
    shift = story.opening()
    (old,) = receiver.secrets
    with database.transaction(EVERY_SITE) as session:
        _, new = endpoints.rotate_secret(session, rules, webhook, 24)
    for known in (old, new):
        receiver.secrets = [known]
        story.sign_up(shift)
        send(sender)
    assert (len(receiver.told), receiver.refused) == (2, 0)
    rows("UPDATE webhook_endpoints SET old_secret_until = now()")
    receiver.secrets = [old]
    story.sign_up(shift)
    send(sender)
    assert receiver.refused == 1
    assert upkeep.forget_deliveries(database) == 1
    assert rows("SELECT old_secret FROM webhook_endpoints") == [(None,)]
    (kept,) = rows("SELECT secret FROM webhook_endpoints")
    assert new.encode() not in bytes(kept.secret)


def test_without_the_key_of_its_secret_nothing_is_sent_and_no_attempt_counts(
    story: Story, register: Callable[..., UUID], receiver: Receiver, database: Database, rows: Rows
) -> None:
    register(receiver, types=["hesheng.shift.*"])
    story.opening()
    send(Sender(database, Box("NOTIFICATIONS_KEYS", [Fernet.generate_key().decode()]), loopback=True))
    assert receiver.connections == 0
    (row,) = rows("SELECT state, attempts, error FROM webhook_deliveries")
    assert (row.state, row.attempts) == ("pending", 0)
    assert "key is missing" in row.error


def test_where_the_operator_does_not_allow_it_this_machine_is_not_called(
    story: Story, register: Callable[..., UUID], receiver: Receiver, database: Database, settings: Settings, rows: Rows
) -> None:
    register(receiver, types=["hesheng.shift.*"])
    story.opening()
    send(Sender(database, settings.box(), loopback=False))
    assert receiver.connections == 0
    assert rows("SELECT outcome, reply FROM webhook_attempts") == [("forbidden", "url must begin with https://.")]


# Sends as the pump does, and dies by SIGKILL before the result is recorded: the receiver has it, no row says so.
DIE_BETWEEN_ANSWER_AND_COMMIT = """
import json, os, signal, sys
from services.common.database import Database
from services.notifications.operations.webhooks import send
from services.notifications.pump import duties
from services.notifications.settings import Settings

send.record = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
settings = Settings(**json.loads(sys.argv[1]))
sender = send.Sender(Database(settings.database_dsn), settings.box(), loopback=True)
sender.send_due()
sender.finish()
"""


def test_killed_between_answer_and_record_it_is_sent_again_under_the_same_id_and_never_another(
    story: Story, register: Callable[..., UUID], receiver: Receiver, sender: Sender, settings: Settings, rows: Rows,
    database: Database
) -> None:  # fmt: skip
    register(receiver, types=["hesheng.shift.*"])
    story.opening()
    died = subprocess.run(
        [sys.executable, "-c", DIE_BETWEEN_ANSWER_AND_COMMIT, json.dumps(plainly(settings))],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60, check=False)  # fmt: skip
    assert died.returncode == -signal.SIGKILL
    assert len(receiver.told) == 1
    assert rows("SELECT state FROM webhook_deliveries") == [("sending",)]
    assert sender.send_due() == 0
    assert upkeep.recover_deliveries(database) == 0, "its lease has not run out"
    assert upkeep.recover_deliveries(database, lease=0) == 1
    send(sender)
    assert len(receiver.told) == 2
    assert len({one.webhook_id for one in receiver.told}) == 1
    assert rows("SELECT outcome FROM webhook_attempts ORDER BY id") == [("interrupted",), ("delivered",)]


def test_who_wakes_after_their_claim_ran_out_overwrites_nothing(
    story: Story, register: Callable[..., UUID], receiver: Receiver, sender: Sender, database: Database,
    settings: Settings, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    register(receiver, types=["hesheng.shift.*"])
    story.opening()
    late = Sender(database, settings.box(), loopback=True)
    attempt = late._try

    def while_another_delivers(*arguments: Any) -> Any:
        upkeep.recover_deliveries(database, lease=0)
        send(sender)
        receiver.behaviour.append("410")
        return attempt(*arguments)

    monkeypatch.setattr(late, "_try", while_another_delivers)
    send(late)
    assert rows("SELECT state FROM webhook_deliveries") == [("delivered",)]
    assert rows("SELECT disabled_at, failures FROM webhook_endpoints") == [(None, 0)]


def test_what_was_taken_can_be_sent_again_and_is_forgotten_after_thirty_days(
    story: Story, register: Callable[..., UUID], receiver: Receiver, sender: Sender, database: Database, rows: Rows
) -> None:
    webhook = register(receiver, types=["hesheng.shift.*"])
    story.opening()
    send(sender)
    (delivery,) = rows("SELECT id FROM webhook_deliveries")
    with database.transaction(EVERY_SITE) as session:
        send_again(session, webhook, delivery.id)
    send(sender)
    assert [one.webhook_id for one in receiver.told] == [str(delivery.id)] * 2
    rows("UPDATE webhook_deliveries SET created_at = now() - interval '29 days'")
    assert upkeep.forget_deliveries(database) == 0
    rows("UPDATE webhook_deliveries SET created_at = now() - interval '31 days'")
    assert upkeep.forget_deliveries(database) == 1
    assert rows("SELECT count(*) FROM webhook_attempts") == [(0,)]


def test_what_is_in_time_for_nobody_ends_as_failed(story: Story, register: Callable[..., UUID], receiver: Receiver,
                                                   sender: Sender, database: Database, rows: Rows) -> None:  # fmt: skip
    register(receiver, types=["hesheng.shift.*"])
    story.opening()
    rows("UPDATE webhook_deliveries SET expires_at = now()")
    assert sender.send_due() == 0
    assert upkeep.end_deliveries(database) == 1
    assert rows("SELECT state FROM webhook_deliveries") == [("failed",)]


def test_the_code_for_developers_is_a_receiver_that_works(
    story: Story, register: Callable[..., UUID], receiver: Receiver, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(receiver, types=["hesheng.shift.*"])
    story.opening()
    monkeypatch.setenv("HESHENG_WEBHOOK_SECRET", receiver.secrets[0])
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "webhooks.md").read_text(), re.S)
    heard: list[str] = []
    written: dict[str, Any] = {"__name__": "site", "handle": lambda event: heard.append(event["type"])}
    exec(code, written)
    site: Flask = written["app"]

    def take(headers: dict[str, str], body: bytes) -> str:
        wanted = {name: value for name, value in headers.items() if name.startswith("webhook-")}
        answers = [site.test_client().post("/hesheng", data=body, headers=wanted).status_code for _ in range(2)]
        forged = site.test_client().post("/hesheng", data=body + b" ", headers=wanted).status_code
        assert (*answers, forged) == (204, 204, 401)
        return "204"

    monkeypatch.setattr(receiver, "take", take)
    send(sender)
    assert heard == ["hesheng.shift.opened.v1"]


def test_the_figures_say_what_is_due_late_and_failing(
    story: Story, register: Callable[..., UUID], receiver: Receiver, database: Database, rows: Rows
) -> None:
    register(receiver)
    story.opening()
    rows("UPDATE webhook_deliveries SET created_at = now() - interval '2 hours' WHERE type LIKE '%shift%'")
    rows("UPDATE webhook_endpoints SET failures = 2")
    with database.transaction(EVERY_SITE) as session:
        figures = {name: value for name, value in gauges(session).items() if name.startswith("webhook")}
        assert session.scalar(text("SELECT count(*) FROM webhook_deliveries")) == 3
    assert figures == {"webhooks_due": 3, "webhooks_late": 1, "webhooks_sending": 0, "webhook_endpoints_failing": 1,
                       "webhook_endpoints_given_up": 0}  # fmt: skip


def test_the_pump_sends_what_is_due(story: Story, register: Callable[..., UUID], receiver: Receiver,
                                    settings: Settings, rows: Rows) -> None:  # fmt: skip
    looks = {duty.name: duty for duty in duties(settings)}
    register(receiver)
    story.opening()
    assert looks["webhooks"].act() == 3
    deadline = time.monotonic() + 10
    while rows("SELECT DISTINCT state FROM webhook_deliveries") != [("delivered",)] and time.monotonic() < deadline:
        assert looks["webhooks"].act() == 0
    assert sorted(receiver.types) == sorted(OPENING)
    assert looks["webhooks_upkeep"].act() == 0
