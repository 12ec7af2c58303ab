"""A resident's session ends when they log out, not only in the browser where they did."""

import uuid
from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from services.common.auth import RESIDENT_COOKIE, Caller, Principal, csrf_token
from services.common.database import EVERY_SITE, Database
from services.registration.operations.staff.sessions import end_resident
from services.registration.personal_data import PersonalData
from tests.registration.world import Site, resident_cookie

Browser = tuple[FlaskClient, str]


@pytest.fixture
def log_in(app: APIFlask, database: Database, data: PersonalData) -> Callable[..., Browser]:
    """A browser with a session of this person: a new one, or a copy of a cookie."""

    def open_browser(person: str, cookie: str = "") -> Browser:
        cookie = cookie or resident_cookie(database, data, person)
        client = app.test_client()
        client.set_cookie(RESIDENT_COOKIE, cookie)
        return client, cookie

    return open_browser


def is_in(browser: Browser) -> bool:
    return browser[0].get("/v1/my/service-records").status_code != 401


def post(browser: Browser, path: str) -> int:
    form = {"csrf_token": csrf_token(Principal(Caller.PERSON, "", session=browser[1]))}
    return browser[0].post(path, data=form, headers={"Accept": "text/html"}).status_code


def test_a_copy_of_the_cookie_opens_nothing_after_logging_out(site: Site, log_in: Callable[..., Browser]) -> None:
    person = site.sign_up(site.shift())["person_id"]
    first, elsewhere = log_in(person), log_in(person)
    copy = log_in(person, first[1])
    assert is_in(first) and is_in(copy) and is_in(elsewhere)
    assert post(first, "/my/log-out") == 303
    assert (is_in(copy), is_in(elsewhere)) == (False, True)
    assert post(first, "/my/log-out") == 303  # whoever is out already may press it again


def test_log_out_everywhere_ends_every_session_and_none_that_begins_later(
    site: Site, log_in: Callable[..., Browser]
) -> None:
    person, somebody_else = (site.sign_up(site.shift())["person_id"] for _ in range(2))
    first, second, neighbour = log_in(person), log_in(person), log_in(somebody_else)
    assert post(first, "/my/log-out-everywhere") == 303
    assert [is_in(one) for one in (first, second, log_in(person, first[1]), neighbour)] == [False, False, False, True]
    assert is_in(log_in(person))
    [told] = site.sql("SELECT actor FROM audit_log WHERE action = 'log_out_everywhere' AND record = :p", p=person)
    assert told.actor == f"person:{person}"


def test_who_was_merged_is_logged_out_with_the_survivor(site: Site, log_in: Callable[..., Browser]) -> None:
    gone, kept = (site.sign_up(site.shift())["person_id"] for _ in range(2))
    old, new = log_in(gone), log_in(kept)
    site.sql("UPDATE people SET merged_into = :kept WHERE id = :gone", kept=kept, gone=gone)
    assert is_in(old)
    assert post(old, "/my/log-out-everywhere") == 303
    assert not is_in(old) and not is_in(new)


def test_nobody_logs_others_out_from_elsewhere(site: Site, log_in: Callable[..., Browser]) -> None:
    browser = log_in(site.sign_up(site.shift())["person_id"])
    for path in ("/my/log-out", "/my/log-out-everywhere"):
        assert browser[0].post(path, headers={"Accept": "text/html"}).status_code == 403
    assert is_in(browser)


def test_an_erased_person_has_no_session(site: Site, log_in: Callable[..., Browser]) -> None:
    browser = log_in(person := site.sign_up(site.shift())["person_id"])
    site.sql("UPDATE people SET erased_at = now() WHERE id = :p", p=person)
    assert not is_in(browser)


def test_what_is_remembered_of_ended_sessions_goes_with_them(site: Site) -> None:
    def end(cookie: str) -> None:
        with site.database.transaction(EVERY_SITE) as session:
            end_resident(session, cookie)

    end(old := uuid.uuid4().hex)
    site.sql("UPDATE ended_sessions SET ended_at = now() - interval '3 hours'")
    end(old)
    end(uuid.uuid4().hex)
    assert site.sql("SELECT FROM ended_sessions WHERE ended_at < now() - interval '2 hours'") == []
