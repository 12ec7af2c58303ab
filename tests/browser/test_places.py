"""Staff's pages of rooms, teams and the centre: each task is done by clicking, at both sizes, and axe finds nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from playwright.sync_api import expect

from services.common.auth import Role
from services.registration.operations.staff.links import Links
from services.registration.personal_data import PersonalData
from tests.browser.conftest import Visitor
from tests.registration.rooms_world import at, book, make_room, make_team, next_monday, set_up
from tests.registration.world import Site, fresh_phone


def test_a_week_of_rooms_a_request_and_a_series(visitor: Visitor, site: Site, staff_at: Callable[..., Any]) -> None:
    page = visitor.page
    hall, small = make_room(site, setup_minutes=15, approval=True), make_room(site, name_zh="小教室", capacity=12)
    team = make_team(site)
    set_up(site, team_minutes_per_week=600, opening_hours={"mon": [["08:00", "22:00"]], "thu": [["08:00", "22:00"]]})
    book(site, hall, 19, 21, team_id=team)
    book(site, small, 9, 11, title="书法班")
    book(site, small, 24 * 7 + 19.5, 24 * 7 + 21, title="消防培训")
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/rooms/?week={next_monday()}")
    visitor.look("rooms-week")
    page.get_by_role("button", name="批准").click()
    expect(page.get_by_role("status")).to_contain_text("已批准")
    visitor.open(f"/staff/rooms/book?room_id={small}&first_day={next_monday()}")
    page.get_by_label("队伍").select_option(label="暖阳合唱团")
    page.get_by_label("从").fill("19:00")
    page.get_by_label("到", exact=True).fill("21:00")
    page.get_by_label("重复", exact=True).select_option("FREQ=WEEKLY")
    page.get_by_label("重复时共几次").fill("3")
    page.get_by_role("button", name="预约（重复时先核对日期）").click()
    expect(page.locator("main")).to_contain_text("消防培训")
    visitor.look("rooms-preview")
    page.get_by_role("button", name="保存可用的 2 个日期").click()
    assert len(site.expect(200, "GET", f"/v1/bookings?team_id={team}")["items"]) == 3
    page.get_by_role("link", name="暖阳合唱团").locator("visible=true").first.click()
    visitor.look("booking")
    page.get_by_label("原因").fill("改期")
    page.get_by_role("button", name="取消预约").click()
    taken = site.expect(200, "GET", f"/v1/bookings?room_id={small}&status=cancelled")["items"]
    taken += site.expect(200, "GET", f"/v1/bookings?room_id={hall}&status=cancelled")["items"]
    assert [one["reason"] for one in taken] == ["改期"]


def test_a_block_recurs_without_some_days_and_the_rest_is_given_up(
    visitor: Visitor, site: Site, staff_at: Callable[..., Any]
) -> None:
    page, room = visitor.page, make_room(site)
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/rooms/book?room_id={room}&first_day={next_monday()}")
    page.get_by_label("用途").fill("清洁")
    page.get_by_label("从").fill("06:00")
    page.get_by_label("到", exact=True).fill("07:00")
    page.get_by_label("重复", exact=True).select_option("FREQ=WEEKLY")
    page.get_by_label("重复时共几次").fill("3")
    page.get_by_label("停用房间").check()
    page.get_by_label("重复时哪几天不用").fill("明天")
    page.get_by_role("button", name="预约（重复时先核对日期）").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("重复时哪几天不用").fill(str(next_monday() + timedelta(days=7)))
    page.get_by_role("button", name="预约（重复时先核对日期）").click()
    visitor.look("rooms-block-series")
    page.get_by_role("button", name="保存可用的 2 个日期").click()
    page.get_by_role("link", name="清洁").locator("visible=true").first.click()
    page.get_by_role("link", name="取消其余各次…").click()
    visitor.look("booking-rest")
    page.get_by_label("原因").fill("改由物业清洁")
    page.get_by_role("button", name="取消这 2 次").click()
    expect(page.get_by_role("status")).to_contain_text("已取消 2 个预约")
    visitor.open(f"/staff/rooms/{room}")
    page.get_by_label("不再使用").check()
    page.get_by_role("button", name="保存").click()
    assert site.expect(200, "GET", f"/v1/rooms/{room}")["retired"]
    expect(page.get_by_text("不再使用").locator("visible=true").first).to_be_visible()
    visitor.look("rooms-retired")


def test_a_room_is_added_and_a_taken_time_is_refused(
    visitor: Visitor, site: Site, staff_at: Callable[..., Any]
) -> None:
    page = visitor.page
    visitor.log_in(staff_at(site))
    visitor.open("/staff/rooms/new")
    visitor.look("room")
    page.get_by_label("中文名称").fill("排练厅")
    page.get_by_label("英文名称").fill("Hall")
    page.get_by_label("可容纳人数").fill("40")
    page.get_by_label("设备").fill("钢琴、音响")
    page.get_by_role("button", name="保存").click()
    room = site.expect(200, "GET", "/v1/rooms")["items"][0]
    assert (room["equipment"], room["for_teams"], room["approval"]) == (["钢琴", "音响"], True, False)
    book(site, room["id"], 9, 11, title="书法班")
    visitor.open(f"/staff/rooms/book?first_day={at(0).date()}")
    page.get_by_label("用途").fill("会议")
    page.get_by_label("从").fill("10:00")
    page.get_by_label("到", exact=True).fill("12:00")
    page.get_by_role("button", name="预约（重复时先核对日期）").click()
    expect(page.get_by_role("alert")).to_contain_text("书法班")
    visitor.look("booking-refused")


def test_a_team_gets_members(visitor: Visitor, site: Site, staff_at: Callable[..., Any]) -> None:
    page, phone = visitor.page, fresh_phone()
    site.sign_up(site.shift(), name="林溪", phone=phone)
    visitor.log_in(staff_at(site))
    visitor.open("/staff/teams/new")
    page.get_by_label("中文名称").fill("暖阳合唱团")
    page.get_by_label("英文名称").fill("Warm Sun choir")
    page.get_by_role("button", name="保存").click()
    for name, word in (("没有此人", "本站没有"), ("林溪", "")):
        page.get_by_label("姓名").fill(name)
        page.get_by_label("电话").fill(phone)
        page.get_by_label("怎样同意的").fill("签署名单")
        page.get_by_role("button", name="邀请或添加").click()
        expect(page.locator("main")).to_contain_text(word)
    page.get_by_role("button", name="设为队长").click()
    visitor.look("team")
    visitor.open("/staff/teams/")
    expect(page.locator("main")).to_contain_text("1 名成员")
    visitor.look("teams")


def test_the_centre_is_set_up(visitor: Visitor, site: Site, staff_at: Callable[..., Any]) -> None:
    page = visitor.page
    visitor.log_in(staff_at(site))
    visitor.open("/staff/centre/settings")
    page.get_by_label("周一").fill("08:00-12:00 14:00-21:00")
    holidays = "2026-10-01 国庆节 | National Day\n2026-10-08 09:00-12:00 半天"
    page.get_by_label("节假日和例外").fill(holidays)
    page.get_by_label("地址").fill("赛马场 1 号")
    page.get_by_label("每队每周最多几小时").fill("6")
    page.get_by_label("颜色").fill("#ffee00")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert")).to_contain_text("太浅")
    page.get_by_label("颜色").fill("#a01020")
    page.get_by_role("button", name="保存").click()
    visitor.look("settings")
    expect(page.get_by_label("节假日和例外")).to_have_value(holidays)
    page.get_by_role("button", name="保存").click()
    assert site.expect(200, "GET", f"/v1/sites/{site.id}")["address"] == "赛马场 1 号"
    saved = site.expect(200, "GET", f"/v1/sites/{site.id}/settings")
    assert saved["opening_hours"] == {"mon": [["08:00", "12:00"], ["14:00", "21:00"]]}
    assert (saved["team_minutes_per_week"], saved["exceptions"][1]["hours"]) == (360, [["09:00", "12:00"]])
    assert saved["exceptions"][0]["note_en"] == "National Day"
    site.expect(201, "POST", "/v1/organisations", {"name_zh": "省合唱协会"})
    visitor.open("/staff/centre/designations")
    page.get_by_label("中文名称").fill("合唱艺术基地")
    page.get_by_label("从").fill("2022-06-29")
    page.get_by_role("button", name="登记").click()
    expect(page.get_by_role("alert")).to_contain_text("请填写授牌单位")
    page.get_by_label("授牌单位（名录）").select_option(label="省合唱协会")
    page.get_by_role("button", name="登记").click()
    visitor.look("designations")
    page.get_by_role("link", name="更正").click()
    page.get_by_label("中文名称").fill("山西省合唱艺术基地")
    visitor.look("designation-correct")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("main")).to_contain_text("山西省合唱艺术基地")
    expect(page.locator("main")).to_contain_text("省合唱协会")
    page.get_by_role("link", name="撤销").click()
    page.get_by_label("原因").fill("评估未通过")
    page.get_by_label("从哪天起撤销").fill("2023-01-31")
    visitor.look("designation-revoke")
    page.get_by_role("button", name="撤销").click()
    expect(page.locator("main")).to_contain_text("已撤销")
    expect(page.locator("main")).to_contain_text("2023年1月31日")


def test_organisations_are_added_and_corrected(
    visitor: Visitor, site: Site, other: Site, staff_at: Callable[..., Any]
) -> None:
    page = visitor.page
    visitor.log_in(staff_at(site, Role.OPERATOR))
    visitor.open("/staff/centre/organisations")
    page.get_by_label("中文名称").fill("市民政局")
    page.get_by_label("全市通用").check()
    page.get_by_role("button", name="添加").click()
    visitor.look("organisations")
    page.get_by_role("link", name="市民政局").first.click()
    page.get_by_label("英文名称").fill("Civil affairs bureau")
    page.get_by_label("类型").select_option("government")
    visitor.look("organisation")
    page.get_by_role("button", name="保存").click()
    told = [one for one in other.expect(200, "GET", "/v1/organisations?q=Civil")["items"] if one["site_id"] is None]
    assert told[-1]["kind"] == "government"
    page.context.clear_cookies()
    visitor.log_in(staff_at(site))
    visitor.open("/staff/centre/organisations")
    expect(page.get_by_label("全市通用")).to_have_count(0)
    expect(page.get_by_role("link", name="市民政局")).to_have_count(0)


def test_narrower_hours_show_whom_they_strand(visitor: Visitor, site: Site, staff_at: Callable[..., Any]) -> None:
    page, room = visitor.page, make_room(site)
    book(site, room, 19, 21, title="晚场排练")
    visitor.log_in(staff_at(site))
    visitor.open("/staff/centre/settings")
    page.get_by_label("周一").fill("08:00-18:00")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("晚场排练")
    visitor.look("settings-stranded")
    assert site.expect(200, "GET", f"/v1/sites/{site.id}/settings")["opening_hours"] == {}
    page.get_by_role("button", name="知道了，仍然保存").click()
    assert len(site.expect(200, "GET", "/v1/bookings/outside-hours")["items"]) == 1
    visitor.open(f"/staff/rooms/?week={next_monday()}")
    visitor.look("rooms-outside")
    page.get_by_role("link", name="晚场排练").locator("visible=true").first.click()
    expect(page.locator("main")).to_contain_text("开放时间外")


def test_an_invitation_is_accepted_by_its_link(visitor: Visitor, site: Site, data: PersonalData) -> None:
    singer = site.sign_up(site.shift(), email="singer@example.com")["person_id"]
    team = make_team(site)
    site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": singer})
    row = site.sql("SELECT id FROM links WHERE purpose = 'team_invitation' AND subject = :team", team=team)[0]
    visitor.open(f"/links/{Links(data, '').token(row.id)}")
    visitor.look("team-invitation")
    assert site.expect(200, "GET", f"/v1/teams/{team}/members")["items"][0]["status"] == "invited"
    visitor.page.get_by_role("button", name="我要加入").click()
    visitor.look("team-joined")
    member = site.expect(200, "GET", f"/v1/teams/{team}/members")["items"][0]
    assert (member["status"], member["agreed"]) == ("member", "link")
    again = visitor.page.goto(f"{visitor.address}/links/{Links(data, '').token(row.id)}")
    assert again is not None and again.status == 200, "it shows the team, and asks no more"
    expect(visitor.page.get_by_role("button", name="我要加入")).to_have_count(0)
