"""The dashboard as people see it: in light and dark, with and without scripts, on paper, and with the API's figures."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

import services.reporting.operations.dashboard as operation
from services.common.apply import Subscriber
from services.common.database import Database
from services.common.events import ActivityKind, AgeBand, AreaSaved, AttendanceRecorded, Outcome, RegistrationConfirmed
from services.reporting.handlers import HANDLERS
from tests.browser.conftest import SIZES, TOO_WIDE, Visitor
from tests.browser.test_reports import API, books, reporting, reports  # noqa: F401
from tests.conftest import OPERATOR_KEY
from tests.registration.office import Member, Office
from tests.registration.world import Caller
from tests.reporting.log import MemoryLog
from tests.reporting.scene import activity, an_id, confirmed, registration_fields, shift, site

PATH = "/staff/reports/dashboard"
CITY, EAST, WEST, EMPTY, BARE, LARGE = (f"DB{end}" for end in ("", "-1", "-2", "-3", "-4", "-5"))
QUARTER = {"from": "2026-01-01", "to": "2026-03-31"}
BEFORE = {"from": "2025-10-01", "to": "2025-12-31"}
YEAR_AGO = {"from": "2025-01-01", "to": "2025-03-31"}
CHINESE = re.compile("[\u4e00-\u9fff]")
BANDS = list(AgeBand)[:5]
SITES = 758


class Story:
    """Writes who came to what."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.count = 0

    def day(
        self, where: str, day: str, people: range, missed: int = 0, kind: ActivityKind = ActivityKind.CLASS
    ) -> None:
        """People at an activity of one shift: the last so many stay away, the others serve an hour and a half."""
        name = f"{where} {day}"
        self.log.add(activity(name, where, kind), shift(name, name, where, day, capacity=50))
        for person in people:
            self.count += 1
            fields = (f"dashboard {self.count}", name, name, where, person)
            band = BANDS[person % len(BANDS)]
            self.log.add(RegistrationConfirmed(**registration_fields(*fields, age_band=band)))
            came = person < people.stop - missed
            self.log.add(
                AttendanceRecorded(
                    **registration_fields(*fields, version=2, age_band=band),
                    outcome=Outcome.ATTENDED if came else Outcome.NO_SHOW,
                    checked_in_at=None,
                    checked_out_at=None,
                    service_minutes=90 if came else 0,
                )
            )


def tell(log: MemoryLog) -> None:
    """East is busy; West has few, and a site where nothing happens; there are no sites in Empty; Bare has one."""
    story = Story(log)
    story.day("east", "2025-02-03", range(1, 3))
    story.day("east", "2025-11-05", range(1, 21), missed=2)
    story.day("east", "2026-01-10", range(1, 36), missed=5)
    story.day("east", "2026-03-10", range(10, 30), missed=1, kind=ActivityKind.PERFORMANCE)
    story.day("west", "2026-01-20", range(30, 33), missed=1, kind=ActivityKind.CLINIC)
    log.add(confirmed("still to come", "west 2026-01-20", "west 2026-01-20", "west", 99))


@pytest.fixture(scope="module")
def city(operator: Caller, area: str, books: Database, reports: str) -> Iterator[str]:
    """The address of reporting, which knows a city of four districts and a large one; registration knows them too."""
    log = MemoryLog()
    names = {CITY: "看板市", EAST: "东区", WEST: "西区", EMPTY: "空区", BARE: "静区", LARGE: "大区"}
    for code, name in names.items():
        parent = CITY if code != CITY else area
        level = "district" if code != CITY else "city"
        body = {"parent": parent, "level": level, "name_zh": name, "name_en": f"Area {code}"}
        operator.expect(200, "PUT", f"/v1/areas/{code}", body)
        log.add(AreaSaved(code=code, **body | {"parent": parent if code != CITY else None}))
    log.add(site("east", EAST, "东站"), site("west", WEST, "西站"), site("quiet", WEST, "静站"), site("bare", BARE))
    log.add(*(site(f"large {number}", LARGE, f"大区第{number}文化活动中心") for number in range(SITES)))
    tell(log)
    Subscriber(books, log, HANDLERS).catch_up_fully()
    yield reports


