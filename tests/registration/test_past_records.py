"""Service of past years: brought by one, approved by another, a kind of its own, and once."""

import uuid
from datetime import date
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from services.common.database import EVERY_SITE
from services.common.events import ServiceRecordRecorded
from services.registration.hours_check import find_breaks
from services.registration.operations.hours.past_records import Past, add_past
from tests.registration.hours_world import earn, over, person_of
from tests.registration.world import Site

FIRST, SECOND = "staff:11111111-1111-1111-1111-111111111111", "staff:22222222-2222-2222-2222-222222222222"


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
