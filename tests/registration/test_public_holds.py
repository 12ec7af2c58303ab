"""The public's form holds its places while it is filled in: by a button, for a while, and never the whole hall."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask.testing import FlaskClient

from services.common.database import Database
from services.registration.operations.seats.holds import MOST_PER_ADDRESS, settle
from tests.registration.test_public import HTML, browser, make_browser, open_form, send_form
from tests.registration.world import Site

__all__ = ["browser", "make_browser"]


def begin(browser: FlaskClient, shift: str, **fields: str) -> tuple[str, str]:
    """Press the first page's button: the form's page, and its ticket."""
    path = f"/shifts/{shift}/sign-up"
    ticket = open_form(browser, path)["ticket"]
    page = browser.post(f"{path}/begin", data={"ticket": ticket} | fields, headers=HTML, follow_redirects=True)
    assert page.status_code == 200
    return page.get_data(as_text=True), ticket


def held(site: Site, shift: str) -> int:
    """Places held, which the holds must add up to."""
    row = site.sql(
        "SELECT held, (SELECT coalesce(sum(places), 0) FROM holds WHERE shift_id = s.id) AS holds FROM shifts AS s"
        " WHERE id = :id", id=shift,
    )[0]  # fmt: skip
    assert row.held == row.holds
    return int(row.held)


def test_looking_holds_nothing_and_beginning_holds_a_place_for_the_form(site: Site, browser: FlaskClient) -> None:
    shift = site.shift(capacity=3)
    first = browser.get(f"/shifts/{shift}/sign-up", headers=HTML).get_data(as_text=True)
    assert "Begin to sign up" in first and 'name="contact"' not in first and held(site, shift) == 0
    page, ticket = begin(browser, shift)
    assert "1 place kept for you until" in page and "(10 min left)" in page and 'name="contact"' in page
    assert held(site, shift) == 1
    again = {"ticket": ticket}
    browser.post(f"/shifts/{shift}/sign-up/begin", data=again, headers=HTML)
    assert held(site, shift) == 1, "once per form, however often the button is pressed"
    assert send_form(browser, shift, ticket=ticket).status_code == 200
    assert held(site, shift) == 0
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["confirmed"] == 1


def test_what_is_held_is_had_though_the_rest_is_gone_meanwhile(site: Site, browser: FlaskClient) -> None:
    shift = site.shift(capacity=1)
    page, ticket = begin(browser, shift)
    assert "1 place free" in page
    assert site.sign_up(shift)["status"] == "waitlisted"
    assert "You have a place" in send_form(browser, shift, ticket=ticket).get_data(as_text=True)


def test_what_ran_out_or_was_left_goes_to_who_waits(site: Site, make_browser: Callable[[], FlaskClient]) -> None:
    shift, browser = site.shift(capacity=1), make_browser()
    _, ticket = begin(browser, shift)
    waiting = site.sign_up(shift)
    left = browser.post(f"/shifts/{shift}/sign-up/leave", data={"ticket": ticket}, headers=HTML)
    assert left.status_code == 303 and left.location.endswith(f"/activities/{site.activity_of(shift)}")
    assert site.statuses(waiting) == ["confirmed"] and held(site, shift) == 0
    site.cancel(waiting["id"])
    _, ticket = begin(browser, shift)
    site.sql("UPDATE holds SET expires_at = now() WHERE shift_id = :id", id=shift)
    late = browser.get(f"/shifts/{shift}/sign-up?ticket={ticket}", headers=HTML).get_data(as_text=True)
    assert "kept for you" not in late and 'name="contact"' in late
    assert "You have a place" in send_form(browser, shift, ticket=ticket).get_data(as_text=True)


def test_a_full_shift_is_the_waitlists_form_at_once(site: Site, browser: FlaskClient) -> None:
    shift = site.shift(capacity=1)
    site.sign_up(shift)
    page = browser.get(f"/shifts/{shift}/sign-up", headers=HTML).get_data(as_text=True)
    assert 'name="contact"' in page and "Join the waitlist" in page and "Begin to sign up" not in page
    page, _ = begin(browser, shift)
    assert "Join the waitlist" in page and held(site, shift) == 0


def test_a_party_is_held_as_many_places_as_it_says(site: Site, browser: FlaskClient) -> None:
    shift = site.shift(capacity=9, party_limit=4)
    page, ticket = begin(browser, shift, party_size="3")
    assert "3 places kept for you" in page and held(site, shift) == 3
    more = send_form(browser, shift, ticket=ticket, party_size="4")
    assert more.status_code == 422 and "so many are held" in more.get_data(as_text=True)
    assert send_form(browser, shift, ticket=ticket, party_size="2").status_code == 200
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["confirmed"] == 2


def test_nobody_holds_a_hall_from_one_address_or_from_many(
    site: Site, make_browser: Callable[[], FlaskClient], database: Database
) -> None:
    hall, other = site.shift(capacity=40), site.shift(capacity=40)
    one = make_browser()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: begin(one, (hall, other)[n % 2])[0], range(24)))
    assert held(site, hall) + held(site, other) == MOST_PER_ADDRESS, "also when they come at the same moment"
    form, _ = begin(one, hall)
    assert "No place is held for you" in form and 'name="contact"' in form
    for _ in range(6):
        many = make_browser()
        for _ in range(MOST_PER_ADDRESS):
            begin(many, hall)
    assert held(site, hall) == 20, "half of what is free stays free"
    for _ in range(20):
        site.sign_up(hall)
    assert site.sign_up(hall)["status"] == "waitlisted"
    site.sql("UPDATE holds SET expires_at = now() WHERE shift_id = :id", id=hall)
    with database.transaction(site.id) as session:
        settle(session, uuid.UUID(hall))
    begin(make_browser(), hall)
    assert held(site, hall) == 1 and site.expect(200, "GET", f"/v1/shifts/{hall}")["waitlisted"] == 0


def test_a_ticket_of_another_shift_holds_nothing(site: Site, browser: FlaskClient) -> None:
    shift = site.shift()
    foreign = open_form(browser, f"/shifts/{site.shift()}/sign-up")["ticket"]
    for ticket in ("", "forged", foreign):
        browser.post(f"/shifts/{shift}/sign-up/begin", data={"ticket": ticket}, headers=HTML)
    elsewhere = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"} | HTML
    own = open_form(browser, f"/shifts/{shift}/sign-up")["ticket"]
    answer = browser.post(f"/shifts/{shift}/sign-up/begin", data={"ticket": own}, headers=elsewhere)
    assert answer.status_code == 403 and held(site, shift) == 0


def test_the_same_in_a_frame(site: Site, browser: FlaskClient) -> None:
    shift = site.shift(capacity=2)
    path = f"/embed/shifts/{shift}"
    ticket = open_form(browser, path)["ticket"]
    page = browser.post(f"{path}/begin", data={"ticket": ticket}, headers=HTML, follow_redirects=True)
    assert page.request.path == path and "kept for you" in page.get_data(as_text=True) and held(site, shift) == 1
    left = browser.post(f"{path}/leave", data={"ticket": ticket}, headers=HTML)
    assert left.location.endswith(f"/embed/sites/{site.id}") and held(site, shift) == 0
