"""Guardians' consents: whose they are, and that the guardian takes them back by the link in their mail."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.registration.operations.people.representatives import ask_guardian
from services.registration.operations.staff.links import Links, issue_link
from services.registration.personal_data import PersonalData
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.office import Office
from tests.registration.own_world import resident_of
from tests.registration.world import Caller, Site, fresh_phone, name_guardian, somebody

MOTHER = {"name": "妈妈", "phone": None, "email": "mother-of@example.com"}
SIGN_UP = {"kind": "guardian_signup", "given_by": "guardian", "how": "desk"}


@pytest.fixture
def child(site: Site) -> str:
    """A child whose mother the site knows."""
    made = site.expect(201, "POST", "/v1/people", somebody(birth_date="2017-05-05"))["id"]
    name_guardian(site, made, **MOTHER)
    return str(made)


def mailed(site: Site, data: PersonalData, child: str) -> str:
    """Where the link leads that the guardian was mailed."""
    with site.database.transaction(site.id) as session:
        link = ask_guardian(session, data, UUID(site.id), UUID(child)).id
    Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/links", {"links": [str(link)]})
    return f"/links/{Links(data, '').token(link)}"


def read(site: Site, path: str, form: dict[str, Any] | None = None) -> str:
    method = "GET" if form is None else "POST"
    answer = site.app.test_client().open(path, method=method, data=form, headers={"Accept-Language": "en"})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def consents(site: Site, child: str) -> list[dict[str, Any]]:
    return list(site.expect(200, "GET", f"/v1/people/{child}/consents")["items"])


def test_a_consent_says_which_guardian_gave_it_and_keeps_that_when_their_details_are_erased(
    site: Site, office: Office, data: PersonalData, child: str
) -> None:
    clerk = office.site_staff(site.id)
    given = clerk.expect(201, "POST", f"/v1/people/{child}/consents", SIGN_UP)
    assert (given["guardian"], given["guardian_is_current"], given["made_by"]) == ("妈妈", True, f"staff:{clerk.id}")
    assert given["state"] == "in_force" and given["text_number"] >= 1 and given["text_en"]
    name_guardian(site, child, name="爸爸")
    [seen] = consents(site, child)
    assert (seen["guardian"], seen["guardian_is_current"]) == ("妈妈", False)
    page = clerk.call("GET", f"/staff/people/{child}").get_data(as_text=True)
    assert "妈妈" in page and "值班员" in page and f"Version {given['text_number']} of the text" in page
    again = clerk.expect(201, "POST", f"/v1/people/{child}/consents", SIGN_UP)
    assert (again["id"] != given["id"], again["guardian"]) == (True, "爸爸"), (
        "another guardian's word is another record"
    )
    own = resident_of(site, data, child).call("GET", "/my/consents", Accept="text/html").get_data(as_text=True)
    assert "妈妈" in own and "爸爸" in own
    site.expect(200, "POST", f"/v1/people/{child}/erasure", {"reason": "person_asked"})
    rows = site.sql("SELECT guardian, guardian_hash FROM consents WHERE person_id = :p ORDER BY position", p=child)
    assert [row.guardian for row in rows] == [None, None]
    assert bytes(rows[0].guardian_hash) == data.identity("email", "mother-of@example.com", "妈妈")


def test_a_guardian_sees_what_withdrawing_leads_to_and_does_it_by_the_same_link(
    site: Site, data: PersonalData, child: str
) -> None:
    path = mailed(site, data, child)
    assert "Thank you" in read(site, path, {"consent": ["guardian_signup"]})
    place = site.expect(
        201, "POST", f"/v1/shifts/{site.shift(title_en='Choir class')}/registrations", {"person_id": child}
    )
    page = read(site, path)
    assert "Choir class" in page and "cancelled for good" in page
    assert site.statuses(place) == ["confirmed"], "looking changes nothing"
    told = read(site, path, {"withdraw": "guardian_signup"})
    assert "withdrawn" in told and "Choir class" in told
    assert site.statuses(place) == ["cancelled"]
    [seen] = consents(site, child)
    assert (seen["state"], seen["guardian"], seen["withdrawn_by"]) == ("withdrawn", "妈妈", seen["made_by"])
    assert site.app.test_client().post(path, data={"withdraw": "guardian_signup"}).status_code == 422
    assert "Tick what you agree to" in read(site, path)


def test_the_link_is_open_when_its_days_to_answer_are_long_over_and_ends_with_another_guardian(
    site: Site, data: PersonalData, child: str
) -> None:
    path = mailed(site, data, child)
    read(site, path, {"consent": ["guardian_signup"]})
    [row] = site.sql("SELECT expires_at > now() + interval '15 years' AS kept FROM links WHERE person_id = :p", p=child)
    assert row.kept
    name_guardian(site, child, name="监护人换人", email="another@example.com")
    for form in ({"withdraw": "guardian_signup"}, {"consent": ["guardian_volunteering"]}):
        assert site.app.test_client().post(path, data=form).status_code == 410
    assert [one["state"] for one in consents(site, child)] == ["in_force"]
    theirs = mailed(site, data, child)
    read(site, theirs, {"withdraw": "guardian_signup"})
    assert [one["state"] for one in consents(site, child)] == ["withdrawn"], (
        "who is the guardian now speaks for the child"
    )


def test_whom_nobody_confirmed_is_marked_for_staff(site: Site, office: Office) -> None:
    path, anybody = f"/v1/public/shifts/{site.shift()}/registrations", Caller(site.app, "")
    told = {"name": "新孩子", "phone": fresh_phone(), "agreed": True, "birth_date": "2017-03-04"}
    anybody.expect(201, "POST", path, told | {"guardian": {"name": "自称", "email": "says-so@example.com"}})
    [row] = site.sql("SELECT person_id FROM representatives WHERE site_id = :s", s=site.id)
    clerk = office.site_staff(site.id)
    person = f"/staff/people/{row.person_id}"
    assert "not confirmed by the site" in clerk.call("GET", person).get_data(as_text=True)
    assert "Not confirmed by the site" in clerk.call("GET", f"{person}/guardian").get_data(as_text=True)
    clerk.call("POST", f"{person}/guardian", form={"name": "自称", "email": "says-so@example.com", "language": "zh-CN"})
    assert "not confirmed by the site" in clerk.call("GET", person).get_data(as_text=True), "saving confirms nobody"
    clerk.call("POST", f"{person}/guardian/confirm", form={"rightful": "guardian"})
    assert "not confirmed by the site" not in clerk.call("GET", person).get_data(as_text=True)


def news_goes_to(site: Site, person: str) -> tuple[str | None, str | None]:
    """The address that a message of this person's is sent to, and the link in it."""
    asked = {"people": [{"person_id": person, "site_id": site.id}]}
    [contact] = Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/contacts", asked)["contacts"]
    return contact["email"], contact["manage_url"]


