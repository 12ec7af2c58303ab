"""Imports and exports in a browser: a list is checked, mended and brought in; everything is exported."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from services.common.database import ACTING, Acting, Database
from services.registration.operations.exports.steps import write_exports
from services.registration.operations.imports.steps import work_on_imports
from services.registration.personal_data import PersonalData
from tests.browser.conftest import Visitor
from tests.registration.exchange.files import as_csv
from tests.registration.world import Site, fresh_phone

PAST = ("志愿者编号", "姓名", "电话", "活动名称", "服务日期", "服务地点", "服务内容", "服务时长", "负责人")
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
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("文件").set_input_files(file)
    page.get_by_role("button", name="上传并检查").click()
    visitor.look("import-checking")
    ACTING.set(Acting())
    work_on_imports(database, data, seconds=20)
    page.get_by_role("link", name="刷新进度").click()
    expect(page.get_by_role("cell", name="B 电话")).to_be_visible()
    visitor.look("import-checked")
    page.get_by_label("这些人怎样同意登记").fill("纸质报名表")
    page.get_by_role("button", name="确认导入").click()
    expect(page.get_by_text("有 2 行有错")).to_be_visible()
    page.get_by_label("跳过有错误的行").check()
    page.get_by_role("button", name="确认导入").click()
    work_on_imports(database, data, seconds=20)
    page.get_by_role("link", name="刷新进度").click()
    expect(page.get_by_text("已完成")).to_be_visible()
    visitor.look("import-done")


def test_a_large_list_of_volunteers_comes_in_without_a_script(
    make_visitor: Callable[..., Visitor],
    site: Site,
    staff_at: StaffAt,
    database: Database,
    data: PersonalData,
    tmp_path: Path,
) -> None:
    headings = ("姓名", "性别", "出生日期", "电话", "技能", "同意日期", "备注")
    people = [(f"志愿者{n}", "女", "1990-05-17", fresh_phone(), "歌唱", "2026-05-12", "x" * 600) for n in range(2_500)]
    file = tmp_path / "volunteers.csv"
    file.write_bytes(as_csv(*people, ("小明", "男", "2015-01-01", fresh_phone(), "飞行", "是", ""), headings=headings))
    assert file.stat().st_size > 1_500_000
    visitor = make_visitor(java_script_enabled=False)
    visitor.log_in(staff_at(site))
    visitor.open("/staff/imports")
    page = visitor.page
    page.get_by_label("名单种类").select_option("volunteers")
    page.get_by_label("文件").set_input_files(file)
    page.get_by_role("button", name="上传并检查").click()
    expect(page.get_by_text("文件已收到")).to_be_visible()
    ACTING.set(Acting())
    work_on_imports(database, data, seconds=60)
    page.get_by_role("link", name="刷新进度").click()
    expect(page.get_by_role("cell", name="E 技能")).to_be_visible()
    page.get_by_label("这些人怎样同意登记").fill("纸质登记表，2026 年 5 月")
    page.get_by_label("跳过有错误的行").check()
    page.get_by_role("button", name="确认导入").click()
    work_on_imports(database, data, seconds=60)
    page.get_by_role("link", name="刷新进度").click()
    expect(page.get_by_text("已完成")).to_be_visible()
    ((count,),) = site.sql("SELECT count(*) FROM volunteer_sites WHERE site_id = :id", id=site.id)
    assert count == 2_500


def test_the_import_of_volunteers_in_english(
    visitor: Visitor, site: Site, staff_at: StaffAt, database: Database, data: PersonalData, tmp_path: Path
) -> None:
    file = tmp_path / "volunteers.csv"
    rows = [("Lin", "f", "1990-05-17", fresh_phone(), "yes"), ("Wang", "?", "2015-01-01", fresh_phone(), "no")]
    file.write_bytes(as_csv(*rows, headings=("name", "sex", "birth date", "phone", "agreed")))
    visitor.log_in(staff_at(site))
    visitor.speak("en")
    visitor.open("/staff/imports")
    visitor.look("imports-en")
    visitor.page.get_by_label("Kind of list").select_option("volunteers")
    visitor.page.get_by_label("File").set_input_files(file)
    visitor.page.get_by_role("button", name="Upload and check").click()
    ACTING.set(Acting())
    work_on_imports(database, data, seconds=20)
    visitor.page.get_by_role("link", name="Look again").click()
    expect(visitor.page.get_by_role("cell", name="B sex")).to_be_visible()
    visitor.look("import-volunteers-en")


def test_past_service_is_looked_at_by_a_second_person(
    make_visitor: Callable[..., Visitor],
    site: Site,
    staff_at: StaffAt,
    database: Database,
    data: PersonalData,
    tmp_path: Path,
) -> None:
    phone = fresh_phone()
    person = site.sign_up(site.shift(), name="林小满", phone=phone)["person_id"]
    file = tmp_path / "past.csv"
    what = ("指尖科普课堂", "2021-05-12", "赛马场区域党群服务中心", "教老年人使用智能手机", "1.5", "李主任")
    rows = [("", "林小满", phone, *what), ("", "林小满", phone, what[0], "昨天", *what[2:])]
    file.write_bytes(as_csv(*rows, headings=PAST))
    first, second = make_visitor(), make_visitor()
    first.log_in(staff_at(site))
    second.log_in(staff_at(site))
    first.open("/staff/imports")
    first.page.get_by_label("名单种类").select_option("records")
    first.page.get_by_label("文件").set_input_files(file)
    first.page.get_by_role("button", name="上传并检查").click()
    ACTING.set(Acting())
    work_on_imports(database, data, seconds=20)
    first.page.get_by_role("link", name="刷新进度").click()
    expect(first.page.get_by_text("须由另一位工作人员核对并导入")).to_be_visible()
    expect(first.page.get_by_role("button", name="确认导入")).not_to_be_visible()
    first.look("import-past-waits")
    second.open("/staff/")
    second.page.get_by_role("link", name="1 行过去的服务记录").click()
    expect(second.page.get_by_role("cell", name="教老年人使用智能手机")).to_be_visible()
    second.look("import-past-approve")
    second.page.get_by_label("时长的依据").fill("2021 年纸质签到册")
    second.page.get_by_label("跳过有错误的行").check()
    second.page.get_by_role("button", name="确认导入").click()
    work_on_imports(database, data, seconds=20)
    second.page.get_by_role("link", name="刷新进度").click()
    expect(second.page.get_by_text("已完成")).to_be_visible()
    second.look("import-past-done")
    (record,) = site.sql("SELECT how, minutes FROM service_records WHERE person_id = :id", id=person)
    assert (record.how, record.minutes) == ("imported", 90)


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
