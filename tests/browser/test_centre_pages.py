"""Staff's pages about places that are done by clicking: a booking moved, the week printed, a logo, who takes part in an
activity, the table of areas."""

import uuid
from collections.abc import Callable

from playwright.sync_api import expect

from services.common.auth import Role
from tests.browser.conftest import Visitor
from tests.registration.rooms_world import at, book, make_room, next_monday
from tests.registration.test_logos import image
from tests.registration.world import Site

Staff = Callable[..., tuple[str, str]]


def test_a_booking_is_moved_once_nothing_is_against_it(visitor: Visitor, site: Site, staff_at: Staff) -> None:
    page = visitor.page
    hall, small = make_room(site), make_room(site, name_zh="小教室")
    mine = book(site, hall, 9, 11, title="书法班")
    book(site, hall, 14, 16, title="消防培训")
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/rooms/bookings/{mine['id']}")
    visitor.look("booking-one")
    page.get_by_role("link", name="改时间或房间").click()
    page.get_by_label("从").fill("15:00")
    page.get_by_label("到", exact=True).fill("17:00")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert")).to_contain_text("消防培训")
    expect(page.locator("main")).to_contain_text("那时空着的房间：小教室")
    visitor.look("booking-move-refused")
    assert site.expect(200, "GET", f"/v1/bookings/{mine['id']}")["version"] == 1
    page.get_by_label("房间", exact=True).select_option(label="小教室")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status")).to_contain_text("预约已改")
    moved = site.expect(200, "GET", f"/v1/bookings/{mine['id']}")
    assert (moved["room_id"], moved["starts_at"][:13]) == (small, at(15).astimezone().isoformat()[:13])


def test_the_week_is_a_list_to_print_and_a_table(visitor: Visitor, site: Site, staff_at: Staff) -> None:
    page, hall = visitor.page, make_room(site, name_zh="排练厅")
    book(site, hall, 9, 11, title="=书法班")
    book(site, hall, 30, 80, block=True, title="维修")
    book(site, hall, 24 * 7 + 9, 24 * 7 + 11, title="下周的")
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/rooms/?week={next_monday()}")
    page.get_by_role("link", name="打印或导出这一周").click()
    visitor.look("rooms-list")
    assert visitor.words().count("维修") == 3
    expect(page.locator("main")).not_to_contain_text("下周的")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载表格（CSV）").click()
    raw = download.value.path().read_bytes()
    lines = raw.decode("utf-8-sig").splitlines()
    assert lines[0] == "日期,从,到,房间,用途,状态"
    assert lines[1] == f"{next_monday()},09:00,11:00,排练厅,'=书法班,已确认"
    assert len(lines) == 3 and lines[2].endswith("维修,停用")


def test_a_finding_above_a_long_form_names_its_field(visitor: Visitor, site: Site, staff_at: Staff) -> None:
    visitor.log_in(staff_at(site))
    visitor.open("/staff/centre/settings")
    visitor.page.get_by_label("颜色").fill("#eeeeee")
    visitor.page.get_by_label("周一").fill("12:00-08:00")
    visitor.page.get_by_role("button", name="保存").click()
    told = visitor.words("[role=alert]")
    assert "颜色：太浅" in told and "周一：每段应先开后关" in told
    visitor.look("settings-wrong")


