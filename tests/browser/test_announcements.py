"""Staff write an announcement, see to how many it goes, have it approved by a colleague, and stop one."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from services.common import events
from services.common.auth import Role
from services.common.database import EVERY_SITE, Database
from services.notifications.contacts import ContactBook
from services.notifications.operations.announcements.sending import send_announcements, settle_announcements
from services.notifications.operations.deliver import deliver_batch, deliver_bulk, make_postman
from services.notifications.settings import Settings
from tests.browser.conftest import Visitor
from tests.browser.test_messages import database_of_messages, messages  # noqa: F401
from tests.conftest import NOTIFICATIONS_TOKEN, PERSONAL_DATA_KEY
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story
from tests.registration.world import Site


@pytest.fixture(scope="module")
def sink() -> Iterator[FaultySink]:
    server = FaultySink()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def notifications(common_settings: Callable[[str], dict[str, str]], live: str, sink: FaultySink) -> Settings:
    """For more than two people a second person approves."""
    own = {
        "registration_url": live, "notifications_token": NOTIFICATIONS_TOKEN, "notifications_keys": PERSONAL_DATA_KEY,
        "smtp_url": sink.url, "mail_from": "hesheng@example.org", "mail_domain": "example.org",
        "announcement_alone": "2",
    }  # fmt: skip
    return Settings(**common_settings("notifications") | own)  # type: ignore[arg-type]


def test_from_a_draft_over_a_second_person_to_sent_and_stopped(
    make_visitor: Callable[..., Visitor], messages: str, notifications: Settings, database_of_messages: Database,
    site: Site, staff_at: Callable[..., tuple[str, str]], live: str, sink: FaultySink,
) -> None:  # fmt: skip
    told = Story(notifications, database_of_messages, {})
    told.site_id = UUID(site.id)
    told.save_site()
    shift = site.shift(10)
    for number in range(3):
        site.sign_up(shift, email=f"{site.id}-{number}@example.org")
    writer, colleague = make_visitor(), make_visitor()
    writer.log_in(staff_at(site))
    for one in (writer, colleague):
        one.address = messages
    writer.open("/staff/announcements")
    writer.look("announcements-none")
    writer.page.get_by_role("link", name="写公告").click()
    writer.page.get_by_label("主题", exact=True).fill("本周六停水")
    writer.page.get_by_label("正文", exact=True).fill("{{活动}}，周六停水。")
    writer.page.get_by_role("button", name="保存草稿").click()
    expect(writer.page.locator("#text_zh-wrong"), "there is none: it goes to the whole site").to_contain_text(
        "{{活动}}"
    )
    writer.page.get_by_label("正文", exact=True).fill("{{姓名}}，周六停水。")
    writer.look("announcement-form")  # before the mouse is over a button, whose colours then change by and by
    writer.page.get_by_role("button", name="预览").click()
    writer.page.frame_locator("iframe").get_by_text("周六停水。").wait_for()
    writer.page.get_by_role("button", name="保存草稿").click()
    expect(writer.page.locator("main")).to_contain_text("现在的人数\n3", use_inner_text=True)
    expect(writer.page.locator("main")).to_contain_text("本站没有别人可以批准")
    writer.look("announcement-draft")
    colleague.log_in(staff_at(site))
    site.sql(
        "UPDATE staff SET password = 'x' WHERE id IN (SELECT staff_id FROM staff_grants WHERE site_id = :id)",
        id=site.id,
    )
    writer.page.get_by_role("button", name="提交").click()
    expect(writer.page.locator("h1")).to_contain_text("等待批准")
    expect(writer.page.locator("main")).to_contain_text("须由另一位工作人员批准")
    expect(writer.page.locator("main")).not_to_contain_text("没有别人可以批准")
    expect(writer.page.get_by_role("button", name="批准发给这些人")).to_have_count(0)
    here = writer.page.url.removeprefix(messages)
    colleague.open(here)
    expect(colleague.page.locator("main"), "a colleague is called by name").to_contain_text(
        "起草\n值班员", use_inner_text=True
    )
    colleague.look("announcement-waiting")
    colleague.page.get_by_role("button", name="退回修改").click()
    expect(colleague.page.locator("main")).to_contain_text("请写明为什么不批准")
    colleague.page.get_by_label("为什么不批准").fill("时间写错了")
    colleague.page.get_by_role("button", name="退回修改").click()
    expect(colleague.page.locator("h1")).to_contain_text("未获批准，待修改")
    writer.open(here)
    expect(writer.page.locator("main")).to_contain_text("没有批准：时间写错了")
    writer.look("announcement-declined")
    writer.page.get_by_role("button", name="提交").click()
    colleague.open(here)
    colleague.page.get_by_role("button", name="批准发给这些人").click()
    expect(colleague.page.locator("h1")).to_contain_text("待发送")
    book = ContactBook(live, NOTIFICATIONS_TOKEN)
    while send_announcements(database_of_messages, book, ()):
        pass
    writer.open(here)
    expect(writer.page.locator("main")).to_contain_text("还没发：3")
    writer.open("/staff/announcements")
    expect(writer.page.locator("main")).to_contain_text("已处理 0 / 3")
    writer.open(here)
    writer.page.get_by_label("为什么停止").fill("改到下周")
    writer.page.get_by_role("button", name="停止").click()
    expect(writer.page.locator("h1")).to_contain_text("已停止")
    expect(writer.page.locator("main")).to_contain_text("已停止，不发：3")
    expect(writer.page.locator("main")).to_contain_text("已停止：改到下周")
    expect(writer.page.locator("main")).to_contain_text("您")
    colleague.speak("en")
    colleague.open(here)
    colleague.look("announcement-stopped-english")
    colleague.page.get_by_role("button", name="Copy").click()
    expect(colleague.page.locator("h1")).to_contain_text("Draft")
    site.sign_up(shift)
    colleague.page.get_by_role("button", name="Hand in").click()
    expect(colleague.page.locator("main")).to_contain_text("It is 4 people now")
    colleague.page.get_by_role("button", name="Hand in").click()
    writer.open(colleague.page.url.removeprefix(messages))
    writer.page.get_by_role("button", name="批准发给这些人").click()
    postman = make_postman(notifications, database_of_messages)
    while send_announcements(database_of_messages, book, ()):
        pass
    while deliver_batch(postman) + deliver_bulk(postman):
        pass
    settle_announcements(database_of_messages)
    writer.page.reload()
    expect(writer.page.locator("h1")).to_contain_text("已发完")
    expect(writer.page.locator("main")).to_contain_text("已发出：3")
    expect(writer.page.locator("main")).to_contain_text("联系不到：1")
    assert len(sink.kept) == 3
    writer.look("announcement-sent")
    colleague.open("/staff/announcements")
    colleague.look("announcements-english")


def test_chosen_shifts_stay_chosen_when_words_change_and_english_is_looked_at(
    make_visitor: Callable[..., Visitor], messages: str, notifications: Settings, database_of_messages: Database,
    site: Site, staff_at: Callable[..., tuple[str, str]],
) -> None:  # fmt: skip
    told = Story(notifications, database_of_messages, {})
    activity, told.site_id = site.activity(), UUID(site.id)
    told.activity |= {"activity_id": UUID(activity), "site_id": told.site_id}
    told.save_site()
    told.tell(events.ActivityPublished(**told.activity))
    first, second = (site.shift(10, activity=activity) for _ in range(2))
    for shift, days in ((first, 1), (second, 2)):
        told.tell(events.ShiftOpened(**told.shift(UUID(shift), datetime.now(UTC) + timedelta(days=days))))
    for shift in (first, second, second):
        site.sign_up(shift)
    writer = make_visitor()
    writer.log_in(staff_at(site))
    writer.address = messages
    writer.open("/staff/announcements/new")
    writer.page.get_by_label("发给谁").select_option(f"activity:{activity}")
    words = {"subject_zh": "停水", "text_zh": "停水。", "subject_en": "Water", "text_en": "No water."}
    for field, typed in words.items():
        writer.page.locator(f"#{field}").fill(typed)
    writer.page.get_by_label("预览哪种语言").select_option("en")
    writer.page.frame_locator("iframe").get_by_text("No water.").wait_for()
    writer.page.get_by_role("button", name="列出所选活动的场次").click()
    expect(writer.page.locator("#text_en"), "what was typed stays").to_have_value("No water.")
    writer.page.locator(f"#shift-{first}").check()
    writer.page.get_by_label("只发给志愿者").check()
    writer.page.get_by_role("button", name="保存草稿").click()
    expect(writer.page.locator("main")).to_contain_text("现在的人数\n0", use_inner_text=True)
    expect(writer.page.locator("main")).to_contain_text("只发给：志愿者")
    expect(writer.page.locator("dt", has_text="场次")).to_have_count(1)
    writer.page.get_by_role("link", name="修改").click()
    writer.page.get_by_label("只发给志愿者").uncheck()
    writer.look("announcement-shifts")
    writer.page.get_by_role("button", name="保存草稿").click()
    expect(writer.page.locator("main")).to_contain_text("现在的人数\n1", use_inner_text=True)
    writer.page.get_by_role("link", name="修改").click()
    writer.page.get_by_label("主题", exact=True).fill("周六停水")
    writer.page.get_by_role("button", name="保存草稿").click()
    expect(writer.page.locator("main")).to_contain_text("现在的人数\n1", use_inner_text=True)


def test_who_looks_after_an_area_finds_announcements_without_a_site(
    make_visitor: Callable[..., Visitor], messages: str, site: Site, staff_at: Callable[..., tuple[str, str]],
    database: Database, live: str,
) -> None:  # fmt: skip
    cookie = staff_at(site, Role.AREA_ADMIN)
    with database.transaction(EVERY_SITE) as session:
        session.execute(
            text("UPDATE staff_sessions SET site_id = NULL WHERE sha256 = :sha256"),
            {"sha256": hashlib.sha256(cookie[1].encode()).hexdigest()},
        )
    for address, path in ((messages, "/staff/announcements/new"), (live, "/staff/areas")):
        visitor = make_visitor()
        visitor.log_in(cookie)
        visitor.address = address
        visitor.log_in(cookie)
        visitor.open(path)
        expect(
            visitor.page.locator("nav").get_by_role("link", name="公告", include_hidden=True), address
        ).to_have_count(1)
