"""Another language in the middle of a form: what was typed stays where it was."""

import uuid
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.registration.office import Office
from tests.registration.world import Site


def begin(visitor: Visitor, site: Site) -> Page:
    """A sign-up form that holds a place."""
    visitor.open(f"/shifts/{site.shift()}/sign-up")
    visitor.page.get_by_role("button", name="开始报名").click()
    return visitor.page


def test_what_was_typed_survives_another_language_and_larger_type(visitor: Visitor, site: Site) -> None:
    page = begin(visitor, site)
    page.get_by_label("参加者姓名").fill("林居民")
    page.get_by_text("参加者未满 14 周岁，点这里").click()
    page.get_by_label("监护人姓名").fill("老林")
    page.get_by_label("我已阅读并同意").check()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_label("Name of who takes part")).to_have_value("林居民")
    expect(page.get_by_label("Guardian's name")).to_have_value("老林")
    expect(page.get_by_label("Guardian's name")).to_be_visible()
    expect(page.get_by_label("I have read this and agree")).to_be_checked()
    expect(page.get_by_role("status")).to_contain_text("1 place kept for you")
    visitor.look("language-kept")
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed")
    page.get_by_role("button", name="Large type").click()
    expect(page.get_by_label("Name of who takes part")).to_have_value("林居民")
    expect(page.get_by_role("status")).to_contain_text("1 place kept for you")
    assert page.evaluate("sessionStorage.length") == 0
    page.reload()
    expect(page.get_by_label("Name of who takes part")).to_have_value("")


def test_a_password_stays_behind(visitor: Visitor) -> None:
    visitor.open("/staff/log-in")
    page = visitor.page
    page.locator("#email").fill("staff@example.com")
    page.locator("[type=password]").fill("a long secret")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#email")).to_have_value("staff@example.com")
    expect(page.locator("[type=password]")).to_have_value("")


def test_the_page_of_a_refused_form_leads_back_to_one_that_can_be_asked_for(site: Site, office: Office) -> None:
    path = f"/staff/hours/objections/{uuid.uuid4()}"
    answer = office.site_staff(site.id).call("POST", path, form={"decide": "reject", "reason": ""}, Accept="text/html")
    assert answer.status_code == 422
    assert 'name="back" value="/staff/hours"' in answer.get_data(as_text=True)


def test_without_scripts_the_page_says_that_it_will_be_emptied(
    make_visitor: Callable[..., Visitor], site: Site
) -> None:
    visitor = make_visitor(java_script_enabled=False)
    page = begin(visitor, site)
    warning = page.get_by_text("切换语言或字号会清空本页已填写的内容。")
    expect(warning).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_label("Name of who takes part")).to_be_visible()
    visitor.open(f"/sites/{site.id}")
    expect(page.get_by_text("empties what was filled in")).to_be_hidden()
