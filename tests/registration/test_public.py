"""The public's side: what everybody sees, signs up for, and cannot find out."""

import re
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.common import web
from services.registration.operations.staff.links import Links
from services.registration.personal_data import PersonalData
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.world import Caller, Site, fresh_phone, somebody

HTML = {"Accept": "text/html", "Accept-Language": "en"}


@pytest.fixture
def anybody(site: Site) -> Caller:
    """Somebody without a key."""
    return Caller(site.app, "")


@pytest.fixture
def make_browser(site: Site) -> Callable[[], FlaskClient]:
    """Makes browsers with their cookies, from an address of its own each."""

    def make() -> FlaskClient:
        address = f"10.{uuid.uuid4().int % 250}.{uuid.uuid4().int % 250}.{uuid.uuid4().int % 250}"
        client = site.app.test_client()
        client.environ_base["REMOTE_ADDR"] = address
        return client

    return make


@pytest.fixture
def browser(make_browser: Callable[[], FlaskClient]) -> FlaskClient:
    """A browser."""
    return make_browser()


def fresh_mail() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


def body(**fields: Any) -> dict[str, Any]:
    """Somebody whom nobody knows yet, as the public API takes them."""
    return {"name": f"居民 {uuid.uuid4().hex[:8]}", "email": fresh_mail(), "agreed": True} | fields


def open_form(browser: FlaskClient, path: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    page = browser.get(path, headers=HTML)
    assert page.status_code == 200, page.get_data(as_text=True)
    return dict(re.findall(r'name="(ticket|csrf_token)" value="([^"]+)"', page.get_data(as_text=True)))


def send_form(browser: FlaskClient, shift: str, follow: bool = True, **fields: str) -> TestResponse:
    path = f"/shifts/{shift}/sign-up"
    form = {"name": "林居民", "contact": fresh_mail(), "agreed": "on"} | open_form(browser, path) | fields
    return browser.post(path, data=form, headers=HTML, follow_redirects=follow)


# -- what is shown ---------------------------------------------------------------------------------------------------


def test_a_site_is_found_by_its_name_its_address_or_an_area_around_it(
    browser: FlaskClient, make_site: Callable[..., Site], operator: Caller
) -> None:
    word = uuid.uuid4().hex[:8]
    operator.expect(200, "PUT", "/v1/areas/140105", {"parent": "140000", "level": "city", "name_zh": f"城{word}",
                                                      "name_en": "City"})  # fmt: skip
    within = make_site(area="140105", name_zh="甲", name_en="A")
    named = make_site(name_zh=f"乙{word}", name_en="B")
    make_site(name_zh="丙", name_en="C")
    found = re.findall(r'href="/sites/([^"]+)"', browser.get(f"/?q={word}", headers=HTML).get_data(as_text=True))
    assert set(found) == {within.id, named.id}
    assert "Nothing was found" in browser.get("/?q=%25%25%25", headers=HTML).get_data(as_text=True)


def test_only_public_and_published_activities_are_shown(site: Site, browser: FlaskClient, anybody: Caller) -> None:
    public = site.activity()
    private, draft = site.activity(public=False), site.activity(publish=False)
    shifts = {one: site.shift(activity=one) for one in (public, private, draft)}
    for activity, status in ((public, 200), (private, 404), (draft, 404)):
        assert browser.get(f"/activities/{activity}", headers=HTML).status_code == status
        assert browser.get(f"/shifts/{shifts[activity]}/sign-up", headers=HTML).status_code == status
        assert browser.get(f"/embed/shifts/{shifts[activity]}", headers=HTML).status_code == status
        assert anybody.call("GET", f"/v1/public/activities/{activity}").status_code == status
        wanted = 201 if status == 200 else 404
        answer = anybody.call("POST", f"/v1/public/shifts/{shifts[activity]}/registrations", body())
        assert answer.status_code == wanted


@pytest.mark.parametrize("query", ["from=2026-13-01", "from=0001-01-01", "from=9999-12-31", "view=x&from=-"])
def test_days_that_are_none_show_today(site: Site, browser: FlaskClient, query: str) -> None:
    site.shift()
    page = browser.get(f"/sites/{site.id}?{query}", headers=HTML)
    assert page.status_code == 200
    assert "places free" in page.get_data(as_text=True)


def test_no_public_page_names_anybody(site: Site, browser: FlaskClient, anybody: Caller) -> None:
    activity = site.activity()
    shift = site.shift(activity=activity)
    made = site.sign_up(shift, name="Zq7Planted", email="zq7planted@example.com")
    paths = (f"/sites/{site.id}", f"/activities/{activity}", f"/shifts/{shift}/sign-up", f"/embed/sites/{site.id}",
             f"/embed/shifts/{shift}", f"/v1/public/activities/{activity}",
             f"/v1/public/sites/{site.id}/calendar")  # fmt: skip
    for path in paths:
        shown = browser.get(path, headers=HTML).get_data(as_text=True).lower()
        assert "zq7planted" not in shown
        assert made["person_id"] not in shown and made["id"] not in shown


# -- signing up ------------------------------------------------------------------------------------------------------


def test_the_public_api_tells_what_became_of_it_and_nothing_else(site: Site, anybody: Caller) -> None:
    shift = site.shift(capacity=1)
    path = f"/v1/public/shifts/{shift}/registrations"
    first = anybody.expect(201, "POST", path, body())
    second = anybody.expect(201, "POST", path, body())
    assert first == {"shift_id": shift, "status": "confirmed", "waitlist_position": None}
    assert second == {"shift_id": shift, "status": "waitlisted", "waitlist_position": 1}
    assert {row.channel for row in site.sql("SELECT channel FROM registrations WHERE shift_id = :s", s=shift)} == {
        "web"
    }


def test_signing_up_again_is_answered_as_the_first_time(site: Site, anybody: Caller) -> None:
    path, person = f"/v1/public/shifts/{site.shift()}/registrations", body()
    assert anybody.expect(201, "POST", path, person) == anybody.expect(201, "POST", path, person)


def test_a_reload_makes_no_second_registration_and_the_next_of_the_family_is_one(
    site: Site, browser: FlaskClient
) -> None:
    shift, contact = site.shift(), fresh_phone()
    form = {"name": "母", "contact": contact, "agreed": "on"} | open_form(browser, f"/shifts/{shift}/sign-up")
    for name in ("母", "母", "子"):
        answer = browser.post(f"/shifts/{shift}/sign-up", data=form | {"name": name}, headers=HTML)
        assert answer.status_code == 303
    assert site.sql("SELECT confirmed FROM shifts WHERE id = :s", s=shift)[0].confirmed == 2


def test_two_clicks_at_once_make_one_registration(site: Site, browser: FlaskClient) -> None:
    shift = site.shift()
    form = {"name": "双击", "contact": fresh_mail(), "agreed": "on"} | open_form(browser, f"/shifts/{shift}/sign-up")
    statuses: list[int] = []

    def click() -> None:
        answer = site.app.test_client().post(f"/shifts/{shift}/sign-up", data=form, headers=HTML)
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=click) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [303] * 6
    assert site.sql("SELECT confirmed FROM shifts WHERE id = :s", s=shift)[0].confirmed == 1


