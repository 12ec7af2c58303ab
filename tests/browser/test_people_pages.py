"""People's pages in a browser: staff find, register, merge and erase; guardians agree; residents see and erase."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from services.common.auth import RESIDENT_COOKIE
from services.registration.operations.staff.links import Links
from services.registration.personal_data import PersonalData
from tests.browser.conftest import Visitor
from tests.registration.test_volunteers import id_number, register
from tests.registration.world import Site, fresh_phone, resident_cookie

StaffAt = Callable[..., tuple[str, str]]


def test_staff_find_a_volunteer_and_read_the_id_number_for_a_reason(
    visitor: Visitor, site: Site, staff_at: StaffAt
) -> None:
    phone, number = fresh_phone(), id_number(order=71)
    made = register(site, name="查得到", phone=phone, id_number=number, id_number_consent=True, skills=["singing"])
    training = {"name": "急救", "minutes": 60, "provider": "红十字会", "day": "2026-01-10"}
    site.expect(201, "POST", f"/v1/volunteers/{made['person_id']}/trainings", training)
    visitor.log_in(staff_at(site))
    visitor.open("/staff/people/")
    page = visitor.page
    page.get_by_label("号码或地址").fill(phone[3:])
    page.get_by_role("button", name="查找").click()
    visitor.look("people-search")
    page.get_by_role("link", name="查得到").click()
    assert number not in page.content()
    visitor.look("people-person")
    page.get_by_text("查看完整号码").click()
    page.get_by_role("button", name="查看", exact=True).click()
    expect(page.get_by_text(number)).to_be_visible()
    page.get_by_role("button", name="撤回同意：身份证件号码").click()
    expect(page.get_by_text("已撤回同意")).to_be_visible()
    expect(page.locator("dl").last).not_to_contain_text(number[-4:])


def test_staff_register_a_volunteer_at_the_desk(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    known = {"name": "新志愿者", "phone": (phone := fresh_phone()), "birth_date": "1960-05-01"}
    site.sign_up(site.shift(), **known, email="before-that@example.com")
    visitor.log_in(staff_at(site))
    visitor.open("/staff/people/new")
    page = visitor.page
    visitor.look("people-volunteer")
    page.get_by_label("姓名", exact=True).fill("新志愿者")
    page.get_by_label("出生日期").fill("1960-05-01")
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    visitor.look("people-volunteer-wrong")
    page.get_by_label("电话", exact=False).first.fill(phone)
    page.get_by_label("电子邮件").first.fill("by-now@example.com")
    page.get_by_label("性别").select_option("female")
    page.get_by_label("急救", exact=True).check()
    page.get_by_label("本人已阅读并同意服务条款").check()
    page.get_by_role("button", name="登记", exact=True).click()
    visitor.look("people-volunteer-other-email")
    page.get_by_label("以现在填的电子邮件为准").check()
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.get_by_text("志愿者编号 V")).to_be_visible()
    expect(page.get_by_role("heading", name="新志愿者")).to_be_visible()
    expect(page.get_by_text("急救")).to_be_visible()


def test_staff_merge_doubles_undo_it_and_erase(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    phone = fresh_phone()
    for n, name in enumerate(("林小", "林晓")):
        site.sign_up(site.shift(starts=24 * n + 24), name=name, phone=phone)
    visitor.log_in(staff_at(site))
    visitor.open("/staff/doubles/")
    page = visitor.page
    page.get_by_role("button", name="是两个人").click()
    expect(page.get_by_text("没有发现重复人员")).to_be_visible()
    visitor.look("people-two-people")
    page.get_by_role("button", name="撤回").click()
    visitor.look("people-doubles")
    page.get_by_role("button", name="合并，保留这一条").first.click()
    expect(page.get_by_text("没有发现重复人员")).to_be_visible()
    visitor.look("people-merged")
    page.get_by_role("button", name="撤销合并").click()
    page.get_by_role("link", name="林小").first.click()
    page.get_by_role("link", name="删除个人信息").click()
    visitor.look("people-erase")
    page.get_by_role("button", name="删除").click()
    expect(page.get_by_text("个人信息已删除")).to_be_visible()


def test_a_guardian_agrees_by_the_link(visitor: Visitor, site: Site, live: str, data: PersonalData) -> None:
    child = {"name": "小明", "phone": fresh_phone(), "birth_date": "2017-01-01"}
    guardian = {"name": "明妈妈", "email": "parent@example.com"}
    person = site.expect(201, "POST", "/v1/people", child | {"guardian": guardian})["id"]
    (link,) = site.sql("SELECT id FROM links WHERE person_id = :of", of=person)
    path = Links(data, live).url(link.id).removeprefix(live)
    body = {"person_id": person}
    shift = site.shift()
    assert site.call("POST", f"/v1/shifts/{shift}/registrations", body).status_code == 422
    visitor.open(path)
    visitor.page.get_by_role("button", name="我同意").click()
    expect(visitor.page.get_by_role("alert").get_by_text("请至少勾选一项。")).to_be_visible()
    visitor.look("guardian-consent")
    visitor.page.get_by_label("同意孩子报名参加本站点的活动", exact=False).check()
    visitor.page.get_by_role("button", name="我同意").click()
    expect(visitor.page.get_by_role("heading", name="谢谢")).to_be_visible()
    visitor.look("guardian-thanks")
    place = site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", body)
    visitor.page.get_by_role("link", name="查看或撤回我的同意").click()
    expect(visitor.page.get_by_text("这些报名会被取消")).to_be_visible()
    visitor.page.get_by_text("同意书第 1 版").click()
    visitor.look("guardian-given")
    visitor.page.get_by_role("button", name="撤回").click()
    expect(visitor.page.get_by_text("这些报名已经取消")).to_be_visible()
    visitor.look("guardian-withdrawn")
    assert site.statuses(place) == ["cancelled"]
    visitor.page.get_by_role("link", name="返回").click()
    expect(visitor.page.get_by_role("button", name="我同意")).to_be_visible()
    visitor.speak("en")
    visitor.open(path)
    visitor.look("guardian-consent-en")


def test_a_resident_sees_corrects_and_erases_their_data(visitor: Visitor, site: Site, data: PersonalData) -> None:
    made = site.sign_up(site.shift(), name="看资料", email="see@example.com")
    cookie = resident_cookie(site.database, data, made["person_id"], site.id)
    visitor.log_in((RESIDENT_COOKIE, cookie))
    visitor.open("/my/data/")
    page = visitor.page
    page.locator("summary").first.click()
    page.locator("summary").nth(1).click()
    visitor.look("my-data")
    page.get_by_label("姓名").fill("改资料")
    page.get_by_role("button", name="保存更正").click()
    expect(page.get_by_text("资料已更正")).to_be_visible()
    expect(page.get_by_label("姓名")).to_have_value("改资料")
    page.get_by_role("link", name="删除我的信息").click()
    visitor.look("my-erase")
    page.get_by_role("button", name="确认删除").click()
    expect(page.get_by_role("heading", name="您的信息已删除")).to_be_visible()
    visitor.look("my-erased")
    assert site.call("GET", f"/v1/people/{made['person_id']}").status_code == 404


def test_staff_correct_what_the_site_was_told(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    made = register(site, name="写错了", skills=["singing"])
    evaluation = {"quality": "good", "evaluator": "服务中心", "day": "2026-01-10"}
    site.expect(201, "POST", f"/v1/volunteers/{made['person_id']}/evaluations", evaluation)
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/people/{made['person_id']}")
    page = visitor.page
    expect(page.get_by_text("良好"), "no code stands on the page").to_be_visible()
    page.get_by_role("link", name="更正资料").click()
    expect(page.get_by_label("歌唱", exact=True)).to_be_checked()
    page.get_by_label("姓名").fill("")
    page.get_by_label("急救", exact=True).check()
    page.get_by_role("button", name="保存更正").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("急救", exact=True)).to_be_checked()
    page.get_by_label("姓名").fill("写对了")
    visitor.look("people-edit")
    page.get_by_label("性别").select_option("male")
    number = id_number(order=73, male=True)
    page.get_by_label("新的身份证号码").fill(number)
    page.get_by_label("本人同意登记身份证号码").check()
    page.get_by_role("button", name="保存更正").click()
    expect(page.get_by_role("heading", name="写对了")).to_be_visible()
    expect(page.get_by_text("急救、歌唱")).to_be_visible()
    expect(page.get_by_text(number[-4:])).to_be_visible()


def test_the_second_of_two_clerks_is_told(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    made = register(site, name="同时改")
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/people/{made['person_id']}/edit")
    site.expect(200, "PATCH", f"/v1/volunteers/{made['person_id']}", {"skills": ["law"]}, If_Match="*")
    page = visitor.page
    page.get_by_label("姓名").fill("后来的")
    page.get_by_role("button", name="保存更正").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_text("请重新读取后再修改")).to_be_visible()
    assert site.expect(200, "GET", f"/v1/people/{made['person_id']}")["name"] == "同时改", "nothing is half saved"


def test_staff_enter_an_award_and_an_evaluation_and_remove_what_is_wrong(
    visitor: Visitor, site: Site, staff_at: StaffAt
) -> None:
    made = register(site, name="有记录")
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/people/{made['person_id']}")
    page = visitor.page
    page.get_by_role("link", name="培训、表彰、评价").click()
    for kind, fields in (
        ("登记培训", {"培训名称": "急救", "日期": "2026-01-10", "时长（分钟）": "90", "培训单位": "红十字会"}),
        ("登记表彰", {"表彰名称": "优秀志愿者", "日期": "2026-01-10", "授予单位": "街道办事处"}),
        ("登记评价", {"日期": "2026-01-10", "评价单位": "服务中心"}),
    ):
        page.get_by_role("link", name=kind).click()
        page.get_by_role("button", name="登记", exact=True).click()
        expect(page.get_by_role("alert")).to_be_visible()
        for label, value in fields.items():
            page.get_by_label(label).fill(value)
        if kind == "登记评价":
            visitor.look("people-record")
        page.get_by_role("button", name="登记", exact=True).click()
        expect(page.get_by_text("已登记")).to_be_visible()
    visitor.look("people-records")
    page.get_by_role("button", name="删除这一条").nth(1).click()
    expect(page.get_by_text("优秀志愿者")).to_have_count(0)
    expect(page.get_by_role("heading", name="急救")).to_be_visible()
    visitor.speak("en")
    page.reload()
    expect(page.get_by_role("link", name="Enter an award")).to_be_visible()


def test_staff_change_a_guardian_and_a_helper_and_ask_again(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    child = {"name": "小红", "phone": fresh_phone(), "birth_date": "2016-01-01"}
    guardian = {"name": "红妈妈", "phone": fresh_phone()}
    person = site.expect(201, "POST", "/v1/people", child | {"guardian": guardian})["id"]
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/people/{person}")
    page = visitor.page
    page.get_by_role("link", name="监护人", exact=True).click()
    expect(page.get_by_role("button", name="发送确认链接"), "there is nowhere to send it").to_have_count(0)
    page.get_by_label("电子邮件").fill("hong@example.com")
    page.get_by_role("button", name="保存").click()
    visitor.look("people-guardian")
    page.get_by_role("button", name="发送确认链接").click()
    expect(page.get_by_text("已向监护人发送确认链接")).to_be_visible()
    assert site.sql("SELECT 1 FROM links WHERE person_id = :of AND purpose = 'guardian_consent'", of=person)
    page.get_by_text("登记一项同意").click()
    page.get_by_label("同意什么").select_option("guardian_signup")
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.get_by_text("监护人 红妈妈", exact=True)).to_be_visible()
    expect(page.get_by_text("站点工作人员 值班员")).to_be_visible()
    page.get_by_text("同意书第").click()
    site.sql("UPDATE representatives SET confirmed = false WHERE person_id = :of", of=person)
    page.reload()
    expect(page.get_by_text("未经社区核实")).to_be_visible()
    visitor.look("people-consents")
    page.get_by_role("link", name="代办人", exact=True).click()
    page.get_by_label("姓名").fill("红姑姑")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("电话", exact=False).first.fill(fresh_phone())
    page.get_by_label("本人同意由此人代办").check()
    visitor.look("people-helper")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("红姑姑")).to_be_visible()
    expect(page.get_by_text("代办人", exact=True).first).to_be_visible()


def test_staff_merge_two_who_share_no_contact(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    shift, old = site.shift(), fresh_phone()
    site.sign_up(shift, name="换了号", phone=old)
    now = site.sign_up(site.shift(starts=72), name="换了号")["person_id"]
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/people/{now}")
    page = visitor.page
    page.get_by_role("link", name="与另一条记录是同一人").click()
    page.get_by_label("号码或地址").fill("13800")
    page.get_by_role("button", name="查找").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("号码或地址").fill(old)
    page.get_by_role("button", name="查找").click()
    visitor.look("people-same-as")
    page.get_by_role("button", name="合并，保留这一条").first.click()
    expect(page.get_by_text("已合并")).to_be_visible()
    assert site.sql("SELECT merged_into FROM people WHERE merged_into = :id", id=now)


def test_staff_look_for_who_can_help(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    register(site, name="会教手机", skills=["smartphones", "teaching"], categories=["elders"])
    for n in range(51):
        register(site, name=f"能急救{n}", skills=["first_aid"])
    visitor.log_in(staff_at(site))
    visitor.open("/staff/people/")
    page = visitor.page
    page.get_by_role("link", name="按技能查找志愿者").click()
    page.get_by_role("link", name="下一页").click()
    expect(page.get_by_role("link", name="能急救50")).to_be_visible()
    page.get_by_label("关键词").fill("手机")
    page.get_by_role("button", name="查找").click()
    expect(page.get_by_role("link", name="会教手机")).to_be_visible()
    expect(page.get_by_text("能急救")).to_have_count(0)
    visitor.look("people-volunteers")
    with page.expect_download() as fetched:
        page.get_by_role("link", name="下载表格").click()
    assert "会教手机" in fetched.value.path().read_text()
    page.get_by_text("更多条件").click()
    page.get_by_label("居住区划代码").fill("没有 这样的")
    page.get_by_role("button", name="查找").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_a_team_invites_whom_mail_reaches_prints_its_roster_and_ends(
    visitor: Visitor, site: Site, staff_at: StaffAt
) -> None:
    elder, singer = fresh_phone(), "zhang@example.com"
    site.sign_up(site.shift(), name="无邮箱", phone=elder)
    site.expect(201, "POST", "/v1/people", {"name": "只有邮箱", "email": singer})
    team = site.expect(201, "POST", "/v1/teams", {"name_zh": "暖阳队", "name_en": "Sun", "kind": "choir"})["id"]
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/teams/{team}")
    page = visitor.page
    for name, contact, agreed, says in (
        ("无邮箱", elder, "", "邀请无法送达"),
        ("无邮箱", elder, "电话里口头同意", "已加入"),
        ("只有邮箱", singer, "", "邀请已发出"),
    ):
        page.get_by_label("姓名").fill(name)
        page.get_by_label("电话、电子邮件或志愿者编号").fill(contact)
        page.get_by_label("怎样同意的").fill(agreed)
        page.get_by_role("button", name="邀请或添加").click()
        expect(page.locator("main")).to_contain_text(says)
    expect(page.locator("main")).to_contain_text("邀请于")
    expect(page.get_by_role("button", name="撤回邀请")).to_be_visible()
    visitor.look("team-invited")
    page.get_by_role("link", name="打印名单").click()
    expect(page.get_by_role("cell", name="无邮箱")).to_be_visible()
    expect(page.get_by_text("只有邮箱")).to_have_count(0)
    visitor.look("team-print")
    page.get_by_role("link", name="返回队伍").click()
    page.get_by_role("link", name="修改或解散").click()
    page.get_by_text("解散队伍").click()
    visitor.look("team-end")
    page.get_by_role("button", name="确认解散").click()
    page.get_by_text("已解散的队伍").click()
    expect(page.get_by_role("link", name="暖阳队")).to_be_visible()


def test_a_name_that_is_looked_for_at_the_desk_is_in_no_address(
    make_visitor: Callable[..., Visitor], site: Site, staff_at: StaffAt
) -> None:
    shift = site.shift(starts=1)
    for name in ("周小满", "吴大雪"):
        site.sign_up(shift, name=name)
    visitor = make_visitor(java_script_enabled=False)
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/check-in/{shift}")
    page = visitor.page
    page.get_by_label("按姓名查找").fill("小满")
    page.get_by_role("button", name="查找").click()
    expect(page.get_by_text("周小满").first).to_be_visible()
    expect(page.get_by_text("吴大雪")).to_have_count(0)
    expect(page).to_have_url(re.compile(f"/staff/check-in/{shift}/find$"))
    page.get_by_role("button", name="到了").click()
    expect(page).to_have_url(re.compile(f"/staff/check-in/{shift}$"))
    expect(page.get_by_text("吴大雪").first).to_be_visible()


def test_staff_say_how_long_data_is_kept(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    page = visitor.page
    visitor.log_in(staff_at(site))
    visitor.open("/staff/")
    page.get_by_text("更多", exact=True).click()
    page.get_by_role("link", name="资料保存期限").click()
    visitor.look("retention")
    page.get_by_label("成年居民（月）").fill("0")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("成年居民（月）").fill("18")
    page.get_by_role("button", name="保存").click()
    assert site.expect(200, "GET", "/v1/retention") == {"months": 18, "minors_months": 12}