def test_a_guardian_who_agreed_by_mail_gets_the_news_and_opens_nothing_and_before_that_staff_call(
    site: Site, data: PersonalData
) -> None:
    child, parent = {"name": "有手机的孩子", "phone": fresh_phone()}, {"name": "妈妈", "email": "reads@example.com"}
    form = child | {"agreed": True, "birth_date": "2017-03-04", "guardian": parent}
    shifts = [site.shift() for _ in range(2)]
    anybody = Caller(site.app, "")
    anybody.expect(201, "POST", f"/v1/public/shifts/{shifts[0]}/registrations", form)
    [row] = site.sql("SELECT person_id FROM representatives WHERE site_id = :s", s=site.id)
    person = str(row.person_id)
    site.sign_up(shifts[0], **child, birth_date="2017-03-04", guardian_consent=True)
    site.expect(200, "POST", f"/v1/shifts/{shifts[0]}/cancel")
    assert news_goes_to(site, person) == (None, None), "whoever was named has not answered"
    assert len(site.expect(200, "GET", "/v1/calls")["items"]) == 1, "so that somebody tells the child"
    [link] = site.sql("SELECT id FROM links WHERE person_id = :p AND purpose = 'guardian_consent'", p=person)
    Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/links", {"links": [str(link.id)]})
    read(site, f"/links/{Links(data, '').token(link.id)}", {"consent": ["guardian_signup"]})
    anybody.expect(201, "POST", f"/v1/public/shifts/{shifts[1]}/registrations", form)
    site.expect(200, "POST", f"/v1/shifts/{shifts[1]}/cancel")
    assert news_goes_to(site, person) == (parent["email"], None)
    assert len(site.expect(200, "GET", "/v1/calls")["items"]) == 1, "the guardian has it by mail"
    with site.database.transaction(site.id) as session:
        own = issue_link(session, "my_registrations", UUID(site.id), person_id=UUID(person)).id
    [told] = Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/links", {"links": [str(own)]})[
        "links"
    ]
    assert told["email"] is None


