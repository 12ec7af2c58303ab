"""The dry run: everything that is wrong, by row and column, in both languages, before anything changes."""

import pytest

from services.registration.spreadsheets.faults import WORDS, words
from tests.registration.exchange.files import Importer, as_csv, as_xlsx, upload
from tests.registration.world import Site, fresh_phone

GOOD = ("林小满", "13800009999", "", "1961-07-13")


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (("", "13800009998"), "A name", "missing"),
        (("\u200f", "13800009998"), "A name", "invisible"),
        (("长" * 201, "13800009998"), "A name", "too_long"),
        (("王", "", "", ""), "B phone", "unreachable"),
        (("王", "1234"), "B phone", "phone"),
        (("王", "1.38E+10"), "B phone", "cut"),
        (("王", "", "wang@"), "C email", "email"),
        (("王", "13800009998", "", "昨天"), "D birth_date", "date"),
        (("王", "13800009998", "", "2026-02-30"), "D birth_date", "date"),
        (("王", "13800009998", "", "1899-12-31"), "D birth_date", "birth_date"),
        (("王", "13800009998", "", "2999-01-01"), "D birth_date", "birth_date"),
        (("林 小满", "138 0000 9999"), "", "double"),
    ],
)
def test_a_fault_is_told_by_row_and_column(
    site: Site, importer: Importer, row: tuple[str, ...], column: str, code: str
) -> None:
    assert importer.faults(site, as_csv(GOOD, (), row)) == [(4, column, code)]
    assert importer.people(site) == []


def test_all_faults_of_a_row_are_told_at_once(site: Site, importer: Importer) -> None:
    found = importer.faults(site, as_csv(("", "12", "x", "y")))
    assert [code for _, _, code in found] == ["missing", "phone", "email", "date"]


def test_bytes_that_mean_nothing_are_told_by_row(site: Site, importer: Importer) -> None:
    content = as_csv(GOOD) + b"\xff\xfeLi,13800009997\n"
    assert importer.faults(site, content) == [(3, "A name", "unreadable")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        ("姓名,电话\n".encode(), "empty"),
        ("林小满,13800009999\n".encode(), "no_headings"),
        ("姓名,备注\n林,x\n".encode(), "column_missing"),
        ("电话\n13800009999\n".encode(), "column_missing"),
        ("姓名,电话,手机\n林,13800009999,\n".encode(), "heading_twice"),
        ("姓名,电话\n".encode("utf-16"), "not_a_table"),
        (b"%PDF-1.7\0\0\0", "not_a_table"),
        (b"PK\x03\x04 not a zip", "workbook_damaged"),
        ('姓名,电话\n"林,13800009999\n'.encode() + b"x" * 1_100_000, "quote_not_closed"),
    ],
)
def test_what_is_wrong_with_the_whole_file_is_told(site: Site, importer: Importer, content: bytes, code: str) -> None:
    found = importer.check(site, content or b"\n")
    faults = site.expect(200, "GET", f"/v1/imports/{found['id']}/faults")["items"]
    assert [fault["code"] for fault in faults] == [code]
    assert site.call("POST", f"/v1/imports/{found['id']}/apply", {"agreed": "x"}).status_code == 409


def test_headings_may_stand_below_a_title_and_be_decorated(site: Site, importer: Importer) -> None:
    phone = fresh_phone()
    content = f"2026 年志愿者名单,,\n,,\n序号,姓名*,手机号(必填),备注\n1,林小满,{phone},好\n".encode()
    found = importer.apply(site, content)
    assert (found["columns"], found["ignored_columns"]) == ({"B": "name", "C": "phone"}, ["A", "D"])
    assert importer.people(site) == [("林小满", phone, "", "")]


def test_faults_never_say_what_stands_in_the_file(site: Site, importer: Importer) -> None:
    made = importer.check(site, as_csv(("标记人Zq7", "标记12")))["id"]
    for path in ("", "/faults", "/faults.csv"):
        assert "标记" not in site.call("GET", f"/v1/imports/{made}{path}").get_data(as_text=True)
    assert not site.sql("SELECT 1 FROM import_faults AS f WHERE f::text LIKE '%标记%'")


def test_faults_are_downloaded_in_both_languages_by_row(site: Site, importer: Importer) -> None:
    rows = [("王", "12"), *[(f"李{n}", "1") for n in range(1_200)]]
    made = importer.check(site, as_csv(*rows))["id"]
    answer = site.call("GET", f"/v1/imports/{made}/faults.csv")
    lines = answer.get_data(as_text=True).splitlines()
    assert answer.mimetype == "text/csv"
    assert lines[0] == "\ufeff行 row,列 column,错误 what is wrong,English"
    assert [int(line.split(",")[0]) for line in lines[1:]] == list(range(2, 1203))
    assert "不是有效的电话号码" in lines[1] and "Is no valid phone number" in lines[1]


def test_every_fault_says_what_to_do_in_both_languages() -> None:
    for code in WORDS:
        told = words(code, "name", 7)
        assert told.zh and told.en and "{" not in told.zh + told.en
        assert len(told.en.split(". ")) > 1 or code in ("language", "role", "sex", "team_kind"), code


def test_a_file_with_faults_is_refused_or_its_good_rows_are_taken_as_the_caller_chooses(
    site: Site, importer: Importer
) -> None:
    content = as_csv(GOOD, ("坏", "1"))
    made = importer.check(site, content)["id"]
    path = f"/v1/imports/{made}/apply"
    assert site.call("POST", path, {"agreed": "x"}).status_code == 409
    assert site.call("POST", path, {"skip_faulty": True}).get_json()["errors"][0]["field"].endswith("agreed")
    found = importer.apply(site, content, skip_faulty=True)
    assert (found["applied"], found["skipped"], found["new_people"] <= 1) == (1, 1, True)
    assert len(importer.people(site)) == 1


def test_a_workbooks_faults_have_the_rows_that_excel_shows(site: Site, importer: Importer) -> None:
    content = as_xlsx(("林小满", 13800009999), ("王", 12), above=3)
    assert importer.faults(site, content) == [(6, "B phone", "phone")]


def test_nothing_can_be_checked_that_is_not_complete(site: Site) -> None:
    made = upload(site, b"a" * 30, size=10)
    site.sql("DELETE FROM import_parts WHERE import_id = :id AND number = 2", id=made)
    answer = site.call("POST", f"/v1/imports/{made}/check")
    assert (answer.status_code, "2" in answer.get_json()["detail"]) == (409, True)
    assert site.expect(200, "GET", f"/v1/imports/{made}")["missing_parts"] == [2]
