"""Service records: made from attendance, corrected by later ones, never changed; and who may decide on what."""

import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apiflask import APIFlask
from sqlalchemy.exc import DBAPIError

from services.common.database import Database
from services.common.events import (
    AttendanceRecorded,
    ObjectionDecided,
    ServiceRecordCorrected,
    ServiceRecordObjected,
    ServiceRecordRecorded,
)
from services.common.working_days import working_days_after
from services.registration.personal_data import PersonalData
from tests.registration.hours_world import (
    Resident,
    earn,
    minutes_agree,
    moment,
    over,
    person_of,
    records_of,
    second_person,
)
from tests.registration.office import Office
from tests.registration.world import Site


@pytest.fixture
def resident(app: APIFlask, database: Database, data: PersonalData) -> Any:
    """Makes residents with a session."""
    return lambda person_id: Resident(app, database, data, person_id)


def test_attendance_makes_a_record_that_says_what_order_67_asks(site: Site) -> None:
    shift, [registration] = over(site, title_zh="健康建档", place="职工新街")
    answer = earn(site, registration)
    [record] = records_of(site, registration)
    assert record.minutes == answer["service_minutes"] == 120
    assert (record.activity, record.place, record.content) == ("健康建档", "职工新街", "参与者")
    assert (record.how, record.state, record.late, record.corrects) == ("confirmed", "valid", False, None)
    assert record.in_charge == record.recorded_by and record.in_charge.startswith("site:")
    assert record.unit.startswith("站点")
    events = site.events(site.activity_of(shift))
    [told] = [event for event in events if isinstance(event, ServiceRecordRecorded)]
    assert (told.minutes, told.hash, told.number) == (120, record.hash.hex(), record.number)
    assert [e.service_minutes for e in events if isinstance(e, AttendanceRecorded)] == [0, 120]


def test_a_correction_is_a_later_record_and_the_registration_follows(site: Site) -> None:
    shift, [registration] = over(site)
    earn(site, registration)
    site.expect(200, "POST", f"/v1/registrations/{registration}/check-out", {"at": moment(-2)})
    first, second = records_of(site, registration)
    assert (first.minutes, second.minutes, second.corrects) == (120, 60, first.id)
    assert site.expect(200, "GET", f"/v1/registrations/{registration}")["service_minutes"] == 60
    [told] = [e for e in site.events(site.activity_of(shift)) if isinstance(e, ServiceRecordCorrected)]
    assert (told.minutes, told.corrects) == (60, first.id)


def test_what_is_no_volunteering_leaves_no_record(site: Site) -> None:
    shift = site.shift(volunteering=False)
    registration = site.sign_up(shift)["id"]
    site.move_shift(shift, -3, -1)
    earn(site, registration)
    assert records_of(site, registration) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE service_records SET minutes = 1 WHERE site_id = :s",
        "DELETE FROM service_records WHERE site_id = :s",
        "UPDATE attendance_entries SET how = 'scanned' WHERE site_id = :s",
        "DELETE FROM attendance_entries WHERE site_id = :s",
        "UPDATE record_chains SET length = 0 WHERE site_id = :s",
        "UPDATE registrations SET service_minutes = 121 WHERE site_id = :s",
    ],
)
def test_records_are_only_ever_added_to(site: Site, statement: str) -> None:
    _, [registration] = over(site)
    earn(site, registration)
    with pytest.raises(DBAPIError):
        site.sql(statement, s=site.id)


def test_the_database_lets_no_record_exceed_the_shift(site: Site) -> None:
    _, [registration] = over(site)
    earn(site, registration)
    with pytest.raises(DBAPIError, match="exceed the shift"):
        site.sql(
            "INSERT INTO service_records (site_id, person_id, registration_id, shift_id, activity, day, place, content,"
            " minutes, how, unit, in_charge, recorded_by, corrects)"
            " SELECT site_id, person_id, registration_id, shift_id,"
            " activity, day, place, content, 121, how, unit, in_charge, recorded_by, id FROM service_records"
            " WHERE registration_id = :r",
            r=registration,
        )


def test_hours_entered_later_count_once_a_second_person_approved(site: Site, office: Office) -> None:
    _, [registration] = over(site, ago=48)
    site.expect(409, "POST", f"/v1/registrations/{registration}/check-in", {"at": moment(-50)})
    body = {"checked_in_at": moment(-49.5), "checked_out_at": moment(-48), "reason": "纸质签到表"}
    entry = site.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", body)
    site.expect(409, "POST", f"/v1/registrations/{registration}/later-entries", body)
    assert records_of(site, registration) == []
    site.expect(403, "POST", f"/v1/later-entries/{entry['id']}/approve", {"reason": "核对无误"})  # nor another key
    second = second_person(office, site)
    decided = second.expect(200, "POST", f"/v1/later-entries/{entry['id']}/approve", {"reason": "核对无误"})
    assert decided["state"] == "approved" and decided["decided_by"] != decided["entered_by"]
    [record] = records_of(site, registration)
    assert (record.minutes, record.how, record.reason) == (90, "entered_later", "纸质签到表")
    assert (record.in_charge, record.recorded_by) == (decided["entered_by"], decided["decided_by"])
    second.expect(409, "POST", f"/v1/later-entries/{entry['id']}/reject", {"reason": "再想想"})
    assert minutes_agree(site)


