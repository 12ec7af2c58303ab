"""What residents do for themselves: become a volunteer, claim hours that are missing, see every decision."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from services.registration.operations.staff.links import Links
from services.registration.personal_data import PersonalData
from tests.browser.conftest import Visitor
from tests.registration.hours_world import earn, moment, over, person_of, records_of
from tests.registration.test_leading import Choir
from tests.registration.test_public import fresh_mail
from tests.registration.test_transfers import active
from tests.registration.world import Caller, Site, in_hours

ResidentCookie = Callable[[str], tuple[str, str]]


def test_becoming_a_volunteer(visitor: Visitor, site: Site, resident_cookie: ResidentCookie) -> None:
    person = site.sign_up(site.shift(), email=fresh_mail(), birth_date=None)["person_id"]
    visitor.log_in(resident_cookie(person))
    visitor.open("/my")
    page = visitor.page
    visitor.look("mine-with-boxes")
    page.get_by_role("link", name="我要当志愿者").click()
    visitor.look("own-volunteer")
    expect(page.get_by_label("性别"), "nobody is told what they are").to_have_value("")
    page.get_by_label("性别").select_option("female")
    page.get_by_label("我已阅读并同意").check()
    page.get_by_role("button", name="登记为志愿者").click()
    expect(page.get_by_role("alert")).to_contain_text("请填写出生日期")
    visitor.look("own-volunteer-wrong")
    page.get_by_label("出生日期").fill("1959-04-05")
    page.get_by_label("智能手机教学").check()
    page.get_by_role("button", name="登记为志愿者").click()
    expect(page.get_by_role("status")).to_contain_text("登记成功")
    expect(page.get_by_text("的志愿者，编号 V")).to_be_visible()
    assert site.sql("SELECT skills FROM volunteer_sites WHERE person_id = :p", p=person)[0].skills == ["smartphones"]
    visitor.open("/my/volunteer")
    visitor.look("own-volunteer-sites")


def test_claiming_missing_hours_and_seeing_every_decision(
    visitor: Visitor, make_visitor: Callable[..., Visitor], site: Site, staff_at: Any, resident_cookie: ResidentCookie
) -> None:
    _, [recorded] = over(site, title_zh="健康建档", title_en="Health records")
    earn(site, recorded)
    person = person_of(site, recorded)
    lost = site.shift(volunteering=True, starts=70, title_zh="指尖课堂", title_en="Smartphone class")
    registration = site.expect(201, "POST", f"/v1/shifts/{lost}/registrations", {"person_id": person})["id"]
    site.move_shift(lost, -50, -48)
    visitor.log_in(resident_cookie(person))
    visitor.open("/my/hours")
    page = visitor.page
    page.get_by_text("健康建档 ·").last.click()
    page.get_by_label("哪里不对").fill("少记了一小时")
    page.get_by_role("button", name="提出异议").click()
    page.get_by_text("指尖课堂 ·").first.click()
    visitor.look("own-hours-missing")
    page.get_by_label("您从几点到几点在").fill("九点到十一点，组长看见")
    page.get_by_role("button", name="请站点核实").click()
    expect(page.get_by_role("status")).to_contain_text("15 个工作日内答复")
    staff = make_visitor()
    staff.log_in(staff_at(site))
    staff.open("/staff/")
    staff.look("home-waiting-hours")
    staff.page.get_by_role("link", name="2 条异议待处理").click()
    staff.look("hours-work-missing")
    staff.page.get_by_label("同意时应记的分钟数").fill("100")
    staff.page.get_by_label("原因").first.fill("核对签到表")
    staff.page.get_by_role("button", name="同意并更正").click()
    staff.page.get_by_label("到达").fill(_local(moment(-50)))
    staff.page.get_by_label("离开").fill(_local(moment(-48)))
    staff.page.get_by_label("原因").first.fill("组长证明")
    staff.page.get_by_role("button", name="同意并补录").click()
    expect(staff.page.get_by_role("status")).to_contain_text("异议已处理")
    page.reload()
    expect(page.get_by_text("核对签到表")).to_be_visible()  # of a record that another took the place of
    expect(page.get_by_text("还要另一人审核才计入")).to_be_visible()
    visitor.look("own-hours-decided")
    second = make_visitor()
    second.log_in(staff_at(site))
    second.open("/staff/hours")
    second.page.get_by_label("依据").fill("核对无误")
    second.page.get_by_role("button", name="批准").click()
    expect(second.page.get_by_role("status")).to_contain_text("补录已处理")
    assert records_of(site, registration)[0].how == "entered_later"
    visitor.speak("en")
    page.reload()
    expect(page.get_by_text("The site agreed").first).to_be_visible()
    visitor.look("own-hours-en")


def _local(at: str) -> str:
    """A moment as a field of local date and time takes it."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    return datetime.fromisoformat(at).astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%dT%H:%M")