def test_what_is_missing_is_said_at_its_field_and_what_was_typed_stays(site: Site, browser: FlaskClient) -> None:
    shift = site.shift()
    page = send_form(browser, shift, name="", contact="12", agreed="").get_data(as_text=True)
    assert 'href="#name"' in page and 'href="#contact"' in page and 'href="#agreed"' in page
    assert 'value="12"' in page
    assert site.sql("SELECT 1 FROM registrations WHERE shift_id = :s", s=shift) == []


def test_the_terms_that_were_agreed_to_are_on_record(site: Site, anybody: Caller) -> None:
    shift = site.shift()
    anybody.expect(201, "POST", f"/v1/public/shifts/{shift}/registrations", body())
    (row,) = site.sql(
        "SELECT c.kind, c.how, c.given_by FROM consents AS c JOIN registrations AS r USING (person_id)"
        " WHERE r.shift_id = :s",
        s=shift,
    )
    assert tuple(row) == ("terms", "online", "person")
    refused = anybody.call("POST", f"/v1/public/shifts/{shift}/registrations", body(agreed=False))
    assert refused.status_code == 422


def test_nobody_ties_a_strangers_phone_to_an_address_of_their_own(site: Site, anybody: Caller) -> None:
    both = anybody.call("POST", f"/v1/public/shifts/{site.shift()}/registrations", body(phone=fresh_phone()))
    assert both.status_code == 422


def test_a_party_takes_its_places_where_the_activity_lets_it(site: Site, anybody: Caller) -> None:
    shift = site.shift(capacity=5, party_limit=3)
    anybody.expect(201, "POST", f"/v1/public/shifts/{shift}/registrations", body(party_size=3))
    assert site.sql("SELECT confirmed FROM shifts WHERE id = :s", s=shift)[0].confirmed == 3
    assert anybody.call("POST", f"/v1/public/shifts/{shift}/registrations", body(party_size=4)).status_code == 422


CHILD = "2016-03-01"


