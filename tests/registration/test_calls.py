"""The phone list: who gave a number alone and has news is on it, once, until somebody told them."""

from uuid import UUID

import pytest

from services.common.database import EVERY_SITE
from services.registration.operations.seats.holds import settle
from tests.conftest import NOTIFICATIONS_TOKEN, REPORTING_TOKEN
from tests.registration.office import Member, Office
from tests.registration.world import Caller, Site, fresh_phone, in_hours


@pytest.fixture
def clerk(office: Office, site: Site) -> Member:
    """Somebody at the site's desk."""
    return office.site_staff(site.id)


def calls(site: Site) -> list[tuple[str, str]]:
    """The registration and the news of each call that is still to be made."""
    listed = site.expect(200, "GET", "/v1/calls")["items"]
    return [(one["registration_id"], one["news"]) for one in listed]


def test_whose_turn_comes_is_called_where_no_mail_reaches_them(site: Site) -> None:
    shift = site.shift(2)
    holders = [site.sign_up(shift) for _ in range(2)]
    by_phone = site.sign_up(shift)
    site.sign_up(shift, email="has.mail@example.com")
    assert calls(site) == [], "who signs up is told there and then"
    for holder in holders:
        site.cancel(holder["id"])
    assert calls(site) == [(by_phone["id"], "place")], "who cancelled knows, who has an e-mail gets one"


def test_an_offer_that_ran_out_is_one_call_with_the_latest_news(site: Site) -> None:
    shift = site.offered_shift()
    holder, waiting = site.sign_up(shift), site.sign_up(shift)
    site.cancel(holder["id"])
    assert calls(site) == [(waiting["id"], "offer")]
    expire = "UPDATE registrations SET offer_expires_at = now() - interval '1 minute' WHERE id = :id"
    site.sql(expire, id=waiting["id"])
    with site.database.transaction(EVERY_SITE) as session:
        settle(session, UUID(shift))
    assert calls(site) == [(waiting["id"], "cancelled")]


def test_who_answers_the_offer_need_not_be_called(site: Site) -> None:
    shift = site.offered_shift()
    holder, waiting = site.sign_up(shift), site.sign_up(shift)
    site.cancel(holder["id"])
    site.expect(200, "POST", f"/v1/registrations/{waiting['id']}/accept")
    assert calls(site) == []


def test_changes_of_the_hours_and_calling_off_are_told(site: Site) -> None:
    shift = site.shift()
    made = site.sign_up(shift)
    later = {"starts_at": in_hours(700), "ends_at": in_hours(702)}
    site.expect(200, "PATCH", f"/v1/shifts/{shift}", later, If_Match="*")
    assert calls(site) == [(made["id"], "moved")]
    site.expect(200, "POST", f"/v1/shifts/{shift}/cancel")
    assert calls(site) == [(made["id"], "cancelled")]


def test_a_change_of_the_place_is_told(site: Site) -> None:
    shift = site.shift()
    made = site.sign_up(shift)
    site.sign_up(shift, email="reads.mails@example.com")
    site.expect(200, "PATCH", f"/v1/activities/{site.activity_of(shift)}", {"place": "二楼会议室"}, If_Match="*")
    assert calls(site) == [(made["id"], "moved")]


def test_who_is_reached_through_somebody_with_an_address_is_not_called(site: Site) -> None:
    shift = site.shift()
    made = site.sign_up(shift)
    helper = {"name": "女儿", "email": "daughter@example.com", "agreed": True}
    site.expect(200, "PUT", f"/v1/people/{made['person_id']}/helper", helper)
    site.expect(200, "POST", f"/v1/shifts/{shift}/cancel")
    assert calls(site) == []


def test_staff_see_the_number_and_say_that_they_called(site: Site, clerk: Member) -> None:
    phone, shift = fresh_phone(), site.shift(1)
    holder = site.sign_up(shift)
    site.sign_up(shift, name="等电话的王奶奶", phone=phone)
    site.cancel(holder["id"])
    assert "To be called: 1" in clerk.call("GET", "/staff/").get_data(as_text=True)
    page = clerk.call("GET", "/staff/calls/").get_data(as_text=True)
    assert "等电话的王奶奶" in page and f"tel:{phone}" in page
    call = site.sql("SELECT id FROM calls WHERE site_id = :s", s=site.id)[0].id
    for _ in range(2):
        assert clerk.call("POST", f"/staff/calls/{call}/done", form={}).status_code == 303
    assert "等电话的王奶奶" not in clerk.call("GET", "/staff/calls/").get_data(as_text=True)
    told = site.sql("SELECT done_by FROM calls WHERE id = :id", id=call)[0]
    assert told.done_by == f"staff:{clerk.id}"