def test_a_guardian_reads_for_whom_and_what_they_are_asked_and_where_to_go_on(site: Site) -> None:
    activity = site.activity(title_en="Night walk", title_zh="夜行", risks_en="Wet stones", risks_zh="路滑")
    child = {"name": "小夜", "phone": fresh_phone(), "agreed": True, "birth_date": "2017-03-04"}
    asked = child | {"guardian": {"name": "妈妈", "email": "asked-of@example.com"}}
    path = f"/v1/public/shifts/{site.shift(activity=activity)}/registrations"
    Caller(site.app, "").expect(201, "POST", path, asked)
    [link] = site.sql("SELECT id FROM links WHERE site_id = :s AND purpose = 'guardian_consent'", s=site.id)
    notifications = Caller(site.app, NOTIFICATIONS_TOKEN)
    [mailed] = notifications.expect(200, "POST", "/internal/links", {"links": [str(link.id)]})["links"]
    assert (mailed["about_zh"], mailed["about_en"]) == ("小夜参加“夜行”", "小夜 in “Night walk”")
    page = read(site, mailed["url"])
    assert "Night walk" in page and "Wet stones" in page and f"/activities/{activity}" in page
    thanks = read(site, mailed["url"], {"consent": ["guardian_signup"]})
    assert f"/activities/{activity}" in thanks and "No place is taken" in thanks


def test_whoever_turns_out_to_be_a_child_is_shown_with_what_no_guardian_agreed_to(site: Site, office: Office) -> None:
    told, clerk = somebody(birth_date=None), office.site_staff(site.id)
    shift = site.shift(title_en="Drum class")
    made = site.sign_up(shift, **told)
    page, notice = f"/staff/people/{made['person_id']}", "a guardian must agree to these"
    assert notice not in clerk.call("GET", page).get_data(as_text=True)
    site.expect(200, "PATCH", f"/v1/people/{made['person_id']}", {"birth_date": "2017-05-05"}, If_Match="*")
    shown = clerk.call("GET", page).get_data(as_text=True)
    assert notice in shown and "Drum class" in shown and made["id"] in shown
    name_guardian(site, made["person_id"], **MOTHER)
    clerk.expect(201, "POST", f"/v1/people/{made['person_id']}/consents", SIGN_UP)
    assert notice not in clerk.call("GET", page).get_data(as_text=True)


def test_on_the_eighteenth_birthday_where_the_site_is_the_guardians_link_is_over_and_mails_stop(
    site: Site, data: PersonalData, child: str
) -> None:
    site.sql(
        "UPDATE sites SET time_zone = 'Pacific/Kiritimati' WHERE id = :s", s=site.id
    )  # the first to have a new day
    path = mailed(site, data, child)
    read(site, path, {"consent": ["guardian_signup"]})
    tomorrow, today = (eighteen_years_before(site, days) for days in (1, 0))
    site.expect(200, "PATCH", f"/v1/people/{child}", {"birth_date": tomorrow, "email": None}, If_Match="*")
    assert "Withdraw" in read(site, path) and news_goes_to(site, child)[0] == MOTHER["email"]
    site.expect(200, "PATCH", f"/v1/people/{child}", {"birth_date": today}, If_Match="*")
    for form in (None, {"withdraw": "guardian_signup"}, {"consent": ["guardian_volunteering"]}):
        method = "GET" if form is None else "POST"
        answer = site.app.test_client().open(path, method=method, data=form, headers={"Accept-Language": "en"})
        assert answer.status_code == 410 and "the child is 18 and decides alone" in answer.get_data(as_text=True)
    assert news_goes_to(site, child) == (None, None)
    assert "is 18" in site.expect(409, "POST", f"/v1/people/{child}/guardian/ask")["detail"]


def eighteen_years_before(site: Site, days: int) -> str:
    """Born on this day, somebody is 18 in so many days where the site is."""
    [row] = site.sql("SELECT (now() AT TIME ZONE time_zone)::date AS today FROM sites WHERE id = :s", s=site.id)
    day = row.today + timedelta(days=days)
    # 29 February has no such day 18 years before: born the day before is 18 then, born the day after not yet.
    leaps = (day.month, day.day) == (2, 29)
    return str(date(day.year - 18, 3, 1) if leaps and days else date(day.year - 18, day.month, day.day - leaps))
