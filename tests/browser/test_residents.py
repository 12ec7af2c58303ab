"""Residents' pages as people meet them: find an activity, sign up, look after it, without an account or scripts."""

import re
import threading
from collections.abc import Callable, Iterator

import pytest
from apiflask import APIFlask
from flask import Flask
from playwright.sync_api import expect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.serving import make_server

from services.registration.operations.staff.links import Links
from services.registration.personal_data import PersonalData
from tests.browser.conftest import Visitor
from tests.registration.test_public import fresh_mail, manage_path
from tests.registration.world import Caller, Site, in_hours

MakeVisitor = Callable[..., Visitor]
ResidentCookie = Callable[[str], tuple[str, str]]
DESCRIPTION = "每周学用手机：视频通话、挂号、出行。\n请自带手机。"
DESCRIPTION_EN = "Learn to use your phone: calls, appointments, travel.\nBring your own."
RISKS, RISKS_EN = "教室在二楼，没有电梯。", "The classroom is on the first floor; there is no lift."


@pytest.fixture
def centre(make_site: Callable[..., Site]) -> Site:
    """A community centre of our own invention."""
    return make_site(name_zh="赛马场党群服务中心", name_en="Saimachang Service Centre", address="职工新街 1 号")


def course(centre: Site, **fields: object) -> str:
    """Id of a class."""
    return centre.activity(
        title_zh="指尖科普课堂", title_en="Smartphone class", place="二楼教室", description_zh=DESCRIPTION,
        description_en=DESCRIPTION_EN, risks_zh=RISKS, risks_en=RISKS_EN, **fields,
    )  # fmt: skip


@pytest.mark.parametrize("scripts", [True, False])
def test_from_the_start_page_to_a_place(centre: Site, make_visitor: MakeVisitor, scripts: bool) -> None:
    centre.shift(activity=course(centre), capacity=20)
    visitor = make_visitor(java_script_enabled=scripts)
    look, page = (visitor.look if scripts else lambda name: None), visitor.page
    visitor.open("/")
    page.get_by_label("站点、街道或城市的名称").fill("赛马场")
    page.get_by_role("button", name="查找").click()
    look("public-start")
    visitor.open(f"/sites/{centre.id}")
    look("public-site")
    page.get_by_role("link", name="指尖科普课堂", exact=True).click()
    look("public-activity")
    page.get_by_role("link", name=re.compile("^报名")).click()
    look("public-begin")
    page.get_by_role("button", name="开始报名").click()
    expect(page.get_by_role("status")).to_contain_text("已为您保留 1 个名额")
    look("public-sign-up")
    page.get_by_role("button", name="报名").click()
    expect(page.get_by_role("alert")).to_contain_text("什么都没有改变")
    look("public-sign-up-wrong")
    page.get_by_label("参加者姓名").fill("林居民")
    page.get_by_label("手机号或电子邮箱").fill(fresh_mail())
    page.get_by_label("我已阅读并同意").check()
    page.get_by_role("button", name="报名").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("报名成功")
    look("public-result")
    page.reload()
    assert centre.sql("SELECT count(*) FROM registrations WHERE site_id = :s", s=centre.id)[0].count == 1


@pytest.mark.parametrize("scripts", [True, False])
def test_from_the_mail_to_a_cancellation(centre: Site, make_visitor: MakeVisitor, scripts: bool) -> None:
    activity = course(centre)
    made = centre.sign_up(centre.shift(activity=activity), name="林居民", email=fresh_mail())
    full = centre.shift(activity=activity, capacity=1, starts=50)
    centre.sign_up(full)
    centre.sign_up(full, **_same(centre, made))
    visitor = make_visitor(java_script_enabled=scripts)
    look, page = (visitor.look if scripts else lambda name: None), visitor.page
    visitor.open(f"{manage_path(centre, made['person_id'])}?registration={made['id']}")
    look("mine-link")
    page.get_by_role("button", name="查看我的报名").click()
    look("mine-one")
    page.get_by_role("link", name="取消报名").click()
    look("mine-cancel")
    assert centre.statuses(made) == ["confirmed"], "the first touch changes nothing"
    page.get_by_role("button", name="确定取消报名").click()
    expect(page.get_by_role("status")).to_contain_text("已取消")
    expect(page.get_by_text("候补第 1 位")).to_be_visible()
    look("mine-list")
    page.get_by_role("button", name="退出", exact=True).click()
    visitor.open("/my")
    expect(page.get_by_role("heading", level=1)).to_have_text("查看我的报名")