def test_a_child_is_signed_up_once_the_guardian_agreed(site: Site, anybody: Caller) -> None:
    path, child = f"/v1/public/shifts/{site.shift()}/registrations", body(birth_date=CHILD)
    refused = anybody.call("POST", path, child)
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["field"] == "guardian.name"
    asked = anybody.expect(201, "POST", path, child | {"guardian": {"name": "监护人", "email": fresh_mail()}})
    assert asked["status"] == "guardian_asked"
    (link,) = site.sql("SELECT * FROM links WHERE site_id = :s AND purpose = 'guardian_consent'", s=site.id)
    assert site.sql("SELECT 1 FROM registrations WHERE site_id = :s", s=site.id) == []
    site.sql(
        "INSERT INTO consents (person_id, site_id, kind, text_id, given_by, how, made_by) SELECT :p, :s, kind, id,"
        " 'guardian', 'link', 'link' FROM consent_texts WHERE kind = 'guardian_signup' AND number = 1",
        p=link.person_id,
        s=site.id,
    )
    assert anybody.expect(201, "POST", path, child)["status"] == "confirmed"


def test_a_stranger_does_not_name_another_guardian_for_a_known_child(
    site: Site, anybody: Caller, data: PersonalData
) -> None:
    path, child = f"/v1/public/shifts/{site.shift()}/registrations", body(birth_date=CHILD)
    for mail in ("mother@example.com", "stranger@example.com"):
        asked = anybody.expect(201, "POST", path, child | {"guardian": {"name": "监护人", "email": mail}})
        assert asked["status"] == "guardian_asked"
    (row,) = site.sql("SELECT email FROM representatives WHERE site_id = :s AND kind = 'guardian'", s=site.id)
    assert data.decrypt(bytes(row.email)) == "mother@example.com"


def test_a_known_childs_form_claims_no_mail_and_says_whom_to_ask(site: Site, browser: FlaskClient) -> None:
    """The page is the same for whoever is new, so that it tells nobody who is known."""
    site.expect(200, "PATCH", f"/v1/sites/{site.id}/settings", {"public_phone": "+863514000001"}, If_Match="*")
    child = {"name": "没填生日的孩子", "contact": fresh_phone()}
    assert send_form(browser, site.shift(), **child).status_code == 200
    guardian = {"birth_date": CHILD, "guardian.name": "监护人", "guardian.email": fresh_mail()}
    pages = [
        send_form(browser, site.shift(), **who, **guardian).get_data(as_text=True)
        for who in (child, {"name": "新来的孩子", "contact": fresh_phone()})
    ]
    for page in pages:
        assert "Where it has none, no mail is sent" in page and "+863514000001" in page
    assert len(site.sql("SELECT 1 FROM links WHERE site_id = :s AND purpose = 'guardian_consent'", s=site.id)) == 1


def test_the_page_after_a_sign_up_says_how_this_person_hears_of_changes(site: Site, browser: FlaskClient) -> None:
    site.expect(200, "PATCH", f"/v1/sites/{site.id}/settings", {"public_phone": "+863514000002"}, If_Match="*")
    mail, number = fresh_mail(), fresh_phone()
    by_mail, by_phone = (send_form(browser, site.shift(), contact=one).get_data(as_text=True) for one in (mail, number))
    assert mail in by_mail and "the site texts or calls" not in by_mail
    assert f"the site texts or calls {number}" in by_phone and "A mail with a link" not in by_phone
    assert "+863514000002" in by_mail and "+863514000002" in by_phone


def test_no_other_number_is_read_by_whoever_knows_a_neighbours(site: Site, other: Site, browser: FlaskClient) -> None:
    who, kept = somebody(), fresh_phone()
    other.sign_up(other.shift(), **who)
    here = site.sign_up(site.shift(), **who)
    site.expect(200, "PATCH", f"/v1/people/{here['person_id']}", {"phone": kept}, If_Match="*")
    page = send_form(browser, site.shift(), name=who["name"], contact=who["phone"]).get_data(as_text=True)
    assert "the site texts or calls your number" in page and kept not in page


def test_volunteering_asks_for_an_age(site: Site, anybody: Caller) -> None:
    shift = site.shift(volunteering=True, risks_zh="无特别风险")
    refused = anybody.call("POST", f"/v1/public/shifts/{shift}/registrations", body())
    assert [error["field"] for error in refused.get_json()["errors"]] == ["birth_date"]
    anybody.expect(201, "POST", f"/v1/public/shifts/{shift}/registrations", body(birth_date="1990-01-01"))


# -- what programs and strangers try ---------------------------------------------------------------------------------


def test_a_form_that_was_never_opened_signs_nobody_up(site: Site, browser: FlaskClient) -> None:
    shift, elsewhere = site.shift(), site.shift()
    foreign = open_form(browser, f"/shifts/{elsewhere}/sign-up")["ticket"]
    for ticket in ("", "forged", foreign):
        page = send_form(browser, shift, ticket=ticket)
        assert page.status_code == 422
        assert "open for too long" in page.get_data(as_text=True)
    assert site.sql("SELECT 1 FROM registrations WHERE shift_id = :s", s=shift) == []


