"""What staff see of messages, in the service that sends them: registration says whose session it is."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from apiflask import APIFlask
from playwright.sync_api import expect
from sqlalchemy import text
from werkzeug.serving import make_server

import services.common.sessions
from services.common.auth import Role
from services.common.database import EVERY_SITE, Database
from services.common.events import Envelope, RegistrationConfirmed, SiteSaved
from services.notifications.app import make_app
from services.notifications.operations.providers import tell
from services.notifications.operations.reminders import fire_due_reminders
from services.notifications.settings import Settings
from services.registration.operations.staff.sessions import end_resident_everywhere
from tests.browser.conftest import Visitor
from tests.conftest import NOTIFICATIONS_TOKEN, PERSONAL_DATA_KEY
from tests.notifications.conftest import TABLES
from tests.notifications.story import Story
from tests.registration.world import Site

Told = tuple[str, str]


@pytest.fixture(scope="module")
def notifications(common_settings: Callable[[str], dict[str, str]], live: str) -> Settings:
    """Settings of the notifications service beside the running registration."""
    own = {
        "registration_url": live, "notifications_token": NOTIFICATIONS_TOKEN, "notifications_keys": PERSONAL_DATA_KEY,
        "smtp_url": "smtp://127.0.0.1:1", "mail_from": "hesheng@example.org", "mail_domain": "example.org",
        "sms_url": "http://t@127.0.0.1:1/send,http://t@127.0.0.1:1/send?name=spare", "sms_rate": "600,60",
    }  # fmt: skip
    return Settings(**common_settings("notifications") | own)  # type: ignore[arg-type]


@pytest.fixture
def database_of_messages(notifications: Settings) -> Iterator[Database]:
    database = Database(notifications.database_dsn)
    with database.transaction(EVERY_SITE) as session:
        for table in TABLES:
            session.execute(text(f"DELETE FROM {table}"))
    yield database
    database.engine.dispose()


@pytest.fixture(scope="module")
def messages(notifications: Settings) -> Iterator[str]:
    """Address of the running notifications service."""
    app: APIFlask = make_app(notifications)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def failed(notifications: Settings, database_of_messages: Database, site: Site) -> str:
    """Id of a message of the site that was refused."""
    story = Story(notifications, database_of_messages, {})
    story.site_id = UUID(site.id)
    story.activity["site_id"] = story.site_id
    facts = story.sign_up(story.opening())
    with database_of_messages.transaction(EVERY_SITE) as session:
        refused = (
            "UPDATE messages SET state = 'failed', error = '550 no such mailbox' WHERE registration_id = :id"
            " RETURNING id"
        )
        message_id = session.execute(text(refused), {"id": facts["registration_id"]}).scalar_one()
        tried = "INSERT INTO deliveries (message_id, started_at, outcome, reply) VALUES (:id, now(), 'refused', '550')"
        session.execute(text(tried), {"id": message_id})
    return str(message_id)


def ask(address: str, cookie: Told | None, path: str, **form: str) -> requests.Response:
    cookies = dict([cookie]) if cookie else {}
    method = "POST" if form else "GET"
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    return requests.request(
        method, address + path, cookies=cookies, data=form or None, headers=headers, timeout=30, allow_redirects=False
    )


def csrf(page: str) -> str:
    [token, *_] = re.findall(r'name="csrf_token" value="([0-9a-f]{64})"', page)
    return str(token)


def test_staff_see_the_messages_of_their_site(
    visitor: Visitor, messages: str, failed: str, site: Site, staff_at: Callable[..., Told]
) -> None:
    visitor.log_in(staff_at(site))
    visitor.open("/staff/")
    assert visitor.page.get_by_role("link", name="消息").get_attribute("href"), "registration's menu leads there"
    visitor.address = messages
    visitor.open("/staff/messages")
    visitor.look("messages")
    visitor.page.get_by_role("link", name="发送失败 1").click()
    visitor.page.get_by_role("link", name="报名成功").click()
    visitor.look("message")
    words = visitor.words()
    assert "550 no such mailbox" in words and "被拒绝" in words and "再次发送" not in words
    visitor.page.get_by_role("button", name="English").click()
    expect(visitor.page.locator("main")).to_contain_text("Refused")
    assert not re.search("[\u4e00-\u9fff]", visitor.words())


def test_staff_see_which_reminders_were_not_sent_and_why(
    visitor: Visitor, messages: str, failed: str, site: Site, database_of_messages: Database,
    staff_at: Callable[..., Told],
) -> None:  # fmt: skip
    with database_of_messages.transaction(EVERY_SITE) as session:
        session.execute(text("UPDATE reminders SET due_at = due_at - interval '71 hours'"))
    fire_due_reminders(database_of_messages)
    visitor.log_in(staff_at(site))
    visitor.address = messages
    visitor.open("/staff/messages")
    visitor.page.get_by_role("link", name="没有发出的提醒").click()
    visitor.look("reminders-not-sent")
    words = visitor.words()
    assert "合唱排练，歌手" in words and "被取代" in words and "只发那一次" in words
    visitor.page.get_by_role("button", name="English").click()
    visitor.look("reminders-not-sent-en")
    words = visitor.words()
    assert "Gave way" in words and not re.search("[\u4e00-\u9fff]", words)


def test_another_sites_messages_are_not_there(
    messages: str, failed: str, site: Site, other: Site, staff_at: Callable[..., Told]
) -> None:
    assert ask(messages, staff_at(site), f"/staff/messages/{failed}").status_code == 200
    assert ask(messages, staff_at(other), f"/staff/messages/{failed}").status_code == 404
    assert ask(messages, ("hesheng_staff", "made-up"), f"/staff/messages/{failed}").status_code == 303


def test_whoever_is_not_logged_in_comes_back_after_logging_in(messages: str, live: str) -> None:
    answer = ask(messages, None, "/staff/messages?state=failed")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{live}/staff/log-in?next=http%3A%2F%2F127.0.0.1%3A")
    assert answer.headers["Location"].endswith("%2Fstaff%2Fmessages%3Fstate%3Dfailed")


def test_an_operator_sends_it_again_and_no_forged_form_does(
    messages: str, failed: str, site: Site, staff_at: Callable[..., Told]
) -> None:
    path = f"/staff/messages/{failed}/retry"
    staff, operator = staff_at(site), staff_at(site, Role.OPERATOR)
    page = ask(messages, staff, f"/staff/messages/{failed}").text
    assert ask(messages, staff, path, csrf_token=csrf(page)).status_code == 403
    page = ask(messages, operator, f"/staff/messages/{failed}").text
    assert "Send again" in page
    assert ask(messages, operator, path, csrf_token="0" * 64).status_code == 403
    assert ask(messages, operator, path, csrf_token=csrf(page)).status_code == 303
    assert "Queued" in ask(messages, operator, f"/staff/messages/{failed}").text
    answer = ask(messages, operator, path, csrf_token=csrf(page))
    assert answer.status_code == 409 and "it is pending" in answer.text


def test_an_operator_sees_what_fails_and_why_and_sends_it_again(
    visitor: Visitor, messages: str, failed: str, site: Site, database_of_messages: Database,
    staff_at: Callable[..., Told],
) -> None:  # fmt: skip
    tell(database_of_messages, "smtp://mail.example:25", "the mail server answered 535")
    tell(database_of_messages, "gateway", "the SMS gateway answered 429")
    visitor.log_in(staff_at(site, Role.OPERATOR))
    visitor.address = messages
    visitor.open("/staff/delivery")
    visitor.look("delivery")
    words = visitor.words()
    assert "smtp://mail.example:25" in words and "535" in words and "1 × 550 no such mailbox" in words
    rows = visitor.page.get_by_role("row").all_inner_texts()
    [gateway], [spare] = ([row for row in rows if name in row] for name in ("gateway", "spare"))
    assert "600" in gateway and "故障" in gateway and "60" in spare and "正常" in spare
    visitor.page.get_by_role("button", name="再次发送").click()
    expect(visitor.page.locator("main")).to_contain_text("1 条消息将再次发送")
    expect(visitor.page.locator("main")).to_contain_text("没有失败或失效的消息")
    expect(visitor.page.locator("table").first).to_contain_text("答复")
    visitor.speak("en")
    visitor.open("/staff/delivery")
    visitor.look("delivery-en")
    assert ask(messages, staff_at(site), "/staff/delivery").status_code == 403


def test_an_operator_releases_what_is_held_back(
    visitor: Visitor, messages: str, site: Site, database_of_messages: Database, staff_at: Callable[..., Told]
) -> None:  # fmt: skip
    saved = SiteSaved(site_id=uuid4(), area="140107", name_zh="站", name_en="Site", time_zone="Asia/Shanghai")
    envelope = Envelope(id=uuid4(), source="/hesheng/registration", type=saved.type, subject=saved.aggregate,
                        time=datetime.now(UTC), partition=0, sequence=1,
                        data=saved.model_dump(mode="json"))  # fmt: skip
    with database_of_messages.transaction(EVERY_SITE) as session:
        session.execute(text("DELETE FROM parked"))
        session.execute(
            text("INSERT INTO parked (producer, partition, sequence, aggregate, envelope, error)"
                 " VALUES ('registration', 0, 1, :aggregate, cast(:envelope AS jsonb), 'no such thing')"),
            {"aggregate": saved.aggregate, "envelope": envelope.model_dump_json()},
        )  # fmt: skip
    visitor.log_in(staff_at(site, Role.OPERATOR))
    visitor.address = messages
    visitor.open("/staff/delivery")
    expect(visitor.page.locator("main")).to_contain_text(f"{saved.aggregate}：1 个事件")
    visitor.look("held_back")
    visitor.page.get_by_role("button", name="放行").click()
    words = visitor.words()
    assert "已补处理 1 个事件" in words and "被搁置" not in words


def test_a_session_that_ends_is_over_here_as_well(
    messages: str, database: Database, site: Site, staff_at: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.common.sessions, "TRUST_SECONDS", 0.0)
    cookie = staff_at(site)
    assert ask(messages, cookie, "/staff/messages").status_code == 200
    with database.transaction(EVERY_SITE) as session:
        session.execute(text("UPDATE staff_sessions SET expires_at = now() WHERE site_id = :s"), {"s": site.id})
    assert ask(messages, cookie, "/staff/messages").status_code == 303


def test_while_registration_is_down_nobody_is_taken_for_somebody(
    notifications: Settings, site: Site, staff_at: Callable[..., Told]
) -> None:
    alone = make_app(notifications.model_copy(update={"registration_url": "http://127.0.0.1:1"})).test_client()
    alone.set_cookie(*staff_at(site))
    answer: Any = alone.get("/staff/messages", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert answer.status_code == 503 and "Please try again shortly" in answer.get_data(as_text=True)


def test_a_good_cookie_pays_for_no_guesses_at_another(
    notifications: Settings, site: Site, resident_cookie: Callable[[str], Told]
) -> None:
    person_id = site.sign_up(site.shift())["person_id"]
    guarded = make_app(notifications.model_copy(update={"rate_limit": 600})).test_client()
    guarded.set_cookie(*resident_cookie(person_id))
    answers = []
    for number in range(30):
        guarded.set_cookie("hesheng_staff", f"guess-{number}")
        answers.append(guarded.get("/v1/messages").status_code)
    assert answers[0] == 403 and answers[-1] == 429


def test_people_read_their_messages_and_take_their_shifts_along(
    visitor: Visitor,
    messages: str,
    notifications: Settings,
    database_of_messages: Database,
    database: Database,
    site: Site,
    resident_cookie: Callable[[str], Told],
) -> None:
    person_id = site.sign_up(site.shift())["person_id"]
    story = Story(notifications, database_of_messages, {})
    story.site_id = UUID(site.id)
    story.activity["site_id"] = story.site_id
    shift_id = story.opening()
    story.tell(RegistrationConfirmed(**story.registration(shift_id, UUID(person_id))))
    story.sign_up(shift_id)
    visitor.log_in(resident_cookie(person_id))
    visitor.open("/my")
    led = visitor.page.get_by_role("link", name="我的消息").get_attribute("href")
    assert led and led.endswith("/my/messages"), "registration's menu leads there"
    visitor.address = messages
    visitor.open("/my/messages")
    visitor.look("inbox")
    visitor.page.get_by_role("link", name="报名成功").click()
    visitor.look("inbox-message")
    expect(visitor.page.locator("main")).to_contain_text("歌手")
    visitor.page.get_by_role("button", name="English").click()
    visitor.look("inbox-message-en")
    visitor.page.get_by_role("link", name="All messages").click()
    visitor.look("inbox-en")
    visitor.page.get_by_role("link", name="Into my phone's calendar").click()
    visitor.page.get_by_role("button", name="Get the address").click()
    visitor.look("inbox-calendar-en")
    feed = visitor.page.get_by_label("Or copy the address").input_value()
    shown = requests.get(messages + feed.removeprefix(notifications.pages_of["notifications"]), timeout=30)
    assert shown.status_code == 200 and shown.text.count("BEGIN:VEVENT") == 1
    visitor.page.get_by_role("button", name="中文").click()
    visitor.look("inbox-calendar")
    visitor.page.get_by_role("button", name="停用").click()
    again = requests.get(shown.url, timeout=30)
    assert again.status_code == 410
    visitor.page.get_by_role("button", name="获取日历地址").click()
    with database.transaction(EVERY_SITE) as session:
        end_resident_everywhere(session, UUID(person_id))
    visitor.log_in(resident_cookie(person_id))
    visitor.open("/my/messages/calendar")
    visitor.look("inbox-calendar-over")
    expect(visitor.page.locator("main")).to_contain_text("已经失效")
    visitor.page.get_by_role("button", name="获取新地址").click()
    feed = visitor.page.get_by_label("或者复制这个地址").input_value()
    shown = requests.get(messages + feed.removeprefix(notifications.pages_of["notifications"]), timeout=30)
    assert shown.status_code == 200