def test_nobody_is_called_of_what_is_over_or_by_another_site(site: Site, other: Site, office: Office) -> None:
    shift = site.shift(1)
    holder = site.sign_up(shift)
    site.sign_up(shift)
    site.cancel(holder["id"])
    assert other.expect(200, "GET", "/v1/calls")["items"] == []
    call = site.sql("SELECT id FROM calls WHERE site_id = :s", s=site.id)[0].id
    other.expect(404, "POST", f"/v1/calls/{call}/done")
    site.move_shift(shift, -3, -1)
    assert calls(site) == []


def reached(site: Site, registration: str, reached: bool) -> None:
    """What notifications says of the SMS about the newest event of the registration or its shift."""
    [event] = site.sql("SELECT occurred_at FROM outbox WHERE data ->> 'site_id' = :s ORDER BY id DESC LIMIT 1",
                       s=str(site.id))  # fmt: skip
    told = {"registration_id": registration, "caused_at": event.occurred_at.isoformat(), "reached": reached}
    for _ in range(2):
        Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/told", {"told": [told]})


def test_whom_an_sms_reached_is_not_called_until_it_turns_out_that_it_did_not(site: Site) -> None:
    shift = site.shift(1)
    holder, waiting = site.sign_up(shift), site.sign_up(shift)
    site.cancel(holder["id"])
    assert calls(site) == [(waiting["id"], "place")]
    reached(site, waiting["id"], True)
    assert calls(site) == []
    reached(site, waiting["id"], False)
    assert calls(site) == [(waiting["id"], "place")]


def test_an_sms_about_old_news_leaves_the_call_about_what_came_since(site: Site) -> None:
    shift = site.shift()
    made = site.sign_up(shift)
    [before] = site.sql("SELECT max(occurred_at) AS at FROM outbox")
    site.expect(200, "POST", f"/v1/shifts/{shift}/cancel")
    told = {"registration_id": made["id"], "caused_at": before.at.isoformat(), "reached": True}
    Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/told", {"told": [told]})
    assert calls(site) == [(made["id"], "cancelled")]
    reached(site, made["id"], True)
    assert calls(site) == []


def test_who_cancelled_since_is_not_called_when_an_old_sms_turns_out_to_have_failed(site: Site) -> None:
    shift = site.shift(1)
    holder, waiting = site.sign_up(shift), site.sign_up(shift)
    site.cancel(holder["id"])
    reached(site, waiting["id"], True)
    site.cancel(waiting["id"])
    reached(site, waiting["id"], False)
    assert calls(site) == []


def test_whose_mail_came_back_is_called_of_what_holds_by_now(site: Site) -> None:
    shift = site.shift(1)
    holder, waiting = site.sign_up(shift, email="gone@example.org"), site.sign_up(shift, email="gone2@example.org")

    def came_back(registration: str, at: str) -> None:
        told = {"registration_id": registration, "caused_at": at, "reached": False, "by_mail": True}
        for _ in range(2):
            Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/told", {"told": [told]})

    [before] = site.sql("SELECT now() - interval '1 second' AS at")
    came_back(holder["id"], before.at.isoformat())
    came_back(waiting["id"], before.at.isoformat())
    assert calls(site) == [(holder["id"], "place"), (waiting["id"], "waits")]
    call = site.sql("SELECT id FROM calls WHERE registration_id = :r", r=holder["id"])[0].id
    site.expect(200, "POST", f"/v1/calls/{call}/done")
    came_back(holder["id"], before.at.isoformat())
    site.cancel(waiting["id"])
    came_back(waiting["id"], "2099-01-01T00:00:00Z")
    assert calls(site) == [], "one was called already, the other gave the place up themselves"


def test_only_notifications_says_whom_an_sms_reached(site: Site) -> None:
    for key in (REPORTING_TOKEN, site.key):
        assert Caller(site.app, key).call("POST", "/internal/told", {"told": []}).status_code == 403


def test_a_helpers_phone_is_given_where_nobody_reads_mail_and_the_person_has_none(site: Site) -> None:
    made = site.sign_up(site.shift())
    helper = {"name": "女儿", "phone": "+8613800009999", "agreed": True}
    site.expect(200, "PUT", f"/v1/people/{made['person_id']}/helper", helper)
    site.sql("UPDATE person_sites SET phone = NULL WHERE person_id = :p", p=made["person_id"])
    asked = {"people": [{"person_id": made["person_id"], "site_id": str(site.id)}]}
    contacts = Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/contacts", asked)["contacts"]
    assert [(one["email"], one["phone"]) for one in contacts] == [(None, "+8613800009999")]