def test_passing_a_place_on_by_a_link(centre: Site, visitor: Visitor) -> None:
    activity = course(centre)
    made = centre.sign_up(centre.shift(activity=activity), name="林居民", email=fresh_mail())
    centre.shift(activity=activity, starts=50)
    page = visitor.page
    visitor.open(f"{manage_path(centre, made['person_id'])}?registration={made['id']}")
    page.get_by_role("button", name="查看我的报名").click()
    for summary in ("转给认识的人", "和认识的人换场次", "用链接转让"):
        page.get_by_text(f"{summary}，点这里").click()
    visitor.look("mine-passing-on")
    page.get_by_role("button", name="做一个链接").click()
    visitor.look("mine-hand-on")
    address = page.get_by_label("把这个链接发给对方").input_value()
    visitor.open(address[address.index("/links/") :])
    visitor.look("link-hand-on")
    page.get_by_label("姓名").fill("接手人")
    page.get_by_label("手机号或电子邮箱").fill(fresh_mail())
    page.get_by_role("button", name="发邮件给我").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("请看邮箱")
    visitor.open(f"/my/registrations/{made['id']}")
    expect(page.get_by_text("对方还没有答复")).to_be_visible()


def test_answering_what_one_was_asked_by_mail_or_on_ones_own_page(
    centre: Site, visitor: Visitor, data: PersonalData, resident_cookie: ResidentCookie
) -> None:
    activity = course(centre)
    mine = centre.shift(activity=activity, starts=30)
    taker = centre.sign_up(mine, name="被请的人", email=fresh_mail())
    swap, gift = centre.sign_up(centre.shift(activity=activity, starts=50)), centre.sign_up(centre.shift(starts=60))
    other = {"other_registration_id": taker["id"]}
    swapped = centre.expect(201, "POST", f"/v1/registrations/{swap['id']}/swap", other)
    to = {"to_person_id": taker["person_id"]}
    given = centre.expect(201, "POST", f"/v1/registrations/{gift['id']}/hand-over", to)
    for asked, name in ((swapped, "link-swap"), (given, "link-hand-over")):
        [link] = centre.sql("SELECT id FROM links WHERE subject = :t", t=asked["id"])
        visitor.open(f"/links/{Links(data, '').token(link.id)}")
        visitor.look(name)
    page = visitor.page
    visitor.log_in(resident_cookie(taker["person_id"]))
    visitor.open("/my/")
    visitor.look("mine-asked-box")
    page.get_by_role("link", name="查看并答复（2）").click()
    visitor.look("mine-transfers")
    page.get_by_role("button", name="同意").first.click()
    expect(page.get_by_role("status")).to_contain_text("名额已转给您")
    page.get_by_role("link", name="查看并答复（1）").click()
    page.get_by_role("button", name="不同意").click()
    expect(page.get_by_role("status")).to_contain_text("已回绝")
    visitor.speak("en")
    visitor.open("/my/transfers")
    visitor.look("mine-transfers-none-en")
    assert [one["status"] for one in centre.expect(200, "GET", "/v1/transfers")["items"]] == ["accepted", "declined"]


def test_an_offered_place_is_looked_at_and_taken(centre: Site, visitor: Visitor) -> None:
    shift = centre.offered_shift()
    first, second = centre.sign_up(shift), centre.sign_up(shift, name="候补的人", email=fresh_mail())
    centre.cancel(first["id"])
    page = visitor.page
    visitor.open(f"{manage_path(centre, second['person_id'])}?registration={second['id']}")
    page.get_by_role("button", name="查看我的报名").click()
    expect(page.get_by_role("heading", name="有一个名额给您")).to_be_visible()
    visitor.look("mine-offer")
    page.get_by_role("button", name="接受").click()
    expect(page.get_by_role("status")).to_contain_text("名额是您的了")


