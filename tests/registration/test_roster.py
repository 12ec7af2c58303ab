"""The roster of a shift: who is on it and in which order, and what staff do for somebody who calls."""

from typing import Any

import pytest

from tests.registration.office import Member, Office
from tests.registration.world import Site, fresh_phone, somebody

ROSTER = "/staff/shifts"


@pytest.fixture
def clerk(office: Office, site: Site) -> Member:
    """Somebody at the site's desk."""
    return office.site_staff(site.id)


def read(clerk: Member, path: str) -> str:
    answer = clerk.call("GET", path)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200, page
    return page


def post(clerk: Member, path: str, status: int = 303, **form: Any) -> str:
    answer = clerk.call("POST", path, form=form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == status, page
    return page


def one(registration: dict[str, Any]) -> str:
    return f"{ROSTER}/registrations/{registration['id']}"


def test_the_roster_shows_who_comes_and_who_waits_in_order(site: Site, clerk: Member) -> None:
    phone = fresh_phone()
    shift = site.shift(1)
    names = ["第一位", "第二位", "第三位"]
    made = [site.sign_up(shift, name=name, phone=phone if name == "第二位" else fresh_phone()) for name in names]
    page = read(clerk, f"{ROSTER}/{shift}")
    assert [page.index(name) for name in names] == sorted(page.index(name) for name in names)
    assert f"tel:{phone}" in page and "1. " in page and "2. " in page
    site.cancel(made[1]["id"])
    page = read(clerk, f"{ROSTER}/{shift}")
    assert page.index("第三位") < page.index("第二位"), "who cancelled is below"
    assert read(clerk, f"{ROSTER}/{shift}/print").count("<tr>") == 3, "the head and two people"


def test_a_roster_is_paged(site: Site, clerk: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.registration.pages import shift_roster

    monkeypatch.setattr(shift_roster, "PAGE", 2)
    shift = site.shift(10)
    names = ["页一", "页二", "页三"]
    for name in names:
        site.sign_up(shift, name=name)
    first, second = read(clerk, f"{ROSTER}/{shift}"), read(clerk, f"{ROSTER}/{shift}?page=1")
    assert "页一" in first and "页三" not in first and "page=1" in first
    assert "页三" in second and "页一" not in second
    for nonsense in ("x", "-1", "9" * 400):
        read(clerk, f"{ROSTER}/{shift}?page={nonsense}")


def test_staff_cancel_for_a_caller_and_are_told_who_moves_up(site: Site, clerk: Member) -> None:
    shift = site.shift(1)
    first, second = site.sign_up(shift, name="打电话的"), site.sign_up(shift, name="等着的")
    page = read(clerk, one(first))
    assert "等着的" in page and "will get the place" in page
    assert site.statuses(first, second) == ["confirmed", "waitlisted"], "looking changes nothing"
    post(clerk, f"{one(first)}/cancel", reason="person")
    assert site.statuses(first, second) == ["cancelled", "confirmed"]
    assert site.expect(200, "GET", f"/v1/registrations/{first['id']}")["cancel_reason"] == "person"


def test_staff_answer_an_offer_for_a_caller(site: Site, clerk: Member) -> None:
    shift = site.offered_shift()
    made = [site.sign_up(shift) for _ in range(3)]
    site.cancel(made[0]["id"])
    assert "offered until" in read(clerk, one(made[1]))
    post(clerk, f"{one(made[1])}/decline")
    assert site.statuses(*made) == ["cancelled", "cancelled", "offered"]
    post(clerk, f"{one(made[2])}/accept")
    assert site.statuses(made[2]) == ["confirmed"]
    post(clerk, f"{one(made[2])}/decline", status=422)
    assert site.statuses(made[2]) == ["confirmed"], "a place that was accepted is not declined"


def test_staff_change_the_number_of_people_once(site: Site, clerk: Member) -> None:
    made = site.sign_up(site.shift(4, party_limit=4))
    post(clerk, f"{one(made)}/size", party_size="3", version="1")
    assert site.expect(200, "GET", f"/v1/registrations/{made['id']}")["party_size"] == 3
    post(clerk, f"{one(made)}/size", status=422, party_size="4", version="1")
    for nonsense in ("", "0", "x", "9" * 400):
        post(clerk, f"{one(made)}/size", status=422, party_size=nonsense, version=nonsense)


def test_who_waits_goes_earlier_by_priority(site: Site, clerk: Member) -> None:
    shift = site.shift(1, waitlist_order="priority")
    holder, second, third = (site.sign_up(shift) for _ in range(3))
    post(clerk, f"{one(third)}/priority", priority="50", version="1")
    assert site.expect(200, "GET", f"/v1/registrations/{third['id']}")["waitlist_position"] == 1
    post(clerk, f"{one(third)}/priority", status=422, priority="60", version="1")
    body, path = {"priority": 80}, f"/v1/registrations/{second['id']}"
    assert site.expect(200, "PATCH", path, body, If_Match='"1"')["waitlist_position"] == 1
    site.expect(409, "PATCH", f"/v1/registrations/{holder['id']}", body, If_Match='"1"')
    site.cancel(holder["id"])
    assert site.statuses(second, third) == ["confirmed", "waitlisted"]


def test_a_smaller_party_that_comes_to_the_head_gets_what_is_free(site: Site, clerk: Member) -> None:
    shift = site.shift(2, waitlist_order="priority", party_limit=2)
    holder = site.sign_up(shift)
    path = f"/v1/shifts/{shift}/registrations"
    family = site.expect(201, "POST", path, {"person": somebody(), "party_size": 2})
    single = site.sign_up(shift)
    assert site.statuses(family, single) == ["waitlisted", "waitlisted"]
    post(clerk, f"{one(single)}/priority", priority="9", version="1")
    assert site.statuses(holder, family, single) == ["confirmed", "waitlisted", "confirmed"]


def test_priority_counts_only_where_the_waitlist_goes_by_it(site: Site) -> None:
    shift = site.shift(1)
    site.sign_up(shift)
    waiting = site.sign_up(shift)
    site.expect(409, "PATCH", f"/v1/registrations/{waiting['id']}", {"priority": 5}, If_Match="*")
    site.expect(422, "PATCH", f"/v1/registrations/{waiting['id']}", {"priority": 5, "party_size": 2}, If_Match="*")


def test_a_place_is_handed_over_at_the_desk_without_a_mail(site: Site, clerk: Member) -> None:
    shift, phone = site.shift(1), fresh_phone()
    taker = site.sign_up(site.shift(), name="接替的", phone=phone)["person_id"]
    given = site.sign_up(shift)
    page = post(clerk, f"{one(given)}/find", status=200, value=phone)
    assert "接替的" in page
    assert "Ask the other" in post(clerk, f"{one(given)}/pass-on", status=422, to_person_id=taker)
    assert site.statuses(given) == ["confirmed"]
    post(clerk, f"{one(given)}/pass-on", to_person_id=taker, agreed="on")
    assert site.statuses(given) == ["cancelled"]
    rows = site.sql("SELECT person_id, status FROM registrations WHERE shift_id = :s ORDER BY position", s=shift)
    assert (str(rows[1].person_id), rows[1].status) == (taker, "confirmed")
    assert site.sql("SELECT 1 FROM links WHERE site_id = :s AND purpose = 'hand_over'", s=site.id) == []


def test_two_swap_at_the_desk(site: Site, clerk: Member) -> None:
    first, second, phone = site.shift(), site.shift(), fresh_phone()
    mine, theirs = site.sign_up(first), site.sign_up(second, phone=phone)
    assert theirs["id"] in post(clerk, f"{one(mine)}/find", status=200, value=phone)
    post(clerk, f"{one(mine)}/pass-on", other_registration_id=theirs["id"], agreed="on")
    assert site.statuses(mine, theirs) == ["cancelled", "cancelled"]
    rows = site.sql("SELECT person_id FROM registrations WHERE shift_id = :s AND status = 'confirmed'", s=first)
    assert str(rows[0].person_id) == theirs["person_id"]


def test_what_was_asked_by_mail_is_taken_back_to_be_settled_at_the_desk(site: Site, clerk: Member) -> None:
    given, taker = site.sign_up(site.shift()), site.sign_up(site.shift())["person_id"]
    site.expect(201, "POST", f"/v1/registrations/{given['id']}/hand-over", {"to_person_id": taker})
    assert "Take it back" in read(clerk, one(given))
    post(clerk, f"{one(given)}/withdraw")
    post(clerk, f"{one(given)}/pass-on", to_person_id=taker, agreed="on")


def test_each_minor_on_a_roster_is_on_record_as_read(site: Site, clerk: Member) -> None:
    shift = site.shift()
    child = {"name": "小朋友", "phone": fresh_phone(), "birth_date": "2016-01-01"}
    body = {"person": child | {"guardian_consent": True}}
    minor = site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", body)
    site.sign_up(shift)
    assert "guardian agreed" in read(clerk, f"{ROSTER}/{shift}")
    reads = site.sql(
        "SELECT record FROM audit_log WHERE site_id = :s AND action = 'read' AND actor = :a",
        s=site.id,
        a=f"staff:{clerk.id}",
    )
    assert [row.record for row in reads] == [minor["person_id"]]


def test_whoever_calls_is_found_with_what_they_signed_up_for(site: Site, clerk: Member) -> None:
    made = site.sign_up(site.shift(title_zh="合唱课"), name="来电的")
    page = read(clerk, f"{ROSTER}/people/{made['person_id']}")
    assert "合唱课" in page and made["id"] in page
    assert f"{ROSTER}/people/{made['person_id']}" in read(clerk, f"/staff/people/{made['person_id']}")


def test_another_sites_roster_is_not_there(site: Site, other: Site, clerk: Member) -> None:
    made = other.sign_up(other.shift())
    for path in (f"{ROSTER}/{made['shift_id']}", f"{ROSTER}/{made['shift_id']}/print", one(made)):
        assert clerk.call("GET", path).status_code == 404
    for step in ("cancel", "accept", "size", "priority", "find", "pass-on", "withdraw"):
        assert clerk.call("POST", f"{one(made)}/{step}", form={}).status_code == 404
    assert clerk.call("POST", f"{one(made)}/nonsense", form={}).status_code == 404
