"""What all pages share: problems as pages, languages, large type, and that axe would find a fault."""

import pytest

from tests.browser.conftest import Visitor


def test_what_is_not_there_is_said_on_a_page_in_both_languages(visitor: Visitor) -> None:
    visitor.page.goto(visitor.address + "/nowhere")
    visitor.look("problem")
    assert "没有找到" in visitor.page.title()
    visitor.page.get_by_role("button", name="English").click()
    visitor.page.goto(visitor.address + "/nowhere")
    assert "Not found" in visitor.page.title()
    visitor.page.get_by_role("button", name="Large type").click()
    visitor.page.goto(visitor.address + "/nowhere")
    assert visitor.page.evaluate("getComputedStyle(document.documentElement).fontSize") == "20px"
    visitor.look("problem-large")


def test_a_forged_link_opens_nothing(visitor: Visitor) -> None:
    response = visitor.page.goto(visitor.address + "/links/forged")
    assert response is not None and response.status == 404


def test_the_look_finds_faults(visitor: Visitor) -> None:
    visitor.page.goto(visitor.address + "/nowhere")
    visitor.page.evaluate("document.querySelector('main').innerHTML = '<img src=x><input>'")
    with pytest.raises(AssertionError, match=r"image-alt|label"):
        visitor.look("broken")
    visitor.page.evaluate("document.querySelector('main').innerHTML = '<p>x</p>'; main.style.width = '2000px'")
    with pytest.raises(AssertionError, match="sideways"):
        visitor.look("broken")


def test_a_script_in_the_page_does_not_run(visitor: Visitor) -> None:
    response = visitor.page.goto(visitor.address + "/nowhere")
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy
