"""Webhooks as staff see them: added, looked at, another secret, what became of each delivery; on a phone as well."""

import re
from collections.abc import Callable
from uuid import UUID

from playwright.sync_api import expect
from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.notifications.settings import Settings
from tests.browser.conftest import Visitor
from tests.browser.test_messages import database_of_messages, messages, notifications  # noqa: F401
from tests.notifications.story import Story
from tests.registration.world import Site


def test_staff_add_a_webhook_and_see_what_became_of_it(
    visitor: Visitor, messages: str, notifications: Settings, database_of_messages: Database, site: Site,
    staff_at: Callable[..., tuple[str, str]]
) -> None:  # fmt: skip
    visitor.log_in(staff_at(site))
    visitor.open("/staff/")
    visitor.page.get_by_text("更多", exact=True).click()
    assert visitor.page.get_by_role("link", name="事件推送").get_attribute("href"), "registration's menu leads there"
    visitor.address = messages
    visitor.open("/staff/webhooks")
    visitor.look("webhooks-none")
    visitor.page.get_by_role("link", name="添加接收地址").click()
    visitor.look("webhook-new")
    visitor.page.get_by_label("网址").fill("https://10.0.0.1/hesheng")
    visitor.page.get_by_role("button", name="保存").click()
    visitor.look("webhook-refused")
    visitor.page.get_by_label("网址").fill("https://app.saimachang.example.org/hesheng/events?from=city")
    visitor.page.get_by_label("说明").fill("街道小程序")
    visitor.page.get_by_label("场次").check()
    visitor.page.get_by_role("button", name="保存").click()
    visitor.look("webhook-secret")
    assert re.fullmatch("whsec_.{44}", visitor.page.locator("#secret").inner_text())

    story = Story(notifications, database_of_messages, {})
    story.site_id = UUID(site.id)
    story.activity["site_id"] = story.site_id
    story.opening()
    with database_of_messages.transaction(EVERY_SITE) as session:
        session.execute(text("UPDATE webhook_deliveries SET state = 'skipped', error = '503: busy', ended_at = now()"))
        session.execute(
            text("""
            INSERT INTO webhook_attempts (delivery_id, started_at, outcome, status, reply)
            SELECT id, now(), 'refused', 503, 'Service Unavailable: come back later' FROM webhook_deliveries
        """)
        )
        session.execute(text("UPDATE webhook_endpoints SET failures = 40, failing_since = now() - interval '5 days',"
                             " error = '503: busy', disabled_at = now(), disabled_why = 'failing'"))  # fmt: skip
    visitor.open("/staff/webhooks")
    visitor.look("webhooks-given-up")
    visitor.page.get_by_role("link", name="街道小程序").click()
    visitor.look("webhook-disabled")
    visitor.page.get_by_role("button", name="启用").click()
    visitor.look("webhook")
    visitor.page.get_by_role("button", name="补投").click()
    expect(visitor.page.locator("main")).to_contain_text("将再次投递 1 个事件")
    visitor.page.get_by_role("link", name="hesheng.shift.opened.v1").click()
    visitor.look("webhook-delivery")
    visitor.page.get_by_role("link", name="街道小程序").click()
    visitor.page.get_by_role("link", name="更换密钥").click()
    visitor.look("webhook-rotate")
    visitor.page.get_by_role("button", name="生成新密钥").click()
    visitor.look("webhook-rotated")
    visitor.page.get_by_role("button", name="English").click()  # asked for anew, the page has no secret in it
    words = visitor.words()
    assert "is good until" in words and "whsec_" not in words
    assert not re.search("[\u4e00-\u9fff]", words.replace("街道小程序", ""))
