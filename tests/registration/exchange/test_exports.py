"""Exports: everything a site owns, encrypted until fetched, and no formula in any cell."""

import csv
import io
import zipfile
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from services.common.database import ACTING, Acting, Database
from services.registration.operations.exports import content, requests, steps
from services.registration.operations.exports.requests import forget_exports
from services.registration.operations.exports.steps import write_exports
from services.registration.personal_data import PersonalData
from services.registration.spreadsheets.writing import CSV, XLSX, Sheet, archive, csv_text
from tests.registration.test_volunteers import id_number, register
from tests.registration.world import Caller, Site, fresh_phone


def export(site: Site, database: Database, data: PersonalData, form: str = "csv") -> dict[str, Any]:
    """An export that is done."""
    made = site.expect(201, "POST", "/v1/exports", {"format": form})["id"]
    ACTING.set(Acting())
    write_exports(database, data)
    found = site.expect(200, "GET", f"/v1/exports/{made}")
    assert found["state"] == "done", found
    return found


def tables(site: Site, made: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    """What is in the ZIP, by table."""
    with zipfile.ZipFile(io.BytesIO(site.call("GET", f"/v1/exports/{made['id']}/file").get_data())) as archived:
        return {
            name.removesuffix(".csv"): list(csv.DictReader(archived.read(name).decode("utf-8-sig").splitlines()))
            for name in archived.namelist()
        }


def test_everything_a_site_owns_and_nothing_else(
    site: Site, other: Site, database: Database, data: PersonalData
) -> None:
    phone = fresh_phone()
    shift = site.shift()
    made = site.sign_up(shift, name="林小满", phone=phone)
    other.sign_up(other.shift(), name="别人")
    found = tables(site, export(site, database, data))
    (person,) = found["person_sites"]
    assert (person["name"], person["phone"], person["birth_date"]) == ("林小满", f"'{phone}", "1990-05-17")
    assert "phone_hash" not in person
    assert [row["id"] for row in found["registrations"]] == [made["id"]]
    assert [row["id"] for row in found["shifts"]] == [shift]
    assert found["shifts"][0]["starts_at"].endswith("+08:00")
    assert [row["id"] for row in found["sites"]] == [site.id]
    named = {(row["table"], row["column"]) for row in found["columns"]}
    assert {(table, column) for table, rows in found.items() for column in (rows or [{}])[0]} - named == {
        ("columns", column) for column in ("table", "column", "中文", "English")
    }


def test_every_table_of_a_site_is_exported_or_left_out_for_a_reason(site: Site, database: Database) -> None:
    owned = {
        row.relname
        for row in site.sql(
            "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND attname = 'site_id' AND NOT attisdropped"
        )
    }
    with database.transaction(site.id) as session:
        told = {one.table for one in content.contents(session)}
    assert owned - told <= set(content.LEFT_OUT)
    assert all(content.LEFT_OUT.values())


def test_a_workbook_has_a_sheet_for_each_table(site: Site, database: Database, data: PersonalData) -> None:
    site.sign_up(site.shift(), name="=1+1")
    made = export(site, database, data, "xlsx")
    answer = site.call("GET", f"/v1/exports/{made['id']}/file")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
    assert {"columns", "person_sites", "shifts", "registrations"} <= set(book.sheet_names)
    people = book.get_sheet_by_name("person_sites").to_python()
    assert people[1][people[0].index("name")] == "=1+1", "text, not a formula"


@pytest.mark.parametrize("part", [1_000, 750_000])
def test_ranges_give_the_same_bytes(
    site: Site, database: Database, data: PersonalData, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr(steps, "PART", part)
    monkeypatch.setattr(requests, "PART", part)
    site.sign_up(site.shift())
    made = export(site, database, data)
    path = f"/v1/exports/{made['id']}/file"
    whole = site.call("GET", path).get_data()
    assert len(whole) == made["bytes"]
    for begin, end in ((0, 0), (0, 999), (990, 1_010), (2_500, len(whole) - 1)):
        answer = site.call("GET", path, Range=f"bytes={begin}-{end}")
        assert (answer.status_code, answer.get_data()) == (206, whole[begin : end + 1])
        assert answer.headers["Content-Range"] == f"bytes {begin}-{end}/{len(whole)}"
    assert site.call("GET", path, Range=f"bytes={len(whole)}-").status_code == 416


def test_only_who_asked_fetches_it_and_that_is_noted(
    site: Site, other: Site, operator: Caller, database: Database, data: PersonalData
) -> None:
    made = export(site, database, data)
    colleague = operator.expect(201, "POST", f"/v1/sites/{site.id}/keys", {"label": "second"})["key"]
    for caller in (other, operator, Caller(site.app, colleague)):
        for path in ("", "/file"):
            assert caller.call("GET", f"/v1/exports/{made['id']}{path}").status_code == 404
    site.call("GET", f"/v1/exports/{made['id']}/file")
    entries = site.sql("SELECT action FROM audit_log WHERE record = :id ORDER BY id", id=made["id"])
    assert [entry.action for entry in entries] == ["insert", "download"]


def test_id_numbers_are_masked_and_minors_are_on_record(site: Site, database: Database, data: PersonalData) -> None:
    number = id_number(order=71)
    register(site, id_number=number, id_number_consent=True)
    child = site.sign_up(site.shift(), birth_date="2015-05-17", guardian_consent=True)["person_id"]
    adult = site.sign_up(site.shift())["person_id"]
    made = export(site, database, data)
    whole = site.call("GET", f"/v1/exports/{made['id']}/file").get_data()
    with zipfile.ZipFile(io.BytesIO(whole)) as archived:
        assert not any(number.encode() in archived.read(name) for name in archived.namelist())
    ((told,),) = (tables(site, made)["volunteer_sites"],)
    assert told["id_number"] == "*" * 14 + number[-4:]
    read = "SELECT actor FROM audit_log WHERE action = 'read' AND record = :id"
    assert [row.actor for row in site.sql(read, id=child)] == [f"site:{key_of(site)}"]
    assert site.sql(read, id=adult) == []


def key_of(site: Site) -> str:
    """The id of the key that the site uses."""
    return str(site.sql("SELECT key_id FROM site_keys WHERE site_id = :id", id=site.id)[0].key_id)


def test_a_minor_on_a_roster_is_on_record(site: Site) -> None:
    shift = site.shift()
    child = site.sign_up(shift, birth_date="2015-05-17", guardian_consent=True)["person_id"]
    before = site.sql("SELECT count(*) FROM audit_log WHERE action = 'read' AND record = :id", id=child)[0].count
    site.call("GET", f"/v1/shifts/{shift}/roster.csv").get_data()
    after = site.sql("SELECT count(*) FROM audit_log WHERE action = 'read' AND record = :id", id=child)[0].count
    assert after == before + 1


def test_it_lies_encrypted_and_for_a_week(site: Site, database: Database, data: PersonalData) -> None:
    site.sign_up(site.shift(), name="标记人Zq8")
    made = export(site, database, data)
    parts = site.sql("SELECT content FROM export_parts WHERE export_id = :id", id=made["id"])
    assert parts and all(data.unseal(part.content).startswith(b"PK") for part in parts[:1])
    assert not any(part.content.startswith(b"PK") for part in parts)
    site.sql("UPDATE exports SET ended_at = now() - interval '8 days' WHERE id = :id", id=made["id"])
    with database.transaction("*") as session:
        assert forget_exports(session) == 1
    assert site.expect(200, "GET", f"/v1/exports/{made['id']}")["state"] == "deleted"
    assert site.call("GET", f"/v1/exports/{made['id']}/file").status_code == 409
    assert site.sql("SELECT 1 FROM export_parts WHERE export_id = :id", id=made["id"]) == []


class Killed(BaseException):
    """The worker is gone."""


def test_a_killed_worker_is_followed_by_one_that_begins_anew(
    site: Site, database: Database, data: PersonalData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "PART", 500)
    monkeypatch.setattr(requests, "PART", 500)
    made = site.expect(201, "POST", "/v1/exports", {"format": "csv"})["id"]
    keep = steps._keep

    def dying(*given: Any) -> None:
        keep(*given)
        if given[4] == 3:
            raise Killed

    with monkeypatch.context() as broken, pytest.raises(Killed):
        broken.setattr(steps, "_keep", dying)
        write_exports(database, data)
    assert write_exports(database, data) == 0, "its claim outlives it"
    site.sql("UPDATE exports SET claimed_until = now() WHERE id = :id", id=made)
    assert write_exports(database, data) == 1
    assert tables(site, {"id": made})["sites"][0]["id"] == site.id


def test_a_failure_is_seen(site: Site, database: Database, data: PersonalData, monkeypatch: pytest.MonkeyPatch) -> None:
    made = site.expect(201, "POST", "/v1/exports", {"format": "csv"})["id"]
    monkeypatch.setattr(steps, "archive", lambda *_: 1 / 0)
    write_exports(database, data)
    found = site.expect(200, "GET", f"/v1/exports/{made}")
    assert (found["state"], found["error"]) == ("failed", "ZeroDivisionError")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_shifts_roster_is_fetched_at_once(site: Site, other: Site, form: str) -> None:
    shift = site.shift()
    phone = fresh_phone()
    site.sign_up(shift, name="=HYPERLINK(1)", phone=phone)
    site.cancel(site.sign_up(shift)["id"])
    answer = site.call("GET", f"/v1/shifts/{shift}/roster.{form}")
    assert answer.status_code == 200
    if form == "csv":
        rows = list(csv.reader(answer.get_data().decode("utf-8-sig").splitlines()))
        assert rows[1][:2] == ["'=HYPERLINK(1)", f"'{phone}"]
    else:
        rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data())).get_sheet_by_index(0).to_python()
        assert rows[1][:2] == ["=HYPERLINK(1)", phone]
    assert len(rows) == 2
    assert other.call("GET", f"/v1/shifts/{shift}/roster.{form}").status_code == 404
    assert site.sql("SELECT 1 FROM audit_log WHERE action = 'download' AND record = :id", id=shift)


@given(st.lists(st.lists(st.text(max_size=12), min_size=2, max_size=2), max_size=8))
@example([["＝HYPERLINK(1)", " ＠SUM(1)"]])
def test_no_cell_is_a_formula_whatever_is_written(rows: list[list[str]]) -> None:
    written = b"".join(csv_text(Sheet("s", ["a", "b"], rows))).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(written, newline="")):
        assert not any(cell.lstrip(" ").startswith(tuple("=+-@＝＋－＠\t\r\n")) for cell in row)
    book = b"".join(archive(XLSX, [Sheet("s", ["a", "b"], rows)]))
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(book)).read("xl/worksheets/sheet1.xml")
    CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()


def test_an_archive_can_be_opened_by_others() -> None:
    for form in (CSV, XLSX):
        packed = b"".join(archive(form, [Sheet("表", ["a"], [["1"]]), Sheet("b", ["a"], [])]))
        assert zipfile.ZipFile(io.BytesIO(packed)).testzip() is None