def body_at(room: str, begins: str, ends: str) -> dict[str, str]:
    return {"room_id": room, "starts_at": begins, "ends_at": ends, "title": "别队的事"}


def test_the_leader_of_a_team_looks_after_it(
    visitor: Visitor,
    make_visitor: Callable[..., Visitor],
    site: Site,
    data: PersonalData,
    staff_at: Any,
    resident_cookie: ResidentCookie,
) -> None:
    choir = Choir(site, data)
    room = {"name_zh": "排练厅", "name_en": "Hall", "capacity": 40}
    hall = site.expect(201, "POST", "/v1/rooms", room)["id"]
    day = in_hours(72)[:10]
    site.expect(201, "POST", "/v1/bookings", body_at(hall, f"{day}T10:00:00+08:00", f"{day}T11:30:00+08:00"))
    mail = fresh_mail()
    new = choir.somebody(name="新团员", email=mail)
    shift = choir.on_shift()
    visitor.log_in(resident_cookie(choir.people[0]))
    visitor.open("/my")
    page = visitor.page
    page.get_by_role("link", name="管理队伍").click()
    page.get_by_text("邀请人入队，点这里").click()
    visitor.look("team-led")
    page.get_by_label("对方姓名").fill("新团员")
    page.get_by_label("对方手机号或电子邮箱").fill(mail)
    page.get_by_role("button", name="发出邀请").click()
    expect(page.get_by_text("另有 1 人已邀请")).to_be_visible()
    page.get_by_role("link", name="看空闲的房间").click()
    visitor.look("team-rooms")
    page.locator(f"a[href*='day={day}']", has_text="11:30").click()
    expect(page.get_by_label("从几点")).to_have_value("11:30")
    page.get_by_label("从几点").fill("11:00")
    page.get_by_label("到几点").fill("13:00")
    page.get_by_role("button", name="先看能不能用").click()
    expect(page.get_by_role("alert")).to_contain_text("该时段已有预约")
    expect(page.get_by_text("别队的事")).to_have_count(0)
    visitor.look("team-rooms-taken")
    page.get_by_label("从几点").fill("11:30")
    page.get_by_role("button", name="先看能不能用").click()
    expect(page.get_by_role("status")).to_contain_text("这个时间可以申请")
    visitor.look("team-rooms-free")
    page.get_by_role("button", name="提出申请").click()
    expect(page.get_by_text("等站点答复").first).to_be_visible()
    page.get_by_role("link", name="点名").click()
    for place, words in enumerate(("全程", "未到")):
        page.locator("fieldset").nth(place).get_by_label(words, exact=True).check()
    visitor.look("team-roll")
    page.get_by_role("button", name="保存名单").click()
    expect(page.get_by_role("status")).to_contain_text("点名已保存")
    assert [one["outcome"] for one in choir.roll(shift)] == ["attended", "no_show"]
    invited = make_visitor()
    invited.log_in(resident_cookie(new))
    invited.open("/my/teams")
    invited.look("own-teams-invited")
    invited.page.get_by_role("button", name="我要加入").click()
    expect(invited.page.get_by_text("排练厅")).to_be_visible()
    invited.look("own-teams")
    invited.page.get_by_role("link", name="退出队伍").click()
    invited.look("own-team-leave")
    invited.page.get_by_role("button", name="退出队伍").click()
    expect(invited.page.get_by_text("您还没有参加队伍")).to_be_visible()
    visitor.speak("en")
    visitor.open("/my/teams")
    visitor.look("own-teams-en")
    [booking] = site.sql("SELECT id FROM bookings WHERE team_id = :team", team=choir.id)
    site.expect(200, "POST", f"/v1/bookings/{booking.id}/confirm")
    [link] = site.sql("SELECT id FROM links WHERE purpose = 'room_answer' AND subject = :b", b=booking.id)
    told = make_visitor()
    told.open(f"/links/{Links(data, '').token(link.id)}")
    told.look("room-answer")
    told.page.get_by_role("link", name="管理队伍").click()
    expect(told.page.get_by_role("button", name="发送链接")).to_be_visible()


