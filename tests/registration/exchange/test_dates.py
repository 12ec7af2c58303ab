"""Days as people and spreadsheets write them: each is the day that was meant, or a fault at its row and column."""

from datetime import date, datetime

import pytest

from services.registration.spreadsheets.dates import as_date
from tests.registration.exchange.files import Importer, as_csv, as_xlsx
from tests.registration.world import Site, fresh_phone

MEANT = {
    "2026-03-01": "2026-03-01",
    "2026-3-1": "2026-03-01",
    "2026/3/1": "2026-03-01",
    "2026.3.1": "2026-03-01",
    "2026年3月1日": "2026-03-01",
    "20260301": "2026-03-01",
    "2026-03-01 00:00:00": "2026-03-01",
    "2000-02-29": "2000-02-29",
    "22475": "1961-07-13",
    "9133": "1925-01-01",
}
NO_DAY = (
    "2026-02-30", "1900-02-29", "2023-02-29", "2026-13-01", "2026-00-10", "20261301", "01/02/2026", "1/2/26", "26-3-1",
    "2026-03", "1961", "2026", "60", "0", "-1", "999999", "2026年3月", "三月一日", "2026-03-01 08:30", "2026-03-01x",
)  # fmt: skip


@pytest.mark.parametrize(("written", "day"), MEANT.items())
def test_a_day_is_the_one_that_was_meant(written: str, day: str) -> None:
    assert as_date(written) == date.fromisoformat(day)


def test_what_is_no_day_is_a_fault_by_row_and_column_in_both_languages(site: Site, importer: Importer) -> None:
    made = importer.check(site, as_csv(*(("林小满", fresh_phone(), "", written) for written in NO_DAY)))
    found = site.expect(200, "GET", f"/v1/imports/{made['id']}/faults?limit=200")["items"]
    words = {"code": "date", "zh": "不是日期。请写成 1961-07-13。", "en": "Is no date. Write it as 1961-07-13."}
    rows = range(2, len(NO_DAY) + 2)
    assert sorted(found, key=lambda one: one["row"]) == [{"row": row, "column": "D birth_date"} | words for row in rows]
    assert made["good_rows"] == 0


def test_a_workbooks_own_days_are_read_and_its_wrong_ones_are_faults(site: Site, importer: Importer) -> None:
    rows = [
        ("林小满", fresh_phone(), "", datetime(1961, 7, 13)),
        ("王晓光", fresh_phone(), "", 22475),
        ("李无日", fresh_phone(), "", 60),
        ("赵有年", fresh_phone(), "", 1961),
        ("周非日", fresh_phone(), "", "2026-02-30"),
    ]
    made = importer.apply(site, as_xlsx(*rows), skip_faulty=True)
    faults = site.expect(200, "GET", f"/v1/imports/{made['id']}/faults")["items"]
    assert [(one["row"], one["column"], one["code"]) for one in faults] == [
        (row, "D birth_date", "date") for row in (4, 5, 6)
    ]
    assert {(name, born) for name, *_, born in importer.people(site)} == {
        ("林小满", "1961-07-13"), ("王晓光", "1961-07-13"),
    }  # fmt: skip
