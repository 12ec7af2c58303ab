"""Reports for people, in the service that counts: registration says whose session it is, and tells what happened."""

import csv
import io
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import expect
from sqlalchemy import text
from werkzeug.serving import make_server

import services.reporting.pages.reports
from services.common.auth import TRUST_SECONDS
from services.common.database import EVERY_SITE, Database
from services.common.outbox import sequence_events
from services.reporting.app import make_app
from services.reporting.handlers import make_subscriber
from services.reporting.operations.caught_up import CatchUp
from services.reporting.settings import Settings
from tests.browser.conftest import Visitor
from tests.conftest import OPERATOR_KEY, REPORTING_TOKEN
from tests.registration.office import Member, Office
from tests.registration.world import Caller, Site
from tests.reporting.conftest import empty

API = "/v1/reports/participation"
TODAY = date.today()
DAYS = {"from": str(TODAY - timedelta(days=400)), "to": str(TODAY + timedelta(days=400))}
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def reporting(common_settings: Callable[[str], dict[str, str]], live: str) -> Settings:
    """Settings of the reporting service beside the running registration."""
    own = {"registration_url": live, "reporting_token": REPORTING_TOKEN}
    return Settings(**common_settings("reporting") | own)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def books(reporting: Settings) -> Iterator[Database]:
    """Reporting's database, empty at first."""
    database = Database(reporting.database_dsn)
    empty(database)
    yield database
    database.engine.dispose()