def figures(address: str, by: str = "", **query: str) -> Any:
    """What the API answers the operator."""
    answer = requests.get(
        address + API, params=query | {"by": by}, headers={"Authorization": f"Bearer {OPERATOR_KEY}"}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def address(of: str, days: dict[str, str] = QUARTER, **more: str) -> str:
    query = {"of": of} | days | more
    return f"{PATH}?" + "&".join(f"{name}={value}" for name, value in query.items())


def enter(visitor: Visitor, city: str, who: Member) -> Visitor:
    visitor.log_in((who.name, who.cookie))
    visitor.address = city
    return visitor


@pytest.fixture
def admin(office: Office, city: str) -> Member:
    """Somebody who looks after the city."""
    return office.area_admin(CITY)


def shown(page: Page, chart: str) -> list[list[str]]:
    """A chart's data table, by its heading."""
    rows = page.locator("figure", has=page.get_by_role("heading", name=chart)).locator("tbody tr")
    expect(rows.first).to_be_attached()
    return [[cell.strip() for cell in row.locator("th, td").all_text_contents()] for row in rows.all()]


def test_the_key_figures_are_the_apis(visitor: Visitor, city: str, admin: Member) -> None:
    page = enter(visitor, city, admin).page
    visitor.open(address(CITY))
    now, before, year_ago = (figures(city, area=CITY, **days)["total"] for days in (QUARTER, BEFORE, YEAR_AGO))
    for name, key in (
        ("人数", "people"),
        ("报名人次", "registrations"),
        ("到场人次", "attended"),
        ("活动", "activities"),
    ):
        card = page.locator(".key-figures li", has=page.get_by_role("heading", name=name, exact=True))
        expect(card.locator(".key-figure")).to_have_text(str(now[key]))
        expect(card.locator("dd").first).to_have_text(re.compile(f"^{before[key]}，多 {now[key] - before[key]}"))
        expect(card.locator("dd").last).to_have_text(re.compile(f"^{year_ago[key]}，多 {now[key] - year_ago[key]}"))
    words = visitor.words(".key-figures").split("\n")
    assert {"12.1%", "76.5", "10.0%，高 2.1 个百分点", "18，多 33", "20，多 16（80.0%）"} <= set(words)
    assert (now["service_hours"], now["people"]) == (76.5, 36), "whoever went twice is counted once"


def test_every_chart_has_the_apis_figures_beside_it(visitor: Visitor, city: str, admin: Member) -> None:
    page = enter(visitor, city, admin).page
    visitor.open(address(CITY))
    by_month = {row["month"]: row for row in figures(city, "month", area=CITY, **QUARTER)["rows"]}
    months = ["2026-01", "2026-02", "2026-03"]
    nothing = {"people_attended": 0, "service_hours": 0}
    told = [by_month.get(month, nothing) for month in months]
    assert shown(page, "每月到场人数") == [[m, str(r["people_attended"])] for m, r in zip(months, told, strict=True)]
    assert shown(page, "每月服务小时") == [[m, f"{r['service_hours']:g}"] for m, r in zip(months, told, strict=True)]
    ages = figures(city, "age_band", area=CITY, **QUARTER)["rows"]
    assert shown(page, "各年龄段人数") == [[row["name"], str(row["people"])] for row in ages]
    kinds = figures(city, "kind", area=CITY, **QUARTER)["rows"]
    assert shown(page, "各类活动到场人次") == [
        [row["name"], *(str(row[name]) for name in ("attended", "activities", "people_attended"))] for row in kinds
    ]
    total = figures(city, area=CITY, **QUARTER)["total"]
    assert [row[1] for row in shown(page, "从报名到到场")] == [
        str(total[name]) for name in ("registrations", "confirmed", "attended")
    ]
    assert [row[2] for row in shown(page, "从报名到到场")] == ["100.0%", "100.0%", "86.4%"]


def test_places_are_sorted_by_links_and_few_are_marked(
    make_visitor: Callable[..., Visitor], city: str, admin: Member
) -> None:
    visitor = enter(make_visitor(java_script_enabled=False), city, admin)
    page = visitor.page
    visitor.open(address(CITY))
    table = page.get_by_role("region", name="各区划、站点")
    names = table.locator("tbody th")
    by_area = {row["name"]: row for row in figures(city, "area", area=CITY, **QUARTER)["rows"]}
    table.get_by_role("link", name="报名人次").click()
    expect(table.locator("th[aria-sort]")).to_have_text(re.compile("报名人次"))
    expect(names).to_have_text(["东区", "西区", *sorted(["静区", "大区"])])
    expect(table.locator("tbody tr").first.locator("td").nth(1)).to_have_text(str(by_area["东区"]["registrations"]))
    table.get_by_role("link", name="缺席率").click()
    expect(names).to_have_text(["西区", "东区", *sorted(["静区", "大区"])])
    rows = table.locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("33.3% 报名少")
    expect(rows.nth(1)).not_to_contain_text("报名少")
    table.get_by_role("link", name="名称").click()
    expect(table.locator("th[aria-sort]")).to_have_text("名称")
    visitor.open(address(CITY, sort="nonsense"))
    expect(rows).to_have_count(4)


def test_coverage_counts_sites_with_an_activity(visitor: Visitor, city: str, admin: Member) -> None:
    page = enter(visitor, city, admin).page
    visitor.open(address(CITY))
    lines = [" ".join(words.split()) for words in page.locator(".coverage .cover-line").all_text_contents()]
    assert lines == [
        f"看板市 2/{SITES + 4}（0.3%）", "东区 1/1（100.0%）", "西区 1/2（50.0%）", "空区 没有站点", "静区 0/1（0.0%）",
        f"大区 0/{SITES}（0.0%）"]  # fmt: skip


LOOKS = [(language, scheme) for language in ("zh", "en") for scheme in ("light", "dark")]


@pytest.mark.parametrize(("language", "scheme"), LOOKS)
def test_it_looks_right_with_scripts(
    make_visitor: Callable[..., Visitor], city: str, admin: Member, language: str, scheme: str
) -> None:
    visitor = enter(make_visitor(color_scheme=scheme), city, admin)
    page = visitor.page
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    visitor.speak(language)
    visitor.open(address(CITY))
    pictures = page.locator(".chart-picture")
    expect(pictures).to_have_count(5)
    for picture in pictures.all():
        expect(picture.locator("canvas")).to_be_visible()
        expect(picture).to_have_attribute("aria-label", re.compile(r"\d"))
    expect(page.locator(".chart details[open]")).to_have_count(0)
    visitor.look(f"dashboard-{language}-{scheme}")
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true })")
    visitor.look(f"dashboard-{language}-{scheme}-tables")
    assert refused == [], "the content security policy refuses nothing, and no script fails"
    if language == "en":
        assert [line for line in visitor.words().split("\n") if CHINESE.search(line)] == []


