"""Hours that were given and not recorded: claimed by the volunteer, entered by one of the staff, approved by another
one."""

from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from services.common.events import MissingHoursClaimed, MissingHoursDecided
from services.registration.personal_data import PersonalData
from tests.registration.hours_world import earn, minutes_agree, moment, over, person_of, records_of, second_person
from tests.registration.office import Member, Office
from tests.registration.own_world import resident_of
from tests.registration.test_concurrency import at_once
from tests.registration.world import Site

REASON = {"reason": "两位同伴证明"}


def upheld(site: Site, shift: str) -> dict[str, Any]:
    """The decision that they were there from the beginning to the end."""
    [row] = site.sql("SELECT starts_at, ends_at FROM shifts WHERE id = :s", s=shift)
    times = {"checked_in_at": row.starts_at.isoformat(), "checked_out_at": row.ends_at.isoformat()}
    return REASON | {"upheld": True} | times


def claim(volunteer: Member, registration: str, status: int = 201, **headers: str) -> Any:
    path = f"/v1/my/registrations/{registration}/missing-hours"
    return volunteer.expect(status, "POST", path, {"words": "我一直在场"}, **headers)


def test_a_forgotten_check_out_is_claimed_entered_and_approved(site: Site, office: Office, data: PersonalData) -> None:
    shift, [registration] = over(site, ago=48)
    site.sql(
        "INSERT INTO attendance_entries (site_id, shift_id, registration_id, what, at, how, made_by)"
        " VALUES (:s, :h, :r, 'in', :at, 'scanned', 'person:x')",
        s=site.id, h=shift, r=registration, at=moment(-50),
    )  # fmt: skip
    volunteer = resident_of(site, data, person_of(site, registration))
    made = claim(volunteer, registration)
    claim(volunteer, registration, 409)
    first, second = second_person(office, site), second_person(office, site)
    path = f"/v1/objections/{made['id']}/decision"
    for wrong in (REASON | {"upheld": True, "minutes": 60}, REASON | {"upheld": True, "checked_in_at": moment(-50)}):
        assert first.expect(422, "POST", path, wrong)["errors"][-1]["field"] == "checked_out_at"
    first.expect(422, "POST", path, REASON | {"upheld": True})
    decided = first.expect(200, "POST", path, upheld(site, shift))
    assert (decided["state"], decided["record_id"], decided["correction_id"]) == ("upheld", None, None)
    assert records_of(site, registration) == []  # nothing counts before the second person
    approve = f"/v1/later-entries/{decided['later_entry_id']}/approve"
    first.expect(409, "POST", approve, REASON)
    second.expect(200, "POST", approve, REASON)
    [record] = records_of(site, registration)
    assert (record.minutes, record.how) == (120, "entered_later") and minutes_agree(site)
    claim(volunteer, registration, 409)  # there is a record now: one objects to that
    kinds = [type(event) for event in site.events(site.activity_of(shift))]
    assert kinds.count(MissingHoursClaimed) == kinds.count(MissingHoursDecided) == 1


def test_who_marked_somebody_as_missing_does_not_decide_on_it(site: Site, office: Office, data: PersonalData) -> None:
    _, [registration] = over(site)
    first, second = second_person(office, site), second_person(office, site)
    first.expect(200, "POST", f"/v1/registrations/{registration}/no-show", {})
    made = claim(resident_of(site, data, person_of(site, registration)), registration)
    path = f"/v1/objections/{made['id']}/decision"
    first.expect(409, "POST", path, REASON | {"upheld": False})
    assert second.expect(200, "POST", path, REASON | {"upheld": False})["state"] == "rejected"
    assert records_of(site, registration) == []


def test_only_hours_that_can_be_missing_are_claimed(site: Site, other: Site, data: PersonalData) -> None:
    _, [recorded, strangers] = over(site, people=2)
    earn(site, recorded)
    volunteer = resident_of(site, data, person_of(site, recorded))
    claim(volunteer, recorded, 409)
    claim(volunteer, strangers, 404)
    ahead = site.sign_up(site.shift(volunteering=True))
    claim(resident_of(site, data, ahead["person_id"]), ahead["id"], 409)
    rehearsal = site.shift()
    singer = site.sign_up(rehearsal)
    site.move_shift(rehearsal, -3, -1)
    claim(resident_of(site, data, singer["person_id"]), singer["id"], 409)
    claim(resident_of(other, data, other.sign_up(other.shift())["person_id"]), strangers, 404)


def test_a_claim_sent_twice_with_one_key_is_one_and_two_at_once_are_one(site: Site, data: PersonalData) -> None:
    _, [first, second] = over(site, people=2)
    volunteer = resident_of(site, data, person_of(site, first))
    made = claim(volunteer, first, Idempotency_Key="one-claim")
    assert claim(volunteer, first, Idempotency_Key="one-claim") == made
    other = resident_of(site, data, person_of(site, second))
    path = f"/v1/my/registrations/{second}/missing-hours"
    answers = at_once(4, lambda _: other.call("POST", path, {"words": "我一直在场"}).status_code)
    assert sorted(answers) == [201, 409, 409, 409]
    assert len(site.sql("SELECT FROM objections WHERE registration_id = :r", r=second)) == 1


def test_an_objection_is_about_one_thing(site: Site, data: PersonalData) -> None:
    _, [registration] = over(site)
    made = claim(resident_of(site, data, person_of(site, registration)), registration)
    with pytest.raises(DBAPIError, match="objections_about_one"):
        site.sql("UPDATE objections SET registration_id = NULL WHERE id = :id", id=made["id"])


def test_the_first_page_counts_what_waits_and_what_is_overdue(site: Site, office: Office, data: PersonalData) -> None:
    staff = second_person(office, site)
    assert "时长审核</h2>" not in _home(staff)
    _, [first, second] = over(site, people=2)
    made = claim(resident_of(site, data, person_of(site, first)), first)
    claim(resident_of(site, data, person_of(site, second)), second)
    site.sql("UPDATE objections SET due_on = current_date - 3 WHERE id = :id", id=made["id"])
    page = _home(staff)
    assert "2 条异议待处理" in page and "1 条异议已超期未答复" in page
    work = staff.call("GET", "/staff/hours", Accept="text/html", Accept_Language="zh").get_data(as_text=True)
    assert work.index("已超期") < work.index("同意并补录") < work.rindex("同意并补录")  # due first is first


def _home(staff: Member) -> str:
    return staff.call("GET", "/staff/", Accept="text/html", Accept_Language="zh").get_data(as_text=True)
