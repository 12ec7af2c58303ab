"""Staff write an announcement, see to how many it goes, have it approved by a colleague, and stop one."""

from collections.abc import Callable
from uuid import UUID

import pytest

from services.common.database import Database
from services.notifications.contacts import ContactBook
from services.notifications.operations.announcements.sending import send_announcements
from services.notifications.settings import Settings
from tests.browser.conftest import Visitor
from tests.browser.test_messages import database_of_messages, messages  # noqa: F401
from tests.conftest import NOTIFICATIONS_TOKEN, PERSONAL_DATA_KEY
from tests.notifications.story import Story
from tests.registration.world import Site


@pytest.fixture(scope="module")
def notifications(common_settings: Callable[[str], dict[str, str]], live: str) -> Settings:
    """For more than two people a second person approves."""
    own = {
        "registration_url": live, "notifications_token": NOTIFICATIONS_TOKEN, "notifications_keys": PERSONAL_DATA_KEY,
        "smtp_url": "smtp://127.0.0.1:1", "mail_from": "hesheng@example.org", "mail_domain": "example.org",
        "announcement_alone": "2",
    }  # fmt: skip
    return Settings(**common_settings("notifications") | own)  # type: ignore[arg-type]


def test_from_a_draft_over_a_second_person_to_sent_and_stopped(
    make_visitor: Callable[..., Visitor], messages: str, notifications: Settings, database_of_messages: Database,
    site: Site, staff_at: Callable[..., tuple[str, str]], live: str,
) -> None:  # fmt: skip
    told = Story(notifications, database_of_messages, {})
    told.site_id = UUID(site.id)
    told.save_site()
    shift = site.shift(10)
    for _ in range(3):
        site.sign_up(shift)
    writer, colleague = make_visitor(), make_visitor()
    writer.log_in(staff_at(site))
    colleague.log_in(staff_at(site))
    for one in (writer, colleague):
        one.address = messages
    writer.open("/staff/announcements")
    writer.look("announcements-none")
    writer.page.get_by_role("link", name="写公告").click()
    writer.page.get_by_label("主题", exact=True).fill("本周六停水")
    writer.page.get_by_label("正文", exact=True).fill("{{活动}}，周六停水。")
    writer.page.get_by_role("button", name="保存草稿").click()
    assert "{{活动}}" in writer.page.inner_text("#text_zh-wrong"), "there is none: it goes to the whole site"
    writer.page.get_by_label("正文", exact=True).fill("{{姓名}}，周六停水。")
    writer.look("announcement-form")  # before the mouse is over a button, whose colours then change by and by
    writer.page.get_by_role("button", name="预览").click()
    writer.page.frame_locator("iframe").get_by_text("周六停水。").wait_for()
    writer.page.get_by_role("button", name="保存草稿").click()
    assert "现在的人数\n3" in writer.page.inner_text("main")
    writer.look("announcement-draft")
    writer.page.get_by_role("button", name="提交").click()
    assert "等待批准" in writer.page.inner_text("h1")
    assert "须由另一位工作人员批准" in writer.page.inner_text("main")
    assert writer.page.get_by_role("button", name="批准发给这些人").count() == 0
    here = writer.page.url.removeprefix(messages)
    colleague.open(here)
    colleague.look("announcement-waiting")
    colleague.page.get_by_role("button", name="批准发给这些人").click()
    assert "待发送" in colleague.page.inner_text("h1")
    book = ContactBook(live, NOTIFICATIONS_TOKEN)
    while send_announcements(database_of_messages, book, ()):
        pass
    writer.open(here)
    assert "还没发：3" in writer.page.inner_text("main")
    writer.page.get_by_role("button", name="停止").click()
    assert "已停止" in writer.page.inner_text("h1") and "已停止：3" in writer.page.inner_text("main")
    colleague.speak("en")
    colleague.open(here)
    colleague.look("announcement-stopped-english")
    colleague.page.get_by_role("button", name="Copy").click()
    assert "Draft" in colleague.page.inner_text("h1")
    colleague.open("/staff/announcements")
    colleague.look("announcements-english")