def test_a_logo_is_given_and_shown(visitor: Visitor, site: Site, staff_at: Staff) -> None:
    page = visitor.page
    visitor.log_in(staff_at(site))
    visitor.open("/staff/centre/settings")
    page.get_by_role("link", name="标志（图片）").click()
    page.get_by_role("button", name="上传").click()
    expect(page.get_by_role("alert")).to_contain_text("请选择")
    svg = {"name": "logo.png", "mimeType": "image/png", "buffer": b"<svg onload='alert(1)'/>"}
    page.get_by_label("图片文件").set_input_files(svg)  # type: ignore[arg-type]
    page.get_by_role("button", name="上传").click()
    expect(page.get_by_role("alert")).to_contain_text("SVG")
    good = {"name": "logo.png", "mimeType": "image/png", "buffer": image(size=96)}
    page.get_by_label("图片文件").set_input_files(good)  # type: ignore[arg-type]
    page.get_by_role("button", name="上传").click()
    expect(page.get_by_role("status")).to_contain_text("标志已保存")
    visitor.look("logo")
    answer = page.request.get(f"{visitor.address}/v1/sites/{site.id}/logo")
    assert (answer.headers["content-type"], answer.headers["x-content-type-options"]) == ("image/png", "nosniff")
    visitor.open(f"/sites/{site.id}")
    assert page.locator("img.logo").evaluate("one => one.naturalWidth") == 96
    visitor.look("site-with-logo")
    visitor.open("/staff/centre/logo")
    page.get_by_role("button", name="去掉标志").click()
    assert not site.expect(200, "GET", f"/v1/sites/{site.id}/settings")["has_logo"]


def test_who_takes_part_in_an_activity(visitor: Visitor, site: Site, staff_at: Staff) -> None:
    page, activity = visitor.page, site.activity()
    choir, bureau = (
        site.expect(201, "POST", "/v1/organisations", {"name_zh": name})["id"] for name in ("合唱协会", "民政局")
    )
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/activities/{activity}")
    page.get_by_role("link", name="参与单位").click()
    first, second = page.get_by_role("group", name="第 1 个单位"), page.get_by_role("group", name="第 2 个单位")
    first.get_by_label("单位").select_option(bureau)
    first.get_by_label("角色").select_option("guiding_unit")
    second.get_by_label("单位").select_option(bureau)
    second.get_by_label("角色").select_option("guiding_unit")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert")).to_contain_text("重复")
    visitor.look("activity-organisations")
    second.get_by_label("单位").select_option(choir)
    second.get_by_label("角色").select_option("partner")
    page.get_by_role("button", name="保存").click()
    visitor.look("activity-with-organisations")
    parts = f"/v1/activities/{activity}/organisations"
    told = site.expect(200, "GET", parts)["organisations"]
    assert [(one["organisation_id"], one["role"]) for one in told] == [(bureau, "guiding_unit"), (choir, "partner")]
    page.get_by_role("link", name="参与单位").click()
    first.get_by_label("单位").select_option("")
    page.get_by_role("button", name="保存").click()
    assert [one["name_zh"] for one in site.expect(200, "GET", parts)["organisations"]] == ["合唱协会"]


def test_the_table_of_areas_is_tried_then_imported(visitor: Visitor, site: Site, staff_at: Staff) -> None:
    page, code = visitor.page, f"T{uuid.uuid4().hex[:12]}"
    visitor.log_in(staff_at(site, Role.AREA_ADMIN))
    visitor.open("/staff/")
    page.get_by_role("link", name="导入区划表").click()
    head = "code,parent,level,name_zh,name_en\n"
    page.get_by_label("或者粘贴表格").fill(head + f"{code},140000,town,新市,New\n{code}x,130000,city,别处,Else\n")
    page.get_by_role("button", name="先核对").click()
    expect(page.get_by_role("status")).to_contain_text("有 ")
    expect(page.locator("table")).to_contain_text("level")
    visitor.look("areas-faults")
    table = head + f"{code},140000,city,新市,New\n"
    file = {"name": "areas.csv", "mimeType": "text/csv", "buffer": table.encode("gb18030")}
    page.get_by_label("或者粘贴表格").fill("")
    page.get_by_label("文件（CSV）").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="先核对").click()
    expect(page.get_by_role("status")).to_contain_text("没有错误，还没有导入")
    visitor.look("areas-tried")
    assert site.call("GET", f"/v1/areas/{code}").status_code == 404
    page.get_by_role("button", name="导入").click()
    assert site.expect(200, "GET", f"/v1/areas/{code}")["name_zh"] == "新市"
    page.context.clear_cookies()
    visitor.log_in(staff_at(site))
    refused = page.goto(f"{visitor.address}/staff/areas/import")
    assert refused is not None and refused.status == 403
