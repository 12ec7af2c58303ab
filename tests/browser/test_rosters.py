"""The roster as it is clicked: from the day's shifts to somebody who calls, and to who moves up."""

from collections.abc import Callable

from tests.browser.conftest import Visitor
from tests.registration.world import Site, fresh_phone

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
    assert page.get_by_role("heading", name="候补，按先后").is_visible()
    page.get_by_role("link", name="王奶奶").click()
    assert page.get_by_text("候补的张阿姨会得到这个名额").is_visible()
    page.get_by_role("button", name="取消报名").click()
    assert page.get_by_text("报名已取消。").is_visible()
    page.get_by_text("已取消的报名：本页 1 个").click()
    assert page.get_by_role("link", name="王奶奶").is_visible()
    page.get_by_role("link", name="打印名单").click()
    assert page.get_by_role("row").count() == 4


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
    assert page.get_by_text("优先级已修改。").is_visible()
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
    assert page.get_by_text("名额已转给对方。").is_visible()
    page.get_by_role("link", name="接替的孙阿姨").click()
    page.get_by_role("link", name="本人的资料").click()
    page.get_by_role("link", name="报名和取消").click()
    visitor.look("roster-person")
    visitor.speak("en")
    visitor.open(f"/staff/shifts/{shift}")
    visitor.look("roster-en")
