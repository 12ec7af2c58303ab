"""Staff's own pages, as people use them: invited by a colleague, setting a password, choosing a site, reading on."""

import re
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from services.common.auth import Role
from services.registration.operations.staff.links import Links
from services.registration.personal_data import PersonalData
from tests.browser.conftest import Visitor
from tests.registration.conftest import make_area, office  # noqa: F401
from tests.registration.office import Office
from tests.registration.world import Site

PASSWORD = "三月的风吹过汾河两岸的柳树"


@pytest.fixture
def link_of(site: Site, data: PersonalData) -> Callable[[str], str]:
    """Gives the path of the newest link that was mailed to an address."""

    def newest(email: str) -> str:
        rows = site.sql(
            "SELECT l.id FROM links AS l JOIN staff AS s ON s.id = l.staff_id WHERE s.email_hash = :hash"
            " ORDER BY l.created_at DESC LIMIT 1",
            hash=data.account(email),
        )
        return urlsplit(Links(data, "http://localhost").url(rows[0].id)).path

    return newest


def test_somebody_is_invited_sets_a_password_and_works(
    make_visitor: Callable[..., Visitor],
    site: Site,
    staff_at: Callable[..., tuple[str, str]],
    link_of: Callable[[str], str],
) -> None:
    boss, email = make_visitor(java_script_enabled=False), f"{uuid.uuid4().hex[:8]}@example.com"
    boss.log_in(staff_at(site, Role.AREA_ADMIN))
    boss.open("/staff/")
    boss.page.get_by_text("更多").click()
    boss.page.get_by_label("工作菜单").get_by_role("link", name="工作人员").click()
    boss.page.get_by_role("link", name="邀请").click()
    boss.page.get_by_label("姓名").fill("李明月")
    boss.page.get_by_label("电子邮件").fill(email)
    boss.page.get_by_role("button", name="发送邀请").click()
    expect(boss.page.get_by_role("alert"), "nothing is chosen for anybody").to_contain_text("站点：请选择。")
    name = site.sql("SELECT name_zh FROM sites WHERE id = :id", id=site.id)[0].name_zh
    boss.page.get_by_label("站点", exact=True).select_option(label=name)
    boss.page.get_by_role("button", name="发送邀请").click()
    expect(boss.page.get_by_text("已邀请，尚未登录")).to_be_visible()

    new = make_visitor()
    path = link_of(email)
    new.open(path)
    new.page.get_by_label("新密码").fill("password1234")
    new.page.get_by_role("button", name="保存并登录").click()
    new.look("staff-set-password")
    assert "password1234" not in new.page.content(), "a password is not written back"
    expect(new.page.get_by_text("太容易被猜到").first).to_be_visible()
    new.page.get_by_label("新密码").fill(PASSWORD)
    new.page.get_by_role("button", name="保存并登录").click()
    expect(new.page.get_by_role("heading", name=name), "the only site is chosen").to_be_visible()
    new.look("staff-home")
    new.page.get_by_role("button", name="退出").click()
    assert new.page.goto(new.address + path).status == 410  # type: ignore[union-attr]

    new.open("/staff/account")
    expect(new.page).to_have_url(re.compile("/staff/log-in"))
    new.page.get_by_label("电子邮件").fill(email)
    new.page.get_by_label("密码").fill("not the password")
    new.page.get_by_role("button", name="登录").click()
    new.look("staff-log-in")
    new.page.get_by_label("密码").fill(PASSWORD)
    new.page.get_by_role("button", name="登录").click()
    expect(new.page.get_by_role("heading", name="我的账号")).to_be_visible()
    new.look("staff-account")


def test_a_forgotten_password(visitor: Visitor) -> None:
    visitor.open("/staff/log-in")
    visitor.page.get_by_role("link", name="忘记密码").click()
    visitor.look("staff-forgotten")
    visitor.page.get_by_label("电子邮件").fill("nobody@example.com")
    visitor.page.get_by_role("button", name="发送链接").click()
    expect(visitor.page.get_by_role("status")).to_be_visible()
    visitor.look("staff-forgotten-sent")


def test_somebody_with_two_sites_chooses(
    visitor: Visitor,
    office: Office,
    make_site: Callable[..., Site],
) -> None:
    one, two = make_site(name_zh="赛马场社区服务中心"), make_site(name_zh="胜利桥社区服务中心")
    member = office.session(office.account(("site_staff", one.id, None), ("site_staff", two.id, None)))
    visitor.log_in((member.name, member.cookie))
    visitor.open("/staff/")
    visitor.page.get_by_role("link", name="选择站点").click()
    visitor.look("staff-sites")
    visitor.page.get_by_role("button", name="到 胜利桥社区服务中心 工作").click()
    expect(visitor.page.get_by_role("heading", name="胜利桥社区服务中心")).to_be_visible()


def test_the_day_is_seen_and_who_did_what(visitor: Visitor, site: Site, office: Office) -> None:
    worker = office.session(office.account(("site_staff", site.id, None), name="王小雨"), at=site.id)
    room = worker.expect(201, "POST", "/v1/rooms", {"name_zh": "排练室", "name_en": "Room", "capacity": 30})
    shift = site.shift(capacity=12, starts=1)
    site.sign_up(shift)
    site.sql("UPDATE shifts SET local_day = (now() AT TIME ZONE 'Asia/Shanghai')::date WHERE id = :id", id=shift)
    visitor.log_in((worker.name, worker.cookie))
    visitor.open("/staff/")
    expect(visitor.page.get_by_text("报名 1/12")).to_be_visible()
    visitor.look("staff-home-day")
    visitor.page.get_by_text("更多").click()
    visitor.page.get_by_role("link", name="操作记录").click()
    visitor.page.get_by_label("对象").select_option("rooms")
    visitor.page.get_by_role("button", name="查找").click()
    expect(visitor.page.get_by_role("heading", name="工作人员 王小雨")).to_be_visible()
    visitor.page.get_by_text("详情").click()
    visitor.look("staff-audit")
    visitor.page.get_by_role("link", name=room["id"]).click()
    expect(visitor.page.get_by_role("heading", name="新增房间")).to_be_visible()
    visitor.page.get_by_role("link", name="此人的全部操作").first.click()
    visitor.page.get_by_label("做了什么").select_option("insert")
    visitor.page.get_by_role("button", name="查找").click()
    expect(visitor.page.get_by_text("只看同一人所做的")).to_be_visible()
    expect(visitor.page.get_by_role("heading", name="新增房间")).to_be_visible()
    visitor.speak("en")
    visitor.open("/staff/audit?kind=rooms")
    visitor.look("staff-audit-english")


def test_a_role_is_given_and_taken_away(
    visitor: Visitor,
    site: Site,
    office: Office,
    staff_at: Callable[..., tuple[str, str]],
) -> None:
    colleague = office.account(("site_staff", site.id, None), name="赵春晓")
    visitor.log_in(staff_at(site, Role.OPERATOR))
    visitor.open(f"/staff/colleagues/{colleague}")
    visitor.look("staff-colleague")
    visitor.page.get_by_role("link", name="区划管理员").click()
    visitor.page.get_by_label("区划（及其以下）").select_option("140000")
    visitor.page.get_by_role("button", name="授予").click()
    expect(visitor.page.get_by_text("区划管理员 · 山西省")).to_be_visible()
    visitor.page.get_by_role("button", name="撤销：区划管理员").click()
    expect(visitor.page.get_by_role("status")).to_be_visible()
    visitor.look("staff-people")
