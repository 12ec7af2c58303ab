"""An area's programme by clicking: made of activities, given to sites, and a later change that a site decides on."""

import re
import secrets
from collections.abc import Callable
from datetime import date, timedelta

from playwright.sync_api import expect

from services.common.auth import Role
from tests.browser.conftest import Visitor
from tests.registration.programme_world import activity_template, change, drafts
from tests.registration.world import Caller, Site


def test_a_programme_goes_to_another_site_which_decides_on_a_later_change(
    make_visitor: Callable[..., Visitor],
    make_site: Callable[..., Site],
    operator: Caller,
    staff_at: Callable[..., tuple[str, str]],
) -> None:
    first, second = make_site(name_zh="赛马场站"), make_site(name_zh="第二社区站")
    lesson = first.activity(title_zh="指尖科普课堂", title_en="Smartphone class")
    first.shift(activity=lesson)
    admin = make_visitor()
    page = admin.page
    admin.log_in(staff_at(first, Role.AREA_ADMIN))
    admin.open("/staff/programmes")
    page.get_by_role("link", name="用已有活动建立项目").click()
    page.get_by_role("button", name="建立").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("名称（中文）").fill("社区公益文化+")
    page.get_by_label("由谁管理").select_option("140000")
    page.get_by_label("指尖科普课堂").check()
    admin.look("programme-new")
    page.get_by_role("button", name="建立").click()
    expect(page.get_by_role("status")).to_contain_text("项目已建立")
    page.get_by_role("link", name="推广到站点").click()
    page.get_by_label("站点名称或地址").fill("第二社区站")
    page.get_by_role("button", name="筛选").click()
    page.get_by_role("button", name="建立草稿").click()
    expect(page.get_by_role("alert")).to_be_visible()
    admin.look("programme-sites")
    page.get_by_label("不早于哪天开始").fill(str(date.today() + timedelta(days=30)))
    page.get_by_label("第二社区站", exact=True).last.check()
    page.get_by_role("button", name="建立草稿").click()
    expect(page.get_by_role("status")).to_contain_text("1 个站点")
    admin.look("programme")
    own = re.search(r"/programmes/([0-9a-f-]{36})", page.url)
    assert own is not None
    assert list(drafts(second)) == ["指尖科普课堂"]

    programme = operator.expect(200, "GET", f"/v1/programmes/{own[1]}")
    activity = programme["activities"][0] | {"title_zh": "智能手机课堂", "place": "二楼", "party_limit": 2}
    activity |= {"window": {"opens_days_before": 14, "closes_hours_before": 2}, "waitlist_order": "priority"}
    activity["shifts"][0] |= {"capacity": 30, "requirements": {"skills": ["first_aid"]}}
    second.expect(
        200, "PATCH", f"/v1/activities/{drafts(second)['指尖科普课堂']['id']}", {"place": "三楼"}, If_Match="*"
    )
    change(operator, programme, activity)

    staff = make_visitor()
    staff.log_in(staff_at(second))
    staff.open("/staff/programmes")
    staff.look("programmes")
    staff.open("/staff/")
    staff.page.get_by_role("link", name="社区公益文化+").click()
    staff.look("programme-changes")
    words = staff.words()
    for told in ("提前 14 天开始，提前 2 小时截止", "按优先级", "技能：急救", "一直可以报名"):
        assert told in words, told
    assert not re.search(r"_before|first_aid|priority|[0-9a-f]{8}-", words)
    group = staff.page.get_by_role("group", name="地点")
    expect(group).to_contain_text("三楼")
    group.get_by_label("不采纳").check()
    staff.page.get_by_role("group", name="名称（中文）").get_by_label("采纳", exact=True).check()
    staff.page.get_by_role("button", name="保存决定").click()
    expect(staff.page.get_by_role("status")).to_contain_text("采纳 1 项")
    made = drafts(second)["智能手机课堂"]
    assert (made["place"], made["party_limit"]) == ("三楼", 1)
    expect(staff.page.locator("main").get_by_role("group")).to_have_count(5)
    staff.open(f"/staff/activities/{made['id']}")
    staff.page.get_by_role("link", name="项目对这个活动有").click()
    staff.speak("en")
    staff.open(f"/staff/programmes/{programme['id']}/changes")
    expect(staff.page.locator("main")).to_contain_text("opens 14 days before, closes 2 hours before")