@pytest.fixture(scope="module")
def reports(reporting: Settings, books: Database) -> Iterator[str]:
    """Address of the running reporting service."""
    server = make_server("127.0.0.1", 0, make_app(reporting), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@dataclass
class City:
    """A city with two districts, a subdistrict in the first; a site in the subdistrict and one in the other district.
    Two people sign up at the first site, one of them at the other one too."""

    city: str
    district: str
    subdistrict: str
    beside: str
    site: Site
    other: Site


@pytest.fixture(scope="module")
def city(
    operator: Caller, area: str, make_site: Callable[..., Site], database: Database, reporting: Settings,
    books: Database, reports: str,
) -> City:  # fmt: skip
    def place(code: str, parent: str, level: str, zh: str, en: str) -> str:
        body = {"parent": parent, "level": level, "name_zh": zh, "name_en": en}
        return str(operator.expect(200, "PUT", f"/v1/areas/R{code}", body)["code"])

    top = place("1", area, "city", "河东市", "Hedong")
    first, beside = place("1-1", top, "district", "城东区", "East"), place("1-2", top, "district", "城西区", "West")
    within = place("1-1-1", first, "subdistrict", "新街街道", "New Street")
    sites = [
        make_site(area=within, name_zh="新街中心", name_en="New Street Centre"),
        make_site(area=beside, name_zh="城西中心", name_en="West Centre"),
    ]
    shifts = [site.shift(10) for site in sites]
    told = {"name": "林小满", "phone": "+8613800138000"}
    sites[0].sign_up(shifts[0], **told)
    sites[0].sign_up(shifts[0])
    sites[1].sign_up(shifts[1], **told)
    while sequence_events(database):
        pass
    subscriber = make_subscriber(reporting, books)
    subscriber.catch_up_fully()
    CatchUp(books, subscriber)()
    return City(top, first, within, beside, *sites)


def ask(address: str, who: Member | None, path: str = API, **query: Any) -> requests.Response:
    is_page = not path.startswith("/v1")
    return requests.get(
        address + path,
        params=query if is_page else DAYS | query,
        cookies={who.name: who.cookie} if who else {},
        headers={"Accept": "text/html" if is_page else "application/json", "Accept-Language": "en"},
        timeout=30,
        allow_redirects=False,
    )


def counted(address: str, who: Member, **query: Any) -> int | tuple[str | None, int, int]:
    """(area or site, sign-ups, people), or the status of the refusal."""
    answer = ask(address, who, **query)
    if answer.status_code != 200:
        return answer.status_code
    told = answer.json()
    about = told["scope"]["area"] or told["scope"]["site"]
    return about, told["total"]["registrations"], told["total"]["people"]


def test_site_staff_read_their_site(reports: str, city: City, office: Office) -> None:
    who = office.site_staff(city.site.id)
    own = (city.site.id, 2, 2)
    assert counted(reports, who) == counted(reports, who, site=city.site.id) == own
    assert counted(reports, who, site=city.other.id) == 404
    assert counted(reports, who, area=city.subdistrict) == 403


@pytest.mark.parametrize("works_at", [None, "site", "other"])
def test_an_area_admin_reads_below_and_not_above_or_beside(
    reports: str, city: City, office: Office, works_at: str | None
) -> None:
    at = getattr(city, works_at).id if works_at else None
    grants = (("area_admin", None, city.district), ("site_staff", city.other.id, None))
    who = office.session(office.account(*grants if works_at == "other" else grants[:1]), at=at)
    assert counted(reports, who) == counted(reports, who, area=city.district) == (city.district, 2, 2)
    assert counted(reports, who, area=city.subdistrict) == (city.subdistrict, 2, 2)
    assert counted(reports, who, site=city.site.id) == (city.site.id, 2, 2)
    assert counted(reports, who, area=city.city) == counted(reports, who, area=city.beside) == 403
    assert counted(reports, who, site=city.other.id) == ((city.other.id, 1, 1) if works_at == "other" else 404)


def test_operators_read_everything(reports: str, city: City, office: Office) -> None:
    who = office.operator()
    assert counted(reports, who, area=city.city) == (city.city, 3, 2)
    assert counted(reports, who, site=city.other.id) == (city.other.id, 1, 1)
    assert counted(reports, office.operator(at=city.site.id), area=city.beside) == (city.beside, 1, 1)


def test_whoever_has_neither_a_site_nor_an_area_is_sent_to_choose_one(reports: str, city: City, office: Office) -> None:
    who = office.session(office.account(("site_staff", city.site.id, None)))
    refused = ask(reports, who)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:hesheng:problem:site-needed")
    led = ask(reports, who, "/staff/reports")
    assert led.status_code == 303 and "/staff/sites?next=" in led.headers["Location"]
    out = ask(reports, None, "/staff/reports", of=city.district)
    assert out.status_code == 303 and "/staff/log-in?next=" in out.headers["Location"]
    assert ask(reports, None).status_code == 401


def test_an_answer_that_one_knows_is_not_anothers(reports: str, city: City, office: Office) -> None:
    """The same question without an area or a site has another answer for everybody."""

    def tag(who: Member) -> str:
        return ask(reports, who).headers["ETag"]

    def known(who: Member, etag: str) -> int:
        cookies = {who.name: who.cookie}
        headers = {"If-None-Match": etag, "Accept-Language": "en"}
        return requests.get(reports + API, params=DAYS, cookies=cookies, headers=headers, timeout=30).status_code

    district, within = office.area_admin(city.district), office.area_admin(city.subdistrict)  # the same one site
    staff, colleague = office.site_staff(city.site.id), office.site_staff(city.site.id)
    everybody = (district, within, staff, office.area_admin(city.city), office.site_staff(city.other.id))
    assert len({tag(who) for who in everybody}) == len(everybody)
    assert known(district, tag(district)) == 304 and known(colleague, tag(staff)) == 304
    assert known(within, tag(district)) == known(staff, tag(within)) == 200
    assert "Cookie" in ask(reports, staff).headers["Vary"]


def test_an_area_that_was_taken_away_is_closed_within_moments(
    reports: str, city: City, office: Office, database: Database
) -> None:
    who = office.area_admin(city.district)
    assert counted(reports, who) == (city.district, 2, 2)
    with database.transaction(EVERY_SITE) as session:
        session.execute(text("DELETE FROM staff_grants WHERE staff_id = :id"), {"id": who.id})
    deadline = time.monotonic() + TRUST_SECONDS + 0.5
    while counted(reports, who) != 403:
        assert time.monotonic() < deadline, "they still read the reports of an area that is theirs no more"
        time.sleep(0.1)
    assert counted(reports, who, area=city.district) == 403


def test_the_operators_key_and_a_sites_still_open_it(reports: str, city: City) -> None:
    for key, query, people in ((OPERATOR_KEY, {"area": city.city}, 2), (city.site.key, {}, 2)):
        answer = requests.get(
            reports + API, params=DAYS | query, headers={"Authorization": f"Bearer {key}"}, timeout=30
        )
        assert answer.json()["total"]["people"] == people


def test_behind_the_gateway_every_link_leads_through_it(reporting: Settings, city: City, office: Office) -> None:
    public = {f"{name}public_url": f"https://h.example.org/{service}" for name, service in (
        ("", "registration"), ("notifications_", "notifications"), ("reporting_", "reporting"))}  # fmt: skip
    behind = make_app(reporting.model_copy(update={"trusted_proxies": 1, **public})).test_client()
    told = {"X-Forwarded-Prefix": "/reporting", "X-Forwarded-For": "10.0.0.1", "Accept": "text/html"}
    asked = behind.get("/staff/reports", headers=told).headers["Location"]
    assert asked == (
        "https://h.example.org/registration/staff/log-in?next=https%3A%2F%2Fh.example.org%2Freporting%2Fstaff%2Freports"
    )
    who = office.area_admin(city.district)
    behind.set_cookie(who.name, who.cookie)
    led = behind.get("/staff/reports", headers=told).headers["Location"]
    assert led.startswith(f"/reporting/staff/reports?of={city.district}&")
    page = behind.get(led.removeprefix("/reporting"), headers=told).text
    links = set(re.findall(r'(?:href|src|action)="([^"#]+)"', page)) - {"data:,"}
    here = ("/reporting/", "https://h.example.org/")
    assert [link for link in links if not link.startswith(here)] == []
    assert any(link.startswith(f"/reporting/v1/reports/participation?area={city.district}&") for link in links)


def options(visitor: Visitor) -> list[str]:
    return [one.strip("　") for one in visitor.page.get_by_label("区划或站点").locator("option").all_text_contents()]


def test_an_area_admin_asks_by_clicking_and_passes_the_address_on(
    make_visitor: Callable[..., Visitor], reports: str, city: City, office: Office
) -> None:
    visitor = make_visitor(java_script_enabled=False)
    page = visitor.page
    who = office.area_admin(city.city)
    visitor.log_in((who.name, who.cookie))
    visitor.open("/staff/")
    led = page.get_by_role("link", name="统计").get_attribute("href")
    assert led and led.endswith("/staff/reports/dashboard"), "registration's menu leads there"
    visitor.address = reports
    visitor.open("/staff/reports")
    assert options(visitor) == ["河东市", "城东区", "新街街道", "城西区", "新街中心", "城西中心"]
    expect(page.get_by_label("区划或站点")).to_have_value(city.city)
    page.get_by_label("从", exact=True).fill(DAYS["from"])
    page.get_by_label("到（含）").fill(DAYS["to"])
    page.get_by_label("按", exact=True).select_option("area")
    page.get_by_label("再按").select_option("kind")
    page.get_by_role("button", name="查看").click()
    expect(page.locator("caption")).to_contain_text("河东市及其下级")
    expect(page.locator("caption")).to_contain_text("按区划、活动类型")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("城东区")
    expect(page.locator("tfoot td").first).to_have_text("2")
    expect(page.locator("main")).to_contain_text("包括此刻以前的全部数据")
    colleague = make_visitor()
    again = office.area_admin(city.city)
    colleague.log_in((again.name, again.cookie))
    colleague.page.goto(page.url)
    assert colleague.words("table") == visitor.words("table")
    asked = parse_qs(urlsplit(page.url).query)
    assert asked == {"of": [city.city], "from": [DAYS["from"]], "to": [DAYS["to"]], "by": ["area", "kind"]}


def test_the_page_reads_well_on_a_phone_and_in_both_languages(
    visitor: Visitor, reports: str, city: City, office: Office
) -> None:
    who = office.area_admin(city.city)
    visitor.log_in((who.name, who.cookie))
    visitor.address = reports
    question = f"/staff/reports?of={city.city}&from={DAYS['from']}&to={DAYS['to']}"
    visitor.open(f"{question}&by=site&by=age_band")
    expect(visitor.page.locator("main")).to_contain_text("不分年龄段")
    visitor.look("reports")
    visitor.open(f"{question}&by=")
    expect(visitor.page.locator("tbody tr")).to_have_count(0)
    expect(visitor.page.locator("tfoot td").first).to_have_text("2")
    visitor.look("reports-total")
    visitor.open(f"/staff/reports?of={city.district}&from=2001-01-01&to=2001-02-01&by=month")
    expect(visitor.page.locator("main")).to_contain_text(
        "这段时间没有场次，也没有人报名：城东区，2001年1月1日至2001年2月1日。"
    )
    visitor.look("reports-empty")
    visitor.page.get_by_role("button", name="English").click()
    expect(visitor.page.locator("main")).to_contain_text("There were no shifts and no sign-ups: East")
    visitor.look("reports-empty-en")
    assert not CHINESE.search(visitor.words())
    visitor.open(f"{question}&by=site&by=age_band")
    expect(visitor.page.locator("caption")).to_contain_text("Hedong and all under it")
    visitor.look("reports-en")
    assert not CHINESE.search(visitor.words())


def test_a_table_that_is_too_long_to_read_says_where_all_of_it_is(
    reports: str, city: City, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = office.area_admin(city.city)

    def page() -> str:
        return ask(reports, who, "/staff/reports", of=city.city, **DAYS, by="site").text

    said = "The first 1 of 2 rows are shown; the CSV file has all of them."
    assert page().count('<th scope="row">') == 2 and said not in page()
    monkeypatch.setattr(services.reporting.pages.reports, "MOST_ROWS", 1)
    assert page().count('<th scope="row">') == 1 and said in page()
    assert re.search(r"<tfoot>.*?<td[^>]*>2</td>", page(), re.DOTALL), "the total is of all rows"


def test_a_wrong_question_is_told_at_its_field(visitor: Visitor, reports: str, city: City, office: Office) -> None:
    who = office.area_admin(city.city)
    visitor.log_in((who.name, who.cookie))
    visitor.address = reports
    visitor.page.goto(f"{reports}/staff/reports?of={city.city}&from=2026-02-01&to=2026-01-01&by=month&by=month")
    expect(visitor.page.locator("#to-wrong")).to_contain_text("不能早于起始日期")
    expect(visitor.page.locator("#by-wrong")).to_contain_text("不可重复")
    visitor.look("reports-wrong")
    for of, status in ((city.city, 200), ("%20", 422), ("140000", 403), ("nowhere", 404)):
        answer = ask(reports, who, f"/staff/reports?of={of}&from=2026-01-01&to=2026-02-01&by=")
        assert answer.status_code == status, of


def test_site_staff_see_their_site_and_nothing_to_choose(
    visitor: Visitor, reports: str, city: City, office: Office
) -> None:
    who = office.site_staff(city.site.id)
    visitor.log_in((who.name, who.cookie))
    visitor.address = reports
    visitor.open("/staff/reports")
    assert options(visitor) == ["新街中心"]
    expect(visitor.page.get_by_label("按", exact=True)).to_have_value("month")
    assert ask(reports, who, f"/staff/reports?of={city.other.id}&from=2026-01-01&to=2026-02-01&by=").status_code == 404
    assert ask(reports, who, f"/staff/reports?of={city.city}&from=2026-01-01&to=2026-02-01&by=").status_code == 403


def test_the_file_has_what_the_page_shows(visitor: Visitor, reports: str, city: City, office: Office) -> None:
    who = office.operator()
    visitor.log_in((who.name, who.cookie))
    visitor.address = reports
    visitor.open(f"/staff/reports?of={city.city}&from={DAYS['from']}&to={DAYS['to']}&by=site")
    expect(visitor.page.locator("tbody tr")).to_have_count(2)
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("link", name="下载 CSV 文件").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    shown = {row["站点 · 名称"] or row["站点"]: (row["人数"], row["报名人次"]) for row in rows}
    assert shown == {"新街中心": ("2", "2"), "城西中心": ("1", "1"), "合计": ("2", "3")}


def test_an_operator_chooses_among_all_areas_before_any_site(reports: str, city: City, office: Office) -> None:
    page = ask(reports, office.operator(), "/staff/reports", of=city.beside, **DAYS, by="month").text
    assert all(f'value="{one}"' in page for one in (city.city, city.subdistrict, city.site.id, city.other.id, "140000"))
    assert re.search(rf'value="{city.beside}" selected', page)
    led = ask(reports, office.operator(), "/staff/reports").headers["Location"]
    assert parse_qs(urlsplit(led).query)["of"] != [""] and "from=" in led and "by=month" in led
