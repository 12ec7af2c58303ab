"""Staff put the words of messages in their own, and see beside the form what goes out."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import expect

from services.common.auth import Role
from services.common.database import Database
from services.notifications.settings import Settings
from tests.browser.conftest import Visitor
from tests.browser.test_messages import (  # noqa: F401
    Told,
    ask,
    csrf,
    database_of_messages,
    messages,
    notifications,
)
from tests.notifications.story import Story
from tests.registration.world import Site

Staff = Callable[..., Told]
CONFIRMATION = "/staff/templates/confirmation/mail/zh"


@pytest.fixture
def gala(notifications: Settings, database_of_messages: Database, site: Site) -> None:
    """Somebody signed up for it at the site."""
    story = Story(notifications, database_of_messages, {})
    story.site_id = UUID(site.id)
    story.activity["site_id"] = story.site_id
    story.sign_up(story.opening(title_zh="春节联欢", title_en="Spring gala"))


def test_staff_write_their_own_words_and_see_them_as_they_type(
    visitor: Visitor, messages: str, gala: None, site: Site, staff_at: Staff
) -> None:
    page, shown = visitor.page, visitor.page.frame_locator("#preview")
    visitor.log_in(staff_at(site))
    visitor.open("/staff/")
    assert page.locator("a", has_text="消息措辞").get_attribute("href"), "registration's menu leads there"
    visitor.address = messages
    visitor.open("/staff/templates")
    visitor.look("templates")
    page.get_by_role("link", name=re.compile("报名成功.*邮件 · 中文")).click()
    shown.get_by_text("您已报名成功，名额已为您保留。").first.wait_for()
    page.get_by_label("正文").fill("{{姓名}}，{{活动名}}等您来。")
    shown.get_by_text("是不是“{{活动}}”？").wait_for()
    visitor.look("template-wrong-preview")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert")).to_contain_text("是不是“{{活动}}”？")
    page.get_by_label("正文").fill("{{姓名}}，{{活动}}等您来<script>alert(1)</script>。")
    shown.get_by_text("王小明，合唱团排练等您来<script>alert(1)</script>。").first.wait_for()
    page.get_by_label("预览用的消息").select_option(label=page.locator("#sample option").last.inner_text())
    shown.get_by_text("报名成功：春节联欢").wait_for()
    visitor.look("template")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status")).to_contain_text("已保存")
    expect(page.locator("h1")).to_contain_text("本站的措辞")
    page.get_by_role("link", name="以前的版本").click()
    visitor.look("template-versions")
    page.get_by_role("button", name="不用自己的措辞").click()
    expect(page.locator("h1")).to_contain_text("内置")
    page.get_by_role("link", name="以前的版本").click()
    page.get_by_role("button", name="改回这一版").click()
    expect(page.locator("#text")).to_have_value(re.compile("{{活动}}等您来"))
    expect(page.locator("#text")).not_to_have_value(re.compile("合唱"))


def test_without_scripts_a_button_shows_an_sms_with_its_length(
    make_visitor: Callable[..., Visitor], messages: str, database_of_messages: Database, site: Site, staff_at: Staff
) -> None:
    visitor = make_visitor(java_script_enabled=False)
    visitor.address = messages
    visitor.log_in(staff_at(site))
    visitor.speak("en")
    visitor.open("/staff/templates/reminder/sms/en")
    visitor.page.get_by_label("Text").fill("{{title}}, {{start}}")
    visitor.page.get_by_role("button", name="Preview").click()
    shown = visitor.page.frame_locator("#preview")
    shown.get_by_text("【Saimachang】Choir rehearsal, Tue 1 Dec 09:00").wait_for()
    shown.get_by_text("characters with the signature, charged as 1 SMS (UCS-2).").wait_for()


def test_words_that_guard_an_account_are_shown_and_cannot_be_changed(
    visitor: Visitor, messages: str, database_of_messages: Database, site: Site, staff_at: Staff
) -> None:
    cookie, visitor.address = staff_at(site), messages
    visitor.log_in(cookie)
    visitor.open("/staff/templates/password_reset/mail/zh")
    visitor.look("template-locked")
    expect(visitor.page.locator("main")).to_contain_text("措辞不能改")
    expect(visitor.page.get_by_label("正文")).to_have_count(0)
    token = csrf(ask(messages, cookie, CONFIRMATION).text)
    form = {"csrf_token": token, "version": "0", "subject": "a", "text": "b"}
    answer = ask(messages, cookie, "/staff/templates/password_reset/mail/zh", **form)
    assert answer.status_code == 422 and "cannot be changed" in answer.text


def test_an_operator_writes_the_words_of_all_sites(
    messages: str, database_of_messages: Database, site: Site, staff_at: Staff
) -> None:
    operator, staff = staff_at(site, Role.OPERATOR), staff_at(site)
    path = f"{CONFIRMATION}?everyone=1"
    token = csrf(ask(messages, operator, path).text)
    form = {"csrf_token": token, "version": "0", "subject": "各站：{{活动}}", "text": "好"}
    assert ask(messages, operator, path, **form).headers["Location"].endswith("everyone=1")
    assert "words of all sites" in ask(messages, staff, CONFIRMATION).text
    own = form | {"csrf_token": csrf(ask(messages, staff, path).text), "subject": "本站：{{活动}}"}
    assert ask(messages, staff, path, **own).status_code == 303, "staff's are their site's, whatever the address says"
    assert "各站" in ask(messages, operator, path).text and "本站" in ask(messages, operator, CONFIRMATION).text
