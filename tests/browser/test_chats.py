"""Staff register the bot of their group, choose what it is told, and send it a test."""

from collections.abc import Callable

from playwright.sync_api import expect

from services.common.database import Database
from tests.browser.conftest import Visitor
from tests.browser.test_messages import database_of_messages, messages, notifications  # noqa: F401
from tests.registration.world import Site

ADDRESS = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7bc4-97a0"


def test_staff_register_a_group(
    visitor: Visitor, messages: str, database_of_messages: Database, site: Site,
    staff_at: Callable[..., tuple[str, str]]
) -> None:  # fmt: skip
    page = visitor.page
    visitor.log_in(staff_at(site))
    visitor.open("/staff/")
    assert page.locator("a", has_text="消息群").get_attribute("href"), "registration's menu leads there"
    visitor.address = messages
    visitor.open("/staff/chats")
    page.get_by_role("link", name="添加群").click()
    visitor.look("chat-new")
    page.get_by_label("群的名称").fill("值班群")
    page.get_by_label("机器人的 Webhook 地址").fill("https://10.0.0.1/send?key=1234567890")
    page.get_by_label("志愿服务时长待记录").check()
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert")).to_contain_text("群机器人的 Webhook 地址。请从")
    visitor.look("chat-refused")
    page.get_by_label("机器人的 Webhook 地址").fill(ADDRESS)
    page.get_by_role("button", name="保存").click()
    expect(page.locator("main")).to_contain_text("明日一览、志愿服务时长待记录")
    visitor.look("chats")
    page.get_by_role("button", name="发测试消息").click()
    expect(page.get_by_role("status")).to_contain_text("测试消息已排队")
    expect(page.locator("h1")).to_contain_text("运行告警")
    visitor.speak("en")
    visitor.open("/staff/chats")
    page.get_by_role("link", name="Change").click()
    expect(page.get_by_label("Address of its bot")).to_have_value("")
    page.get_by_label("Name of the group").fill("On duty")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("On duty")
    visitor.look("chats-english")
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("main")).to_contain_text("There are none yet")