def test_whoever_fills_in_the_field_that_nobody_sees_is_a_program(site: Site, browser: FlaskClient) -> None:
    shift = site.shift()
    assert send_form(browser, shift, homepage="https://example.com").status_code == 422
    assert site.sql("SELECT 1 FROM registrations WHERE shift_id = :s", s=shift) == []


def test_one_contact_and_one_address_sign_up_only_so_often(site: Site, browser: FlaskClient) -> None:
    path, mail = f"/v1/public/shifts/{site.shift(capacity=200)}/registrations", fresh_mail()
    statuses = [browser.post(path, json=body(email=mail)).status_code for _ in range(14)]
    assert statuses[:12] == [201] * 12 and set(statuses[12:]) == {429}
    statuses = [browser.post(path, json=body()).status_code for _ in range(40)]
    assert statuses == [201] * 28 + [429] * 12
    refused = browser.post(path, json=body())
    assert int(refused.get_json()["retry_after"]) <= 10


def test_another_sites_page_cannot_post_our_forms(site: Site, browser: FlaskClient) -> None:
    path = f"/shifts/{site.shift()}/sign-up"
    form = {"name": "林", "contact": fresh_mail(), "agreed": "on"} | open_form(browser, path)
    foreign = HTML | {"Sec-Fetch-Site": "cross-site"}
    assert browser.post(path, data=form, headers=foreign).status_code == 403
    assert browser.post("/my/log-in", data={"name": "林", "contact": "a@b.cn"}, headers=foreign).status_code == 403


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "林\u202e", "{{ 7*7 }}"])
def test_what_was_typed_is_shown_as_text(site: Site, browser: FlaskClient, name: str) -> None:
    page = send_form(browser, site.shift(), name=name, contact="x").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "49" not in re.findall(r'name="name" value="([^"]*)"', page)


# -- one's own -------------------------------------------------------------------------------------------------------


def manage_path(site: Site, person: str) -> str:
    asked = {"people": [{"person_id": person, "site_id": site.id}]}
    (contact,) = Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/contacts", asked)["contacts"]
    return "/links/mine/" + contact["manage_url"].rpartition("/")[2]


def log_in(browser: FlaskClient, site: Site, person: str) -> None:
    assert browser.post(manage_path(site, person), headers=HTML).status_code == 303


def own_form(browser: FlaskClient) -> dict[str, str]:
    page = browser.get("/my", headers=HTML).get_data(as_text=True)
    return {"csrf_token": re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]}


def test_the_link_of_a_mail_leads_to_its_registration_which_can_be_cancelled(site: Site, browser: FlaskClient) -> None:
    made = site.sign_up(site.shift(), email=fresh_mail())
    path = f"{manage_path(site, made['person_id'])}?registration={made['id']}"
    assert browser.get(path, headers=HTML).status_code == 200
    assert browser.get("/my").status_code == 401, "to look at a link opens nothing: mail scanners do that"
    answer = browser.post(path, headers=HTML)
    assert answer.headers["Location"] == f"/my/registrations/{made['id']}"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Domain" not in cookie
    cancelled = browser.post(f"/my/registrations/{made['id']}/cancel", data=own_form(browser), headers=HTML)
    assert cancelled.headers["Location"] == "/my"
    (row,) = site.sql("SELECT status, cancel_reason FROM registrations WHERE id = :id", id=made["id"])
    assert tuple(row) == ("cancelled", "person")


def test_nobody_reads_or_cancels_anothers(site: Site, other: Site, browser: FlaskClient) -> None:
    mine = site.sign_up(site.shift(), email=fresh_mail())
    log_in(browser, site, mine["person_id"])
    for where in (site, other):
        theirs = where.sign_up(where.shift(), name="Zq7Planted", email=fresh_mail())
        path = f"/my/registrations/{theirs['id']}"
        assert browser.get(path, headers=HTML).status_code == 404
        assert browser.post(f"{path}/cancel", data=own_form(browser), headers=HTML).status_code == 404
        assert theirs["id"] not in browser.get("/my", headers=HTML).get_data(as_text=True)


def test_an_address_opens_only_what_was_told_with_it(site: Site, other: Site, browser: FlaskClient) -> None:
    phone, mail = fresh_phone(), fresh_mail()
    hers = site.sign_up(site.shift(), name="林", phone=phone, email=mail)
    elsewhere = other.sign_up(other.shift(starts=70), name="林", phone=phone, email=fresh_mail())
    assert hers["person_id"] == elsewhere["person_id"]
    log_in(browser, other, elsewhere["person_id"])
    assert browser.get(f"/my/registrations/{elsewhere['id']}", headers=HTML).status_code == 200
    assert browser.get(f"/my/registrations/{hers['id']}", headers=HTML).status_code == 404
    assert posted(browser, hers["id"], "cancel").status_code == 404
    assert hers["id"] not in browser.get("/my", headers=HTML).get_data(as_text=True)