def test_the_leader_signs_the_team_up(
    visitor: Visitor,
    make_visitor: Callable[..., Visitor],
    site: Site,
    data: PersonalData,
    resident_cookie: ResidentCookie,
) -> None:
    choir = Choir(site, data)
    choir.join(choir.somebody(name="小队员", birth_date="2016-05-01", guardian_consent=True))
    shift = site.shift(2, title_zh="社区汇演", title_en="Show", risks_zh="舞台有台阶，请当心。")
    visitor.log_in(resident_cookie(choir.people[0]))
    visitor.open("/my/teams")
    page = visitor.page
    page.get_by_role("link", name="管理队伍").click()
    page.get_by_role("link", name="替队伍报名参加活动").click()
    visitor.look("team-led-shifts")
    page.get_by_role("link", name="社区汇演").click()
    boxes = page.locator("input[name=member_ids]")
    expect(boxes).to_have_count(4)
    for box in boxes.all():
        box.check()
    visitor.look("team-led-sign-up")
    page.get_by_label("每人都有名额才报名").check()
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_text("您要求每人都有名额才报")).to_be_visible()
    expect(page.get_by_role("button", name="确认报名")).to_have_count(0)
    visitor.look("team-led-stopped")
    page.get_by_role("button", name="改名单").click()
    page.get_by_label("每人都有名额才报名").uncheck()
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_text("队长替他报不上")).to_have_count(1)
    expect(page.get_by_text("会有名额")).to_have_count(2)
    page.get_by_role("button", name="确认报名 3 人").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert active(site, shift) == [], "nobody said yet that each was asked"
    page.get_by_label("我逐一问过").check()
    visitor.look("team-led-verdicts")
    plain = make_visitor(java_script_enabled=False)
    plain.log_in(resident_cookie(choir.people[0]))
    plain.open(f"/my/teams/{choir.membership}/lead/shifts/{shift}")
    for box in plain.page.locator("input[name=member_ids]").all():
        box.check()
    plain.page.get_by_role("button", name="下一步").click()
    plain.page.get_by_label("我逐一问过").check()
    plain.page.get_by_role("button", name="确认报名 3 人").click()
    expect(plain.page.get_by_role("status")).to_contain_text("有名额 2 人，候补 1 人")
    assert [status for _, status in active(site, shift)] == ["confirmed", "confirmed", "waitlisted"]
    visitor.speak("en")
    visitor.open(f"/activities/{site.expect(200, 'GET', f'/v1/shifts/{shift}')['activity_id']}")
    visitor.look("activity-led-en")
    page.get_by_role("link", name="Sign your team up: Choir").click()
    visitor.look("team-led-signed-up-en")


def test_withdrawing_a_consent(visitor: Visitor, site: Site, resident_cookie: ResidentCookie) -> None:
    person = site.sign_up(site.shift(), email=fresh_mail())["person_id"]
    body = {"kind": "photo", "given_by": "person", "how": "paper"}
    site.expect(201, "POST", f"/v1/people/{person}/consents", body)
    visitor.log_in(resident_cookie(person))
    visitor.open("/my/data/")
    page = visitor.page
    page.get_by_role("link", name="我的同意").click()
    visitor.look("own-consents")
    page.get_by_role("link", name="撤回").click()
    visitor.look("own-consent-withdraw")
    page.get_by_role("button", name="撤回同意").click()
    expect(page.get_by_role("status")).to_contain_text("已撤回同意")
    expect(page.get_by_text("已撤回", exact=True)).to_be_visible()


def test_agreeing_again_where_the_text_has_changed(
    visitor: Visitor, site: Site, operator: Caller, resident_cookie: ResidentCookie
) -> None:
    person = site.sign_up(site.shift(), email=fresh_mail())["person_id"]
    site.expect(201, "POST", f"/v1/people/{person}/consents", {"kind": "health", "how": "desk"})
    text = {"kind": "health", "zh": "健康信息也用于保险。" * 3, "en": "Health data serves insurance too. " * 3}
    operator.expect(201, "POST", "/v1/consent-texts", text | {"again": True})
    visitor.log_in(resident_cookie(person))
    visitor.open("/my/consents")
    page = visitor.page
    expect(page.get_by_text("须重新同意", exact=True)).to_be_visible()
    visitor.look("own-consent-again")
    page.get_by_role("button", name="同意新版本").click()
    expect(page.get_by_text("已由新版本代替")).to_be_visible()
    expect(page.get_by_text("有效", exact=True)).to_be_visible()
    visitor.speak("en")
    visitor.open("/my/consents")
    visitor.look("own-consents-en")
