"""Staff run an activity by clicking: drafted with a weekly series, published, changed, called off."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.registration.rooms_world import SHANGHAI, make_room
from tests.registration.test_series import shifts
from tests.registration.world import Site

FIRST = date.today() + timedelta(days=14)


def fill(visitor: Visitor, **fields: str) -> None:
    """Fill fields by their names; `__` stands for a dot."""
    for name, value in fields.items():
        visitor.page.locator(f'[name="{name.replace("__", ".")}"]').fill(value)


def test_a_taken_room_is_told_before_shifts_are_saved(
    visitor: Visitor, site: Site, staff_at: Callable[..., tuple[str, str]]
) -> None:
    page, room = visitor.page, make_room(site)
    begins = datetime.combine(FIRST, time(15), SHANGHAI)
    times = {"starts_at": begins.isoformat(), "ends_at": (begins + timedelta(hours=1)).isoformat()}
    site.expect(201, "POST", "/v1/bookings", times | {"room_id": room, "title": "消防培训"})
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/activities/{site.activity(room_id=room)}/shifts/new")
    fill(visitor, when__day=str(FIRST), when__time="15:30", when__minutes="60", when__times="2")
    fill(visitor, when__roles__0__capacity="10")
    page.get_by_label("重复").select_option("weekly")
    page.get_by_role("button", name="添加").click()
    expect(page.get_by_role("status")).to_contain_text("消防培训")
    visitor.look("shifts-clash")
    fill(visitor, when__time="14:30")
    page.get_by_role("button", name="添加").click()
    expect(page.get_by_role("status")).to_contain_text("消防培训")
    page.get_by_role("button", name="添加").click()
    expect(page.get_by_role("status")).to_contain_text("场次已添加")


def test_a_weekly_activity_from_the_form_to_the_end(
    visitor: Visitor, site: Site, staff_at: Callable[..., tuple[str, str]]
) -> None:
    page = visitor.page
    visitor.log_in(staff_at(site))
    visitor.open("/staff/activities")
    visitor.look("activities-none")
    page.get_by_role("link", name="新建活动").click()
    page.get_by_label("显示在公开日历上").uncheck()
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_role("alert")).to_be_visible()
    visitor.look("activity-new-wrong")
    fill(visitor, title_zh="暖阳探访", place="正门", when__day=str(FIRST), when__time="15:00", when__minutes="120")
    fill(visitor, when__times="4", when__skip=str(FIRST + timedelta(days=7)))
    fill(visitor, when__roles__0__capacity="10", when__roles__0__role_zh="探访志愿者")
    page.get_by_text("更多岗位").click()
    fill(visitor, when__roles__1__capacity="2", when__roles__1__role_zh="领队")
    page.get_by_label("重复").select_option("weekly")
    page.get_by_label("这是志愿服务").check()
    page.get_by_role("button", name="先预览场次").click()
    expect(page.get_by_role("status")).to_contain_text("共 3 场")
    visitor.look("activity-new-preview")
    expect(page.get_by_label("显示在公开日历上")).not_to_be_checked()
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_role("status")).to_contain_text("草稿已保存")
    visitor.look("activity-draft")
    page.get_by_role("link", name="发布").click()
    page.get_by_role("button", name="发布").click()
    expect(page.get_by_role("alert")).to_contain_text("风险")
    page.get_by_role("link", name="去填写").click()
    fill(visitor, risks_zh="雨天路滑，请结伴。")
    page.get_by_role("button", name="保存").click()
    page.get_by_role("link", name="发布").click()
    visitor.look("activity-publish")
    page.get_by_role("button", name="发布").click()
    expect(page.get_by_role("status")).to_contain_text("活动已发布")
    (activity,) = site.expect(200, "GET", "/v1/activities?status=published")["items"]
    assert not activity["public"] and activity["volunteering"]
    found = shifts(site, activity["id"])
    assert [shift["capacity"] for shift in found] == [10, 2] * 3 or [shift["capacity"] for shift in found] == [
        2,
        10,
    ] * 3
    site.sign_up(found[0]["id"])

    page.get_by_role("link", name="修改或取消").first.click()
    visitor.look("shift-edit")
    fill(visitor, time="15:30")
    page.get_by_label("之后的各场也这样改").check()
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status")).to_contain_text("涉及 1 人")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".card-list")).to_contain_text("15:30")
    expect(page.locator(".card-list")).not_to_contain_text("15:00")
    visitor.open(f"/staff/activities/shifts/{found[4]['id']}/cancel?following=1")
    visitor.look("shift-cancel")
    page.get_by_role("button", name="取消并通知").click()
    assert sum(shift["status"] == "cancelled" for shift in shifts(site, activity["id"])) == 2
    visitor.look("activity-published")
    page.get_by_role("link", name="结项").click()
    page.get_by_role("button", name="结项").click()
    expect(page.get_by_role("alert")).to_contain_text("还有场次没有结束")
    page.get_by_role("link", name="返回").click()
    page.get_by_role("link", name="取消活动").click()
    expect(page.locator("main")).to_contain_text("会通知 1 人")
    visitor.look("activity-cancel")
    page.get_by_role("button", name="取消活动并通知").click()
    expect(page.get_by_role("status")).to_contain_text("活动已取消")
    visitor.open(f"/staff/activities?week={FIRST}&status=cancelled")
    expect(page.get_by_role("link", name="暖阳探访")).to_be_visible()
    visitor.look("activities")


def test_a_form_keeps_what_was_cleared_and_notices_who_was_faster(
    make_visitor: Callable[..., Visitor], site: Site, staff_at: Callable[..., tuple[str, str]]
) -> None:
    visitor = make_visitor(java_script_enabled=False)
    activity = site.activity(description_zh="旧说明", public=True, per_person_limit=3)
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/activities/{activity}/edit")
    visitor.page.get_by_text("更多设置").click()
    fill(visitor, description_zh="", per_person_limit="", registration_opens_at="2030-05-01T09:00")
    visitor.page.get_by_label("显示在公开日历上").uncheck()
    visitor.page.get_by_role("button", name="保存").click()
    seen = site.expect(200, "GET", f"/v1/activities/{activity}")
    assert (seen["description_zh"], seen["public"], seen["per_person_limit"]) == ("", False, None)
    assert seen["registration_opens_at"] == "2030-05-01T01:00:00Z"
    assert (seen["reminder_minutes"], seen["offer_minutes"]) == ([1440, 120], 1440)
    visitor.open(f"/staff/activities/{activity}/edit")
    site.expect(200, "PATCH", f"/v1/activities/{activity}", {"place": "别处"}, If_Match="*")
    visitor.page.get_by_role("button", name="保存").click()
    expect(visitor.page.get_by_role("alert")).to_contain_text("请重新读取")


def test_what_a_role_asks_is_ticked_said_and_changed(
    visitor: Visitor, site: Site, staff_at: Callable[..., tuple[str, str]]
) -> None:
    page = visitor.page
    visitor.log_in(staff_at(site))
    visitor.open("/staff/activities/new")
    fill(visitor, title_zh="义诊", place="正门", when__day=str(FIRST), when__time="15:00", when__minutes="120")
    fill(visitor, when__roles__0__capacity="10")
    page.get_by_label("服务类别").select_option("health")
    role = page.get_by_role("group", name="岗位 1")
    role.get_by_text("报名要求").click()
    role.get_by_label("最小年龄").fill("18")
    for box in ("急救", "护士", "健康信息"):
        role.get_by_label(box).check()
    page.get_by_text("更多设置").click()
    page.get_by_label("一小时前").check()
    page.get_by_label("一天前").uncheck()
    page.get_by_role("button", name="先预览场次").click()
    expect(role.get_by_label("护士")).to_be_checked()
    expect(page.get_by_label("一小时前")).to_be_checked()
    visitor.look("activity-requirements")
    page.get_by_role("button", name="保存草稿").click()
    expect(page.locator("main")).to_contain_text("18 岁以上（含）；技能：急救；职业：护士；须同意：健康信息")
    (activity,) = site.expect(200, "GET", "/v1/activities")["items"]
    assert (activity["reminder_minutes"], activity["service_category"]) == ([120, 60], "health")
    (shift,) = shifts(site, activity["id"])
    asked = shift["requirements"]
    assert (asked["min_age"], asked["skills"], asked["professions"]) == (18, ["first_aid"], ["nurse"])
    site.expect(200, "PATCH", f"/v1/shifts/{shift['id']}", {"requirements": {"skills": ["juggling"]}}, If_Match="*")
    visitor.open(f"/staff/activities/shifts/{shift['id']}")
    expect(page.get_by_label("juggling")).to_be_checked()
    page.get_by_label("护士").check()
    visitor.look("shift-requirements")
    page.get_by_role("button", name="保存").click()
    asked = shifts(site, activity["id"])[0]["requirements"]
    assert (asked["min_age"], asked["skills"], asked["professions"]) == (None, ["juggling"], ["nurse"])


def test_another_sites_activity_is_not_there(
    site: Site, other: Site, visitor: Visitor, staff_at: Callable[..., tuple[str, str]]
) -> None:
    activity = other.activity()
    shift = other.shift(activity=activity)
    visitor.log_in(staff_at(site))
    for path in (activity, f"{activity}/edit", f"{activity}/cancel", f"{activity}/shifts/new", f"shifts/{shift}"):
        response = visitor.page.goto(f"{visitor.address}/staff/activities/{path}")
        assert response is not None and response.status == 404
