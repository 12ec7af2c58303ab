"""Staff see what goes out this evening, in the frame of the mail, and set when and to whom."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from services.common.database import Database
from services.notifications.settings import Settings
from tests.browser.conftest import Visitor
from tests.browser.test_messages import database_of_messages, messages, notifications  # noqa: F401
from tests.notifications.story import Story
from tests.registration.world import Site

SHANGHAI = ZoneInfo("Asia/Shanghai")


def tomorrow_at(hour: int) -> float:
    """In how many hours that is, by the site's clocks."""
    now = datetime.now(SHANGHAI)
    then = datetime.combine(now.date() + timedelta(days=1), time(hour), SHANGHAI)
    return (then - now).total_seconds() / 3600


def test_staff_see_tomorrow_and_set_when_it_comes(
    visitor: Visitor, messages: str, notifications: Settings, database_of_messages: Database, site: Site,
    staff_at: Callable[..., tuple[str, str]]
) -> None:  # fmt: skip
    told = Story(notifications, database_of_messages, {})
    told.site_id = UUID(site.id)
    told.save_site()
    visitor.log_in(staff_at(site))
    visitor.open("/staff/")
    assert visitor.page.locator("a", has_text="明日一览").get_attribute("href"), "registration's menu leads there"
    visitor.address = messages
    visitor.open("/staff/digests")
    expect(visitor.page.locator("main")).to_contain_text("不会发邮件")
    hall = site.expect(201, "POST", "/v1/rooms", {"name_zh": "二楼排练厅", "name_en": "Hall", "capacity": 30})["id"]
    english = {"title_en": "Choir rehearsal of the volunteers", "title_zh": "暖阳红声合唱志愿服务队排练"}
    full = site.shift(2, starts=tomorrow_at(14), activity=site.activity(room_id=hall, **english))
    for _ in range(5):
        site.sign_up(full)
    site.sign_up(site.shift(30, starts=tomorrow_at(9)))
    visitor.open("/staff/digests")
    expect(visitor.page.locator("main")).to_contain_text("明天的安排：赛马场站")
    mail = visitor.page.frame_locator("iframe")
    mail.get_by_text("报名 2/2，候补 3").wait_for()
    assert mail.locator("img").evaluate("image => image.complete && image.naturalWidth") == 1080
    visitor.look("digest")
    visitor.page.get_by_role("button", name="不要发给我").click()
    expect(visitor.page.locator("main")).to_contain_text("不发给您")
    visitor.page.get_by_label("前一天的时间").fill("17:30")
    visitor.page.get_by_role("button", name="保存").click()
    expect(visitor.page.get_by_label("前一天的时间")).to_have_value("17:30")
    visitor.speak("en")
    visitor.open("/staff/digests")
    mail.get_by_text("2 of 2 places taken, 3 waiting").wait_for()
    visitor.look("digest-english")