def test_a_forged_form_cancels_nothing(site: Site, browser: FlaskClient) -> None:
    made = site.sign_up(site.shift(), email=fresh_mail())
    log_in(browser, site, made["person_id"])
    for form in ({}, {"csrf_token": "x"}):
        assert browser.post(f"/my/registrations/{made['id']}/cancel", data=form, headers=HTML).status_code == 403
    browser.get(f"/my/registrations/{made['id']}/cancel", headers=HTML)
    assert site.sql("SELECT status FROM registrations WHERE id = :id", id=made["id"])[0].status == "confirmed"


def test_what_was_attended_already_is_not_offered_to_be_cancelled(site: Site, browser: FlaskClient) -> None:
    shift = site.shift()
    made = site.sign_up(shift, email=fresh_mail())
    site.move_shift(shift, -1, 1)
    site.expect(200, "POST", f"/v1/registrations/{made['id']}/check-in")
    log_in(browser, site, made["person_id"])
    page = browser.get("/my", headers=HTML).get_data(as_text=True)
    assert "Attended" in page and "See or cancel" not in page
    page = browser.get(f"/my/registrations/{made['id']}/cancel", headers=HTML).get_data(as_text=True)
    assert "cannot be cancelled any more" in page and "Yes, cancel" not in page


@pytest.mark.parametrize("path", ["/links/forged", "/activities/no-such-thing"])
def test_a_page_of_a_problem_leads_on(browser: FlaskClient, path: str) -> None:
    page = browser.get(path, headers=HTML).get_data(as_text=True)
    assert 'href="/"' in page and 'href="/my"' in page


@pytest.mark.parametrize("where", ["//evil.example", "https://evil.example", "x", "\\\\evil", "../..", ""])
def test_a_link_leads_nobody_elsewhere(site: Site, browser: FlaskClient, where: str) -> None:
    person = site.sign_up(site.shift(), email=fresh_mail())["person_id"]
    answer = browser.post(manage_path(site, person), query_string={"registration": where}, headers=HTML)
    assert answer.headers["Location"] == "/my"


def test_who_is_not_logged_in_is_led_to_where_they_can(browser: FlaskClient) -> None:
    assert browser.get("/my", headers=HTML).headers["Location"] == "/my/log-in"


def test_logging_out_ends_it(site: Site, browser: FlaskClient) -> None:
    log_in(browser, site, site.sign_up(site.shift(), email=fresh_mail())["person_id"])
    browser.post("/my/log-out", data=own_form(browser), headers=HTML)
    assert browser.get("/my").status_code == 401


def asked(browser: FlaskClient, name: str, contact: str) -> str:
    return browser.post("/my/log-in", data={"name": name, "contact": contact}, headers=HTML).get_data(as_text=True)


def test_a_link_is_mailed_to_whom_a_site_knows_and_the_answer_is_the_same_for_all(
    site: Site, browser: FlaskClient, data: PersonalData
) -> None:
    phone, mail = fresh_phone(), fresh_mail()
    person = site.sign_up(site.shift(), name="林一", phone=phone, email=mail)["person_id"]
    answers = {asked(browser, name, contact) for name, contact in (
        ("林一", phone), ("林一", mail), ("林二", phone), ("林一", fresh_mail()))}  # fmt: skip
    assert len(answers) == 1
    rows = site.sql("SELECT id, person_id, purpose FROM links WHERE person_id = :p", p=person)
    assert [row.purpose for row in rows] == ["my_registrations", "my_registrations"]
    assert all(event.purpose == "my_registrations" for row in rows for event in site.events(str(row.id)))  # type: ignore[attr-defined]
    (told,) = Caller(site.app, NOTIFICATIONS_TOKEN).expect(
        200, "POST", "/internal/links", {"links": [str(rows[0].id)]}
    )["links"]
    path = "/links/" + told["url"].rpartition("/")[2]
    assert "See my registrations" in browser.get(path, headers=HTML).get_data(as_text=True)
    assert browser.post(path, headers=HTML).headers["Location"] == "/my"
    assert browser.get("/my", headers=HTML).status_code == 200
    assert browser.post(path, data=own_form(browser), headers=HTML).status_code == 410, "it opens once"


