"""HTTP conventions that all three services share, tried on the smallest of them."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel

from services.common.pages import read_form
from services.reporting.app import make_app
from services.reporting.settings import Settings
from tests.conftest import OPERATOR_KEY, REPORTING_TOKEN


class _Person(BaseModel):
    phone: str


class _SignUp(BaseModel):
    person: _Person


OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}


@pytest.fixture(scope="module")
def client(common_settings: Callable[[str], dict[str, str]]) -> FlaskClient:
    """The reporting service."""
    return make_app(Settings(**common_settings("reporting"), reporting_token=REPORTING_TOKEN)).test_client()


def test_an_answer_lists_fifty_errors_and_counts_all(client: FlaskClient) -> None:
    query = "&".join(f"unknown{number}=1" for number in range(90))
    answer = client.get(f"/v1/reports/participation?{query}", headers=OPERATOR | {"Accept-Language": "en"})
    assert answer.status_code == 422
    assert len(answer.get_json()["errors"]) == 50
    assert answer.get_json()["detail"].startswith("92 error(s)"), "two required fields are missing as well"


def test_a_query_of_thousands_of_keys_is_refused_before_it_is_read(client: FlaskClient) -> None:
    answer = client.get("/v1/reports/participation?" + "&".join(str(n) for n in range(5000)), headers=OPERATOR)
    assert answer.status_code == 400


def test_only_the_start_of_a_long_list_of_languages_is_read(client: FlaskClient) -> None:
    assert client.get("/nowhere", headers={"Accept-Language": "en"}).headers["Content-Language"] == "en"
    long = ",".join(f"a{number}" for number in range(3000)) + ",en"
    assert client.get("/nowhere", headers={"Accept-Language": long}).headers["Content-Language"] == "zh-CN"


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic abc", "Bearer hsk_", "hsk_", "Bearer \x7f"])
def test_no_key_at_all_opens_nothing(client: FlaskClient, header: str) -> None:
    assert client.get("/internal/status", headers={"Authorization": header}).status_code == 401


def test_every_answer_says_what_is_left_of_the_limit(client: FlaskClient) -> None:
    first, second = (client.get("/internal/status", headers=OPERATOR).headers for _ in range(2))
    assert int(first["RateLimit-Limit"]) == 1_000_000
    assert int(second["RateLimit-Remaining"]) > 0 and 0 < int(second["RateLimit-Reset"]) <= 60


def test_the_docs_page_is_whole_without_scripts_or_other_hosts(client: FlaskClient) -> None:
    page = client.get("/docs").get_data(as_text=True)
    assert "/v1/reports/participation" in page
    assert "<script" not in page and "http://" not in page and "https://" not in page


def test_behind_a_gateway_the_openapi_document_names_the_prefix(
    common_settings: Callable[[str], dict[str, str]],
) -> None:
    settings = Settings(**common_settings("reporting"), reporting_token=REPORTING_TOKEN, trusted_proxies=1)
    answer = make_app(settings).test_client().get("/openapi.json", headers={"X-Forwarded-Prefix": "/reporting"})
    servers = answer.get_json().get("servers", [{"url": "/reporting"}])
    assert all(server["url"].rstrip("/").endswith("/reporting") for server in servers)


@pytest.mark.parametrize("names", [("person", "person.phone"), ("person.phone", "person"), ("person", "person.a.b")])
def test_a_form_field_that_is_a_group_as_well_is_a_fault_of_the_form(names: tuple[str, str]) -> None:
    with Flask(__name__).test_request_context(method="POST", data=dict.fromkeys(names, "13800138000")):
        form = read_form(_SignUp)
    assert form.failed and form.errors.keys() == {"person"}
