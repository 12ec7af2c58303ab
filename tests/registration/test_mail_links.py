"""The link that stands in every mail is passed on with it: it shows, changes and cancels registrations, and no more."""

import itertools
import json
import re
from typing import Any

import pytest

from services.common.auth import RESIDENT_COOKIE
from services.common.auth import Caller as Kind
from services.registration.personal_data import PersonalData
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.office import Member
from tests.registration.own_world import resident_of
from tests.registration.test_taken_before import fresh_mail, mailed
from tests.registration.test_volunteers import id_number, register
from tests.registration.world import Caller, Site, fresh_phone

_orders = itertools.count(21)
CHANGES = ("coming", "cancel", "accept", "decline", "withdraw", "party", "hand-over", "swap", "hand-on")
BY_MAIL = {
    ("GET", "/my"),
    ("GET", "/my/registrations/<uuid:registration_id>"),
    ("GET", "/my/registrations/<uuid:registration_id>/cancel"),
    ("GET", "/scan/<uuid:shift_id>"),
    *(("POST", f"/my/registrations/<uuid:registration_id>/{what}") for what in CHANGES),
    *(("POST", f"/v1/my/registrations/<uuid:registration_id>/{what}") for what in CHANGES[:4]),
    ("POST", "/my/link"),
    ("POST", "/scan/<uuid:shift_id>"),
    ("POST", "/v1/my/shifts/<uuid:shift_id>/scan"),
}
"""What a mail that was passed on opens."""


def opened(site: Site, path: str, person: str) -> Member:
    """The browser of whoever presses the button behind a link."""
    client = site.app.test_client()
    assert client.post(path).status_code == 303
    return Member(site.app, person, "", client.get_cookie(RESIDENT_COOKIE).value, RESIDENT_COOKIE)  # type: ignore[union-attr]


def path_of(url: str) -> str:
    return "/links/" + url.partition("/links/")[2]


