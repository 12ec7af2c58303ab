"""Service of past years: brought by one, approved by another, a kind of its own, and once."""

import uuid
from datetime import date
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy.exc import DBAPIError

from services.common.database import EVERY_SITE, Database
from services.common.events import ObjectionDecided, ServiceRecordRecorded
from services.registration.hours_check import find_breaks
from services.registration.operations.hours.past_records import Past, add_past
from services.registration.personal_data import PersonalData
from tests.registration.hours_world import Resident, earn, over, person_of, second_person
from tests.registration.office import Office
from tests.registration.test_concurrency import at_once
from tests.registration.world import Site

FIRST, SECOND = "staff:11111111-1111-1111-1111-111111111111", "staff:22222222-2222-2222-2222-222222222222"


@pytest.fixture
def resident(app: APIFlask, database: Database, data: PersonalData) -> Any:
    """Makes residents with a session."""
    return lambda person_id: Resident(app, database, data, person_id)


def add(site: Site, person: str, by: str = FIRST, approved: str = SECOND, **fields: Any) -> Any:
    past = {"day": date(2023, 5, 4), "activity": "义诊", "place": "职工新街", "content": "引导", "minutes": 90}
    with site.database.transaction(EVERY_SITE) as session:
        line = Past(uuid.UUID(person), responsible="张主任", **(past | fields))
        return add_past(session, uuid.UUID(site.id), line, brought_by=by, approved_by=approved)


def test_a_past_record_is_chained_and_says_that_it_was_imported(site: Site) -> None:
    person = site.sign_up(site.shift())["person_id"]
    record = add(site, person)
    assert (record.how, record.minutes, record.responsible, record.late) == ("imported", 90, "张主任", True)
    assert (record.in_charge, record.recorded_by, record.registration_id) == (FIRST, SECOND, None)
    [told] = [event for event in site.events(site.id) if isinstance(event, ServiceRecordRecorded)]
    assert (told.how, told.minutes, told.hash) == ("imported", 90, record.hash.hex())
    with site.database.transaction(EVERY_SITE) as session:
        assert [b for b in find_breaks(session) if str(b.site_id) == site.id] == []
    path = f"/v1/people/{person}/certificates"
    made = site.expect(201, "POST", path, {"period_from": "2023-01-01", "period_to": "2023-12-31"})
    assert (made["minutes"], made["records"]) == (90, 1)


def test_what_is_on_record_already_is_not_recorded_again(site: Site) -> None:
    person = site.sign_up(site.shift())["person_id"]
    assert add(site, person) is not None
    assert add(site, person) is None
    assert add(site, person, content="登记") is not None
    _, [registration] = over(site, title_zh="健康建档")
    earn(site, registration)
    [record] = site.sql("SELECT day FROM service_records WHERE registration_id = :r", r=registration)
    again = {"day": record.day, "activity": "健康建档", "content": "参与者"}
    assert add(site, person_of(site, registration), **again) is None


@pytest.mark.parametrize("approved", [FIRST, "site:another", "system"])
def test_who_brought_it_does_not_approve_it_nor_does_a_machine(site: Site, approved: str) -> None:
    person = site.sign_up(site.shift())["person_id"]
    with pytest.raises(DBAPIError, match="service_records_imported_by_two"):
        add(site, person, approved=approved)


def test_more_minutes_by_an_objection_take_two_people_and_fit_into_the_day(
    site: Site, office: Office, resident: Any
) -> None:
    brought_by, first, second = (second_person(office, site) for _ in range(3))
    person = site.sign_up(site.shift())["person_id"]
    record = add(site, person, by=f"staff:{brought_by.id}")
    add(site, person, content="登记", minutes=1200)
    volunteer = resident(person)
    made = volunteer.expect(201, "POST", f"/v1/my/service-records/{record.id}/objections", {"words": "我做了四小时"})
    path, more = f"/v1/objections/{made['id']}/decision", {"upheld": True, "minutes": 240, "reason": "签名册为证"}
    brought_by.expect(409, "POST", path, more)
    too_many = first.expect(422, "POST", path, more | {"minutes": 241})["errors"]
    assert [error["field"] for error in too_many] == ["minutes"], "with the other record the day has 24 hours"
    proposed = first.expect(200, "POST", path, more)
    [own] = volunteer.expect(200, "GET", "/v1/my/objections")["items"]
    assert own["decision"] == "" and not {"proposed_minutes", "proposed_by"} & set(own), "nobody answered them yet"
    assert (proposed["state"], proposed["proposed_minutes"]) == ("open", 240)
    first.expect(409, "POST", path, more)
    assert volunteer.expect(200, "GET", "/v1/my/service-records")["minutes"] == 1290, "nobody adds hours alone"
    other = second.expect(200, "POST", path, more | {"minutes": 200})
    assert (other["state"], other["proposed_minutes"]) == ("open", 200), "another number is another proposal"
    decided = first.expect(200, "POST", path, more | {"minutes": 200})
    assert (decided["state"], decided["proposed_by"]) == ("upheld", f"staff:{second.id}")
    [stands] = site.sql("SELECT * FROM service_records WHERE id = :id", id=decided["correction_id"])
    assert (stands.minutes, stands.how, str(stands.corrects)) == (200, "imported", str(record.id))
    assert (stands.in_charge, stands.recorded_by) == (f"staff:{second.id}", f"staff:{first.id}")
    assert [type(e) for e in site.events(site.id)].count(ObjectionDecided) == 1
    with pytest.raises(DBAPIError, match="it was decided already"):
        site.sql("UPDATE objections SET proposed_minutes = 230 WHERE id = :id", id=made["id"])


def test_of_two_records_decided_at_once_the_second_counts_the_first(site: Site, office: Office, resident: Any) -> None:
    first, second = second_person(office, site), second_person(office, site)
    person = site.sign_up(site.shift())["person_id"]
    volunteer, paths = resident(person), []
    more = {"upheld": True, "minutes": 800, "reason": "签名册为证"}
    for content in ("引导", "登记"):
        record = add(site, person, content=content)
        at = f"/v1/my/service-records/{record.id}/objections"
        made = volunteer.expect(201, "POST", at, {"words": "太少"})
        paths.append(f"/v1/objections/{made['id']}/decision")
        first.expect(200, "POST", paths[-1], more)
    answers = at_once(2, lambda n: second.call("POST", paths[n], more).status_code)
    assert sorted(answers) == [200, 422]
    assert volunteer.expect(200, "GET", "/v1/my/service-records")["minutes"] == 890


def test_who_proposed_more_may_think_better_of_it(site: Site, office: Office, resident: Any) -> None:
    person = site.sign_up(site.shift())["person_id"]
    record, first = add(site, person), second_person(office, site)
    volunteer = resident(person)
    for fewer in ({"upheld": False}, {"upheld": True, "minutes": 60}):
        [stands] = volunteer.expect(200, "GET", "/v1/my/service-records")["items"]
        at = f"/v1/my/service-records/{stands['id']}/objections"
        made = volunteer.expect(201, "POST", at, {"words": "不对"})
        path = f"/v1/objections/{made['id']}/decision"
        first.expect(200, "POST", path, {"upheld": True, "minutes": 120, "reason": "太少"})
        assert first.expect(200, "POST", path, fewer | {"reason": "看错了"})["decided_by"] == f"staff:{first.id}"
    assert record.minutes == 90
    assert volunteer.expect(200, "GET", "/v1/my/service-records")["minutes"] == 60