def test_nobodys_mailbox_is_filled_with_links(site: Site, browser: FlaskClient) -> None:
    mail = fresh_mail()
    person = site.sign_up(site.shift(), name="林", email=mail)["person_id"]
    unknown = fresh_mail()
    for contact in (mail, unknown):
        shown = [("Too many requests" in asked(browser, "林", contact)) for _ in range(5)]
        assert shown == [False, False, False, True, True], "known or not, the limit is one"
    assert len(site.sql("SELECT 1 FROM links WHERE person_id = :p", p=person)) == 3


def posted(browser: FlaskClient, registration: str, what: str, **fields: str) -> TestResponse:
    form = own_form(browser) | fields
    return browser.post(f"/my/registrations/{registration}/{what}", data=form, headers=HTML, follow_redirects=True)


@pytest.mark.parametrize(("answer", "status"), [("accept", "confirmed"), ("decline", "cancelled")])
def test_an_offer_is_answered_without_an_account(site: Site, browser: FlaskClient, answer: str, status: str) -> None:
    shift = site.shift(capacity=1, promotion="offer")
    first = site.sign_up(shift)
    waits = site.sign_up(shift, email=fresh_mail())
    site.cancel(first["id"])
    log_in(browser, site, waits["person_id"])
    assert "Please answer by" in browser.get(f"/my/registrations/{waits['id']}", headers=HTML).get_data(as_text=True)
    assert posted(browser, waits["id"], answer).status_code == 200
    assert site.sql("SELECT status FROM registrations WHERE id = :id", id=waits["id"])[0].status == status


def test_a_party_is_made_larger_while_there_are_places(site: Site, browser: FlaskClient) -> None:
    shift = site.shift(capacity=3, party_limit=4)
    made = site.sign_up(shift, email=fresh_mail())
    log_in(browser, site, made["person_id"])
    posted(browser, made["id"], "party", party_size="3")
    refused = posted(browser, made["id"], "party", party_size="4")
    assert refused.status_code == 422 and "not so many free places" in refused.get_data(as_text=True)
    assert site.sql("SELECT confirmed FROM shifts WHERE id = :id", id=shift)[0].confirmed == 3


def test_a_place_is_handed_over_once_the_other_agreed(site: Site, browser: FlaskClient, data: PersonalData) -> None:
    shift, mail = site.shift(capacity=1), fresh_mail()
    made = site.sign_up(shift, email=fresh_mail())
    taker = site.sign_up(site.shift(starts=70), name="接手人", email=mail)
    log_in(browser, site, made["person_id"])
    known = posted(browser, made["id"], "hand-over", name="接手人", contact=mail)
    assert "still yours" in browser.get(f"/my/registrations/{made['id']}", headers=HTML).get_data(as_text=True)
    (link,) = site.sql("SELECT id, person_id FROM links WHERE site_id = :s AND purpose = 'hand_over'", s=site.id)
    assert str(link.person_id) == taker["person_id"]
    path, other = f"/links/{Links(data, '').token(link.id)}", site.app.test_client()
    assert "hand a place over" in other.get(path, headers=HTML).get_data(as_text=True)
    assert other.post(path, data={"decision": "accept"}, headers=HTML).status_code == 303
    rows = site.sql("SELECT person_id, status FROM registrations WHERE shift_id = :s", s=shift)
    assert {(str(row.person_id), row.status) for row in rows} == {
        (made["person_id"], "cancelled"),
        (taker["person_id"], "confirmed"),
    }
    second = site.sign_up(site.shift(starts=90), **_again(site, made))
    unknown = posted(browser, second["id"], "hand-over", name="无此人", contact=fresh_mail())
    notice = re.compile(r'role="status">([^<]+)')
    assert notice.findall(unknown.get_data(as_text=True)) == notice.findall(known.get_data(as_text=True))


def page_after(browser: FlaskClient, registration: str) -> str:
    """What the giver sees of their place, but for its ids."""
    shown = browser.get(f"/my/registrations/{registration}", headers=HTML).get_data(as_text=True)
    return re.sub(r"[0-9a-f-]{36}|csrf_token.*?>", "", shown)


@pytest.mark.parametrize("way", ["hand-over", "swap"])
def test_whoever_asks_learns_nothing_of_who_is_known(site: Site, browser: FlaskClient, way: str) -> None:
    activity, mail = site.activity(), fresh_mail()
    shift, wanted = (site.shift(activity=activity, starts=at) for at in (30, 60))
    site.sign_up(wanted, name="认识的人", email=mail)
    made = site.sign_up(shift, email=fresh_mail())
    log_in(browser, site, made["person_id"])
    more = {"shift_id": wanted} if way == "swap" else {}
    seen = []
    for contact in (mail, fresh_mail()):
        answer = posted(browser, made["id"], way, name="认识的人", contact=contact, **more)
        again = posted(browser, made["id"], way, name="认识的人", contact=contact, **more)
        assert (answer.status_code, again.status_code) == (200, 422)
        words = re.findall(r'role="(?:status|alert)"[^>]*>(.*?)</', answer.get_data(as_text=True), re.S)
        seen.append((words, page_after(browser, made["id"])))
        assert "Waiting for an answer" in seen[-1][1]
        posted(browser, made["id"], "withdraw")
    assert seen[0] == seen[1]
    query = "SELECT to_person_id, kind, status FROM transfers WHERE registration_id = :r ORDER BY position"
    asked = site.sql(query, r=made["id"])
    assert [row.to_person_id is None for row in asked] == [False, True]
    assert {row.status for row in asked} == {"withdrawn"}


