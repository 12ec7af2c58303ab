"""Webhooks over HTTP and on the pages of staff: each site has its own, secrets are shown once, changes on record."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask

from services.common import events
from services.common.auth import STAFF_COOKIE, new_site_key
from services.common.events import EVENT_TYPES
from services.notifications.operations.webhooks import deliveries
from services.notifications.operations.webhooks.deliveries import MOST_TESTS
from services.notifications.operations.webhooks.endpoints import MOST, MOST_MADE
from services.notifications.pages.webhook_words import KINDS
from services.notifications.webhooks.types import kinds
from tests.conftest import OPERATOR_KEY
from tests.notifications.conftest import Contacts
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
Call = Callable[..., Any]
URL = "https://site.example.org/hesheng"


@pytest.fixture
def call(app: APIFlask) -> Call:
    client = app.test_client()

    def send(path: str, key: str, body: Any = None, method: str | None = None, **headers: str) -> Any:
        return client.open(
            f"/v1/webhooks{path}", method=method or ("GET" if body is None else "POST"), json=body,
            headers={"Authorization": f"Bearer {key}", "Accept-Language": "en", **headers},
        )  # fmt: skip

    return send


@pytest.fixture
def key_of(story: Story) -> Callable[[UUID], str]:
    """A key of a site."""

    def issue(site_id: UUID) -> str:
        key, _, digest = new_site_key()
        story.tell(events.SiteKeyIssued(key_id=uuid4(), site_id=site_id, sha256=digest))
        return key

    return issue


@pytest.fixture
def key(key_of: Callable[[UUID], str], story: Story) -> str:
    return key_of(story.site_id)


def test_a_site_registers_an_address_and_its_secret_is_shown_once(call: Call, key: str, story: Story,
                                                                  rows: Rows) -> None:  # fmt: skip
    body = {"url": URL, "description": "our app", "types": ["hesheng.shift.*", "hesheng.shift.*"]}
    made = call("", key, body, **{"Idempotency-Key": "once"})
    again = call("", key, body, **{"Idempotency-Key": "once"})
    assert (made.status_code, again.json) == (201, made.json)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/=]{44}", made.json["secret"])
    assert (made.json["types"], made.json["enabled"], made.headers["ETag"]) == (["hesheng.shift.*"], True, '"1"')
    listed = call("", key)
    assert [one["id"] for one in listed.json["items"]] == [made.json["id"]]
    shown = call(f"/{made.json['id']}", key)
    assert "secret" not in listed.json["items"][0] | shown.json
    written = str(rows("SELECT * FROM webhook_endpoints") + rows("SELECT * FROM idempotency_keys")
                  + rows("SELECT * FROM audit_log"))  # fmt: skip
    assert made.json["secret"] not in written
    told = "SELECT actor, action, site_id, changed FROM audit_log WHERE record = :id"
    (audit,) = rows(told, id=made.json["id"])
    assert (audit.action, audit.site_id, audit.changed["secret"]) == ("insert", story.site_id, "*")
    assert audit.actor.startswith("site:")


@pytest.mark.parametrize("body", [
    {}, {"url": "http://site.example.org/"}, {"url": "https://10.0.0.1/"}, {"url": URL, "types": ["hesheng.shift"]},
    {"url": URL, "types": ["hesheng.site_key.issued.v1"]}, {"url": URL, "colour": "red"}, {"url": "x" * 501},
    {"url": URL, "description": "x" * 201}, {"url": "https://127.0.0.1:8000@evil.example/"}])  # fmt: skip
def test_what_cannot_be_is_refused_with_its_field(body: dict[str, Any], call: Call, key: str) -> None:
    answer = call("", key, body)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.json["errors"]


def test_a_site_has_five_at_most(call: Call, key: str) -> None:
    made = [call("", key, {"url": URL}) for _ in range(MOST)]
    assert [one.status_code for one in made] == [201] * MOST
    assert call("", key, {"url": URL}).status_code == 409
    assert call(f"/{made[0].json['id']}", key, method="DELETE").status_code == 204
    assert call("", key, {"url": URL}).status_code == 201


def test_nobody_sees_or_changes_what_is_another_sites(call: Call, key: str, key_of: Callable[[UUID], str]) -> None:
    stranger = key_of(uuid4())
    webhook = call("", key, {"url": URL}).json["id"]
    assert call("", stranger).json["items"] == []
    for path, method, body in (
        ("", "GET", None), ("", "PATCH", {"enabled": False}), ("", "DELETE", None), ("/secret", "POST", {}),
        ("/test", "POST", {}), ("/deliveries", "GET", None), ("/redeliver", "POST", {"since": "2026-01-01T00:00:00Z"}),
        (f"/deliveries/{uuid4()}", "GET", None), (f"/deliveries/{uuid4()}/redeliver", "POST", None),
    ):  # fmt: skip
        answer = call(f"/{webhook}{path}", stranger, body, method, **{"If-Match": "*"})
        assert answer.status_code == 404, (method, path)


def test_a_change_needs_the_version_that_was_read(call: Call, key: str, rows: Rows) -> None:
    webhook = call("", key, {"url": URL}).json["id"]
    assert call(f"/{webhook}", key, {"enabled": False}, "PATCH").status_code == 428
    off = call(f"/{webhook}", key, {"enabled": False}, "PATCH", **{"If-Match": '"1"'})
    assert (off.json["enabled"], off.json["disabled_why"], off.headers["ETag"]) == (False, "staff", '"2"')
    assert call(f"/{webhook}", key, {"enabled": True}, "PATCH", **{"If-Match": '"1"'}).status_code == 412
    assert call(f"/{webhook}", key, {"url": "https://10.0.0.1/"}, "PATCH", **{"If-Match": '"2"'}).status_code == 422
    rows("UPDATE webhook_endpoints SET failures = 7, failing_since = now(), resting_until = now(), error = '500'")
    on = call(f"/{webhook}", key, {"enabled": True, "types": []}, "PATCH", **{"If-Match": '"2"'})
    assert (on.json["enabled"], on.json["failures"], on.json["error"], on.json["version"]) == (True, 0, None, 3)
    assert call(f"/{webhook}", key, {"description": ""}, "PATCH", **{"If-Match": '"3"'}).json["version"] == 3


def test_another_secret_leaves_the_old_one_its_time_unless_it_must_end(call: Call, key: str, rows: Rows) -> None:
    first = call("", key, {"url": URL}).json
    second = call(f"/{first['id']}/secret", key, {}, **{"Idempotency-Key": "rotate"}).json
    assert call(f"/{first['id']}/secret", key, {}, **{"Idempotency-Key": "rotate"}).json == second
    assert second["secret"] != first["secret"]
    until = datetime.fromisoformat(second["old_secret_until"])
    assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(hours=24, minutes=1)
    assert call(f"/{first['id']}/secret", key, {}).status_code == 409, "a third would put the first one out"
    third = call(f"/{first['id']}/secret", key, {"keep_old_hours": 0}).json
    assert third["old_secret_until"] is None
    assert rows("SELECT old_secret FROM webhook_endpoints") == [(None,)]


def test_a_test_is_a_delivery_like_any_other_and_there_are_not_many(call: Call, key: str, story: Story) -> None:
    webhook = call("", key, {"url": URL}).json["id"]
    story.opening()
    sent = call(f"/{webhook}/test", key, {}, **{"X-Request-Id": "try-1"})
    assert (sent.status_code, sent.json["type"], sent.json["request_id"]) == (201, "hesheng.webhook.test.v1", "try-1")
    listed = call(f"/{webhook}/deliveries?limit=3", key)
    assert [one["type"] for one in listed.json["items"]][:2] == ["hesheng.webhook.test.v1", "hesheng.shift.opened.v1"]
    following = re.findall("cursor=([0-9]+)", listed.headers["Link"])[0]
    assert len(call(f"/{webhook}/deliveries?limit=3&cursor={following}", key).json["items"]) == 1
    assert call(f"/{webhook}/deliveries?state=failed", key).json["items"] == []
    for _ in range(MOST_TESTS - 1):
        call(f"/{webhook}/test", key, {})
    refused = call(f"/{webhook}/test", key, {})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "600")


def test_whoever_makes_endpoints_anew_gets_no_more_tests_by_it(call: Call, key: str, key_of: Callable[[UUID], str],
                                                               story: Story, rows: Rows) -> None:  # fmt: skip
    for _ in range(MOST_MADE):
        webhook = call("", key, {"url": URL}).json["id"]
        story.opening()
        assert call(f"/{webhook}", key, method="DELETE").status_code == 204
    assert (
        rows("SELECT count(*) FROM webhook_endpoints") + rows("SELECT count(*) FROM webhook_deliveries") == [(0,)] * 2
    )
    assert call("", key, {"url": URL}).status_code == 429
    assert call("", key_of(uuid4()), {"url": URL}).status_code == 201, "another site's has nothing to do with it"


def test_what_is_sent_again_in_an_hour_is_bounded(call: Call, key: str, story: Story, rows: Rows,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(deliveries, "MOST_ASKED", 2)
    webhook = call("", key, {"url": URL}).json["id"]
    story.opening()
    one = call(f"/{webhook}/deliveries", key).json["items"][0]["id"]
    asked = [call(f"/{webhook}/deliveries/{one}/redeliver", key, method="POST").status_code for _ in range(3)]
    assert asked == [200, 200, 429]
    rows("UPDATE webhook_endpoints SET again_since = now() - interval '61 minutes'")
    assert call(f"/{webhook}/deliveries/{one}/redeliver", key, method="POST").status_code == 200


def test_what_failed_is_sent_again_one_by_one_or_all_since_a_time(call: Call, key: str, story: Story,
                                                                  rows: Rows) -> None:  # fmt: skip
    webhook = call("", key, {"url": URL}).json["id"]
    story.opening()
    rows("UPDATE webhook_deliveries SET state = 'failed', attempts = 11, ended_at = now()")
    rows("UPDATE webhook_deliveries SET occurred_at = now() - interval '2 days' WHERE type LIKE '%site%'")
    one = call(f"/{webhook}/deliveries", key).json["items"][0]
    again = call(f"/{webhook}/deliveries/{one['id']}/redeliver", key, method="POST")
    assert (again.json["id"], again.json["state"], again.json["attempts"]) == (one["id"], "pending", 0)
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert call(f"/{webhook}/redeliver", key, {"since": since}).json == {"count": 1, "more": False}
    states = {row.type: row.state for row in rows("SELECT type, state FROM webhook_deliveries")}
    assert states["hesheng.site.saved.v1"] == "failed"
    rows("UPDATE webhook_deliveries SET state = 'sending', claimed_at = now()")
    assert call(f"/{webhook}/deliveries/{one['id']}/redeliver", key, method="POST").status_code == 409
    call(f"/{webhook}", key, {"enabled": False}, "PATCH", **{"If-Match": "*"})
    assert call(f"/{webhook}/redeliver", key, {"since": since}).status_code == 409
    assert call(f"/{webhook}/test", key, {}).status_code == 409


def test_an_operator_sees_which_of_all_sites_were_given_up(call: Call, key: str, key_of: Callable[[UUID], str],
                                                           rows: Rows) -> None:  # fmt: skip
    call("", key, {"url": URL})
    given_up = call("", key_of(uuid4()), {"url": URL}).json["id"]
    rows("UPDATE webhook_endpoints SET disabled_at = now(), disabled_why = 'failing' WHERE id = :id", id=given_up)
    assert len(call("", OPERATOR_KEY).json["items"]) == 2
    assert [one["id"] for one in call("?given_up=true", OPERATOR_KEY).json["items"]] == [given_up]
    assert call("", OPERATOR_KEY, {"url": URL}).status_code == 403


def test_every_kind_of_event_that_sites_are_told_of_has_words() -> None:
    assert set(KINDS) == set(kinds())
    assert all(name in EVENT_TYPES for names in kinds().values() for name in names)


@pytest.fixture
def staff(app: APIFlask, contacts: Contacts, story: Story) -> Call:
    """Somebody who works at the site, with a browser."""
    contacts.sessions["their-cookie"] = {
        "caller": "staff", "name": str(uuid4()), "site_id": str(story.site_id), "role": "site_staff",
        "session": "their-session",
    }  # fmt: skip
    client = app.test_client()
    client.set_cookie(STAFF_COOKIE, "their-cookie")
    story.tell(events.SiteSaved(site_id=story.site_id, area="140107", name_zh="站", name_en="Site", time_zone="UTC"))

    def browse(path: str = "", form: dict[str, Any] | None = None, language: str = "en") -> Any:
        headers = {"Accept": "text/html", "Accept-Language": language}
        if form is None:
            return client.get(f"/staff/webhooks{path}", headers=headers)
        return client.post(f"/staff/webhooks{path}", headers=headers, data=form, follow_redirects=True)

    return browse


def fields(page: Any) -> dict[str, str]:
    """The hidden fields of a page's forms, the token among them."""
    main = page.text.split("<main")[1].split("</main>")[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', main))


def test_staff_add_an_endpoint_see_its_secret_once_and_what_became_of_everything(
    staff: Call, rows: Rows, story: Story
) -> None:
    new = staff("/new")
    typed = fields(new) | {"url": URL, "description": "小程序 <b>", "types": ["hesheng.shift.*", "hesheng.team.*"]}
    made = staff("/new", typed)
    (secret,) = re.findall(r'id="secret">(whsec_[^<]+)<', made.text)
    assert re.findall(r'id="secret">(whsec_[^<]+)<', staff("/new", typed).text) == [secret], "sent again: no second one"
    (endpoint,) = rows("SELECT id, types FROM webhook_endpoints")
    assert endpoint.types == ["hesheng.shift.*", "hesheng.team.*"]
    (audit,) = rows("SELECT actor FROM audit_log WHERE record = :id", id=str(endpoint.id))
    assert audit.actor.startswith("staff:")
    story.opening()
    rows("UPDATE webhook_deliveries SET state = 'failed', error = '500: <script>', ended_at = now()")
    for language in ("zh", "en"):
        page = staff(f"/{endpoint.id}", language=language)
        assert page.status_code == 200
        assert "<script>" not in page.text.split("<main")[1].split("</main>")[0]
        assert secret not in page.text
    (delivery,) = rows("SELECT id FROM webhook_deliveries")
    token = {"csrf_token": fields(page)["csrf_token"]}
    assert "Deliver again" in staff(f"/{endpoint.id}/deliveries/{delivery.id}").text
    assert "sent again" in staff(f"/{endpoint.id}/deliveries/{delivery.id}/again", token).text
    assert rows("SELECT state FROM webhook_deliveries") == [("pending",)]
    rows("UPDATE webhook_deliveries SET state = 'skipped'")
    assert "1 event(s) are sent again" in staff(f"/{endpoint.id}/again", token | {"within": "24"}).text
    assert "on its way" in staff(f"/{endpoint.id}/test", token).text
    assert "disabled" in staff(f"/{endpoint.id}/disable", token).text
    assert "enabled" in staff(f"/{endpoint.id}/enable", token).text
    assert staff(f"/{endpoint.id}/test", {}).status_code == 403, "a form of another page"
    assert staff(f"/{endpoint.id}/delete", token).status_code == 200
    assert rows("SELECT count(*) FROM webhook_deliveries") == [(0,)]


def test_staff_change_an_endpoint_and_its_secret(staff: Call, rows: Rows) -> None:
    made = staff("/new", fields(staff("/new")) | {"url": URL})
    (endpoint,) = rows("SELECT id FROM webhook_endpoints")
    rows("UPDATE webhook_endpoints SET types = '{hesheng.shift.opened.v1}'")
    page = staff(f"/{endpoint.id}/edit")
    assert 'value="hesheng.shift.opened.v1" checked' in page.text, "what only the API knows of is not lost"
    wrong = staff(f"/{endpoint.id}/edit", fields(page) | {"url": "https://10.0.0.1/"})
    assert (wrong.status_code, "not public" in wrong.text) == (422, True)
    stale = fields(page) | {"url": URL, "version": "7"}
    assert staff(f"/{endpoint.id}/edit", stale).status_code == 422
    staff(f"/{endpoint.id}/edit", fields(page) | {"url": URL + "/2", "types": ["hesheng.shift.opened.v1"]})
    assert rows("SELECT url, types, version FROM webhook_endpoints") == [(URL + "/2", ["hesheng.shift.opened.v1"], 2)]
    rotation = fields(staff(f"/{endpoint.id}/secret")) | {"keep_old_hours": "24"}
    other = staff(f"/{endpoint.id}/secret", rotation)
    assert re.findall("whsec_[^<]+", other.text) not in ([], re.findall("whsec_[^<]+", made.text))
    assert staff(f"/{endpoint.id}/secret", rotation).text.count("whsec_") == 1, "sent again it makes no third"
    fresh = fields(staff(f"/{endpoint.id}/secret"))
    assert staff(f"/{endpoint.id}/secret", fresh | {"keep_old_hours": "24"}).status_code == 409
    assert "whsec_" in staff(f"/{endpoint.id}/secret", fresh | {"keep_old_hours": "0"}).text


def test_what_was_disabled_by_itself_stands_in_red(staff: Call, rows: Rows) -> None:
    staff("/new", fields(staff("/new")) | {"url": URL})
    assert "alert-danger" not in staff().text
    rows("UPDATE webhook_endpoints SET disabled_at = now(), disabled_why = 'failing'")
    for language, words in (("zh", "连续五天没有一次成功"), ("en", "nothing but failure for five days")):
        page = staff(language=language).text
        assert "alert-danger" in page
        assert words in page


def test_before_an_operator_chose_a_site_those_of_every_site_that_were_given_up_are_listed(
    staff: Call, call: Call, key: str, contacts: Contacts, app: APIFlask, rows: Rows
) -> None:
    call("", key, {"url": URL, "description": "fine"})
    call("", key, {"url": URL, "description": "down"})
    rows("UPDATE webhook_endpoints SET disabled_at = now(), disabled_why = 'failing' WHERE description = 'down'")
    contacts.sessions["operators"] = {"caller": "staff", "name": str(uuid4()), "role": "operator", "session": "s"}
    client = app.test_client()
    client.set_cookie(STAFF_COOKIE, "operators")
    page = client.get("/staff/webhooks", headers={"Accept": "text/html", "Accept-Language": "en"}).text
    assert "down" in page and "fine" not in page
    (webhook,) = rows("SELECT id FROM webhook_endpoints WHERE description = 'down'")
    one = client.get(f"/staff/webhooks/{webhook.id}", headers={"Accept": "text/html", "Accept-Language": "en"}).text
    assert "choose its site first" in one and "Yes, delete it" not in one
