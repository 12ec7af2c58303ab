"""Certificates by clicking: of a whole team, and what becomes of one whose records are corrected."""

from typing import Any

from playwright.sync_api import expect

from services.registration.operations.hours.certificates import Certificates
from services.registration.operations.staff.links import Links
from services.registration.personal_data import PersonalData
from tests.browser.conftest import Visitor
from tests.registration.hours_world import earn, over, person_of
from tests.registration.world import Site


def test_a_team_gets_its_certificates(visitor: Visitor, site: Site, staff_at: Any) -> None:
    _, [registration] = over(site, title_zh="健康建档")
    earn(site, registration)
    team = site.expect(201, "POST", "/v1/teams", {"name_zh": "和声合唱团", "name_en": "T", "kind": "choir"})["id"]
    for person in (person_of(site, registration), site.sign_up(site.shift())["person_id"]):
        site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": person, "agreement": "同意"})
    visitor.log_in(staff_at(site))
    visitor.open("/staff/teams")
    page = visitor.page
    page.get_by_role("link", name="和声合唱团").first.click()
    page.get_by_role("link", name="出具志愿服务证明").click()
    visitor.look("team-certificates")
    page.get_by_role("button", name="出具证明").click()
    page.get_by_text("已处理 2 / 2 人").wait_for()
    visitor.look("certificate-batch")
    with page.expect_download() as download:
        page.get_by_role("link", name="全部下载").click()
    assert download.value.suggested_filename.endswith(".zip")


def test_a_corrected_record_leads_to_the_certificates_that_rest_on_it(
    visitor: Visitor, site: Site, staff_at: Any, data: PersonalData
) -> None:
    _, [registration] = over(site, title_zh="健康建档")
    earn(site, registration)
    person = person_of(site, registration)
    period = {"period_from": "2026-01-01", "period_to": "2099-12-31"}
    number = site.expect(201, "POST", f"/v1/people/{person}/certificates", period)["number"]
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/people/{person}")
    page = visitor.page
    page.get_by_role("link", name="时长与证明").click()
    page.locator("summary", has_text="健康建档").click()
    visitor.look("hours-correct")
    page.get_by_label("改为多少分钟").fill("45")
    page.get_by_label("原因", exact=True).fill("中途离开")
    page.get_by_role("button", name="更正记录").click()
    page.get_by_text("有 1 份证明依据它").wait_for()
    section = page.get_by_role("region", name=number)
    expect(section).to_contain_text("现有效 45 分钟")
    visitor.open(f"/verify/{number}?k={Certificates(data, '').code(number)}")
    expect(page.get_by_role("status")).to_contain_text("45 分钟")
    visitor.look("verify-changed")
    page.go_back()
    section.get_by_label("撤销原因").fill("记录更正")
    section.get_by_role("button", name="撤销").click()
    page.get_by_text("证明已撤销").wait_for()
    for purpose, words in (("hours_changed", "45 分钟"), ("certificate_revoked", "记录更正")):
        [link] = site.sql("SELECT id FROM links WHERE person_id = :p AND purpose = :u", p=person, u=purpose)
        visitor.open(f"/links/{Links(data, '').token(link.id)}")
        expect(page.locator("main")).to_contain_text(words)
        visitor.look(purpose.replace("_", "-"))
