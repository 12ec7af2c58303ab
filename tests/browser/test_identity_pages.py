"""In a browser: what a mail's link opens and how one gets further; who a child's guardian is; whose number it is."""

from collections.abc import Callable

from playwright.sync_api import expect

from services.registration.personal_data import PersonalData
from tests.browser.conftest import Visitor
from tests.registration.own_world import resident_of
from tests.registration.test_guardian_claims import Child
from tests.registration.test_mail_links import links_mailed, path_of
from tests.registration.test_taken_before import fresh_mail, mailed
from tests.registration.test_volunteers import id_number
from tests.registration.world import Site, fresh_phone

StaffAt = Callable[..., tuple[str, str]]


def test_a_mails_link_shows_places_and_asks_for_another_before_it_shows_more(visitor: Visitor, site: Site) -> None:
    made = site.sign_up(site.shift(), name="看邮件的人", email=fresh_mail())
    page = visitor.page
    visitor.open(path_of(mailed(site, made["person_id"])["manage_url"]))
    page.get_by_role("button", name="查看我的报名").click()
    visitor.look("mine-by-mail")
    page.goto(f"{visitor.address}/my/data")
    expect(page.get_by_role("heading", name="请用一次性链接进入")).to_be_visible()
    visitor.look("mine-link-needed")
    page.get_by_role("button", name="把一次性链接发给我").click()
    expect(page.get_by_role("heading", name="请看邮箱")).to_be_visible()
    [link] = links_mailed(site, made["person_id"])
    visitor.open(path_of(link["url"]))
    page.get_by_role("button", name="查看我的报名").click()
    page.get_by_role("link", name="我的资料").click()
    expect(page.get_by_label("姓名")).to_have_value("看邮件的人")
    visitor.look("my-data-phone-at-the-site")
    page.get_by_label("电子邮件").fill(fresh_mail())
    page.get_by_role("button", name="保存更正").click()
    [told] = [one["url"] for one in links_mailed(site, made["person_id"]) if one["email"] == link["email"]]
    visitor.open(path_of(told))
    visitor.look("address-changed")


def test_staff_say_who_the_guardian_is(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    child = Child(site)
    child.ask("妈妈", child.mother)
    visitor.log_in(staff_at(site))
    visitor.open("/staff/")
    page = visitor.page
    page.get_by_role("link", name="要核实谁是监护人").click()
    visitor.look("guardian-claims")
    page.get_by_role("link", name="小明").click()
    visitor.look("guardian-two")
    page.get_by_role("button", name="核实：是妈妈").click()
    expect(page.get_by_text("监护人已核实")).to_be_visible()
    expect(page.get_by_label("电子邮件")).to_have_value(child.mother)
    expect(page.get_by_text("未经社区核实")).to_have_count(0)


def test_staff_see_the_document_and_say_so(visitor: Visitor, site: Site, staff_at: StaffAt, data: PersonalData) -> None:
    person = site.sign_up(site.shift(), email=fresh_mail(), birth_date="1990-05-17")["person_id"]
    told = {"sex": "female", "terms_consent": True, "id_number": id_number(order=91), "id_number_consent": True}
    resident_of(site, data, person).expect(201, "POST", f"/v1/my/volunteer/{site.id}", told)
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/people/{person}")
    visitor.look("id-number-not-seen")
    visitor.page.get_by_role("button", name="已核对身份证原件").click()
    expect(visitor.page.get_by_text("已记为核对过证件")).to_be_visible()
    expect(visitor.page.get_by_text("未核对证件")).to_have_count(0)


def test_the_desk_says_which_address_is_right(visitor: Visitor, site: Site, staff_at: StaffAt) -> None:
    name, phone, new = "换邮箱的人", fresh_phone(), fresh_mail()
    person = site.sign_up(site.shift(), name=name, phone=phone, email=fresh_mail())["person_id"]
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/desk/{site.shift()}/new")
    page = visitor.page
    for field, value in (("name", name), ("phone", phone), ("email", new)):
        page.locator(f"input[name={field}]").fill(value)
    page.get_by_role("button", name="登记并报名").click()
    visitor.look("desk-other-email")
    page.get_by_label("以现在填的电子邮件为准").check()
    page.get_by_role("button", name="登记并报名").click()
    expect(page.get_by_text("已报名")).to_be_visible()
    assert mailed(site, person)["email"] == new
