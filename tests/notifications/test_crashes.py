"""A worker that dies anywhere loses nothing, and makes at most one mail ambiguous."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.notifications.mail.bounces import Report
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.mail_receipts import hear_reports, keep_reports
from services.notifications.operations.upkeep import recover_abandoned
from services.notifications.settings import Settings
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
ROOT = Path(__file__).parents[2]

# Delivers as the worker does, and dies by SIGKILL when `record` is called for the second time: that mail is accepted,
# and its row is not committed.
DIE_BETWEEN_ACCEPT_AND_COMMIT = """
import json, os, signal, sys
from services.common.database import Database
from services.notifications.operations import deliver
from services.notifications.operations.deliver import sending
from services.notifications.settings import Settings

calls, record = [], sending.record
def record_once(*arguments):
    calls.append(1)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return record(*arguments)
sending.record = record_once
settings = Settings(**json.loads(sys.argv[1]))
deliver.deliver_batch(deliver.make_postman(settings, Database(settings.database_dsn)))
"""


def plainly(settings: Settings) -> dict[str, Any]:
    return {name: getattr(value, "get_secret_value", lambda v=value: v)() for name, value in settings}


def test_a_worker_killed_between_accept_and_commit_resends_that_one_mail_under_the_same_message_id(
    story: Story, settings: Settings, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    shift = story.opening()
    for name in ("a", "b", "c"):
        story.sign_up(shift, f"{name}@example.org")
    worker = subprocess.run(
        [sys.executable, "-c", DIE_BETWEEN_ACCEPT_AND_COMMIT, json.dumps(plainly(settings))],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60, check=False)  # fmt: skip
    assert worker.returncode == -signal.SIGKILL
    assert [kept.recipient for kept in sink.kept] == ["a@example.org", "b@example.org"]
    states = [row.state for row in rows("SELECT state FROM messages ORDER BY number")]
    assert states == ["sent", "sending", "sending"]

    assert deliver_batch(postman) == 0
    assert recover_abandoned(postman.database, lease=0) == 2
    deliver_batch(postman)
    assert [len(sink.to(f"{name}@example.org")) for name in ("a", "b", "c")] == [1, 2, 1]
    assert len({kept.message_id for kept in sink.kept}) == 3
    outcomes = [row.outcome for row in rows("SELECT outcome FROM deliveries ORDER BY id")]
    assert sorted(outcomes) == ["interrupted", "interrupted", "sent", "sent", "sent"]


def test_what_comes_back_of_a_mail_whose_worker_died_waits_until_it_is_known_where_it_went(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    story.sign_up(story.opening())
    # As such a worker leaves it: taken up, accepted, and not on record.
    taken_up = "state = 'sending', attempts = 1, claimed_at = now(), message_id_header = '<a@b>'"
    [message] = rows(f"UPDATE messages SET {taken_up} RETURNING id, message_id_header")
    bounced = [Report(message.id, message.message_id_header, "bounced", True, "550 5.1.1")]
    keep_reports(postman.database, postman.box, bounced)
    recover_abandoned(postman.database, lease=0)
    assert hear_reports(postman.database, False) == 0
    keep_reports(
        postman.database, postman.box, bounced
    )  # of the second one, which comes back before it is on record as well
    deliver_batch(postman)
    assert hear_reports(postman.database, False) == 1
    assert rows("SELECT state FROM messages") == [("failed",)]
    assert rows("SELECT count(*) FROM suppressions") == [(1,)]


def test_what_comes_back_of_a_mail_whose_connection_broke_waits_unless_it_closes_the_address(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    for email in ("full@example.org", "gone@example.org"):
        story.sign_up(story.opening(), email)
    deliver_batch(postman)
    full, gone = rows("SELECT id, message_id_header FROM messages ORDER BY number")
    rows("UPDATE messages SET state = 'pending', sent_at = NULL")  # as a lost connection leaves it
    came_back = [Report(full.id, full.message_id_header, "bounced", False, "552 5.2.2"),
                 Report(gone.id, gone.message_id_header, "bounced", True, "550 5.1.1")]  # fmt: skip
    keep_reports(postman.database, postman.box, came_back)
    assert hear_reports(postman.database, False) == 1
    keep_reports(postman.database, postman.box, came_back)
    deliver_batch(postman)
    hear_reports(postman.database, False)
    assert [len(sink.to(f"{name}@example.org")) for name in ("full", "gone")] == [2, 1]
    assert rows("SELECT state FROM messages ORDER BY number") == [("failed",), ("suppressed",)]


def test_a_worker_that_wakes_after_its_claim_ran_out_cannot_overwrite_the_result(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.sign_up(story.opening())

    class Sleepy:
        """Contacts that take so long that another worker delivers meanwhile."""

        def look_up(self, people: Any) -> Any:
            recover_abandoned(postman.database, lease=0)
            deliver_batch(postman)
            sink.behaviour["wang@example.org"] = ["550 too late"]
            return postman.contacts.look_up(people)

    deliver_batch(replace(postman, contacts=Sleepy()))  # type: ignore[arg-type]
    assert rows("SELECT state, error FROM messages") == [("sent", None)]


def test_a_batch_that_takes_too_long_gives_the_rest_back_before_its_lease_ends(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifications.operations.deliver.sending.BATCH_SECONDS", -1.0)
    story.sign_up(story.opening())
    deliver_batch(postman)
    assert sink.kept == []
    assert rows("SELECT state, attempts FROM messages") == [("pending", 0)]


def test_a_message_that_ends_its_workers_parts_from_its_neighbours_and_is_given_up(
    story: Story, postman: Postman, rows: Rows
) -> None:
    shift = story.opening()
    for _ in range(10):
        story.sign_up(shift)

    def worker_ends() -> list[str]:
        rows("UPDATE messages SET state = 'sending', attempts = attempts + 1, claimed_at = now() "
             "WHERE state = 'pending'")  # fmt: skip
        recover_abandoned(postman.database, lease=0)
        return [row.error for row in rows("SELECT DISTINCT error FROM messages")]

    worker_ends()
    assert rows("SELECT 1 FROM messages WHERE next_attempt_at > now()") == [], "workers are restarted"
    worker_ends()
    assert len(rows("SELECT DISTINCT next_attempt_at FROM messages")) == 10
    assert rows("SELECT 1 FROM messages WHERE next_attempt_at > now() + interval '61 seconds'") == []
    rows("UPDATE messages SET attempts = 0")  # as somebody puts them back
    told = [worker_ends() for _ in range(5)]
    assert told[3] == ["interrupted: the worker ended before the result was known"]
    assert told[4] == ["unknown: its worker ended 5 times while sending it"]
    assert rows("SELECT DISTINCT state FROM messages") == [("failed",)]
