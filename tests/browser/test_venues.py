"""Staff see who would move before they move anybody: caps of venues, smaller shifts, other requirements."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.test_activities import fill
from tests.registration.test_ages import born
from tests.registration.test_series import first_tuesday, make, rehearsals, shifts
from tests.registration.world import Site, somebody


def test_a_venue_with_its_cap_from_the_menu_to_who_moves(
    visitor: Visitor, site: Site, staff_at: Callable[..., Any]
) -> None:
    page = visitor.page
    visitor.log_in(staff_at(site))
    visitor.open("/staff/")
    page.get_by_text("更多", exact=True).first.click()
    page.get_by_role("link", name="场馆").click()
    visitor.look("venues-none")
    page.get_by_role("link", name="添加场馆").click()
    page.get_by_role("button", name="添加").click()
    expect(page.get_by_role("alert")).to_be_visible()
    visitor.look("venue-new")
    fill(visitor, name_zh="多功能厅", name_en="Main Hall", capacity="4")
    page.get_by_role("button", name="添加").click()
    expect(page.get_by_role("status")).to_contain_text("场馆已添加")
    activity, other = site.activity(title_zh="大合唱"), site.activity(title_zh="义诊")
    choir, clinic = site.shift(4, activity, 900), site.shift(4, other, 901)
    for one in (activity, other):
        visitor.open(f"/staff/activities/{one}/edit")
        page.get_by_label("场馆").select_option("多功能厅")
        page.get_by_role("button", name="保存").click()
    page.get_by_role("link", name="多功能厅").click()
    first, last = site.sign_up(choir, name="先来的"), site.sign_up(clinic, name="后到的")
    page.reload()
    expect(page.locator("main")).to_contain_text("这时全馆合计 2 / 4")
    fill(visitor, percent="25")
    page.get_by_role("button", name="先看影响谁").click()
    told = visitor.words("[role=status]")
    assert "新的上限：1 人" in told and "后到的" in told and "先来的" not in told
    assert site.statuses(first, last) == ["confirmed", "confirmed"]
    visitor.look("venue-preview")
    page.get_by_role("button", name="按此执行并通知").click()
    expect(page.get_by_role("status")).to_contain_text("新的上限已生效")
    assert site.statuses(first, last) == ["confirmed", "waitlisted"]
    visitor.look("venue")
    fill(visitor, percent="100")
    page.get_by_role("button", name="先看影响谁").click()
    expect(page.get_by_role("status")).to_contain_text("没有人会失去名额")
    page.get_by_role("button", name="按此执行").click()
    assert site.statuses(first, last) == ["confirmed", "confirmed"]


def test_fewer_places_and_other_requirements_show_whom_they_concern(
    visitor: Visitor, site: Site, staff_at: Callable[..., Any]
) -> None:
    page, shift = visitor.page, site.shift(3)
    people = [site.sign_up(shift, name=name) for name in ("甲居民", "乙居民")]
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/activities/shifts/{shift}")
    page.get_by_text("报名要求").click()
    fill(visitor, capacity="1", requirements__min_age="60")
    page.get_by_role("button", name="保存").click()
    told = visitor.words("[role=status]")
    assert "还没有保存" in told and told.count("甲居民") == 1 and told.count("乙居民") == 2 and "不符：年龄" in told
    assert site.statuses(*people) == ["confirmed", "confirmed"]
    visitor.look("shift-concerned")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status")).to_contain_text("场次已修改")
    assert site.statuses(*people) == ["confirmed", "waitlisted"]


def test_a_series_is_previewed_with_what_stays_and_its_role_is_renamed(
    visitor: Visitor, site: Site, staff_at: Callable[..., Any]
) -> None:
    page, activity = visitor.page, site.activity()
    make(site, activity, rehearsals(first_tuesday()))
    found = shifts(site, activity)
    site.expect(200, "PATCH", f"/v1/shifts/{found[2]['id']}", {"capacity": 30}, If_Match="*")
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/activities/shifts/{found[0]['id']}")
    fill(visitor, time="18:00", role_zh="领唱", role_en="lead")
    page.get_by_label("之后的各场也这样改").check()
    page.get_by_role("button", name="保存").click()
    told = visitor.words("[role=status]")
    assert "会修改 3 场" in told and "单独修改过" in told
    assert shifts(site, activity)[0]["role_zh"] != "领唱"
    visitor.look("shift-following")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status")).to_contain_text("另有 1 场保持不变")
    assert [one["role_zh"] == "领唱" for one in shifts(site, activity)] == [True, True, False, True]


def test_children_whose_guardian_has_not_agreed_are_named(
    visitor: Visitor, site: Site, staff_at: Callable[..., Any]
) -> None:
    page, shift = visitor.page, site.shift()
    site.sign_up(shift, name="小满", birth_date=born(15))
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/activities/{site.activity_of(shift)}/edit")
    page.get_by_label("这是志愿服务").check()
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert").get_by_role("link", name="小满")).to_be_visible()
    visitor.look("activity-guardians")
    visitor.open("/staff/centre/settings")
    fill(visitor, minimum_age="16")
    page.get_by_role("button", name="保存").first.click()
    expect(page.get_by_role("alert").get_by_role("link", name="小满")).to_be_visible()


def test_whom_a_visit_serves_is_written_for_its_volunteers(
    visitor: Visitor,
    make_visitor: Callable[..., Visitor],
    site: Site,
    staff_at: Callable[..., Any],
    resident_cookie: Callable[..., Any],
) -> None:
    page, shift = visitor.page, site.shift(title_zh="独居老人探访")
    body = {"person": somebody(email="visits@example.com"), "channel": "desk"}
    made = site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", body)
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/activities/{site.activity_of(shift)}")
    page.get_by_role("link", name="修改或取消").first.click()
    page.get_by_role("link", name="查看或填写（查看有记录）").click()
    page.get_by_label("说明").fill("王奶奶，三单元 402。\n请先打电话。")
    visitor.look("private-note")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status")).to_contain_text("私密说明已保存")
    volunteer = make_visitor()
    volunteer.log_in(resident_cookie(made["person_id"]))
    volunteer.open(f"/my/registrations/{made['id']}")
    expect(volunteer.page.locator("main")).to_contain_text("三单元 402")
    volunteer.look("my-note")
    new, stranger = site.sign_up(shift, email="new@example.com"), make_visitor()
    stranger.log_in(resident_cookie(new["person_id"]))
    stranger.open(f"/my/registrations/{new['id']}")
    expect(stranger.page.locator("main")).to_contain_text("到场签到后可以在这里看到")
    stranger.look("my-note-waits")
