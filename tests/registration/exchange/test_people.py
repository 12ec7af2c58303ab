"""What was checked becomes people: found again, never doubled, nothing lost when the worker dies."""

import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from services.common.database import Database
from services.registration.operations.imports import steps
from tests.registration.exchange.files import AGREED, HEADINGS, Importer, as_csv, as_xlsx, put, upload
from tests.registration.world import Caller, Site, fresh_phone


def crowd(count: int) -> list[tuple[str, str, str, str]]:
    """People whom nobody knows yet."""
    phones = [fresh_phone() for _ in range(count)]
    return [(f"居民{phone[-5:]}", phone, f"p{phone[1:]}@example.com", "1961-07-13") for phone in phones]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_is_read_in_each_encoding(site: Site, importer: Importer, encoding: str) -> None:
    rows = crowd(3)
    importer.apply(site, as_csv(*rows).decode().encode(encoding))
    assert importer.people(site) == sorted(rows)


def test_a_workbook_is_read_as_it_is_shown(site: Site, importer: Importer) -> None:
    phone = fresh_phone()
    rows = [("林小满", int(phone[3:]), "", date(1961, 7, 13)), ("王小明", f" {phone} ", None, 22_475)]
    importer.apply(site, as_xlsx(*rows, above=2))
    assert importer.people(site) == [("林小满", phone, "", "1961-07-13"), ("王小明", phone, "", "1961-07-13")]


@pytest.mark.parametrize("size", [7, 64, 900_000])
def test_a_file_may_be_cut_anywhere(site: Site, importer: Importer, size: int) -> None:
    rows = crowd(4)
    rows[1] = (rows[1][0] + '\n("大")', *rows[1][1:])
    importer.apply(site, as_csv(*rows).decode().encode("gb18030"), size=size)
    assert importer.people(site) == sorted(rows)


def test_who_is_known_is_found_and_what_they_told_stays(site: Site, other: Site, importer: Importer) -> None:
    (known,), (elsewhere,), (fresh,) = crowd(1), crowd(1), crowd(1)
    here = site.sign_up(site.shift(), name=known[0], phone=known[1], birth_date="1950-01-01")
    there = other.sign_up(other.shift(), name=elsewhere[0], phone=elsewhere[1])
    found = importer.apply(site, as_csv(known, elsewhere, fresh))
    assert (found["known_people"], found["new_people"], found["applied"]) == (1, 1, 3)
    assert site.expect(200, "GET", f"/v1/people/{here['person_id']}") | {"number": 0} == {
        "id": here["person_id"], "number": 0, "name": known[0], "phone": known[1], "email": known[2],
        "birth_date": "1950-01-01", "language": "zh-CN", "version": 2,
    }  # fmt: skip
    assert site.expect(200, "GET", f"/v1/people/{there['person_id']}")["email"] == elsewhere[2]
    assert other.expect(200, "GET", f"/v1/people/{there['person_id']}")["email"] is None


def test_what_they_told_is_replaced_when_asked(site: Site, importer: Importer) -> None:
    (row,) = crowd(1)
    phone = fresh_phone()
    made = site.sign_up(site.shift(), name=row[0], phone=phone, email=row[2], birth_date="1950-01-01")
    importer.apply(site, as_csv(*crowd(1), row))
    seen = "SELECT actor, action, changed FROM audit_log WHERE kind = 'person_sites' AND record = :p"
    assert site.sql(seen + " AND action = 'update'", p=made["person_id"]) == [], "gaps only: no one's details changed"
    importer.apply(site, as_csv((*row, "en"), headings=(*HEADINGS, "语言")), overwrite=True)
    [told] = site.sql(seen + " AND action = 'update'", p=made["person_id"])
    assert told.actor.startswith("site:") and {"phone", "birth_date", "language"} < set(told.changed)
    assert told.changed["phone"] == "*"
    person = site.expect(200, "GET", f"/v1/people/{made['person_id']}")
    assert (person["phone"], person["birth_date"], person["language"]) == (row[1], "1961-07-13", "en")
    again = site.sign_up(site.shift(), name=row[0], phone=row[1])
    assert again["person_id"] == made["person_id"], "found by the new phone"


def test_an_imported_person_is_found_by_a_sign_up(site: Site, importer: Importer) -> None:
    (row,) = crowd(1)
    importer.apply(site, as_csv(row))
    imported = site.sql("SELECT person_id FROM person_sites WHERE site_id = :id", id=site.id)[0].person_id
    assert site.sign_up(site.shift(), name=row[0], phone=row[1])["person_id"] == str(imported)


def test_the_same_file_again_changes_nothing(site: Site, importer: Importer) -> None:
    content = as_csv(*crowd(5))
    importer.apply(site, content)
    versions = site.sql("SELECT person_id, version, name FROM person_sites WHERE site_id = :id", id=site.id)
    found = importer.apply(site, content)
    assert (found["known_people"], found["new_people"]) == (5, 0)
    assert site.sql("SELECT person_id, version, name FROM person_sites WHERE site_id = :id", id=site.id) == versions