def test_who_entered_hours_does_not_approve_them_nor_does_whom_they_invited(site: Site, office: Office) -> None:
    _, [registration] = over(site, ago=48)
    first = office.area_admin("140000", at=site.id)
    body = {"checked_in_at": moment(-50), "checked_out_at": moment(-48), "reason": "纸质签到表"}
    entry = first.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", body)
    path = f"/v1/later-entries/{entry['id']}/approve"
    assert "your own" in first.expect(409, "POST", path, {"reason": "核对"})["detail"]
    grant = {"role": "site_staff", "site_id": site.id}
    invited = {"email": f"{uuid.uuid4().hex[:8]}@example.com", "name": "新同事", "grants": [grant]}
    second = office.session(first.expect(201, "POST", "/v1/staff", invited)["id"], at=site.id)
    assert "invited the other" in second.expect(409, "POST", path, {"reason": "核对"})["detail"]
    assert second_person(office, site).expect(200, "POST", path, {"reason": "核对"})["state"] == "approved"


def test_rejected_hours_never_count(site: Site, office: Office) -> None:
    _, [registration] = over(site, ago=48)
    body = {"checked_in_at": moment(-50), "checked_out_at": moment(-48), "reason": "补录"}
    entry = site.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", body)
    second = second_person(office, site)
    second.expect(200, "POST", f"/v1/later-entries/{entry['id']}/reject", {"reason": "无人证明"})
    assert records_of(site, registration) == []
    assert site.expect(200, "GET", "/v1/later-entries?state=rejected")["items"][0]["decision"] == "无人证明"


def test_the_database_wants_a_second_person_too(site: Site) -> None:
    _, [registration] = over(site, ago=48)
    body = {"checked_in_at": moment(-50), "checked_out_at": moment(-48), "reason": "补录"}
    entry = site.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", body)
    # Another name in decided_by helps nobody: the database writes down who acts. Neither is a machine a person.
    for who in (entry["entered_by"], "site:another-key"):
        with pytest.raises(DBAPIError, match=r"later_entries_(second_person|decided_by_staff)"):
            site.sql(
                "WITH acting AS MATERIALIZED (SELECT set_config('hesheng.actor', :who, true))"
                " UPDATE later_entries SET state = 'approved', decided_by = 'staff:x' FROM acting WHERE id = :id",
                who=who,
                id=entry["id"],
            )


def test_a_later_entry_has_its_times(site: Site) -> None:
    _, [registration] = over(site, ago=48)
    body = {"checked_in_at": moment(-47), "checked_out_at": moment(-51), "reason": "补录"}
    answer = site.expect(422, "POST", f"/v1/registrations/{registration}/later-entries", body)
    assert {error["field"] for error in answer["errors"]} == {"checked_in_at", "checked_out_at"}


def test_one_person_may_take_hours_away_but_not_add_any(site: Site) -> None:
    _, [registration] = over(site)
    earn(site, registration, left=-2)
    [record] = records_of(site, registration)
    body = {"minutes": 61, "reason": "多算"}
    path = f"/v1/service-records/{record.id}/corrections"
    assert site.expect(422, "POST", path, body)["errors"][0]["field"] == "minutes"
    lower = site.expect(201, "POST", path, {"minutes": 30, "reason": "中途离开"})
    assert (lower["minutes"], lower["corrects"], lower["how"]) == (30, str(record.id), "confirmed")
    site.expect(409, "POST", path, {"minutes": 20, "reason": "再改"})
    gone = site.expect(201, "POST", f"/v1/service-records/{lower['id']}/corrections", {"minutes": 0, "reason": "误记"})
    assert gone["state"] == "withdrawn"
    # What was decided, a tap no longer changes.
    site.expect(409, "POST", f"/v1/registrations/{registration}/check-out", {"at": moment(-1)})
    assert minutes_agree(site)


