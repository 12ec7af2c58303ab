"""Logging in: what opens, what does not, and what a stranger can learn or spoil by trying."""

import time
import uuid
from contextlib import ExitStack
from typing import Any

import pytest
from apiflask import APIFlask
from argon2 import PasswordHasher
from flask.testing import FlaskClient

from services.common.auth import STAFF_COOKIE
from services.common.errors import Problem
from services.registration.operations.staff.attempts import ACCOUNT, Attempts, Size
from services.registration.operations.staff.links import Links
from services.registration.operations.staff.log_in import LogIns, Visitor
from services.registration.operations.staff.passwords import AT_ONCE, MOST_WAITING, Hasher, check_password
from services.registration.personal_data import PersonalData
from tests.registration.office import Member, Office
from tests.registration.world import Caller, Site

PASSWORD = "三月的风吹过汾河两岸的柳树"
WEAK = PasswordHasher(1, 8, 1)
"""Of other parameters than ours: quick to make, and computed anew at the first log-in."""


@pytest.fixture
def member(office: Office, site: Site) -> Member:
    """Somebody with a password."""
    stored = WEAK.hash(PASSWORD).encode()
    return office.session(office.account(("site_staff", site.id, None), password=stored), at=site.id)


def _try(client: FlaskClient, email: str, password: str, address: str = "", **headers: str) -> Any:
    return client.post(
        "/v1/staff/log-in",
        json={"email": email, "password": password},
        headers={"Accept-Language": "en"} | headers,
        environ_base={"REMOTE_ADDR": address or f"192.0.2.{uuid.uuid4().int % 250}"},
    )


def _cookie(answer: Any, name: str = STAFF_COOKIE) -> str:
    return next(h for h in answer.headers.getlist("Set-Cookie") if h.startswith(f"{name}="))


def test_a_log_in_opens_a_session_at_the_only_site(app: APIFlask, member: Member, site: Site) -> None:
    client = app.test_client()
    answer = _try(client, f" {member.email.upper()}", PASSWORD)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.get_json()["site_id"] == site.id and answer.get_json()["role"] == "site_staff"
    assert "HttpOnly" in _cookie(answer) and "SameSite=Lax" in _cookie(answer)
    token = {"X-CSRF-Token": answer.get_json()["csrf_token"]}
    assert client.post("/v1/staff/me/log-out").status_code == 403, "a form of another page"
    assert client.post("/v1/staff/me/log-out", headers=token).status_code == 200
    assert client.get("/v1/staff/me").status_code == 401
    (entry,) = site.sql("SELECT actor FROM audit_log WHERE action = 'log_in' AND record = :id", id=member.id)
    assert entry.actor == f"staff:{member.id}"


def test_only_tls_carries_the_cookie(app: APIFlask, member: Member) -> None:
    for base, secure in (("https://hesheng.example.com", True), ("http://hesheng.example.com", True)):
        answer = app.test_client().post(
            "/v1/staff/log-in", json={"email": member.email, "password": PASSWORD}, base_url=base
        )
        assert ("; Secure" in _cookie(answer)) is secure
    assert "; Secure" not in _cookie(_try(app.test_client(), member.email, PASSWORD)), "on one's own machine"


def test_the_first_log_in_stores_the_password_by_todays_parameters(app: APIFlask, member: Member, site: Site) -> None:
    assert _try(app.test_client(), member.email, PASSWORD).status_code == 200
    (row,) = site.sql("SELECT password FROM staff WHERE id = :id", id=member.id)
    assert bytes(row.password).startswith(b"$argon2id$v=19$m=47104,t=1,p=1$")
    assert _try(app.test_client(), member.email, PASSWORD).status_code == 200


def test_a_stranger_learns_nothing(app: APIFlask, member: Member, site: Site) -> None:
    site.sql("UPDATE staff SET password = :p WHERE id = :id", p=Hasher().hash(PASSWORD), id=member.id)
    answers, seconds = [], []
    for email in (member.email, "nobody@example.com", "not an address", "\x00"):
        started = time.perf_counter()
        answer = _try(app.test_client(), email, "a wrong password")
        seconds.append(time.perf_counter() - started)
        answers.append((answer.status_code, answer.get_json().get("detail")))
    assert answers[0] == answers[1] == answers[2] == (401, "The e-mail or the password is wrong.")
    assert answers[3][0] in (401, 422)
    assert min(seconds[:3]) > 0.02, "a password is computed for nobody too"


def test_a_disabled_account_and_one_without_a_password_do_not_open(app: APIFlask, member: Member, site: Site) -> None:
    site.sql("UPDATE staff SET disabled_at = now() WHERE id = :id", id=member.id)
    assert _try(app.test_client(), member.email, PASSWORD).status_code == 401
    site.sql("UPDATE staff SET disabled_at = NULL, password = NULL WHERE id = :id", id=member.id)
    assert _try(app.test_client(), member.email, PASSWORD).status_code == 401


