"""Files as sites send them, and their way through an import, over HTTP and through the worker's own functions."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import xlsxwriter

from services.common.database import ACTING, Acting, Database
from services.registration.operations.imports.steps import work_on_imports
from services.registration.personal_data import PersonalData
from tests.registration.world import Caller, Site

HEADINGS = ("姓名", "电话", "电子邮件", "出生日期")
AGREED = {"agreed": "报名表 paper form"}


def as_csv(*rows: Sequence[str], headings: Sequence[str] = HEADINGS) -> bytes:
    """UTF-8, no BOM."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows([headings, *rows])
    return buffer.getvalue().encode()


def as_xlsx(*rows: Sequence[Any], headings: Sequence[str] = HEADINGS, above: int = 0) -> bytes:
    """A workbook as Excel writes it: numbers are numbers, dates are dates."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "default_date_format": "yyyy/m/d"}) as book:
        sheet = book.add_worksheet("名单")
        book.add_worksheet("空")
        for number, row in enumerate([headings, *rows]):
            sheet.write_row(number + above, 0, row)
    return content.getvalue()


def upload(caller: Caller, content: bytes, kind: str = "people", size: int = 900_000, **more: str) -> str:
    """Id of an import to which all of the content was sent."""
    made = caller.expect(201, "POST", "/v1/imports", {"kind": kind} | more)["id"]
    for number, begin in enumerate(range(0, max(1, len(content)), size), start=1):
        put(caller, made, number, content[begin : begin + size])
    return made


def put(caller: Caller, made: str, number: int, content: bytes, status: int = 200) -> Any:
    """Send one part."""
    answer = caller.app.test_client().put(
        f"/v1/imports/{made}/parts/{number}",
        data=content,
        headers={"Authorization": f"Bearer {caller.key}", "Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()


class Importer:
    """Takes files all the way."""

    def __init__(self, database: Database, data: PersonalData) -> None:
        self.database, self.data = database, data

    def work(self) -> int:
        """What the worker would do now, on nobody's behalf."""
        ACTING.set(Acting())
        return work_on_imports(self.database, self.data, seconds=60)

    def check(self, site: Site, content: bytes, kind: str = "people", size: int = 900_000) -> dict[str, Any]:
        """The import after its dry run."""
        made = upload(site, content, kind, size)
        site.expect(200, "POST", f"/v1/imports/{made}/check")
        self.work()
        found = site.expect(200, "GET", f"/v1/imports/{made}")
        assert found["state"] == "checked", found
        return found

    def faults(self, site: Site, content: bytes, kind: str = "people", size: int = 900_000) -> list[tuple[Any, ...]]:
        """(row, column, code) of everything that is wrong with it."""
        made = self.check(site, content, kind, size)["id"]
        found = site.expect(200, "GET", f"/v1/imports/{made}/faults?limit=200")["items"]
        return sorted((one["row"], one["column"], one["code"]) for one in found)

    def apply(
        self, site: Site, content: bytes, kind: str = "people", size: int = 900_000, **how: Any
    ) -> dict[str, Any]:
        """The import after everything."""
        made = self.check(site, content, kind, size)["id"]
        site.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED | how)
        self.work()
        found = site.expect(200, "GET", f"/v1/imports/{made}")
        assert found["state"] == "done", found
        return found

    def people(self, site: Site) -> list[tuple[str, ...]]:
        """(name, phone, email, birth date) of everybody whom the site knows, sorted."""
        rows = site.sql("SELECT name, phone, email, birth_date FROM person_sites WHERE site_id = :id", id=site.id)
        return sorted(tuple(self.data.decrypt(cell) if cell else "" for cell in row) for row in rows)