def _same(site: Site, made: dict[str, str]) -> dict[str, str]:
    """The person of this registration again, as they sign up."""
    known = site.expect(200, "GET", f"/v1/people/{made['person_id']}")
    return {name: known[name] for name in ("name", "phone", "email")}


def test_a_sites_hours_plaques_and_an_activitys_organisers_are_shown(
    centre: Site, operator: Caller, visitor: Visitor
) -> None:
    week = {day: [["08:30", "12:00"], ["14:00", "20:30"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    closed = [{"date": in_hours(72)[:10], "hours": [], "note_zh": "停电检修", "note_en": "Repairs"}]
    settings = {"opening_hours": week, "exceptions": closed, "public_phone": "+863511234567"}
    centre.expect(200, "PATCH", f"/v1/sites/{centre.id}/settings", settings, If_Match="*")
    granted = {"name_zh": "山西青年志愿服务站", "name_en": "Youth station", "granted_by": "省志愿者协会",
               "valid_from": "2022-06-29"}  # fmt: skip
    centre.expect(201, "POST", "/v1/designations", granted)
    body = {"name_zh": "职工新街街道办事处", "name_en": "Subdistrict office", "kind": "government"}
    office = centre.expect(201, "POST", "/v1/organisations", body)["id"]
    activity = course(centre)
    centre.shift(activity=activity)
    parts = {"organisations": [{"organisation_id": office, "role": "host"}]}
    centre.expect(200, "PUT", f"/v1/activities/{activity}/organisations", parts, If_Match="*")
    visitor.open(f"/sites/{centre.id}")
    visitor.page.get_by_text("开放时间").click()
    for words in ("08:30–12:00", "停电检修", "山西青年志愿服务站"):
        expect(visitor.page.get_by_text(words).first).to_be_visible()
    visitor.look("public-site-whole")
    visitor.open(f"/activities/{activity}")
    expect(visitor.page.get_by_text("职工新街街道办事处")).to_be_visible()
    visitor.look("public-activity-whole")


def test_staff_name_the_web_pages_that_may_show_the_sign_up(
    centre: Site, staff_at: Callable[..., tuple[str, str]], visitor: Visitor
) -> None:
    visitor.log_in(staff_at(centre))
    visitor.open("/staff/web-page")
    visitor.page.get_by_label("允许的网页").fill("https://www.example.org/path")
    visitor.page.get_by_role("button", name="保存").click()
    expect(visitor.page.get_by_role("alert")).to_contain_text("不带路径")
    visitor.look("staff-web-page-wrong")
    visitor.page.get_by_label("允许的网页").fill("https://www.example.org\nhttps://example.com/")
    visitor.page.get_by_role("button", name="保存").click()
    visitor.look("staff-web-page")
    assert centre.expect(200, "GET", "/v1/embed-origins")["origins"] == [
        "https://example.com",
        "https://www.example.org",
    ]


def test_asking_for_a_link(visitor: Visitor) -> None:
    visitor.open("/my/log-in")
    visitor.look("mine-log-in")
    visitor.page.get_by_label("姓名").fill("林居民")
    visitor.page.get_by_label("手机号或电子邮箱").fill(fresh_mail())
    visitor.page.get_by_role("button", name="发送链接").click()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("请看邮箱")
    visitor.look("mine-sent")


def test_a_childs_guardian_is_asked_with_few_words(centre: Site, visitor: Visitor) -> None:
    shift = centre.shift(activity=course(centre, party_limit=3))
    visitor.open(f"/shifts/{shift}/sign-up")
    page = visitor.page
    page.get_by_label("一共几个人").fill("2")
    visitor.look("public-begin-party")
    page.get_by_role("button", name="开始报名").click()
    page.get_by_text("参加者未满 14 周岁，点这里").click()
    page.get_by_text("替老人或家人报名，点这里").click()
    visitor.look("public-sign-up-child")
    page.get_by_text("替老人或家人报名，点这里").click()
    page.get_by_label("参加者姓名").fill("小林")
    page.get_by_label("手机号或电子邮箱").fill(fresh_mail())
    page.get_by_label("参加者出生日期").fill("2016-03-01")
    page.get_by_label("监护人姓名").fill("老林")
    page.get_by_label("监护人电子邮箱").fill(fresh_mail())
    page.get_by_label("我已阅读并同意").check()
    page.get_by_role("button", name="报名").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("需要监护人同意")


def test_in_english_and_in_large_type(centre: Site, visitor: Visitor) -> None:
    activity = course(centre, volunteering=True)
    shift = centre.shift(activity=activity)
    visitor.speak("en")
    visitor.open(f"/sites/{centre.id}?view=month")
    visitor.look("public-site-en")
    visitor.page.get_by_role("button", name="Large type").click()
    for name, path in {
        "public-site-large": f"/sites/{centre.id}",
        "public-activity-large": f"/activities/{activity}",
        "public-sign-up-large": f"/shifts/{shift}/sign-up",
        "mine-log-in-large": "/my/log-in",
    }.items():
        visitor.open(path)
        visitor.look(name)


def test_signing_up_within_another_web_page(centre: Site, live: str, visitor: Visitor) -> None:
    centre.shift(activity=course(centre))
    with _serving(_host_page(live, centre.id)) as host:
        page = visitor.page
        with page.expect_event("requestfailed", lambda request: "/embed/sites/" in request.url) as refused:
            page.goto(host)
        assert "BLOCKED" in str(refused.value.failure), "no page frames it that the site did not name"
        centre.expect(200, "PUT", "/v1/embed-origins", {"origins": [host]})
        page.reload()
        frame = page.frame_locator("iframe")
        frame.get_by_role("link", name=re.compile("^报名")).click()
        frame.get_by_role("button", name="开始报名").click()
        frame.get_by_label("参加者姓名").fill("林居民")
        frame.get_by_label("手机号或电子邮箱").fill(fresh_mail())
        frame.get_by_label("我已阅读并同意").check()
        frame.get_by_role("button", name="报名").click()
        expect(frame.get_by_role("heading", level=1)).to_have_text("报名成功")
        height = page.locator("iframe").evaluate("frame => frame.offsetHeight")
        assert height > 200, "the frame is as high as what is in it"


def _host_page(live: str, site_id: str) -> Flask:
    host = Flask("host")
    page = f'<h1>Our centre</h1><script src="{live}/embed/embed.js" data-site="{site_id}"></script>'
    host.get("/")(lambda: page)
    return host


class _serving:
    """An app on a port of its own, for a while; gives its address."""

    def __init__(self, app: Flask) -> None:
        self._server = make_server("127.0.0.1", 0, app, threaded=True)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()


@pytest.fixture
def behind_gateway(app: APIFlask) -> Iterator[str]:
    """The service under /registration, as the gateway serves it: the prefix is cut off and told in a header."""
    inner = ProxyFix(app.wsgi_app, x_prefix=1)

    def gateway(environ: dict[str, str], start_response: object) -> object:
        if not environ["PATH_INFO"].startswith("/registration/"):
            start_response("404 Not Found", [])  # type: ignore[operator]
            return [b"outside"]
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/registration")
        environ["HTTP_X_FORWARDED_PREFIX"] = "/registration"
        return inner(environ, start_response)  # type: ignore[arg-type]

    with _serving(gateway) as address:  # type: ignore[arg-type]
        yield f"{address}/registration"


def test_everything_works_under_the_gateways_prefix(centre: Site, behind_gateway: str, visitor: Visitor) -> None:
    centre.shift(activity=course(centre))
    missing: list[str] = []
    page = visitor.page
    page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"{behind_gateway}/sites/{centre.id}")
    page.get_by_role("button", name="English").click()
    page.get_by_role("link", name=re.compile("^Sign up")).click()
    page.get_by_role("button", name="Begin to sign up").click()
    page.get_by_label("Name of who takes part").fill("Lin")
    page.get_by_label("Mobile number or e-mail").fill(fresh_mail())
    page.get_by_label("I have read this and agree").check()
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have a place")
    (row,) = centre.sql("SELECT person_id FROM registrations WHERE site_id = :s", s=centre.id)
    page.goto(behind_gateway + manage_path(centre, str(row.person_id)))
    page.get_by_role("button", name="See my registrations").click()
    expect(page).to_have_url(f"{behind_gateway}/my")
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "hesheng_person"]
    assert cookie["path"] == "/", "the other services' pages are behind the same gateway"
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("logged out")
    assert missing == []
