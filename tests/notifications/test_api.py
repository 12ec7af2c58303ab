"""Messages over HTTP: an operator sees all, a site its own, and a failed one can be put back."""

import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from services.common import events
from services.common.auth import new_site_key
from services.common.database import EVERY_SITE, Database
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.reminders import fire_due_reminders
from tests.conftest import OPERATOR_KEY
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
Call = Callable[..., Any]


@pytest.fixture
def call(app: APIFlask) -> Call:
    client = app.test_client()

    def send(path: str, key: str = OPERATOR_KEY, method: str = "GET", json: Any = None) -> Any:
        return client.open(
            path, method=method, json=json, headers={"Authorization": f"Bearer {key}", "Accept-Language": "en"}
        )

    return send


def site_key(story: Story) -> str:
    key, _, digest = new_site_key()
    story.tell(events.SiteKeyIssued(key_id=uuid4(), site_id=story.site_id, sha256=digest))
    return key


def other_site(story: Story) -> None:
    story.site_id = uuid4()
    story.activity |= {"activity_id": uuid4(), "site_id": story.site_id}


def test_an_operator_sees_all_messages_and_a_site_its_own(story: Story, call: Call) -> None:
    story.sign_up(story.opening())
    mine = site_key(story)
    other_site(story)
    theirs = story.sign_up(story.opening())
    assert len(call("/v1/messages").json["items"]) == 2
    assert len(call("/v1/messages", mine).json["items"]) == 1
    (foreign,) = call(f"/v1/messages?registration_id={theirs['registration_id']}").json["items"]
    assert call(f"/v1/messages/{foreign['id']}", mine).status_code == 404
    assert call(f"/v1/messages?person_id={theirs['person_id']}", mine).json["items"] == []


def test_a_query_sees_its_own_site_and_without_a_scope_nothing(
    story: Story, database: Database, postman: Postman
) -> None:
    story.sign_up(story.opening())
    deliver_batch(postman)
    for scope, seen in ((None, 0), (uuid4(), 0), (story.site_id, 1), (EVERY_SITE, 1)):
        with database.transaction(scope) as session:
            for table, rows_each in (("messages", 1), ("deliveries", 1), ("registrations", 1), ("reminders", 2)):
                assert session.scalar(text(f"SELECT count(*) FROM {table}")) == seen * rows_each, (table, scope)


def test_messages_are_found_by_state_kind_person_and_registration(story: Story, call: Call) -> None:
    shift = story.opening()
    facts = story.sign_up(shift)
    story.wait(shift)
    for wanted in ("kind=confirmation", f"person_id={facts['person_id']}",
                   f"registration_id={facts['registration_id']}", "state=queued&kind=confirmation"):  # fmt: skip
        (found,) = call(f"/v1/messages?{wanted}").json["items"]
        assert found["registration_id"] == str(facts["registration_id"])
    assert call("/v1/messages?state=sent").json["items"] == []


def test_what_a_request_caused_is_found_by_its_id_and_the_id_leads_there(story: Story, call: Call) -> None:
    first, other = story.sign_up(story.opening()), story.sign_up(story.opening())
    cancelled = events.RegistrationCancelled(**first | {"version": 9, "reason": "person", "was_waitlisted": False})
    story.tell(cancelled, request_id="req-7")
    (found,) = call("/v1/messages?request_id=req-7").json["items"]
    assert (found["kind"], found["registration_id"]) == ("cancellation", str(first["registration_id"]))
    assert len(call("/v1/messages?request_id=req-1").json["items"]) == 2, other
    page = call(f"/staff/messages/{found['id']}").text
    assert "<dt>About</dt><dd>Choir rehearsal · " in page, "what it is about"
    (link,) = re.findall(r'href="([^"]+request_id=[^"]+)"', page)
    listed = call(link).text
    assert 'value="req-7"' in listed and re.findall(r'/staff/messages/([0-9a-f-]{36})"', listed) == [found["id"]]


def test_our_own_reasons_are_told_in_the_readers_language_and_a_servers_reply_as_it_was(
    story: Story, app: APIFlask, postman: Postman, rows: Rows
) -> None:
    story.sign_up(story.opening(), email=None)
    deliver_batch(postman)
    [one] = rows("SELECT id FROM messages WHERE state = 'no_contact'")
    client, headers = app.test_client(), {"Authorization": f"Bearer {OPERATOR_KEY}"}
    for path in ("/staff/messages", f"/staff/messages/{one.id}"):
        chinese = client.get(path, headers=headers | {"Accept-Language": "zh"}).text
        assert "此人没有邮箱" in chinese and "the person has no" not in chinese
        assert "the person has no e-mail address" in client.get(path, headers=headers | {"Accept-Language": "en"}).text
    rows("UPDATE messages SET error = 'an earlier mail to this address bounced: 550 gone'")
    assert "被退回：550 gone" in client.get(path, headers=headers | {"Accept-Language": "zh"}).text


