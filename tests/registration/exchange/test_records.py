"""Service of past years: found by number or by name and phone, every fault named, brought in by a second person."""

from typing import Any

import pytest

from services.registration.operations.imports import steps
from tests.registration.exchange.files import AGREED, Importer, as_csv, upload
from tests.registration.exchange.test_bombs import Killed
from tests.registration.office import Member, Office
from tests.registration.world import Caller, Site, fresh_phone

HEADINGS = ("志愿者编号", "姓名", "电话", "活动名称", "服务日期", "服务地点", "服务内容", "服务时长（小时）", "负责人")
WHAT = ("指尖科普课堂", "2021-05-12", "赛马场", "教手机", "1.5", "李主任")


@pytest.fixture
def approver(site: Site, office: Office) -> Member:
    """A member of the site's staff who did not bring the list."""
    return office.site_staff(site.id)


def known(site: Site) -> tuple[str, str, str]:
    """Somebody whom the site knows: (id, name, phone)."""
    phone = fresh_phone()
    made = site.sign_up(site.shift(), name="林小满", phone=phone)
    return made["person_id"], "林小满", phone


def volunteer(site: Site) -> tuple[str, str]:
    """A volunteer of the site: (id, number)."""
    details = {"name": "王晓光", "phone": fresh_phone(), "birth_date": "1990-05-17", "sex": "female"}
    made = site.expect(201, "POST", "/v1/volunteers", details | {"terms_consent": True})
    return made["person_id"], made["volunteer_number"]


def by_phone(name: str, phone: str, *what: str) -> tuple[str, ...]:
    return ("", name, phone, *(what or WHAT))


def sheet(*rows: tuple[str, ...]) -> bytes:
    return as_csv(*rows, headings=HEADINGS)


def bring_in(site: Site, importer: Importer, approver: Member, content: bytes, **how: Any) -> dict[str, Any]:
    made = importer.check(site, content, kind="records")["id"]
    approver.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED | how)
    importer.work()
    found = site.expect(200, "GET", f"/v1/imports/{made}")
    assert found["state"] == "done", found
    return found


def records(site: Site) -> list[Any]:
    return site.sql("SELECT * FROM service_records WHERE site_id = :id ORDER BY number", id=site.id)


def test_each_row_becomes_a_record_of_its_own_kind(site: Site, importer: Importer, approver: Member) -> None:
    person, name, phone = known(site)
    other, number = volunteer(site)
    found = bring_in(site, importer, approver, sheet(by_phone(name, phone), (number, "", "", *WHAT)))
    assert (found["applied"], found["minutes"], found["first_day"]) == (2, 180, "2021-05-12")
    assert found["approved_by"] == f"staff:{approver.id}"
    one, two = records(site)
    assert (str(one.person_id), str(two.person_id)) == (person, other)
    assert (one.how, one.minutes, one.activity, one.content) == ("imported", 90, WHAT[0], WHAT[3])
    assert (one.responsible, one.place, str(one.day)) == ("李主任", "赛马场", "2021-05-12")
    assert one.in_charge.startswith("site:") and one.recorded_by == f"staff:{approver.id}"
    (entry,) = site.sql("SELECT * FROM audit_log WHERE action = 'import' AND record = :id", id=found["id"])
    assert (entry.changed["of"], entry.changed["approved_by"]) == ("records", f"staff:{approver.id}")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (("", "", "", *WHAT), ("A volunteer_number", "nobody")),
        (("", "林小满", "", *WHAT), ("A volunteer_number", "nobody")),
        (("", "林小满", "13800000001", *WHAT), ("C phone", "unknown_person")),
        (("V0000000000", "", "", *WHAT), ("A volunteer_number", "unknown_person")),
        (("?", "林小满", "{phone}", WHAT[0], "2093-01-01", *WHAT[2:]), ("E day", "day")),
        (("", "林小满", "{phone}", WHAT[0], "去年", *WHAT[2:]), ("E day", "date")),
        (("", "林小满", "{phone}", *WHAT[:4], "25", "李"), ("H hours", "hours")),
        (("", "林小满", "{phone}", *WHAT[:4], "0", "李"), ("H hours", "hours")),
        (("", "林小满", "{phone}", *WHAT[:4], "很久", "李"), ("H hours", "hours")),
        (("", "林小满", "{phone}", *WHAT[:5], ""), ("I responsible", "missing")),
        (("", "林小满", "{phone}", "", *WHAT[1:]), ("D activity", "missing")),
    ],
)
def test_what_is_wrong_is_said_by_row_and_column(
    site: Site, importer: Importer, row: tuple[str, ...], fault: tuple[str, str]
) -> None:
    _, _, phone = known(site)
    filled = tuple(cell.format(phone=phone) for cell in row)
    assert importer.faults(site, sheet(filled), kind="records") == [(2, *fault)]


