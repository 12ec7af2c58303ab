"""Bad input: each gets a 4xx problem document that names the field, and changes nothing. Nothing gets a 500."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.registration.world import Caller, Site, in_hours, somebody

ACTIVITY: dict[str, Any] = {"kind": "class", "title_zh": "课", "place": "站内"}
SHIFT: dict[str, Any] = {"starts_at": in_hours(24), "ends_at": in_hours(26), "capacity": 5}


def raw(site: Site, path: str, body: bytes, method: str = "POST", language: str = "en") -> TestResponse:
    headers = {"Authorization": f"Bearer {site.key}", "Accept-Language": language}
    return site.app.test_client().open(path, method=method, data=body, headers=headers, content_type="application/json")


def fields(answer: TestResponse) -> set[str]:
    assert answer.mimetype == "application/problem+json"
    return {error["field"] for error in answer.get_json().get("errors", [])}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "party"}, "kind"),
        ({"kind": None}, "kind"),
        ({"title_zh": ""}, "title_zh"),
        ({"title_zh": "   "}, "title_zh"),
        ({"title_zh": "长" * 201}, "title_zh"),
        ({"title_zh": "a\x00b"}, "title_zh"),
        ({"title_zh": 5}, "title_zh"),
        ({"title_zh": "\ud800"}, "title_zh"),
        ({"place": ["x"]}, "place"),
        ({"volunteering": "perhaps"}, "volunteering"),
        ({"reminder_minutes": [0]}, "reminder_minutes.0"),
        ({"reminder_minutes": [10**30]}, "reminder_minutes.0"),
        ({"reminder_minutes": [1, 2, 3, 4, 5, 6]}, "reminder_minutes"),
        ({"reminder_minutes": 60}, "reminder_minutes"),
        ({"room_id": "x"}, "room_id"),
        ({"room_id": "00000000-0000-0000-0000-000000000000"}, "room_id"),
        ({"team_id": "00000000-0000-0000-0000-000000000000"}, "team_id"),
        ({"colour": "red"}, "colour"),
        ({"status": "published"}, "status"),
    ],
)
def test_a_wrong_activity_is_refused_by_field(site: Site, change: dict[str, Any], field: str) -> None:
    answer = site.call("POST", "/v1/activities", ACTIVITY | change)
    assert (answer.status_code, fields(answer)) == (422, {field})
    assert site.expect(200, "GET", "/v1/activities")["items"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ends_at": SHIFT["starts_at"]}, "ends_at"),
        ({"ends_at": in_hours(1)}, "ends_at"),
        ({"starts_at": "2030-01-01T09:00:00"}, "starts_at"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "starts_at"),
        ({"ends_at": "9999-12-31T23:59:59-14:00"}, "ends_at"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": -1}, "capacity"),
        ({"capacity": 2**31}, "capacity"),
        ({"capacity": 2**63}, "capacity"),
        ({"capacity": 10**400}, "capacity"),
        ({"capacity": 1.5}, "capacity"),
        ({"capacity": None}, "capacity"),
        ({"confirmed": 3}, "confirmed"),
    ],
)
def test_a_wrong_shift_is_refused_by_field(site: Site, change: dict[str, Any], field: str) -> None:
    activity = site.activity()
    answer = site.call("POST", f"/v1/activities/{activity}/shifts", SHIFT | change)
    assert (answer.status_code, fields(answer)) == (422, {field})
    assert site.expect(200, "GET", f"/v1/activities/{activity}/shifts")["items"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"phone": "123"}, "person.phone"),
        ({"phone": "13800000001 ext"}, "person.phone"),
        ({"phone": "x" * 41}, "person.phone"),
        ({"email": "nobody"}, "person.email"),
        ({"email": "a@b.cn\nBcc: c@d.cn"}, "person.email"),
        ({"phone": None}, "person"),
        ({"name": ""}, "person.name"),
        ({"name": "\u200f\u202e"}, "person.name"),
        ({"name": "a\x00"}, "person.name"),
        ({"name": "\udfff"}, "person.name"),
        ({"birth_date": "2999-01-01"}, "person.birth_date"),
        ({"birth_date": "1990-02-30"}, "person.birth_date"),
        ({"birth_date": 10**12}, "person.birth_date"),
        ({"language": "fr"}, "person.language"),
        ({"id_number": "1"}, "person.id_number"),
        ({"birth_date": "2020-01-01"}, "person.guardian_consent"),
    ],
)
def test_a_wrong_person_is_refused_by_field(site: Site, change: dict[str, Any], field: str) -> None:
    shift = site.shift()
    answer = site.try_sign_up(shift, somebody() | change)
    # pydantic's own parser takes a lone surrogate for broken JSON.
    expected = (400, set()) if change.get("name") == "\udfff" else (422, {field})
    assert (answer.status_code, fields(answer)) == expected
    assert site.expect(200, "GET", f"/v1/shifts/{shift}/registrations")["items"] == []


def test_three_errors_are_told_at_once_in_the_callers_language(site: Site) -> None:
    body = json.dumps({"kind": "x", "title_zh": "", "place": 1}).encode()
    answers = {language: raw(site, "/v1/activities", body, language=language) for language in ("en", "zh-CN")}
    for answer in answers.values():
        assert fields(answer) == {"kind", "title_zh", "place"}
    assert answers["en"].headers["Content-Language"] == "en"
    assert "must be a string" in answers["en"].get_data(as_text=True)
    assert "应为文字" in answers["zh-CN"].get_data(as_text=True)


PATHS = ["/v1/activities", "/v1/shifts/{shift}/registrations", "/v1/registrations/{shift}/check-in"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"nul",
        b'{"person": {"name": "\xc3\x28"}}',
        b'{"kind": "class", "title_zh": ' + b"9" * 5_000 + b"}",
    ],
    ids=["cut", "not utf-8", "deep list", "deep object", "word", "bad utf-8", "long number"],
)
def test_what_is_no_json_is_malformed(site: Site, path: str, body: bytes) -> None:
    answer = raw(site, path.format(shift=site.shift()), body)
    assert answer.status_code in (400, 422)
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null"])
def test_json_that_is_no_object_is_refused(site: Site, path: str, body: bytes) -> None:
    assert raw(site, path.format(shift=site.shift()), body).status_code == 422


@pytest.mark.parametrize("path", PATHS)
def test_ten_megabytes_are_too_large(site: Site, path: str) -> None:
    assert raw(site, path.format(shift=site.shift()), b" " * 10_000_000).status_code == 413


@pytest.mark.parametrize("path", ["/v1/activities", "/v1/shifts/{shift}/registrations"])
@pytest.mark.parametrize("name", ["\ud800", "\u202e", "a\x00", "💥" * 300])
def test_strange_field_names_are_refused(site: Site, path: str, name: str) -> None:
    body = json.dumps({name: 1}).encode()
    answer = raw(site, path.format(shift=site.shift()), body)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("name", ["👩‍👩‍👧‍👦 一家人", "מרים", "Ⅳ ﷽", "José\u0301", "O'Brien; DROP TABLE people"])
def test_names_of_all_kinds_are_kept_as_they_are(site: Site, name: str) -> None:
    made = site.sign_up(site.shift(), name=name)
    assert site.expect(200, "GET", f"/v1/people/{made['person_id']}")["name"] == name


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "cursor=-1",
        "cursor=" + "9" * 30,
        "status=none",
        "page=2",
    ],
)
def test_wrong_queries_are_refused(site: Site, query: str) -> None:
    assert site.call("GET", f"/v1/activities?{query}").status_code == 422


@pytest.mark.parametrize("key", ["", " ", "a b", "ключ", "x" * 201])
def test_malformed_idempotency_keys_are_refused(site: Site, key: str) -> None:
    answer = site.call("POST", "/v1/activities", ACTIVITY, Idempotency_Key=key.encode().decode("latin-1"))
    assert answer.status_code == 400
    assert site.expect(200, "GET", "/v1/activities")["items"] == []


def test_unknown_ids_and_paths_are_not_found(site: Site) -> None:
    for path in ("/v1/shifts/x", "/v1/shifts/00000000-0000-0000-0000-000000000000", "/v1/nothing", "/v1/sites/\x00"):
        assert site.call("GET", path).status_code == 404, path


@pytest.mark.parametrize("key", ["", "hsk_unknown", "x" * 10_000, "ключ"])
def test_who_has_no_valid_key_gets_401(site: Site, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}".encode().decode("latin-1")}
    answer = site.app.test_client().get("/v1/activities", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"]


def test_a_revoked_key_opens_nothing_and_leaves_an_event(site: Site, operator: Caller, monkeypatch: Any) -> None:
    monkeypatch.setattr("services.common.auth.TRUST_SECONDS", 0.0)
    made = operator.expect(201, "POST", f"/v1/sites/{site.id}/keys", {"label": "second"})
    second = Caller(site.app, made["key"])
    assert second.call("GET", "/v1/activities").status_code == 200
    assert site.call("DELETE", f"/v1/sites/{site.id}/keys/{made['id']}").status_code == 204
    assert second.call("GET", "/v1/activities").status_code == 401
    assert [event.type for event in site.events(site.id)][-1] == "hesheng.site_key.revoked.v1"
    keys = site.expect(200, "GET", f"/v1/sites/{site.id}/keys")["items"]
    assert [bool(key["revoked_at"]) for key in keys] == [False, True] and "key" not in keys[0]