def test_the_audit_log_is_read_by_its_site_and_by_operators(story: Story, call: Call, app: APIFlask) -> None:
    story.save_site()
    mine, path = site_key(story), "/v1/templates/reminder/sms/en"
    for key in (mine, OPERATOR_KEY):
        headers = {"Authorization": f"Bearer {key}", "If-Match": '"0"'}
        saved = app.test_client().put(path, json={"text": "{{活动}} {{开始时间}}"}, headers=headers)
        assert saved.status_code == 200, saved.text
    entries = call("/v1/audit?kind=templates").json["items"]
    assert [one["actor"].partition(":")[0] for one in entries] == ["operator", "site"]
    assert entries[1]["site_id"] == str(story.site_id) and entries[1]["request_id"]
    assert call("/v1/audit?kind=templates", mine).json["items"] == entries[1:]
    first = call("/v1/audit?limit=1")
    onward = call(urljoin("/v1/audit", first.headers["Link"].partition("<")[2].partition(">")[0]))
    assert [one["id"] for one in first.json["items"] + onward.json["items"]][:2] == [one["id"] for one in entries]
    other_site(story)
    assert call("/v1/audit", site_key(story)).json["items"] == []


def test_pages_follow_each_other_without_gap_or_repeat(story: Story, call: Call) -> None:
    shift = story.opening()
    story.tell(*(events.RegistrationConfirmed(**story.registration(shift, story.person(None))) for _ in range(7)))
    path, seen = "/v1/messages?limit=3&state=queued", []
    while path:
        answer = call(path)
        seen += [one["id"] for one in answer.json["items"]]
        link = answer.headers.get("Link", "")
        assert link in ("", f'<{link[1 : link.find(">")]}>; rel="next"')
        path = urljoin(path, link[1 : link.find(">")]) if link else ""
    assert len(seen) == len(set(seen)) == 7


def test_a_message_shows_every_attempt(story: Story, call: Call, postman: Postman, sink: FaultySink) -> None:
    facts = story.sign_up(story.opening())
    sink.behaviour["wang@example.org"] = ["550 no such user"]
    deliver_batch(postman)
    (listed,) = call(f"/v1/messages?registration_id={facts['registration_id']}&state=failed").json["items"]
    shown = call(f"/v1/messages/{listed['id']}").json
    assert shown | listed == shown
    (delivery,) = shown["deliveries"]
    assert (delivery["outcome"], delivery["reply"]) == ("refused", "550 no such user")
    assert delivery["started_at"] <= delivery["ended_at"]


def test_a_failed_message_is_put_back_by_an_operator_and_goes_out(story: Story, call: Call, postman: Postman,
                                                                  sink: FaultySink, rows: Rows) -> None:  # fmt: skip
    story.sign_up(story.opening())
    key = site_key(story)
    sink.behaviour["wang@example.org"] = ["550 no such user"]
    deliver_batch(postman)
    (failed,) = rows("SELECT id, message_id_header FROM messages")
    assert call(f"/v1/messages/{failed.id}/retry", key, method="POST").status_code == 403
    answer = call(f"/v1/messages/{failed.id}/retry", method="POST")
    assert (answer.status_code, answer.json["state"], answer.json["attempts"]) == (200, "queued", 0)
    deliver_batch(postman)
    assert [kept.message_id for kept in sink.kept] == [failed.message_id_header]
    again = call(f"/v1/messages/{failed.id}/retry", method="POST")
    assert (again.status_code, again.json["type"]) == (409, "urn:hesheng:problem:conflict")


def test_a_reminder_of_a_shift_that_has_begun_cannot_be_retried(story: Story, call: Call, rows: Rows) -> None:
    story.sign_up(story.opening())
    rows("UPDATE reminders SET due_at = now()")
    fire_due_reminders(story.subscriber._database)
    rows("UPDATE messages SET state = 'failed', expires_at = now() WHERE kind = 'reminder'")
    (one, *_) = rows("SELECT id FROM messages WHERE kind = 'reminder'")
    assert call(f"/v1/messages/{one.id}/retry", method="POST").status_code == 409