def test_two_residents_swap_their_shifts(site: Site, browser: FlaskClient, data: PersonalData) -> None:
    activity, mail = site.activity(), fresh_mail()
    shift, wanted = (site.shift(activity=activity, capacity=1, starts=at) for at in (30, 60))
    other, made = site.sign_up(wanted, name="换场人", email=mail), site.sign_up(shift, email=fresh_mail())
    log_in(browser, site, made["person_id"])
    elsewhere = posted(browser, made["id"], "swap", name="换场人", contact=mail, shift_id=site.shift())
    assert elsewhere.status_code == 422
    posted(browser, made["id"], "swap", name="换场人", contact=mail, shift_id=wanted)
    (link,) = site.sql("SELECT id FROM links WHERE site_id = :s AND purpose = 'hand_over'", s=site.id)
    site.app.test_client().post(f"/links/{Links(data, '').token(link.id)}", data={"decision": "accept"}, headers=HTML)
    places = site.sql("SELECT shift_id, person_id FROM registrations WHERE site_id = :s AND status = 'confirmed'",
                      s=site.id)  # fmt: skip
    assert {(str(row.shift_id), str(row.person_id)) for row in places} == {
        (shift, other["person_id"]), (wanted, made["person_id"])}  # fmt: skip


def test_a_place_is_handed_on_by_a_link(site: Site, browser: FlaskClient, data: PersonalData) -> None:
    shift, mail = site.shift(capacity=1), fresh_mail()
    made = site.sign_up(shift, email=fresh_mail())
    taker = site.sign_up(site.shift(starts=70), name="接手人", email=mail)
    log_in(browser, site, made["person_id"])
    answers = []
    for contact in (fresh_mail(), mail):
        for _ in range(2):
            shown = posted(browser, made["id"], "hand-on").get_data(as_text=True)
            (url,) = re.findall(r'readonly value="([^"]+)"', shown)
        path, other = url[url.index("/links/") :], site.app.test_client()
        assert "hand a place over" in other.get(path, headers=HTML).get_data(as_text=True)
        assert other.post(path, data={"name": "", "contact": ""}, headers=HTML).status_code == 422
        sent = other.post(path, data={"name": "接手人", "contact": contact}, headers=HTML)
        words = sent.get_data(as_text=True).partition("<main")[2].partition("</main")[0]
        answers.append((sent.status_code, words, page_after(browser, made["id"])))
        assert other.get(path, headers=HTML).status_code == 410, "it works once"
        if contact != mail:
            posted(browser, made["id"], "withdraw")
    assert answers[0] == answers[1]
    (link,) = site.sql("SELECT id FROM links WHERE site_id = :s AND purpose = 'hand_over'", s=site.id)
    site.app.test_client().post(f"/links/{Links(data, '').token(link.id)}", data={"decision": "accept"}, headers=HTML)
    rows = site.sql("SELECT person_id FROM registrations WHERE shift_id = :s AND status = 'confirmed'", s=shift)
    assert [str(row.person_id) for row in rows] == [taker["person_id"]]


def test_a_link_that_was_made_void_or_whose_place_is_gone_is_over(
    site: Site, browser: FlaskClient, data: PersonalData
) -> None:
    made = site.sign_up(site.shift(), email=fresh_mail())
    log_in(browser, site, made["person_id"])
    for end in ("withdraw", "cancel"):
        posted(browser, made["id"], "hand-on")
        (link,) = site.sql("SELECT id FROM links WHERE subject = :r AND used_at IS NULL", r=made["id"])
        path = f"/links/{Links(data, '').token(link.id)}"
        assert browser.get(path, headers=HTML).status_code == 200
        posted(browser, made["id"], end)
        assert browser.get(path, headers=HTML).status_code == 410
    assert posted(browser, made["id"], "hand-on").status_code == 409


def _again(site: Site, made: dict[str, Any]) -> dict[str, Any]:
    known = site.expect(200, "GET", f"/v1/people/{made['person_id']}")
    return {name: known[name] for name in ("name", "phone", "email")}


