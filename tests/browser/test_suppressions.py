"""Staff look at the addresses to which no mail goes any more, and open one again with a reason."""

from collections.abc import Callable

from playwright.sync_api import expect
from sqlalchemy import text

from services.common.auth import Role
from services.common.database import EVERY_SITE, Database
from tests.browser.conftest import Visitor
from tests.browser.test_messages import database_of_messages, failed, messages, notifications  # noqa: F401
from tests.registration.world import Site


def close(database: Database, site: Site, message_id: str) -> None:
    """Two addresses: one bounced, one complained."""
    with database.transaction(EVERY_SITE) as session:
        for reason, said in (
            ("bounce", "5.1.1 550 5.1.1 <…>: Recipient address rejected: User unknown"),
            ("complaint", "reported as spam by the recipient"),
        ):
            close = (
                "INSERT INTO suppressions (address_key, reason, said, message_id, site_id)"
                " VALUES (:key, :reason, :said, :message_id, :site)"
            )
            told = {"key": reason.encode(), "reason": reason, "said": said, "message_id": message_id, "site": site.id}
            session.execute(text(close), told)


def test_staff_open_a_closed_address_again_with_a_reason(
    visitor: Visitor, messages: str, failed: str, database_of_messages: Database, site: Site,
    staff_at: Callable[..., tuple[str, str]],
) -> None:  # fmt: skip
    close(database_of_messages, site, failed)
    page = visitor.page
    visitor.log_in(staff_at(site))
    visitor.open("/staff/")
    assert page.locator("a", has_text="停发的邮箱").get_attribute("href"), "registration's menu leads there"
    visitor.address = messages
    visitor.open("/staff/suppressions")
    visitor.look("suppressions")
    page.get_by_role("link", name="退信，").click()
    visitor.look("suppression")
    expect(page.locator("main")).to_contain_text("User unknown")
    page.get_by_label("为什么可以再发").fill("本人到站点说邮箱已修好")
    page.get_by_role("button", name="恢复发送").click()
    expect(page.get_by_role("status")).to_contain_text("已恢复发送")
    expect(page.locator("main")).to_contain_text("本人到站点说邮箱已修好")
    visitor.speak("en")
    visitor.open("/staff/suppressions?lifted=true")
    visitor.look("suppressions-english")
    visitor.log_in(staff_at(site, Role.OPERATOR))
    visitor.open("/staff/suppressions")
    page.get_by_role("link", name="Message: ").click()
    visitor.look("message-closed-english")
    page.get_by_label("Why mails may go there again").fill("wants them")
    page.get_by_role("button", name="Send there again").click()
    visitor.open("/staff/suppressions")
    expect(page.locator("main")).to_contain_text("No address is closed")