def test_a_message_without_an_address_can_be_retried_once_there_is_one(story: Story, call: Call, postman: Postman,
                                                                       sink: FaultySink) -> None:  # fmt: skip
    facts = story.sign_up(story.opening(), "")
    deliver_batch(postman)
    (one,) = call("/v1/messages?state=no_contact").json["items"]
    story.people[str(facts["person_id"])]["email"] = "wang@example.org"
    assert call(f"/v1/messages/{one['id']}/retry", method="POST").json["state"] == "queued"
    deliver_batch(postman)
    assert [kept.message_id.partition(".")[0] for kept in sink.kept] == [f"<{one['id']}"]


def failed(rows: Rows, kind: str) -> str:
    """The id of the message of this kind, which has failed."""
    rows("UPDATE messages SET state = 'failed' WHERE kind = :kind", kind=kind)
    return str(rows("SELECT id FROM messages WHERE kind = :kind", kind=kind)[0].id)


def test_what_a_later_message_has_overtaken_cannot_be_retried(story: Story, call: Call, rows: Rows) -> None:
    story.sign_up(story.opening())
    confirmation = failed(rows, "confirmation")
    story.change_activity(place="别处")
    answer = call(f"/v1/messages/{confirmation}/retry", method="POST")
    assert (answer.status_code, answer.json["type"]) == (409, "urn:hesheng:problem:conflict")
    assert "later message" in answer.json["detail"]
    assert call(f"/v1/messages/{failed(rows, 'change')}/retry", method="POST").status_code == 200


def test_what_failed_for_one_reason_is_put_back_at_once_where_it_holds(story: Story, call: Call, rows: Rows) -> None:
    shift = story.opening()
    for name in ("a", "b", "c"):
        story.sign_up(shift, f"{name}@example.org")
    story.cancel(story.sign_up(shift, "d@example.org"))
    rows("UPDATE messages SET state = 'failed', error = '554 blocked' WHERE kind = 'confirmation'")
    rows("UPDATE messages SET error = '550 unknown' WHERE number = (SELECT min(number) FROM messages)")
    answer = call("/v1/messages/retry", method="POST", json={"reason": "554 blocked"})
    assert answer.json == {"retried": 2}, "the cancelled one is not told of a place"
    assert call("/v1/messages/retry", method="POST", json={}).json == {"retried": 1}
    assert [row.state for row in rows("SELECT state FROM messages WHERE kind = 'confirmation' ORDER BY number")] == [
        *["pending"] * 3, "failed"]  # fmt: skip


def test_of_a_cancelled_registration_only_the_cancellation_can_be_retried(story: Story, call: Call,
                                                                          rows: Rows) -> None:  # fmt: skip
    facts = story.sign_up(story.opening())
    story.cancel(facts)
    answer = call(f"/v1/messages/{failed(rows, 'confirmation')}/retry", method="POST")
    assert answer.status_code == 409
    assert "cancelled" in answer.json["detail"]
    assert call(f"/v1/messages/{failed(rows, 'cancellation')}/retry", method="POST").status_code == 200


@pytest.mark.parametrize(("path", "status"), [
    ("/v1/messages?state=lost", 422), ("/v1/messages?person_id=1", 422), ("/v1/messages?cursor=x", 422),
    ("/v1/messages?cursor=99999999999999999999", 422), ("/v1/messages?limit=0", 422), ("/v1/messages?colour=red", 422),
    ("/v1/messages/0a4ee739-985a-486a-90de-6f52cb948fb2", 404), ("/v1/messages/x", 404)])  # fmt: skip
def test_a_wrong_question_is_answered_with_a_problem(path: str, status: int, call: Call) -> None:
    answer = call(path)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_without_a_key_nothing_is_shown(app: APIFlask, call: Call) -> None:
    assert app.test_client().get("/v1/messages").status_code == 401
    assert call("/v1/messages", "hsk_" + secrets.token_urlsafe(32)).status_code == 401


