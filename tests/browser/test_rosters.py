"""The roster as it is clicked: from the day's shifts to somebody who calls, and to who moves up."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.registration.world import Site, fresh_phone, name_guardian

StaffAt = Callable[..., tuple[str, str]]


def test_an_elder_calls_to_cancel_and_the_next_moves_up(
    make_visitor: Callable[..., Visitor], site: Site, staff_at: StaffAt
) -> None:
    visitor = make_visitor(java_script_enabled=False)
    shift = site.shift(2, activity=site.activity(title_zh="指尖科普课堂", party_limit=4), starts=30)
    for name in ("王奶奶", "李爷爷", "候补的张阿姨", "候补的赵叔叔"):
        site.sign_up(shift, name=name, phone=fresh_phone())
    visitor.log_in(staff_at(site))
    page = visitor.page
    visitor.open(f"/staff/activities/{site.activity_of(shift)}")
    page.get_by_role("link", name="名单").click()
    expect(page.get_by_role("heading", name="候补，按先后")).to_be_visible()
    page.get_by_role("link", name="王奶奶").click()
    expect(page.get_by_text("候补的张阿姨会得到这个名额")).to_be_visible()
    page.get_by_role("button", name="取消报名").click()
    expect(page.get_by_text("报名已取消。")).to_be_visible()
    page.get_by_text("已取消的报名：本页 1 个").click()
    expect(page.get_by_role("link", name="王奶奶")).to_be_visible()
    page.get_by_role("link", name="打印名单").click()
    expect(page.get_by_role("row")).to_have_count(4)


def test_the_pages_of_a_roster(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    phone = fresh_phone()
    shift = site.shift(1, promotion="offer", waitlist_order="priority", party_limit=3)
    made = [site.sign_up(shift, name=name) for name in ("王奶奶", "李爷爷", "候补的张阿姨")]
    child = {"name": "小朋友", "phone": fresh_phone(), "birth_date": "2017-01-01", "guardian_consent": True}
    body = {"person": child, "party_size": 2}
    site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", body)
    site.cancel(made[0]["id"])
    site.sign_up(site.shift(), name="接替的孙阿姨", phone=phone)
    visitor.log_in(staff_at(site))
    page = visitor.page
    visitor.open(f"/staff/shifts/{shift}")
    visitor.look("roster")
    page.get_by_role("link", name="打印名单").click()
    visitor.look("roster-print")
    visitor.open(f"/staff/shifts/{shift}")
    page.get_by_role("link", name="候补的张阿姨").click()
    page.get_by_label("优先级").fill("20")
    page.get_by_role("button", name="保存优先级").click()
    expect(page.get_by_text("优先级已修改。")).to_be_visible()
    visitor.look("roster-waiting")
    page.get_by_role("link", name="返回名单").click()
    page.get_by_role("link", name="李爷爷").click()
    visitor.look("roster-offered")
    page.get_by_role("button", name="接受名额").click()
    page.get_by_role("link", name="李爷爷").click()
    page.get_by_label("对方的电话").fill(phone)
    page.get_by_role("button", name="查找").click()
    visitor.look("roster-taker")
    page.get_by_label("对方当面或在电话里同意了").check()
    page.get_by_role("button", name="把名额转给此人 接替的孙阿姨").click()
    expect(page.get_by_text("名额已转给对方。")).to_be_visible()
    page.get_by_role("link", name="接替的孙阿姨").click()
    page.get_by_role("link", name="本人的资料").click()
    page.get_by_role("link", name="报名和取消").click()
    visitor.look("roster-person")
    visitor.speak("en")
    visitor.open(f"/staff/shifts/{shift}")
    visitor.look("roster-en")


def test_a_place_is_told_by_phone(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    shift = site.shift(1, title_zh="合唱排练观摩")
    holder = site.sign_up(shift, name="先来的")
    site.sign_up(shift, name="等电话的王奶奶")
    site.cancel(holder["id"])
    visitor.log_in(staff_at(site))
    page = visitor.page
    visitor.open("/staff/")
    page.get_by_role("link", name="要打电话通知：1 人").click()
    visitor.look("calls")
    page.get_by_role("button", name="已通知 等电话的王奶奶").click()
    expect(page.get_by_text("没有要打的电话。")).to_be_visible()


def test_a_choir_signs_up(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    choir = {"name_zh": "夕阳红合唱团", "name_en": "Sunset Choir", "kind": "choir"}
    team = site.expect(201, "POST", "/v1/teams", choir)["id"]
    for name, born in (("赵歌手", "1958-03-01"), ("钱歌手", "1960-03-01"), ("小歌手", "2018-03-01")):
        body = {"person": {"name": name, "phone": fresh_phone(), "birth_date": born, "guardian_consent": True}}
        person = site.expect(201, "POST", f"/v1/shifts/{site.shift()}/registrations", body)["person_id"]
        site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": person, "agreement": "入队名单"})
    name_guardian(site, person)
    site.shift(1, title_zh="社区汇演", starts=100)
    visitor.log_in(staff_at(site))
    page = visitor.page
    visitor.open(f"/staff/teams/{team}")
    page.get_by_role("link", name="报名参加活动").click()
    visitor.look("team-shifts")
    page.get_by_role("link", name="社区汇演").click()
    visitor.look("team-sign-up")
    page.get_by_role("button", name="报名选中的队员").click()
    expect(page.get_by_text("已满，列入候补")).to_be_visible()
    expect(page.get_by_text("未报名：缺监护人同意或出生日期")).to_be_visible()
    visitor.look("team-signed-up")
    page.get_by_label("其监护人已当面或在电话里同意 小歌手").check()
    page.get_by_label("小歌手", exact=True).check()
    page.get_by_role("button", name="报名选中的队员").click()
    expect(page.get_by_text("未报名")).to_have_count(0)
    page.get_by_role("link", name="返回名单").click()
    page.get_by_role("link", name="队伍报名").click()
    visitor.look("team-choice")