def test_all_sites_of_an_area_get_it_by_one_tick_without_scripts(
    make_visitor: Callable[..., Visitor],
    make_site: Callable[..., Site],
    operator: Caller,
    staff_at: Callable[..., tuple[str, str]],
) -> None:
    code = f"T{secrets.token_hex(5)}"
    body = {"parent": "140000", "level": "district", "name_zh": f"区{code}", "name_en": "D"}
    operator.expect(200, "PUT", f"/v1/areas/{code}", body)
    first, *others = (make_site(area=code, name_zh=f"社区站{n}") for n in range(4))
    elsewhere = make_site()
    admin = make_visitor(java_script_enabled=False)
    page = admin.page
    lesson = first.activity(title_zh="指尖科普课堂")
    first.shift(activity=lesson)
    made = operator.expect(201, "POST", "/v1/programmes", {"area": "140000", "title_zh": "项目", "activities": [
        activity_template("a1")]})  # fmt: skip
    admin.log_in(staff_at(first, Role.AREA_ADMIN))
    admin.open(f"/staff/programmes/{made['id']}")
    page.get_by_role("link", name="推广到站点").click()
    page.get_by_label("区划", exact=True).select_option(code)
    page.get_by_role("button", name="筛选").click()
    expect(page.locator("fieldset")).to_contain_text("4 个站点")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载表格（CSV）").click()
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    assert len(lines) == 5 and lines[1].startswith(f"{code},区{code},社区站")
    page.get_by_label("筛选出的全部 4 个站点").check()
    page.get_by_role("button", name="建立草稿").click()
    expect(page.get_by_role("status")).to_contain_text("4 个站点")
    assert all(drafts(one) for one in others) and not drafts(elsewhere)
    left = operator.expect(200, "GET", f"/v1/programmes/{made['id']}/missing-sites?area={code}")["items"]
    assert left == []


def test_a_template_is_changed_and_keeps_what_the_page_does_not_show(
    visitor: Visitor, site: Site, staff_at: Callable[..., tuple[str, str]]
) -> None:
    page = visitor.page
    lesson, talk = site.activity(title_zh="指尖科普课堂", party_limit=3), site.activity(title_zh="防诈讲座")
    for activity in (lesson, lesson, talk):
        site.shift(activity=activity)
    body = {"title_zh": "社区公益文化+", "from_activities": [lesson, talk]}
    made = site.expect(201, "POST", "/v1/programmes", body)
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/programmes/{made['id']}")
    page.get_by_role("link", name="修改模板").click()
    visitor.look("programme-edit")
    first = page.get_by_role("region", name="活动 1")
    shift = first.get_by_role("group", name="场次 1")
    shift.get_by_label("时长（分钟）").fill("0")
    page.get_by_role("button", name="保存模板").click()
    expect(page.get_by_role("alert")).to_be_visible()
    shift.get_by_label("时长（分钟）").fill("45")
    first.get_by_role("group", name="场次 2").get_by_label("去掉这个场次").check()
    first.get_by_text("添加一个场次").click()
    extra = first.get_by_role("group", name="新的场次")
    for label, value in (("第几天", "8"), ("开始时间", "19:00"), ("时长（分钟）", "90"), ("名额", "12")):
        extra.get_by_label(label).fill(value)
    page.get_by_role("region", name="活动 2").get_by_label("去掉这个活动").check()
    page.get_by_role("button", name="保存模板").click()
    expect(page.get_by_role("status")).to_contain_text("模板已保存")
    (kept,) = site.expect(200, "GET", f"/v1/programmes/{made['id']}")["activities"]
    before = made["activities"][0]
    assert (kept["key"], kept["party_limit"], kept["title_zh"]) == (before["key"], 3, "指尖科普课堂")
    told = [(one["key"], one["day"], one["time"], one["minutes"], one["capacity"]) for one in kept["shifts"]]
    old = before["shifts"][0]
    assert told[0] == (old["key"], old["day"], old["time"], 45, old["capacity"])
    assert told[1][1:] == (7, "19:00", 90, 12) and len(told) == 2
    assert kept["shifts"][0]["requirements"] == old["requirements"]