def test_a_volunteer_sees_their_records_and_objects(site: Site, office: Office, resident: Any) -> None:
    shift, [registration, strangers] = over(site, people=2)
    earn(site, registration, left=-2)
    earn(site, strangers)
    volunteer = resident(person_of(site, registration))
    own = volunteer.expect(200, "GET", "/v1/my/service-records")
    assert (own["minutes"], len(own["items"])) == (60, 1)
    record = own["items"][0]["id"]
    foreign = records_of(site, strangers)[0].id
    volunteer.expect(404, "POST", f"/v1/my/service-records/{foreign}/objections", {"words": "不对"})
    made = volunteer.expect(201, "POST", f"/v1/my/service-records/{record}/objections", {"words": "我待到最后"})
    volunteer.expect(409, "POST", f"/v1/my/service-records/{record}/objections", {"words": "再说一次"})
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    assert made["due_on"] == working_days_after(today, 15).isoformat()
    assert site.expect(200, "GET", "/v1/objections?state=open")["items"][0]["words"] == "我待到最后"
    stored = site.sql("SELECT words FROM objections WHERE id = :id", id=made["id"])[0].words
    assert "待到" not in bytes(stored).decode(errors="ignore")
    decision = {"upheld": True, "minutes": 120, "reason": "三人证明"}
    path = f"/v1/objections/{made['id']}/decision"
    site.expect(403, "POST", path, decision)  # a key does not decide
    second = second_person(office, site)
    assert second.expect(422, "POST", path, decision | {"minutes": 121})["errors"][0]["field"] == "minutes"
    decided = second.expect(200, "POST", path, decision)
    assert decided["state"] == "upheld" and decided["correction_id"] is None
    assert len(records_of(site, registration)) == 1, "nobody adds hours alone"
    approve, reason = f"/v1/later-entries/{decided['later_entry_id']}/approve", {"reason": "属实"}
    second.expect(409, "POST", approve, reason)
    second_person(office, site).expect(200, "POST", approve, reason)
    assert volunteer.expect(200, "GET", "/v1/my/service-records")["minutes"] == 120
    assert minutes_agree(site)
    kinds = [type(event) for event in site.events(site.activity_of(shift))]
    assert kinds.count(ServiceRecordObjected) == kinds.count(ObjectionDecided) == 1
    minutes = [e.service_minutes for e in site.events(site.activity_of(shift)) if isinstance(e, AttendanceRecorded)]
    assert minutes[-1] == 120


def test_a_rejected_objection_changes_nothing_and_fewer_hours_count_at_once(
    site: Site, office: Office, resident: Any
) -> None:
    _, [registration] = over(site)
    earn(site, registration)
    volunteer = resident(person_of(site, registration))
    [record] = records_of(site, registration)
    made = volunteer.expect(201, "POST", f"/v1/my/service-records/{record.id}/objections", {"words": "太少"})
    second = second_person(office, site)
    path = f"/v1/objections/{made['id']}/decision"
    second.expect(422, "POST", path, {"upheld": False, "minutes": 3, "reason": "不符"})
    assert second.expect(200, "POST", path, {"upheld": False, "reason": "签退为准"})["state"] == "rejected"
    assert len(records_of(site, registration)) == 1
    again = volunteer.expect(201, "POST", f"/v1/my/service-records/{record.id}/objections", {"words": "太多"})
    fewer = {"upheld": True, "minutes": 30, "reason": "提前离开"}
    assert second.expect(200, "POST", f"/v1/objections/{again['id']}/decision", fewer)["correction_id"]
    assert records_of(site, registration)[-1].minutes == 30, "fewer hours need no second person"
    assert volunteer.expect(200, "GET", "/v1/my/objections")["items"][0]["decision"] == "签退为准"


def test_a_record_after_ten_working_days_is_late(site: Site, office: Office) -> None:
    _, [registration] = over(site, ago=24 * 20)
    body = {"checked_in_at": moment(-24 * 20 - 1), "checked_out_at": moment(-24 * 20), "reason": "补录"}
    entry = site.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", body)
    second_person(office, site).expect(200, "POST", f"/v1/later-entries/{entry['id']}/approve", {"reason": "属实"})
    assert records_of(site, registration)[0].late
    assert [flag["kind"] for flag in site.expect(200, "GET", "/v1/hour-flags")["items"]] == ["late"]


def test_another_sites_hours_are_its_own(site: Site, other: Site, office: Office) -> None:
    _, [registration] = over(site, ago=48)
    body = {"checked_in_at": moment(-50), "checked_out_at": moment(-48), "reason": "补录"}
    entry = site.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", body)
    path = f"/v1/later-entries/{entry['id']}/approve"
    second_person(office, other).expect(404, "POST", path, {"reason": "不归我"})
    second_person(office, site).expect(200, "POST", f"/v1/later-entries/{entry['id']}/approve", {"reason": "属实"})
    assert other.expect(200, "GET", "/v1/service-records")["items"] == []
    other.expect(
        404,
        "POST",
        f"/v1/service-records/{records_of(site, registration)[0].id}/corrections",
        {"minutes": 0, "reason": "不归我"},
    )
    assert len(site.expect(200, "GET", f"/v1/service-records?person_id={person_of(site, registration)}")["items"]) == 1
    assert site.expect(200, "GET", f"/v1/service-records?person_id={uuid.uuid4()}")["items"] == []
