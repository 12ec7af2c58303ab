"""The operator sets the city up by clicking: areas, sites, their keys; area admins within their areas."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from playwright.sync_api import expect

from services.common.auth import Role
from tests.browser.conftest import Visitor
from tests.registration.office import Office
from tests.registration.world import Caller, Site

Staff = Callable[..., tuple[str, str]]


def _without_a_site(site: Site) -> None:
    site.sql("UPDATE staff_sessions SET site_id = NULL WHERE site_id = :site", site=site.id)


def test_the_operator_sets_up_an_area_a_site_and_its_keys(visitor: Visitor, site: Site, staff_at: Staff) -> None:
    page, name = visitor.page, f"新街{uuid.uuid4().hex[:6]}"
    code = f"T{uuid.uuid4().hex[:10]}"
    visitor.log_in(staff_at(site, Role.OPERATOR))
    _without_a_site(site)
    visitor.open("/staff/")
    expect(page.locator("main")).to_contain_text("选择站点")
    visitor.look("home-operator-nowhere")
    page.get_by_role("link", name="工作人员与权限").click()
    page.go_back()
    page.get_by_role("link", name="区划与站点").click()
    visitor.look("areas-tree")
    page.get_by_role("link", name="山西省").first.click()
    page.get_by_role("link", name="添加下级区划").click()
    page.get_by_label("代码", exact=True).fill(code)
    page.get_by_label("中文名称").fill(name)
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert")).to_contain_text("必填")
    visitor.look("area-form")
    page.get_by_label("英文名称").fill("New street")
    page.get_by_role("button", name="保存").click()
    visitor.look("area-one")
    page.get_by_role("link", name="在此添加站点").click()
    page.get_by_label("中文名称").fill(name)
    page.get_by_label("英文名称").fill("New centre")
    page.get_by_label("地址").fill("新街 1 号")
    visitor.look("site-new")
    page.get_by_role("button", name="添加站点").click()
    page.get_by_label("给谁用").fill("中心网站")
    page.get_by_role("button", name="发放").click()
    key = page.locator("#key").inner_text()
    visitor.look("site-key")
    assert Caller(site.app, key).call("GET", "/v1/teams").status_code == 200
    page.get_by_role("link", name="已记下，返回站点").click()
    expect(page.locator("main")).to_contain_text("最近使用")
    assert key not in page.content()
    visitor.look("site-one")
    page.locator("summary", has_text="吊销").click()
    page.get_by_role("button", name="确认吊销").click()
    expect(page.locator("main")).to_contain_text("已吊销")
    page.get_by_label("所属区划的代码").fill("nowhere")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert")).to_contain_text("没有这个区划")
    page.get_by_label("所属区划的代码").fill("140000")
    page.get_by_label("状态").select_option("closed")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("h1")).to_contain_text("已停办")
    visitor.open(f"/?q={name}")
    expect(page.locator("main")).to_contain_text("没有找到")
    visitor.open(f"/staff/areas?q={name}")
    expect(page.get_by_role("link", name=name)).to_have_count(2)
    visitor.look("areas-found")
    page.get_by_role("link", name=name).first.click()
    page.get_by_role("button", name="到此站点工作并打开设置").click()
    expect(page).to_have_url(re.compile("/staff/centre/settings$"))


def test_an_area_admin_keeps_what_lies_below_without_a_site(
    visitor: Visitor, make_site: Callable[..., Site], operator: Caller, office: Office
) -> None:
    page, mine, theirs = visitor.page, f"T{uuid.uuid4().hex[:10]}", f"T{uuid.uuid4().hex[:10]}"
    for code in (mine, theirs):
        body = {"parent": "140000", "level": "district", "name_zh": f"区{code}", "name_en": "D"}
        operator.expect(200, "PUT", f"/v1/areas/{code}", body)
    inside, outside = make_site(area=mine), make_site(area=theirs)
    member = office.session(office.account(("area_admin", None, mine)))
    visitor.log_in((member.name, member.cookie))
    visitor.open("/staff/")
    page.get_by_role("link", name="区划与站点").click()
    expect(page.locator("main")).not_to_contain_text(theirs)
    page.get_by_role("link", name=f"区{mine}").click()
    expect(page.get_by_role("link", name="在此添加站点")).to_have_count(0)
    page.get_by_role("link", name="站点").last.click()
    page.get_by_label("地址").fill("新地址")
    page.get_by_role("button", name="保存").click()
    assert operator.expect(200, "GET", f"/v1/sites/{inside.id}")["address"] == "新地址"
    refused = [f"/staff/areas/at/{theirs}", f"/staff/areas/sites/{outside.id}", f"/staff/areas/at/{theirs}/edit"]
    assert [member.call("GET", path).status_code for path in refused] == [404, 404, 404]
    form = {"name_zh": "a", "name_en": "a", "level": "city", "parent": "140000"}
    assert member.call("POST", f"/staff/areas/at/{mine}/edit", form=form | {"version": "1"}).status_code == 422
    moved = {"area": "140000", "name_zh": "x", "name_en": "x", "time_zone": "Asia/Shanghai", "version": "2"}
    assert member.call("POST", f"/staff/areas/sites/{inside.id}", form=moved).status_code == 422
    assert member.call("POST", f"/staff/areas/sites/{inside.id}/keys", form={"label": "x"}).status_code == 403
    key = operator.expect(200, "GET", f"/v1/sites/{inside.id}/keys")["items"][0]["id"]
    assert member.call("POST", f"/staff/areas/sites/{inside.id}/keys/{key}/revoke", form={}).status_code == 303
    assert inside.call("GET", "/v1/teams").status_code in (200, 401)


def test_a_key_is_issued_once_however_often_the_form_is_sent(site: Site, office: Office, operator: Caller) -> None:
    member = office.session(office.account(("operator", None, None)))
    path, form = f"/staff/areas/sites/{site.id}/keys", {"label": "网站", "once": "a" * 20}
    assert member.call("POST", path, form=form).status_code == 200
    assert member.call("POST", path, form=form).status_code == 422
    labels = [one["label"] for one in operator.expect(200, "GET", f"/v1/sites/{site.id}/keys")["items"]]
    assert labels == ["test", "网站"]


def test_a_sites_pages_have_its_colour_and_speak_its_language(make_visitor: Callable[..., Visitor], site: Site) -> None:
    path, colour = f"/v1/sites/{site.id}/settings", "rgb(160, 16, 32)"
    site.expect(200, "PATCH", path, {"colour": "#a01020", "language": "en"}, If_Match="*")
    shift = site.shift(title_en="A class")
    visitor = make_visitor()
    ground = "getComputedStyle(document.querySelector('.top')).backgroundColor"
    button = "getComputedStyle(document.querySelector('main .btn-primary')).backgroundColor"
    visitor.open(f"/sites/{site.id}")
    assert visitor.page.evaluate(ground) == colour == visitor.page.evaluate(button)
    visitor.look("site-coloured")
    visitor.open(f"/shifts/{shift}/sign-up")
    assert visitor.page.evaluate(button) == colour
    visitor.look("sign-up-coloured")
    site.sql("UPDATE sites SET embed_origins = '{http://127.0.0.1}' WHERE id = :id", id=site.id)
    visitor.open(f"/embed/sites/{site.id}")
    assert visitor.page.evaluate(button) == colour
    assert Caller(site.app, "").call("GET", "/sites/" + site.id + "/colour.css").mimetype == "text/css"
    for asked, word in (
        ("fr", "Find activities"),
        ("zh", "找活动"),
        ("fr, zh;q=0.5", "找活动"),
        ("en", "Find activities"),
    ):
        answer = Caller(site.app, "").call("GET", f"/sites/{site.id}", Accept_Language=asked)
        assert word in answer.get_data(as_text=True), asked


def test_the_operator_publishes_a_new_version_of_a_text(visitor: Visitor, site: Site, staff_at: Staff) -> None:
    page = visitor.page
    visitor.log_in(staff_at(site, Role.OPERATOR))
    visitor.open("/staff/")
    page.get_by_role("link", name="同意书文本").click()
    visitor.look("consent-texts")
    page.locator("#photo ~ p a").click()
    before = page.get_by_label("中文").input_value()
    page.get_by_label("中文").fill("")
    page.get_by_role("button", name="发布").click()
    expect(page.get_by_role("alert")).to_contain_text("必填")
    page.get_by_label("中文").fill(before + "（修订）")
    page.get_by_label("以前同意过的人须重新同意").check()
    visitor.look("consent-text-new")
    page.get_by_role("button", name="发布").click()
    expect(page.get_by_role("status")).to_contain_text("已发布")
    newest = Caller(site.app, "").expect(200, "GET", "/v1/consent-texts?kind=photo&limit=200")["items"][-1]
    assert newest["zh"].endswith("（修订）") and newest["again"]
    page.locator("#photo ~ p a").click()
    page.get_by_label("从什么时候起有效").fill(f"{datetime.now(UTC).year + 1}-06-01T08:00")
    page.get_by_role("button", name="发布").click()
    expect(page.get_by_text("尚未生效")).to_be_visible()
    visitor.look("consent-texts-to-come")
    # The texts are everybody's, and nothing is published before what is announced.
    site.sql("UPDATE consent_texts SET effective_from = least(effective_from, now())")