def test_the_figures_say_what_is_due_late_and_failed(story: Story, call: Call, rows: Rows) -> None:
    shift = story.opening()
    story.sign_up(shift)
    story.sign_up(shift)
    addressless = story.sign_up(shift)
    rows("UPDATE messages SET state = 'no_contact' WHERE registration_id = :id", id=addressless["registration_id"])
    rows("UPDATE reminders SET due_at = now() - interval '2 minutes' WHERE rule = '120'")
    rows("UPDATE reminders SET due_at = now() - interval '5 seconds' WHERE rule = '1440'")
    rows("UPDATE messages SET state = 'failed' WHERE number = (SELECT min(number) FROM messages)")
    rows("UPDATE messages SET next_attempt_at = now() - interval '90 seconds' WHERE state = 'pending'")
    figures = call("/internal/status").json["figures"]
    assert {name for name in figures if name.startswith("webhook")}, "theirs are in test_webhooks.py"
    figures = {name: value for name, value in figures.items() if not name.startswith("webhook")}
    assert 90 <= figures.pop("oldest_due_message_seconds") < 95
    assert figures == {"reminders_due": 6, "reminders_late": 3, "notices_late": 0, "digests_late": 0,
                       "alarms_open": 0, "sms_replies_ignored": 0, "messages_pending": 1,
                       "messages_due": 1, "messages_held_back": 0, "messages_sending": 0, "messages_failed": 1,
                       "messages_expired": 0,
                       "messages_no_contact": 1, "messages_suppressed": 0, "providers_failing": 0}  # fmt: skip
    assert "hesheng_reminders_late 3.0" in call("/metrics").text


def test_an_operator_lists_who_was_erased_and_nobody_else_does(story: Story, call: Call) -> None:
    people = [uuid4() for _ in range(3)]
    where = {"person_number": 7, "site_id": story.site_id}
    for erased in (
        events.PersonErasedAtSite(person_id=people[0], **where),
        events.PersonErased(person_id=people[1]),
        events.PersonErased(person_id=people[2]),
    ):
        story.tell(erased)
    path, listed = "/v1/erasures?limit=2", []
    while path:
        answer = call(path)
        listed += [(one["person_id"], one["site_id"]) for one in answer.json["items"]]
        path = urljoin("/v1/erasures", answer.headers["Link"].split(">")[0][1:]) if "Link" in answer.headers else ""
    assert listed == [(str(people[0]), str(story.site_id)), (str(people[1]), None), (str(people[2]), None)]
    assert call("/v1/erasures?since=2999-01-01T00:00:00Z").json["items"] == []
    assert call("/v1/erasures", site_key(story)).status_code == 403


def test_what_became_of_a_reminder_is_told_with_the_reason_and_to_its_site_alone(
    story: Story, database: Database, call: Call, rows: Rows
) -> None:
    facts = story.sign_up(story.opening())
    mine, path = site_key(story), f"/v1/reminders?registration_id={facts['registration_id']}"
    rows("UPDATE reminders SET due_at = due_at - interval '71 hours'")
    fire_due_reminders(database)
    told = [(one["rule"], one["state"], one["reason"]) for one in call(path, mine).json["items"]]
    assert told == [("1440", "superseded", "a later one is due by now as well"), ("120", "fired", None)]
    [not_sent] = call("/v1/reminders/not-sent", mine).json["items"]
    assert (not_sent["rule"], not_sent["state"], not_sent["title_zh"]) == ("1440", "superseded", "合唱排练")
    other_site(story)
    story.sign_up(story.opening())
    assert call(path, site_key(story)).json["items"] == []
    assert call("/v1/reminders/not-sent", site_key(story)).json["items"] == []
    assert call("/v1/reminders").status_code == 422
    assert call("/v1/reminders/not-sent?cursor=x").status_code == 422


def test_reminders_that_were_not_sent_follow_each_other_those_due_last_first(
    story: Story, database: Database, call: Call, rows: Rows
) -> None:
    shift = story.opening()
    for _ in range(3):
        story.sign_up(shift)
    rows("UPDATE reminders SET due_at = due_at - interval '73 hours', expires_at = now()")
    rows("UPDATE reminders SET state = 'withdrawn' WHERE id = (SELECT max(id) FROM reminders)")
    fire_due_reminders(database)
    path, seen = "/v1/reminders/not-sent?limit=2", []
    while path:
        answer = call(path)
        assert len(answer.json["items"]) <= 2
        seen += [one["id"] for one in answer.json["items"]]
        link = answer.headers.get("Link", "")
        path = urljoin(path, link[1 : link.find(">")]) if link else ""
    missed = rows("SELECT id FROM reminders WHERE state = 'missed' ORDER BY due_at DESC, id DESC")
    assert seen == [row.id for row in missed] and len(seen) == 5