class Killed(BaseException):
    """The worker is gone, without a chance to tidy up."""


def test_a_worker_killed_at_any_slice_loses_and_doubles_nothing(
    site: Site, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at every slice in turn, before and after its statements, in the check and in the applying."""
    monkeypatch.setattr(steps, "CHECK_SLICE", 4)
    monkeypatch.setattr(steps, "APPLY_SLICE", 3)
    rows = crowd(20)
    content = as_csv(*rows, ("坏", "1"), rows[0])
    made = upload(site, content, size=500)
    site.expect(200, "POST", f"/v1/imports/{made}/check")
    _work_though_killed(site, importer, monkeypatch, made)
    found = site.expect(200, "GET", f"/v1/imports/{made}")
    assert (found["state"], found["rows"], found["faulty_rows"], found["faults"]) == ("checked", 22, 2, 2)
    site.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED | {"skip_faulty": True})
    _work_though_killed(site, importer, monkeypatch, made)
    found = site.expect(200, "GET", f"/v1/imports/{made}")
    assert (found["state"], found["applied"], found["skipped"], found["new_people"]) == ("done", 20, 2, 20)
    assert importer.people(site) == sorted(rows)


def _work_though_killed(site: Site, importer: Importer, monkeypatch: pytest.MonkeyPatch, made: str) -> None:
    for name in ("check_rows", "apply_rows"):
        monkeypatch.setattr(steps, name, _dies_every_other_time(getattr(steps, name)))
    for _ in range(60):
        try:
            if not importer.work():
                break
        except Killed:
            # Its claim outlives it; the test does not wait for that to be over.
            site.sql("UPDATE imports SET claimed_until = now() WHERE id = :id", id=made)
    monkeypatch.undo()
    monkeypatch.setattr(steps, "CHECK_SLICE", 4)
    monkeypatch.setattr(steps, "APPLY_SLICE", 3)


def _dies_every_other_time(act: Callable[..., None]) -> Callable[..., None]:
    calls = 0

    def dying(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls % 3 == 1:
            raise Killed
        act(*given)
        if calls % 3 == 2:
            raise Killed

    return dying


def test_one_file_imported_twice_at_once_doubles_nobody(
    site: Site, other: Site, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "APPLY_SLICE", 50)
    rows = crowd(400)
    for caller, content in ((site, as_csv(*rows)), (other, as_csv(*reversed(rows))), (site, as_csv(*rows))):
        made = importer.check(caller, content)["id"]
        caller.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED)
    workers = [threading.Thread(target=importer.work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    states = site.sql("SELECT state, applied FROM imports WHERE site_id IN (:a, :b)", a=site.id, b=other.id)
    assert states == [("done", 400)] * 3
    ids = [
        {row.person_id for row in site.sql("SELECT person_id FROM person_sites WHERE site_id = :id", id=one.id)}
        for one in (site, other)
    ]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 400


def test_sign_ups_during_an_import_double_nobody(site: Site, importer: Importer) -> None:
    rows = crowd(300)
    shift = site.shift(capacity=1000)
    made = importer.check(site, as_csv(*rows))["id"]
    site.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED)
    worker = threading.Thread(target=importer.work)
    worker.start()
    for row in rows[::-1][:60]:
        site.sign_up(shift, name=row[0], phone=row[1])
    worker.join()
    assert len(importer.people(site)) == 300


def test_a_file_from_before_brings_nobody_back_whom_the_site_erased(
    site: Site, other: Site, importer: Importer
) -> None:
    phone, friend = fresh_phone(), fresh_phone()
    person = site.expect(201, "POST", "/v1/people", {"name": "要求删除", "phone": phone})["id"]
    file = as_csv(("要求删除", phone, "", ""), ("留下的人", friend, "", ""))
    waiting = importer.check(site, file)["id"]
    site.expect(200, "POST", f"/v1/people/{person}/erasure", {"reason": "person_asked"})
    site.expect(200, "POST", f"/v1/imports/{waiting}/apply", AGREED)
    importer.work()
    found = site.expect(200, "GET", f"/v1/imports/{waiting}")
    assert (found["state"], found["applied"], found["skipped"]) == ("done", 1, 1)
    assert [name for name, *_ in importer.people(site)] == ["留下的人"]
    assert importer.apply(other, file)["applied"] == 2, "what one site erased is not known to another"
    assert importer.apply(site, file)["applied"] == 2, "a list from afterwards says that they came again"


def test_a_cancelled_import_stops_where_it_is_and_is_forgotten(
    site: Site, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "APPLY_SLICE", 2)
    made = importer.check(site, as_csv(*crowd(10)))["id"]
    site.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED)
    act = steps.apply_rows

    def cancelling(session: Session, *rest: Any) -> None:
        act(session, *rest)
        if rest[1].applied == 4:
            threading.Thread(target=lambda: site.expect(200, "POST", f"/v1/imports/{made}/cancel")).start()

    monkeypatch.setattr(steps, "apply_rows", cancelling)
    importer.work()
    site.sql("SELECT pg_sleep(0.2)")
    found = site.expect(200, "GET", f"/v1/imports/{made}")
    assert found["state"] in ("cancelled", "done")
    assert len(importer.people(site)) == found["applied"]
    assert site.sql("SELECT 1 FROM import_parts WHERE import_id = :id", id=made) == []
    assert site.call("POST", f"/v1/imports/{made}/cancel").status_code == 409


def test_a_failure_is_tried_again_then_shown_and_can_be_mended(
    site: Site, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = importer.check(site, as_csv(*crowd(3)))["id"]
    site.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED)
    with monkeypatch.context() as broken:
        broken.setattr(steps, "apply_rows", lambda *_: 1 / 0)
        importer.work()
    found = site.expect(200, "GET", f"/v1/imports/{made}")
    assert (found["state"], found["error"]) == ("failed", "ZeroDivisionError")
    site.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED)
    importer.work()
    assert site.expect(200, "GET", f"/v1/imports/{made}")["applied"] == 3


def test_the_file_lies_encrypted_and_only_until_the_end(site: Site, importer: Importer, database: Database) -> None:
    content = as_csv(("标记人Zq7", "13712345679", "zq7b@example.com", "1961-07-14"))
    made = upload(site, content, size=40)
    rows = site.sql("SELECT content FROM import_parts WHERE import_id = :id", id=made)
    assert rows and not any("标记".encode() in row.content or b"13712345" in row.content for row in rows)
    site.expect(200, "POST", f"/v1/imports/{made}/check")
    importer.work()
    site.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED)
    importer.work()
    for table in ("import_parts", "import_faults"):
        assert site.sql(f"SELECT 1 FROM {table} WHERE import_id = :id", id=made) == []


def test_an_import_is_one_entry_in_the_audit_log(site: Site, importer: Importer) -> None:
    made = importer.apply(site, as_csv(*crowd(4)))["id"]
    entries = site.sql("SELECT action, actor, changed FROM audit_log WHERE record = :id ORDER BY id", id=made)
    assert [entry.action for entry in entries] == ["insert", "update", "update", "import"]
    assert entries[-1].changed["applied"] == 4
    assert entries[-1].changed["agreed"] == AGREED["agreed"]
    assert len({entry.actor for entry in entries}) == 1
    assert not site.sql("SELECT 1 FROM audit_log WHERE kind = 'person_sites' AND site_id = :id", id=site.id)


def test_an_upload_goes_on_where_it_broke_off(site: Site, importer: Importer) -> None:
    rows = crowd(6)
    content = as_csv(*rows)
    made = site.expect(201, "POST", "/v1/imports", {"kind": "people"})["id"]
    put(site, made, 3, content[200:])
    assert put(site, made, 1, b"wrong")["missing_parts"] == [2]
    put(site, made, 1, content[:100])
    assert put(site, made, 2, content[100:200])["missing_parts"] == []
    put(site, made, 4, b"x" * 900_001, status=413)
    put(site, made, 0, b"x", status=422)
    put(site, made, 4, b"", status=422)
    site.expect(200, "POST", f"/v1/imports/{made}/check")
    put(site, made, 4, b"x", status=409)
    importer.work()
    assert site.expect(200, "GET", f"/v1/imports/{made}")["good_rows"] == 6


def test_another_site_knows_nothing_of_an_import(site: Site, other: Site, importer: Importer) -> None:
    made = importer.check(site, as_csv(("坏", "1")))["id"]
    for method, path in (
        ("GET", ""), ("GET", "/faults"), ("GET", "/faults.csv"), ("POST", "/check"), ("POST", "/cancel"),
    ):  # fmt: skip
        assert other.call(method, f"/v1/imports/{made}{path}").status_code == 404, path
    assert other.call("POST", f"/v1/imports/{made}/apply", AGREED).status_code == 404
    put(other, made, 1, b"x", status=404)
    assert made not in str(other.expect(200, "GET", "/v1/imports"))


def test_an_operator_imports_for_a_site_and_a_site_for_itself_alone(
    site: Site, other: Site, operator: Caller, importer: Importer
) -> None:
    made = upload(operator, as_csv(*crowd(2)), site_id=site.id)
    operator.expect(200, "POST", f"/v1/imports/{made}/check")
    importer.work()
    operator.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED)
    importer.work()
    assert len(importer.people(site)) == 2
    assert site.call("POST", "/v1/imports", {"kind": "people", "site_id": other.id}).status_code == 403
    assert operator.call("POST", "/v1/imports", {"kind": "people"}).status_code == 403
    nobody = {"kind": "people", "site_id": "00000000-0000-0000-0000-000000000000"}
    assert operator.call("POST", "/v1/imports", nobody).status_code == 422


def test_templates_are_read_as_they_are_meant(site: Site, importer: Importer) -> None:
    answer = site.call("GET", "/v1/imports/templates/people")
    assert answer.status_code == 200
    assert importer.faults(site, answer.get_data()) == [(0, "", "empty")]
    assert site.call("GET", "/v1/imports/templates/nonsense").status_code == 404