def test_what_was_asked_is_taken_back(site: Site, browser: FlaskClient, data: PersonalData) -> None:
    mail = fresh_mail()
    made = site.sign_up(site.shift(), email=fresh_mail())
    site.sign_up(site.shift(starts=70), name="接手人", email=mail)
    log_in(browser, site, made["person_id"])
    posted(browser, made["id"], "hand-over", name="接手人", contact=mail)
    posted(browser, made["id"], "withdraw")
    (link,) = site.sql("SELECT id FROM links WHERE site_id = :s AND purpose = 'hand_over'", s=site.id)
    path = f"/links/{Links(data, '').token(link.id)}"
    assert site.app.test_client().post(path, data={"decision": "accept"}, headers=HTML).status_code == 410


def test_nobody_changes_anothers(site: Site, browser: FlaskClient) -> None:
    theirs = site.sign_up(site.shift(party_limit=3), email=fresh_mail())
    log_in(browser, site, site.sign_up(site.shift(), email=fresh_mail())["person_id"])
    form = {"party_size": "2", "name": "x", "contact": fresh_mail()}
    for what in ("accept", "decline", "party", "hand-over", "withdraw"):
        assert posted(browser, theirs["id"], what, **form).status_code == 404, what


# -- within other pages ----------------------------------------------------------------------------------------------

OURS = "https://www.example.org"


def test_only_the_pages_that_the_site_names_may_frame_it(site: Site, browser: FlaskClient) -> None:
    shift = site.shift()
    assert "frame-ancestors 'none'" in browser.get(f"/embed/sites/{site.id}").headers["Content-Security-Policy"]
    site.expect(200, "PUT", "/v1/embed-origins", {"origins": [f"{OURS}/", "http://localhost:3000"]})
    assert site.expect(200, "GET", "/v1/embed-origins")["origins"] == ["http://localhost:3000", OURS]
    for path in (f"/embed/sites/{site.id}", f"/embed/shifts/{shift}"):
        policy = browser.get(path).headers["Content-Security-Policy"]
        assert f"frame-ancestors http://localhost:3000 {OURS}" in policy
    for path in (f"/sites/{site.id}", f"/shifts/{shift}/sign-up", "/my/log-in", "/"):
        assert "frame-ancestors 'none'" in browser.get(path).headers["Content-Security-Policy"]


@pytest.mark.parametrize("origin", [
    "*", "https://*", "https://a.example/path", "http://a.example", "https://a.example; script-src *", "null", "",
    "https://a.example\nX: y", "javascript:alert(1)", "https://user@a.example"])  # fmt: skip
def test_what_is_no_origin_is_refused(site: Site, origin: str) -> None:
    assert site.call("PUT", "/v1/embed-origins", {"origins": [origin]}).status_code == 422


def test_scripts_of_those_pages_may_read_and_sign_up_and_no_others(site: Site, other: Site, anybody: Caller) -> None:
    site.expect(200, "PUT", "/v1/embed-origins", {"origins": [OURS]})
    activity = site.activity()
    shift = site.shift(activity=activity)
    paths = {f"/v1/public/sites/{site.id}/calendar": "GET", f"/v1/public/sites/{site.id}/terms": "GET",
             f"/v1/public/activities/{activity}": "GET",
             f"/v1/public/shifts/{shift}/registrations": "POST"}  # fmt: skip
    for path, method in paths.items():
        for tried in (method, "OPTIONS"):
            sent = body() if tried == "POST" else None
            answer = anybody.call(tried, path, sent, Origin=OURS)
            assert answer.headers["Access-Control-Allow-Origin"] == OURS, path
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert "Origin" in answer.headers["Vary"]
            sent = body() if tried == "POST" else None
            foreign = anybody.call(tried, path, sent, Origin="https://evil.example")
            assert "Access-Control-Allow-Origin" not in foreign.headers
    theirs = anybody.call("GET", f"/v1/public/sites/{other.id}/calendar", Origin=OURS)
    assert "Access-Control-Allow-Origin" not in theirs.headers
    kept = anybody.call("GET", f"/v1/sites/{site.id}", Origin=OURS)
    assert "Access-Control-Allow-Origin" not in kept.headers


def test_no_address_with_a_token_is_told_to_others_or_kept_by_caches(site: Site, browser: FlaskClient) -> None:
    person = site.sign_up(site.shift(), email=fresh_mail())["person_id"]
    answer = browser.get(manage_path(site, person), headers=HTML)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_no_token_is_in_our_own_log(site: Site, browser: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[Any] = []
    monkeypatch.setattr(web.log, "info", lambda *told, **more: noted.append((told, more)))
    path = manage_path(site, site.sign_up(site.shift(), email=fresh_mail())["person_id"])
    browser.get(path, headers=HTML)
    assert "/links/mine/<token>" in str(noted)
    assert path.rpartition("/")[2] not in str(noted)
