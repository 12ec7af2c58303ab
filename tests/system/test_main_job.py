"""The main job through nine real processes: sign up, be told, be counted."""

import email
import uuid
from datetime import UTC, datetime, timedelta
from email import policy
from typing import Any

import psycopg
import requests

from deploy.local.system import System
from tests.system.conftest import Api, eventually, mails_to, new_shift


def _person(address: str) -> dict[str, Any]:
    return {"person": {"name": "林小满", "email": address, "birth_date": "1990-05-01"}}


def _report(system: System, key: str) -> dict[str, Any]:
    day = datetime.now(UTC)
    query = {"from": (day - timedelta(days=3)).strftime("%F"), "to": (day + timedelta(days=5)).strftime("%F")}
    answer = requests.get(
        f"{system.urls['reporting']}/v1/reports/participation",
        params=query,
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
    )
    return answer.json()["total"] if answer.ok else {}


def test_a_sign_up_is_confirmed_by_mail_and_counted(system: System, site: Api) -> None:
    shift = new_shift(site)
    registration = site.post(f"/v1/shifts/{shift['id']}/registrations", _person("one@example.com"))
    assert registration["status"] == "confirmed"
    assert len(eventually(lambda: mails_to(system, "one@example.com"))) == 1
    total = eventually(lambda: _report(system, site.key).get("registrations") and _report(system, site.key))
    assert (total["registrations"], total["confirmed"], total["people"], total["activities"]) == (1, 1, 1, 1)


def test_a_cancelled_place_goes_to_the_first_in_line_who_is_told(system: System, site: Api) -> None:
    shift = new_shift(site, capacity=1)
    path = f"/v1/shifts/{shift['id']}/registrations"
    first, second, third = (site.post(path, _person(f"{name}@example.com")) for name in ("pa", "pb", "pc"))
    assert [r["status"] for r in (first, second, third)] == ["confirmed", "waitlisted", "waitlisted"]
    site.post(f"/v1/registrations/{first['id']}/cancel", {}, expect=200)
    assert site.get(f"/v1/registrations/{second['id']}")["status"] == "confirmed"
    assert site.get(f"/v1/registrations/{third['id']}")["status"] == "waitlisted"
    eventually(lambda: len(mails_to(system, "pb@example.com")) == 2)
    eventually(lambda: len(mails_to(system, "pa@example.com")) == 2)
    assert len(mails_to(system, "pc@example.com")) == 1


def test_attendance_becomes_hours_in_the_report(system: System, site: Api) -> None:
    shift = new_shift(site, volunteering=True, kind="visit")
    registration = site.post(f"/v1/shifts/{shift['id']}/registrations", _person("hours@example.com"))
    began = datetime.now(UTC) - timedelta(minutes=100)
    # Nobody may move a shift to before now; a test has no two hours to wait.
    with psycopg.connect(system.database_urls["registration"]) as connection:
        connection.execute("SET hesheng.site = '*'")
        moved = connection.execute(
            "UPDATE shifts SET starts_at = %s, ends_at = %s WHERE id = %s",
            (began, began + timedelta(minutes=120), shift["id"]),
        )
        assert moved.rowcount == 1
        connection.execute("UPDATE registrations SET created_at = %s WHERE shift_id = %s", (began, shift["id"]))
    for step, minutes in (("check-in", -10), ("check-out", 90)):
        at = (began + timedelta(minutes=minutes)).isoformat()
        site.post(f"/v1/registrations/{registration['id']}/{step}", {"at": at}, expect=200)
    total = eventually(lambda: _report(system, site.key).get("service_minutes") and _report(system, site.key))
    assert (total["attended"], total["service_minutes"], total["people_attended"]) == (1, 90, 1)


def test_hours_cannot_be_entered_before_they_are_given(site: Api) -> None:
    shift = new_shift(site, hours_ahead=0.5, volunteering=True, kind="visit")
    registration = site.post(f"/v1/shifts/{shift['id']}/registrations", _person("early@example.com"))
    site.post(f"/v1/registrations/{registration['id']}/check-in", {}, expect=200)
    refused = site.post(f"/v1/registrations/{registration['id']}/check-out", {"at": shift["ends_at"]}, expect=422)
    assert [error["field"] for error in refused["errors"]] == ["at"]


def test_a_reminder_comes_when_it_is_due_and_not_before(system: System, site: Api) -> None:
    shift = new_shift(site, hours_ahead=1 + 4 / 3600, reminder_minutes=[60])
    site.post(f"/v1/shifts/{shift['id']}/registrations", _person("remind@example.com"))
    mails = eventually(lambda: (found := mails_to(system, "remind@example.com")) and len(found) == 2 and found)
    due = datetime.fromisoformat(shift["starts_at"]) - timedelta(minutes=60)
    received = mails[1]["received_at"]
    moment = datetime.fromisoformat(received) if isinstance(received, str) else datetime.fromtimestamp(received, UTC)
    assert moment >= due


def test_one_request_id_leads_from_the_http_call_to_the_mail_and_the_report(system: System, site: Api) -> None:
    shift = new_shift(site)
    request_id = f"trace-{uuid.uuid4().hex[:8]}"
    site.post(f"/v1/shifts/{shift['id']}/registrations", _person("trace@example.com"), X_Request_Id=request_id)
    (mail,) = eventually(lambda: mails_to(system, "trace@example.com"))
    parsed = email.message_from_bytes((system.mails / mail["file"]).read_bytes(), policy=policy.default)
    assert parsed["X-Request-Id"] == request_id
    eventually(lambda: {"registration", "notifications", "reporting"} <= _services_that_log(system, request_id))


def _services_that_log(system: System, text: str) -> set[str]:
    logs = [path for path in system.logs.glob("*.log") if text in path.read_text(errors="replace")]
    return {path.name.partition("-")[0] for path in logs}


def test_the_queue_wiped_while_events_are_on_their_way_loses_nothing(system: System, site: Api) -> None:
    import redis

    shift = new_shift(site, capacity=50)
    system.processes["notifications-worker"].pause()
    for number in range(20):
        site.post(f"/v1/shifts/{shift['id']}/registrations", _person(f"wipe{number}@example.com"))
    redis.Redis.from_url(system.valkey.url).flushall()
    system.processes["notifications-worker"].resume()
    eventually(lambda: all(len(mails_to(system, f"wipe{n}@example.com")) == 1 for n in range(20)), seconds=40)


def test_a_body_sent_in_chunks_is_read_as_any_other(system: System, site: Api) -> None:
    shift = new_shift(site)
    body = iter([b'{"person": {"name": "Chunk', b'ed", "email": "chunked@example.com"}}'])
    answer = requests.post(
        f"{system.urls['registration']}/v1/shifts/{shift['id']}/registrations",
        data=body,
        headers={"Authorization": f"Bearer {site.key}", "Content-Type": "application/json"},
        timeout=10,
    )
    assert answer.status_code == 201, answer.text