def test_a_log_in_neither_takes_over_a_planted_cookie_nor_leaves_the_old_session(app: APIFlask, member: Member) -> None:
    client = app.test_client()
    client.set_cookie(STAFF_COOKIE, "planted")
    assert "planted" not in _cookie(_try(client, member.email, PASSWORD))
    body = {"email": member.email, "password": PASSWORD}
    assert member.cookie not in _cookie(member.call("POST", "/v1/staff/log-in", body))
    member.expect(401, "GET", "/v1/staff/me")


def test_another_sites_page_logs_nobody_in(app: APIFlask, member: Member) -> None:
    answer = _try(app.test_client(), member.email, PASSWORD, **{"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403 and not answer.headers.getlist("Set-Cookie")


def test_strangers_who_guess_do_not_shut_out_the_owner(app: APIFlask, member: Member) -> None:
    home = app.test_client()
    assert _try(home, member.email, PASSWORD).status_code == 200
    statuses = [_try(app.test_client(), member.email, f"guess {n}").status_code for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    refused = _try(app.test_client(), member.email, PASSWORD)
    assert refused.status_code == 429 and 0 < int(refused.headers["Retry-After"]) <= 91
    home.delete_cookie(STAFF_COOKIE)
    assert _try(home, member.email, PASSWORD).status_code == 200, "from a browser that is known"


def test_one_address_has_so_many_tries_for_all_accounts(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hasher, "verify", lambda *_: False)
    statuses = [
        _try(app.test_client(), f"{n}@example.com", "guess", address="198.51.100.9").status_code for n in range(31)
    ]
    assert statuses == [401] * 30 + [429]


def test_a_try_comes_back_with_time_and_success() -> None:
    now = [0.0]
    attempts = Attempts(Size(2, 60), Size(100, 1), clock=lambda: now[0])
    attempts.take("a", "", "192.0.2.1")
    attempts.succeeded("a", "", "192.0.2.1")
    for _ in range(2):
        attempts.take("a", "", "192.0.2.1")
    with pytest.raises(Problem):
        attempts.take("a", "", "192.0.2.1")
    attempts.take("a", "known", "192.0.2.1")
    attempts.take("b", "", "192.0.2.1")
    now[0] = 61
    attempts.take("a", "", "192.0.2.1")


def test_what_is_kept_of_tries_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.registration.operations.staff.attempts.MOST_BUCKETS", 10)
    attempts = Attempts(Size(2, 60), Size(1000, 1))
    for _ in range(2):
        attempts.take("guessed", "", "192.0.2.1")
    for number in range(50):
        attempts.take(str(number), "", "192.0.2.1")
    assert len(attempts._accounts._kept) <= 11
    with pytest.raises(Problem):
        attempts.take("guessed", "", "192.0.2.1")


def test_a_session_ends_when_idle_and_after_a_day(member: Member, site: Site) -> None:
    member.expect(200, "GET", "/v1/staff/me")
    site.sql("UPDATE staff_sessions SET used_at = now() - interval '121 minutes' WHERE staff_id = :id", id=member.id)
    member.expect(401, "GET", "/v1/staff/me")
    site.sql(
        "UPDATE staff_sessions SET used_at = now(), expires_at = now() - interval '1 s' WHERE staff_id = :id",
        id=member.id,
    )
    member.expect(401, "GET", "/v1/staff/me")


def test_sessions_are_listed_and_ended_one_by_one_or_all(office: Office, member: Member) -> None:
    second, third = office.session(member.id), office.session(member.id)
    listed = member.expect(200, "GET", "/v1/staff/me/sessions")["items"]
    assert len(listed) == 3 and sum(row["is_this"] for row in listed) == 1
    stranger = office.operator()
    (own,) = [row["id"] for row in listed if row["is_this"]]
    stranger.expect(404, "DELETE", f"/v1/staff/me/sessions/{own}")
    member.expect(204, "DELETE", f"/v1/staff/me/sessions/{own}")
    member.expect(401, "GET", "/v1/staff/me")
    second.expect(200, "POST", "/v1/staff/me/log-out-everywhere")
    third.expect(401, "GET", "/v1/staff/me")


def test_a_new_password_ends_other_sessions_and_renews_this_one(app: APIFlask, office: Office, member: Member) -> None:
    elsewhere = office.session(member.id)
    body = {"present": PASSWORD, "password": "另一句没有人会想到的话语"}
    member.expect(422, "POST", "/v1/staff/me/password", body | {"present": "wrong"})
    answer = member.call("POST", "/v1/staff/me/password", body)
    assert answer.status_code == 200 and member.cookie not in _cookie(answer)
    for old in (elsewhere, member):
        old.expect(401, "GET", "/v1/staff/me")
    assert _try(app.test_client(), member.email, PASSWORD).status_code == 401
    assert _try(app.test_client(), member.email, body["password"]).status_code == 200


def test_a_reset_is_mailed_to_who_exists_and_everybody_hears_the_same(
    app: APIFlask, member: Member, site: Site
) -> None:
    def ask(email: str) -> Any:
        return app.test_client().post("/v1/staff/password-reset", json={"email": email})

    answers = [ask(email) for email in (member.email, "nobody@example.com")]
    assert [(a.status_code, a.get_json()) for a in answers] == [(202, {"status": "accepted"})] * 2
    links = "SELECT purpose FROM links WHERE staff_id = :id AND expires_at < now() + interval '61 minutes'"
    assert [row.purpose for row in site.sql(links, id=member.id)] == ["staff_password"]
    assert [ask(member.email).status_code for _ in range(3)] == [202, 202, 429], "a mailbox is not flooded"


def test_somebody_works_at_the_site_they_choose_among_theirs(
    office: Office, site: Site, other: Site, make_site: Any
) -> None:
    both = office.session(office.account(("site_staff", site.id, None), ("site_staff", other.id, None)))
    both.expect(403, "GET", "/v1/rooms")
    assert {row["id"] for row in both.expect(200, "GET", "/v1/staff/me/sites")["items"]} == {site.id, other.id}
    both.expect(404, "POST", "/v1/staff/me/site", {"site_id": make_site().id})
    both.expect(200, "POST", "/v1/staff/me/site", {"site_id": other.id})
    both.expect(201, "POST", "/v1/rooms", {"name_zh": "室", "name_en": "Room", "capacity": 3})
    assert len(other.expect(200, "GET", "/v1/rooms")["items"]) == 1


def test_an_area_admin_may_work_at_every_site_within(office: Office, make_area: Any, make_site: Any) -> None:
    city = make_area()
    inside, outside = make_site(area=make_area(city, "district")), make_site(area=make_area())
    admin = office.area_admin(city)
    assert [row["id"] for row in admin.expect(200, "GET", "/v1/staff/me/sites")["items"]] == [inside.id]
    admin.expect(200, "POST", "/v1/staff/me/site", {"site_id": inside.id})
    assert admin.expect(200, "GET", "/v1/staff/me")["role"] == "area_admin"
    admin.expect(404, "POST", "/v1/staff/me/site", {"site_id": outside.id})


def test_somebody_changes_their_own_name_and_language(member: Member) -> None:
    assert member.expect(200, "PATCH", "/v1/staff/me", {"name": "新名字", "language": "en"})["name"] == "新名字"
    assert member.expect(200, "GET", "/v1/staff/me")["language"] == "en"
    member.expect(422, "PATCH", "/v1/staff/me", {"name": None})


@pytest.mark.parametrize(
    "password", ["短", "eleven char", "password1234", "PassWord1234", "111111111111", "a" * 129, "lin@example.com"]
)
def test_a_password_that_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(Problem):
        check_password(password, "lin@example.com")


@pytest.mark.parametrize("password", [PASSWORD, "correct horse battery", "all lower case"])
def test_length_is_all_that_is_asked_for(password: str) -> None:
    check_password(password, "lin@example.com")


def test_a_crowd_at_the_log_in_does_not_take_every_thread(member: Member, office: Office) -> None:
    """All places are taken and as many wait as may: the next is told to come back, and no try of theirs is used up."""
    log_ins = LogIns(office.database, office.data)
    with ExitStack() as crowd:
        for _ in range(AT_ONCE + MOST_WAITING):
            assert log_ins._hasher._room.acquire(blocking=False)
            crowd.callback(log_ins._hasher._room.release)
        for _ in range(ACCOUNT.tokens + 5):
            with pytest.raises(Problem) as told:
                log_ins.log_in(member.email, PASSWORD, Visitor("192.0.2.251"))
            assert told.value.kind.status == 503
    assert str(log_ins.log_in(member.email, PASSWORD, Visitor("192.0.2.251")).staff_id) == member.id


def test_no_lock_is_held_while_a_password_is_computed(
    app: APIFlask, operator: Caller, site: Site, data: PersonalData, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"email": f"{uuid.uuid4().hex}@example.com", "name": "新同事", "grants": []}
    made = operator.expect(201, "POST", "/v1/staff", body | {"grants": [{"role": "site_staff", "site_id": site.id}]})
    (link,) = site.sql("SELECT id FROM links WHERE staff_id = :id", id=made["id"])
    hashing, free = Hasher.hash, []

    def watched(hasher: Hasher, password: str) -> bytes:
        free.append(site.sql("SELECT 1 FROM links WHERE id = :id FOR UPDATE NOWAIT", id=link.id))
        return hashing(hasher, password)

    monkeypatch.setattr(Hasher, "hash", watched)
    path = f"/links/{Links(data, 'http://localhost').token(link.id)}"
    answer = app.test_client().post(path, data={"password": PASSWORD})
    assert (answer.status_code, len(free)) == (303, 1), answer.get_data(as_text=True)
    assert app.test_client().post(path, data={"password": PASSWORD}).status_code == 410
    assert _try(app.test_client(), body["email"], PASSWORD).status_code == 200
