"""Check-in with and without scripts and network; scanning; what waits for a second person; hours and certificates."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from services.registration.operations.hours.certificates import Certificates
from services.registration.personal_data import PersonalData
from tests.browser.conftest import Visitor
from tests.registration.hours_world import Resident, earn, over, person_of, records_of
from tests.registration.test_past_records import add
from tests.registration.world import Site


@pytest.fixture
def running(site: Site) -> tuple[str, list[str]]:
    """A shift that is running, with three people."""
    return over(site, people=3, ago=-1, title_zh="指尖科普课堂")


def outcomes(site: Site, shift: str) -> list[str | None]:
    items = site.expect(200, "GET", f"/v1/shifts/{shift}/attendance")["items"]
    return [item["outcome"] for item in items]


def test_the_desk_without_scripts(
    make_visitor: Callable[..., Visitor], site: Site, staff_at: Any, running: tuple[str, list[str]]
) -> None:
    shift, _ = running
    visitor = make_visitor(java_script_enabled=False)
    visitor.log_in(staff_at(site))
    visitor.open("/staff/check-in")
    visitor.page.get_by_role("link", name="指尖科普课堂").click()
    visitor.page.get_by_role("button", name="到了").first.click()
    expect(visitor.page.get_by_role("status").first).to_have_text("已记录。")
    visitor.page.get_by_role("button", name="离开").first.click()
    visitor.page.get_by_role("button", name="未到").first.click()
    assert outcomes(site, shift) == ["attended", "no_show", None]
    visitor.page.get_by_role("button", name="撤销").first.click()
    assert outcomes(site, shift) == ["present", "no_show", None]


def test_a_tap_at_the_wrong_name_is_taken_back_without_a_network(
    visitor: Visitor, site: Site, staff_at: Any, running: tuple[str, list[str]]
) -> None:
    shift, _ = running
    visitor.log_in(staff_at(site))
    visitor.open("/staff/check-in")
    page = visitor.page
    page.get_by_role("link", name="指尖科普课堂").click()
    page.wait_for_load_state()  # the script has run
    first = page.locator("#desk > li").first
    page.context.set_offline(True)
    first.get_by_role("button", name="到了").click()
    first.get_by_role("button", name="离开").click()
    first.get_by_role("button", name="撤销").click()
    expect(first.locator(".desk-outcome")).to_contain_text("已到")
    visitor.look("desk-undo")
    first.get_by_role("button", name="撤销").click()
    expect(first.locator(".desk-outcome")).to_have_text("")
    expect(first.get_by_role("button", name="撤销")).to_be_hidden()
    expect(first.get_by_role("button", name="到了")).to_be_visible()
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    page.get_by_text("全部已上传").wait_for()
    assert outcomes(site, shift) == [None] * 3
    assert site.sql("SELECT count(*) AS n FROM attendance_entries WHERE shift_id = :s", s=shift)[0].n == 4


def test_what_the_server_refuses_stays_on_the_device_until_it_is_dealt_with(
    visitor: Visitor, site: Site, staff_at: Any, running: tuple[str, list[str]]
) -> None:
    shift, _ = running
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/check-in/{shift}")
    page = visitor.page
    page.context.set_offline(True)
    page.locator("#desk > li").first.get_by_role("button", name="到了").click()
    page.get_by_text("1 条未上传").wait_for()
    site.move_shift(shift, -32, -30)
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    kept = page.get_by_role("region", name="未能记录")
    kept.get_by_text("场次结束已超过一天").wait_for()
    page.reload()
    kept.get_by_text("场次结束已超过一天").wait_for()
    visitor.look("desk-kept")
    kept.get_by_role("link", name="去补录").click()
    page.get_by_role("heading", level=1).wait_for()
    page.go_back()
    kept.get_by_role("button", name="都已处理").click()
    page.reload()
    expect(kept).to_be_hidden()


def test_the_desk_goes_on_without_a_network_and_counts_each_tap_once(
    visitor: Visitor, site: Site, staff_at: Any, running: tuple[str, list[str]]
) -> None:
    shift, _ = running
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/check-in/{shift}")
    visitor.look("desk")
    page = visitor.page
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()  # the worker keeps what it sees from now on
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    page.reload()
    page.context.set_offline(True)
    page.get_by_role("button", name="到了").first.click()
    page.get_by_role("button", name="到了").first.click()
    page.get_by_text("2 条未上传").wait_for()
    assert outcomes(site, shift) == [None] * 3
    # The page is there without a network, and the taps wait. What they came to is not looked at now: a page that is
    # loading may reach out before the browser has told it that there is no network.
    visitor.page.reload()
    page.get_by_text("2 条未上传").wait_for()
    visitor.look("desk-offline")
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    page.get_by_text("全部已上传").wait_for()
    assert sorted(map(str, outcomes(site, shift))) == ["None", "present", "present"]
    page.context.set_offline(True)
    page.reload()  # the copy is from before the taps
    page.locator("#desk").get_by_text("已到").nth(1).wait_for()
    expect(page.locator("#desk").get_by_text("已到")).to_have_count(2)
    page.context.set_offline(False)
    assert site.sql("SELECT count(*) AS n FROM attendance_entries WHERE shift_id = :s", s=shift)[0].n == 2


def test_the_door_shows_a_code_and_the_leader_calls_the_roll(
    visitor: Visitor, site: Site, staff_at: Any, running: tuple[str, list[str]]
) -> None:
    shift, _ = running
    visitor.log_in(staff_at(site))
    visitor.open("/staff/activities")
    visitor.page.get_by_role("link", name="指尖科普课堂").click()
    visitor.page.get_by_role("link", name="签到 ").last.click()
    with visitor.page.expect_navigation() as shown:
        visitor.page.get_by_role("link", name="门口二维码").click()
    # The page turns itself to the next code: it is looked at while it has time.
    while int(shown.value.headers["refresh"]) < 15:
        with visitor.page.expect_navigation(timeout=20_000) as shown:
            pass
    visitor.look("door")
    expect(visitor.page.get_by_role("navigation"), "everybody at the door sees it").to_have_count(0)
    visitor.page.get_by_role("link", name="返回签到台").click()
    visitor.page.get_by_role("link", name="点名").click()
    for place, words in enumerate(("在", "未到", "在")):
        visitor.page.locator("fieldset").nth(place).get_by_label(words, exact=True).check()
    visitor.look("roll")
    visitor.page.get_by_role("button", name="保存名单").click()
    assert outcomes(site, shift) == ["present", "no_show", "present"]


def test_a_resident_scans_and_presses_one_button(
    visitor: Visitor, site: Site, resident_cookie: Any, running: tuple[str, list[str]]
) -> None:
    shift, [registration, *_] = running
    visitor.log_in(resident_cookie(person_of(site, registration)))
    code = site.expect(200, "GET", f"/v1/shifts/{shift}/check-in-code")["token"]
    visitor.open(f"/scan/{shift}?t={code}")
    visitor.look("scan")
    visitor.page.get_by_role("button", name="我到了").click()
    visitor.page.get_by_text("签到成功").wait_for()
    visitor.look("scanned")
    response = visitor.page.goto(f"{visitor.address}/scan/{shift}?t=AAAAAAAAAAAAAAAA")
    assert response is not None and response.status == 409


def test_what_waits_is_decided_by_a_second_person(
    visitor: Visitor, make_visitor: Callable[..., Visitor], site: Site, staff_at: Any
) -> None:
    _, registrations = over(site, people=2, ago=48)
    visitor.log_in(staff_at(site))
    visitor.open("/staff/check-in")
    visitor.page.get_by_role("link", name="还没有记完的场次").click()
    visitor.look("hours-open")
    visitor.page.get_by_role("link", name="补录 ").click()
    visitor.page.get_by_label("为什么补录").fill("纸质签到表")
    visitor.page.locator("fieldset").first.get_by_label("来了").check()
    visitor.page.locator("fieldset").nth(1).get_by_label("没来").check()
    visitor.look("later")
    visitor.page.get_by_role("button", name="提交审核").click()
    visitor.page.get_by_text("须由另一人审核").first.wait_for()
    second = make_visitor()
    second.log_in(staff_at(site))
    second.open("/staff/hours")
    second.look("hours-work")
    waiting = second.words()
    assert "补录人：" in waiting and "补录人：站点工作人员" not in waiting and "指尖科普课堂 · 参与者" in waiting
    second.page.get_by_label("全部的依据").fill("核对无误")
    second.page.get_by_role("button", name="全部批准").click()
    second.page.get_by_text("补录已处理").wait_for()
    assert sorted(len(records_of(site, registration)) for registration in registrations) == [0, 1]


def test_more_minutes_of_a_past_record_take_two_people(
    visitor: Visitor, make_visitor: Callable[..., Visitor], site: Site, staff_at: Any, data: PersonalData
) -> None:
    person = site.sign_up(site.shift())["person_id"]
    record = add(site, person)
    volunteer = Resident(site.app, site.database, data, person)
    volunteer.expect(201, "POST", f"/v1/my/service-records/{record.id}/objections", {"words": "我做了四小时"})
    for who, said in ((visitor, "另一人同意同样的分钟数后计入"), (make_visitor(), "异议已处理")):
        who.log_in(staff_at(site))
        who.open("/staff/hours")
        if who is visitor:
            who.page.get_by_label("同意时应记的分钟数").fill("240")
        else:
            who.look("hours-proposed")
        who.page.get_by_label("原因").fill("签名册为证")
        who.page.get_by_role("button", name="同意并更正").click()
        who.page.get_by_role("status").get_by_text(said).wait_for()
    assert volunteer.expect(200, "GET", "/v1/my/service-records")["minutes"] == 240


def test_hours_an_objection_a_certificate_and_its_verification(
    visitor: Visitor, site: Site, resident_cookie: Any, staff_at: Any, data: PersonalData
) -> None:
    _, [registration] = over(site, title_zh="健康建档")
    earn(site, registration)
    person = person_of(site, registration)
    visitor.log_in(resident_cookie(person))
    visitor.open("/my/hours")
    page = visitor.page
    page.locator("summary").first.click()
    page.get_by_label("哪里不对").fill("我还布置了会场")
    page.get_by_role("button", name="提出异议").click()
    page.get_by_text("已收到您的意见").wait_for()
    page.get_by_role("button", name="出具证明").click()
    page.get_by_text("证明已出具").wait_for()
    visitor.look("own-hours")
    number = page.get_by_role("link", name="PDF").inner_text().split()[0]
    visitor.open(f"/verify/{number}?k={Certificates(data, '').code(number)}")
    visitor.look("verify")
    assert "居**" in page.content() and "真实有效" in page.content()
    page.goto(f"{visitor.address}/verify/{number}?k=WRONG")
    visitor.look("verify-wrong")
    visitor.log_in(staff_at(site))
    visitor.open(f"/staff/people/{person}")
    page.get_by_role("link", name="时长与证明").click()
    visitor.look("hours-person")
    page.get_by_label("撤销原因").fill("记录有误")
    page.get_by_role("button", name="撤销").click()
    page.get_by_text("证明已撤销").wait_for()