@pytest.mark.parametrize(("language", "scheme"), LOOKS)
def test_it_looks_right_without_scripts(
    make_visitor: Callable[..., Visitor], city: str, admin: Member, language: str, scheme: str
) -> None:
    visitor = enter(make_visitor(color_scheme=scheme), city, admin)
    visitor.page.route("**/*.js*", lambda route: route.abort())  # axe itself is a script: the browser may run some
    visitor.speak(language)
    visitor.open(address(CITY))
    expect(visitor.page.locator(".chart-picture:visible")).to_have_count(0)
    expect(visitor.page.locator(".chart table:visible")).to_have_count(5)
    visitor.look(f"dashboard-{language}-{scheme}-bare")


def test_dark_is_dark_and_paper_is_light(make_visitor: Callable[..., Visitor], city: str, admin: Member) -> None:
    visitor = enter(make_visitor(color_scheme="dark"), city, admin)
    page = visitor.page
    visitor.open(address(CITY))
    expect(page.locator(".chart canvas")).to_have_count(5)
    ground = "() => getComputedStyle(document.body).backgroundColor"
    drawn = "() => document.querySelector('.chart canvas').toDataURL()"
    dark, ink = page.evaluate(ground), page.evaluate(drawn)
    page.emulate_media(media="print")
    expect(page.locator(".chart table").first).to_be_visible()
    page.wait_for_function(f"before => ({drawn})() !== before", arg=ink)
    assert (dark, page.evaluate(ground)) == ("rgb(20, 24, 31)", "rgb(255, 255, 255)")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_where_there_is_nothing_it_says_so(visitor: Visitor, city: str, admin: Member, language: str) -> None:
    page = enter(visitor, city, admin).page
    visitor.speak(language)
    said = {
        "zh": ("这段时间没有场次，也没有人报名。", "这个区划还没有站点。"),
        "en": ("There were no shifts and no sign-ups.", "There are no sites in this area yet."),
    }
    for number, of in enumerate((BARE, EMPTY)):
        visitor.open(address(of))
        expect(page.locator("main")).to_contain_text(said[language][0])
        expect(page.locator("figure")).to_have_count(0)
        if number:
            expect(page.locator("main")).to_contain_text(said[language][1])
        visitor.look(f"dashboard-empty-{number}-{language}")


