"""The desk's sign-up as it is clicked: three taps for somebody known, and a helper for an elder."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.registration.test_instead import on_shift, online
from tests.registration.world import Site, fresh_phone

StaffAt = Callable[..., tuple[str, str]]


def test_somebody_known_takes_three_taps(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    phone = fresh_phone()
    for name in ("王奶奶", "王爷爷"):
        site.sign_up(site.shift(), name=name, phone=phone)
    site.shift(title_zh="指尖科普课堂", starts=1)
    visitor.log_in(staff_at(site))
    visitor.open("/staff/desk/")
    visitor.look("desk-list")
    page = visitor.page
    page.get_by_role("link", name="指尖科普课堂").first.click()
    page.get_by_label("电话、志愿者编号、身份证号或邮箱").fill(phone[3:])
    page.get_by_role("button", name="查找").click()
    visitor.look("desk-found")
    page.get_by_role("button", name="报名 王奶奶").click()
    expect(page.get_by_text("已报名，名额已保留。")).to_be_visible()
    visitor.look("desk-signed-up")
    expect(page.get_by_label("电话、志愿者编号、身份证号或邮箱"), "ready for the next").to_have_value("")


def test_a_daughter_signs_up_her_mother(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    visitor.log_in(staff_at(site))
    shift = site.shift(activity=site.activity(party_limit=4))
    visitor.open(f"/staff/desk/{shift}")
    page, phone = visitor.page, fresh_phone()
    page.get_by_label("电话、志愿者编号、身份证号或邮箱").fill(phone)
    page.get_by_role("button", name="查找").click()
    expect(page.get_by_label("电话", exact=False).nth(1)).to_have_value(phone)
    page.get_by_label("姓名", exact=True).fill("李奶奶")
    page.get_by_text("由他人代办").click()
    page.get_by_label("代办人姓名").fill("李女儿")
    page.get_by_label("与本人的关系").fill("女儿")
    page.get_by_label("代办人电话").fill(fresh_phone())
    page.get_by_role("button", name="登记并报名").click()
    expect(page.get_by_role("alert")).to_be_visible()
    visitor.look("desk-new-wrong")
    page.get_by_label("本人同意由此人代办").check()
    page.get_by_role("button", name="登记并报名").click()
    expect(page.get_by_text("已报名，名额已保留。")).to_be_visible()
    page.get_by_label("电话、志愿者编号、身份证号或邮箱").fill(phone)
    page.get_by_role("button", name="查找").click()
    expect(page.get_by_text("代办人：李女儿 女儿")).to_be_visible()
    other = site.shift()
    person = site.sql("SELECT person_id FROM registrations WHERE shift_id = :shift", shift=shift)[0].person_id
    visitor.open(f"/staff/desk/{other}/people/{person}")
    page.get_by_text("由他人代办").click()
    visitor.look("desk-known")


def test_whoever_stands_here_goes_before_a_place_that_nobody_has_proven(
    visitor: Visitor, site: Site, other: Site, staff_at: StaffAt
) -> None:
    phone, kept, wanted = fresh_phone(), other.shift(starts=50), site.shift(starts=50)
    online(other, kept, name="被占位的人", phone=phone)
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/desk/{wanted}/new")
    page = visitor.page
    page.get_by_label("姓名", exact=True).fill("被占位的人")
    page.locator("#phone").fill(phone)
    page.get_by_role("button", name="登记并报名").click()
    page.get_by_label("本人在场，要这一个").check()
    visitor.look("desk-instead")
    page.get_by_role("button", name="登记并报名").click()
    expect(page.get_by_text("已报名，名额已保留。")).to_be_visible()
    assert [status for _, status in on_shift(other, kept)] == ["cancelled"]


def test_singers_become_volunteers_in_one_step(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    choir = {"name_zh": "夕阳红合唱团", "name_en": "Sunset Choir", "kind": "choir"}
    team = site.expect(201, "POST", "/v1/teams", choir)["id"]
    people = [site.sign_up(site.shift(), name="赵歌手")["person_id"]]
    people += [site.sign_up(site.shift(), name="钱歌手", birth_date=None)["person_id"]]
    for person in people:
        member = {"person_id": person, "agreement": "入队名单"}
        site.expect(201, "POST", f"/v1/teams/{team}/members", member)
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/teams/{team}")
    page = visitor.page
    page.get_by_role("link", name="队员登记为志愿者").click()
    for name in ("赵歌手", "钱歌手"):
        page.get_by_label(name, exact=True).check()
    for person in people:
        page.locator(f"[id='{person}.sex']").select_option("female")
    page.get_by_role("button", name="登记选中的队员").click()
    expect(page.get_by_text("出生日期：必填。")).to_be_visible()
    visitor.look("team-roster-refused")
    page.locator(f"[id='{people[1]}.birth_date']").fill("1958-03-01")
    page.get_by_label("钱歌手", exact=True).check()
    page.get_by_role("button", name="登记选中的队员").click()
    expect(page.get_by_text("没有还需要登记的队员")).to_be_visible()
    visitor.look("team-roster")


def test_a_course_is_entered_for_a_whole_team(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    team = site.expect(201, "POST", "/v1/teams", {"name_zh": "急救队", "name_en": "First aid", "kind": "volunteers"})[
        "id"
    ]
    told = {"name": "孙志愿", "phone": fresh_phone(), "birth_date": "1970-01-01", "sex": "male", "terms_consent": True}
    people = [site.expect(201, "POST", "/v1/volunteers", told)["person_id"]]
    people.append(site.sign_up(site.shift(), name="周居民")["person_id"])
    for person in people:
        site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": person, "agreement": "名单"})
    visitor.log_in(staff_at(site))
    visitor.open("/staff/trainings/")
    page = visitor.page
    page.get_by_role("link", name="急救队").click()
    expect(page.get_by_label("孙志愿")).to_be_checked()
    expect(page.get_by_label("周居民")).to_be_disabled()
    page.get_by_label("培训名称").fill("心肺复苏")
    page.get_by_label("日期").fill("2026-01-10")
    page.get_by_label("有效期至").fill("2026-01-20")
    page.get_by_role("button", name="登记").click()
    expect(page.get_by_role("alert")).to_be_visible()
    visitor.look("training-wrong")
    page.get_by_label("时长（分钟）").fill("90")
    page.get_by_label("培训单位").fill("红十字会")
    page.get_by_role("button", name="登记").click()
    expect(page.get_by_text("已为 1 人登记培训。")).to_be_visible()
    expect(page.get_by_text("已到期", exact=True)).to_be_visible()
    visitor.look("trainings")