def links_mailed(site: Site, person: str) -> list[Any]:
    """The links of this person that are open, as they are mailed, oldest first."""
    ids = [str(row.id) for row in site.sql("SELECT id FROM links WHERE person_id = :p ORDER BY created_at", p=person)]
    return list(Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/links", {"links": ids})["links"])


@pytest.fixture
def owner(site: Site) -> dict[str, Any]:
    """A volunteer with an ID number on record, an address, and a place on a shift with a private note."""
    number = id_number(order=next(_orders))
    person = register(site, email=fresh_mail(), id_number=number, id_number_consent=True)["person_id"]
    shift = site.shift(volunteering=True)
    site.expect(200, "PUT", f"/v1/shifts/{shift}/private-note", {"note": "服务对象：李奶奶"}, If_Match='"0"')
    place = site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person_id": person})["id"]
    return {"id": person, "number": number, "place": place, "link": path_of(mailed(site, person)["manage_url"])}


def test_a_mail_that_was_passed_on_shows_and_cancels_places_and_opens_nothing_else(
    site: Site, owner: dict[str, Any]
) -> None:
    thief = opened(site, owner["link"], owner["id"])
    for rule in site.app.url_map.iter_rules():
        callers = getattr(site.app.view_functions[rule.endpoint], "allowed_callers", frozenset())
        for method in (rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}:
            if Kind.PERSON not in callers or (method, rule.rule) in BY_MAIL or rule.rule == "/my/log-out":
                continue
            path = re.sub(r"<[^>]+>", owner["place"], rule.rule)
            answer = thief.call(method, path, {}, Accept="text/html")
            assert answer.status_code in (400, 403, 415, 422), f"{method} {rule.rule}: {answer.status_code}"
    page = thief.call("GET", f"/my/registrations/{owner['place']}", Accept="text/html").get_data(as_text=True)
    assert "李奶奶" not in page and "Send me a link" in page and "Cancel my registration" in page
    assert thief.expect(200, "POST", f"/v1/my/registrations/{owner['place']}/cancel")["status"] == "cancelled"


def test_what_else_there_is_is_asked_for_on_the_spot_by_a_link_that_opens_once(
    site: Site, owner: dict[str, Any]
) -> None:
    session = opened(site, owner["link"], owner["id"])
    page = session.call("GET", "/my/data/", Accept="text/html")
    assert page.status_code == 403 and "Send me a link" in page.get_data(as_text=True)
    assert session.expect(403, "GET", "/v1/my/data")["type"].endswith("link-needed")
    assert session.call("POST", "/my/link", form={}, Accept="text/html").status_code == 200
    [link] = links_mailed(site, owner["id"])
    whole = opened(site, path_of(link["url"]), owner["id"])
    assert owner["number"] in json.dumps(whole.expect(200, "GET", "/v1/my/data"))
    assert site.app.test_client().post(path_of(link["url"])).status_code == 410
    page = whole.call("POST", owner["link"], form={}, Accept="text/html")
    assert page.status_code == 303 and "Set-Cookie" not in page.headers, "who is in already stays in"


def test_it_opens_its_own_sites_places_alone(site: Site, other: Site) -> None:
    who = {"name": "两个站点", "phone": fresh_phone(), "email": fresh_mail()}
    here, there = (where.sign_up(where.shift(), **who) for where in (site, other))
    session = opened(site, path_of(mailed(site, here["person_id"])["manage_url"]), here["person_id"])
    assert session.call("POST", f"/v1/my/registrations/{there['id']}/cancel").status_code == 404
    assert there["id"] not in session.call("GET", "/my", Accept="text/html").get_data(as_text=True)


def test_logging_out_everywhere_ends_the_links_in_mails_that_were_sent(
    site: Site, data: PersonalData, owner: dict[str, Any]
) -> None:
    session = resident_of(site, data, owner["id"])
    opened(site, owner["link"], owner["id"]).call("POST", "/my/link", form={}, Accept="text/html")
    [once] = links_mailed(site, owner["id"])
    assert session.call("POST", "/my/log-out-everywhere", form={}, Accept="text/html").status_code == 303
    for path in (owner["link"], path_of(once["url"])):
        assert site.app.test_client().post(path).status_code == 410
    opened(site, path_of(mailed(site, owner["id"])["manage_url"]), owner["id"])


def test_the_old_address_is_told_of_a_new_one(site: Site, data: PersonalData, owner: dict[str, Any]) -> None:
    old, new = mailed(site, owner["id"])["email"], fresh_mail()
    resident_of(site, data, owner["id"]).call("POST", f"/my/data/{site.id}", form={"email": new})
    told = {link["email"]: link["url"] for link in links_mailed(site, owner["id"])}
    assert set(told) == {old, new}
    page = site.app.test_client().get(path_of(told[old]), headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "If it was not you" in page and new not in page
    assert site.app.test_client().post(path_of(told[old])).status_code == 410


def test_an_invitation_that_was_passed_on_is_answered_and_lets_nobody_in(site: Site, owner: dict[str, Any]) -> None:
    team = site.expect(201, "POST", "/v1/teams", {"name_zh": "暖阳合唱团", "name_en": "Sunny choir", "kind": "choir"})[
        "id"
    ]
    site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": owner["id"]})
    [link] = links_mailed(site, owner["id"])
    thief = site.app.test_client()
    answered = thief.post(path_of(link["url"]), data={"answer": "accept"})
    for words in ("en", "zh"):  # in another language, and when it is reloaded
        page = thief.get(answered.headers["Location"], headers={"Accept-Language": words})
        assert {"en": "You are in “Sunny choir” now", "zh": "您已加入"}[words] in page.get_data(as_text=True)
    assert thief.post(path_of(link["url"]), data={"answer": "decline"}).status_code == 410
    assert thief.get_cookie(RESIDENT_COOKIE) is None


def test_the_menu_offers_what_the_session_opens(site: Site, data: PersonalData, owner: dict[str, Any]) -> None:
    by_mail, whole = opened(site, owner["link"], owner["id"]), resident_of(site, data, owner["id"])
    for session, offered in ((by_mail, False), (whole, True)):
        page = session.call("GET", "/my", Accept="text/html").get_data(as_text=True)
        menu = page.partition("<nav")[2].partition("</nav>")[0]
        assert 'href="/my"' in menu
        assert [path in menu for path in ("/my/hours", "/my/teams", "/my/data")] == [offered] * 3