def test_a_number_with_anothers_name_and_another_sites_volunteer_are_refused(
    site: Site, other: Site, importer: Importer
) -> None:
    _, number = volunteer(site)
    _, foreign = volunteer(other)
    rows = sheet((number, "别的人", "", *WHAT), (foreign, "", "", *WHAT))
    found = importer.faults(site, rows, kind="records")
    assert found == [(2, "B name", "another_name"), (3, "A volunteer_number", "unknown_person")]


def test_doubles_are_recognised_in_the_file_and_on_record(site: Site, importer: Importer, approver: Member) -> None:
    _, number = volunteer(site)
    row = (number, "", "", *WHAT)
    again = (number, "王晓光", "", *WHAT[:4], "3", "别人")
    assert importer.faults(site, sheet(row, again), kind="records") == [(3, "", "double")]
    bring_in(site, importer, approver, sheet(row))
    more = (number, "", "", WHAT[0], "2021-05-13", *WHAT[2:])
    checked = importer.check(site, sheet(row, more), kind="records")
    assert (checked["good_rows"], checked["known_records"]) == (2, 1)
    found = bring_in(site, importer, approver, sheet(row, more))
    assert (found["applied"], found["skipped"]) == (1, 1)
    assert [str(record.day) for record in records(site)] == ["2021-05-12", "2021-05-13"]


def test_only_a_second_person_brings_it_in(
    site: Site, operator: Caller, importer: Importer, office: Office, approver: Member
) -> None:
    _, name, phone = known(site)
    brought = office.site_staff(site.id)
    made = upload_as(brought, importer, sheet(by_phone(name, phone)))
    path = f"/v1/imports/{made}/apply"
    refused = brought.call("POST", path, AGREED)
    assert (refused.status_code, "second person" in refused.get_json()["detail"]) == (409, True)
    for key in (site, operator):
        assert key.call("POST", path, AGREED).status_code == 409
    assert records(site) == []
    approver.expect(200, "POST", path, AGREED)
    importer.work()
    (record,) = records(site)
    assert (record.in_charge, record.recorded_by) == (f"staff:{brought.id}", f"staff:{approver.id}")


def upload_as(member: Member, importer: Importer, content: bytes) -> str:
    """A list that a member of staff sent and had checked."""
    made = member.expect(201, "POST", "/v1/imports", {"kind": "records"})["id"]
    client = member.app.test_client()
    client.set_cookie(member.name, member.cookie)
    token = member.expect(200, "GET", "/v1/staff/me")["csrf_token"]
    sent = client.put(f"/v1/imports/{made}/parts/1", data=content, headers={"X-CSRF-Token": token})
    assert sent.status_code == 200, sent.get_data(as_text=True)
    member.expect(200, "POST", f"/v1/imports/{made}/check")
    importer.work()
    return str(made)


def test_a_worker_killed_at_any_slice_records_each_row_once(
    site: Site, importer: Importer, approver: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, number = volunteer(site)
    rows = [(number, "", "", WHAT[0], f"2021-05-{day:02}", *WHAT[2:]) for day in range(1, 11)]
    made = importer.check(site, sheet(*rows), kind="records")["id"]
    approver.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED)
    monkeypatch.setattr(steps, "ROSTER_SLICE", 3)
    applying = steps.apply_rows

    def dying(*given: Any) -> None:
        applying(*given)
        raise Killed

    for _ in range(2):
        with monkeypatch.context() as broken, pytest.raises(Killed):
            broken.setattr(steps, "apply_rows", dying)
            importer.work()
        site.sql("UPDATE imports SET claimed_until = now() WHERE id = :id", id=made)
    importer.work()
    found = site.expect(200, "GET", f"/v1/imports/{made}")
    assert (found["state"], found["applied"]) == ("done", 10)
    assert [str(record.day) for record in records(site)] == [f"2021-05-{day:02}" for day in range(1, 11)]


def test_a_file_that_says_of_nobody_is_refused_as_a_whole(site: Site, importer: Importer) -> None:
    content = as_csv(WHAT, headings=HEADINGS[3:])
    assert importer.faults(site, content, kind="records") == [(1, "志愿者编号", "column_missing")]
    made = upload(site, content, "records")
    assert site.expect(200, "GET", f"/v1/imports/{made}")["kind"] == "records"
