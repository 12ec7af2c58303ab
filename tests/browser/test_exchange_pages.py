"""Imports and exports in a browser: a list is checked, mended and brought in; everything is exported."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from services.common.database import ACTING, Acting, Database
from services.registration.operations.exports.steps import write_exports
from services.registration.operations.imports.steps import work_on_imports
from services.registration.personal_data import PersonalData
from tests.browser.conftest import Visitor
from tests.registration.exchange.files import as_csv
from tests.registration.world import Site, fresh_phone

StaffAt = Callable[..., tuple[str, str]]


def test_staff_import_a_list(
    visitor: Visitor, site: Site, staff_at: StaffAt, database: Database, data: PersonalData, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(as_csv(("林小满", fresh_phone()), ("王小明", "12"), ("", fresh_phone())))
    visitor.log_in(staff_at(site))
    visitor.open("/staff/imports")
    visitor.look("imports")
    page = visitor.page
    page.get_by_role("button", name="上传并检查").click()
    assert page.get_by_role("alert").is_visible()
    page.get_by_label("文件").set_input_files(file)
    page.get_by_role("button", name="上传并检查").click()
    visitor.look("import-checking")
    ACTING.set(Acting())
    work_on_imports(database, data, seconds=20)
    page.get_by_role("link", name="刷新进度").click()
    assert page.get_by_role("cell", name="B 电话").is_visible()
    visitor.look("import-checked")
    page.get_by_label("这些人怎样同意登记").fill("纸质报名表")
    page.get_by_role("button", name="确认导入").click()
    assert page.get_by_text("有 2 行有错").is_visible()
    page.get_by_label("跳过有错误的行").check()
    page.get_by_role("button", name="确认导入").click()
    work_on_imports(database, data, seconds=20)
    page.get_by_role("link", name="刷新进度").click()
    assert page.get_by_text("已完成").is_visible()
    visitor.look("import-done")


def test_staff_export_everything(
    visitor: Visitor, site: Site, staff_at: StaffAt, database: Database, data: PersonalData
) -> None:
    visitor.log_in(staff_at(site))
    visitor.open("/staff/exports")
    page = visitor.page
    page.get_by_role("button", name="开始导出").click()
    ACTING.set(Acting())
    write_exports(database, data)
    page.get_by_role("link", name="刷新").click()
    visitor.look("exports")
    with page.expect_download() as fetched:
        page.get_by_role("link", name="下载").click()
    assert zipfile.ZipFile(fetched.value.path()).testzip() is None