def test_one_site_and_758_of_them(visitor: Visitor, city: str, admin: Member, books: Database) -> None:
    page = enter(visitor, city, admin).page
    visitor.open(address(str(an_id("east"))))
    expect(page.get_by_role("heading", name="东站")).to_be_visible()
    expect(page.locator("#places, .coverage")).to_have_count(0)
    expect(page.locator(".chart canvas")).to_have_count(5)
    visitor.look("dashboard-site")
    visitor.open(address(LARGE))
    expect(page.get_by_role("heading", name="各站点")).to_be_visible()
    expect(page.get_by_role("region", name="各区划、站点").locator("tbody tr")).to_have_count(SITES)
    for viewport in SIZES.values():  # axe would take half a minute for rows that it knows from shorter tables
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        assert page.evaluate(TOO_WIDE) <= 0


def test_what_is_withheld_is_explained_and_nothing_is_computed_of_it(
    visitor: Visitor, city: str, admin: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = operation.participation

    def few_are_withheld(*asked: Any) -> Iterator[dict[str, Any]]:
        for row in real(*asked):
            yield {name: None if type(value) is int and 0 < value < 9 else value for name, value in row.items()}

    page = enter(visitor, city, admin).page
    visitor.open(address(CITY))
    expect(page.locator("main")).not_to_contain_text("…")
    monkeypatch.setattr(operation, "participation", few_are_withheld)
    visitor.open(address(CITY))
    expect(page.locator("main")).to_contain_text("“…”表示人数很少，为保护个人信息不予显示")
    expect(page.locator(".key-figures")).to_contain_text("…，无法比较")
    row = page.get_by_role("region", name="各区划、站点").locator("tbody tr", has_text="西区")
    expect(row.locator("td").nth(3)).to_have_text("… 报名少")
    assert ["14岁以下", "…"] in shown(page, "各年龄段人数")
    visitor.look("dashboard-withheld")


def test_the_two_pages_lead_to_each_other_and_the_menu_opens_the_dashboard(
    visitor: Visitor, city: str, admin: Member
) -> None:
    page = enter(visitor, city, admin).page
    visitor.open(address(CITY))
    expect(page.get_by_role("link", name="统计", exact=True)).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="报表").click()
    expect(page.locator("caption")).to_contain_text("看板市及其下级，2026年1月1日至2026年3月31日，按月份")
    page.get_by_role("link", name="看板").click()
    expect(page.get_by_role("heading", name="看板市及其下级，2026年1月1日至2026年3月31日")).to_be_visible()
    page.get_by_role("link", name="统计", exact=True).click()
    page.wait_for_url(re.compile(rf"of={CITY}&from={date.today().year}-01-01"))


def test_a_wrong_question_is_told_at_its_field_and_others_areas_are_closed(
    visitor: Visitor, city: str, admin: Member, office: Office
) -> None:
    page = enter(visitor, city, admin).page
    page.goto(city + address(CITY, {"from": "2026-02-01", "to": "2026-01-01"}))
    expect(page.locator("#to-wrong")).to_contain_text("不能早于起始日期")
    visitor.look("dashboard-wrong")

    def status(who: Member, of: str, first: str = "2026-01-01", last: str = "2026-02-01") -> int:
        days = {"from": first, "to": last}
        return requests.get(city + address(of, days), cookies={who.name: who.cookie}, timeout=30).status_code

    east = office.area_admin(EAST)
    assert [status(admin, CITY), status(east, EAST), status(east, WEST), status(east, "nowhere")] == [
        200,
        200,
        403,
        404,
    ]
    assert status(east, str(an_id("east"))) == 200 and status(east, str(an_id("west"))) == 404
    assert status(admin, CITY, "0001-01-01", "0001-12-31") == status(admin, CITY, "9999-12-01", "9999-12-31") == 200
