"""Single sign-on against a real provider: whom it lets in, and every way in which an answer can be wrong."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from joserfc.jwk import OctKey, RSAKey
from werkzeug.test import TestResponse

from services.common.auth import STAFF_COOKIE
from services.registration.app import make_app
from services.registration.settings import Settings
from tests.conftest import NOTIFICATIONS_TOKEN, PERSONAL_DATA_KEY, REPORTING_TOKEN
from tests.registration.office import Member, Office
from tests.registration.provider import CLIENT, SECRET, OpenProvider, serving
from tests.registration.world import Site

Make = Callable[..., APIFlask]


@pytest.fixture(scope="module")
def server() -> Iterator[OpenProvider]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def sso(server: OpenProvider, common_settings: Callable[[str], dict[str, str]]) -> APIFlask:
    """The service, with that provider."""
    settings = Settings(
        **common_settings("registration"),
        personal_data_keys=PERSONAL_DATA_KEY,
        blind_index_key="A" * 43 + "=",
        notifications_token=NOTIFICATIONS_TOKEN,
        reporting_token=REPORTING_TOKEN,
        oidc_issuer=server.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        public_url="http://localhost",
    )
    return make_app(settings)


@pytest.fixture
def member(office: Office, site: Site) -> Member:
    """Somebody who works at the site."""
    return office.session(office.account(("site_staff", site.id, None)), at=site.id)


@pytest.fixture
def provider(server: OpenProvider, member: Member) -> OpenProvider:
    """The provider, who vouches for that somebody and does not cheat."""
    server.claims = {"sub": uuid.uuid4().hex, "email": member.email, "email_verified": True}
    server.cheat, server.signing, server.algorithm = {}, None, "RS256"
    return server


def _come(client: FlaskClient, provider: OpenProvider, **wrong: str) -> TestResponse:
    """All the way there and back."""
    there = client.get("/staff/oidc?next=/staff/account")
    assert there.status_code == 303 and there.location.startswith(provider.issuer)
    return client.get("/staff/oidc/callback", query_string=provider.answer(there.location) | wrong)


def _is_in(client: FlaskClient) -> bool:
    return client.get("/v1/staff/me").status_code == 200


def test_somebody_invited_comes_in_by_the_verified_address_and_then_by_the_subject(
    sso: APIFlask, provider: OpenProvider, member: Member, site: Site
) -> None:
    client = sso.test_client()
    answer = _come(client, provider)
    assert answer.status_code == 303 and answer.location == "/staff/account"
    assert client.get("/v1/staff/me").get_json()["id"] == member.id
    provider.claims["email"] = "married@example.com"
    again = sso.test_client()
    assert _come(again, provider).status_code == 303 and _is_in(again), "by the subject, whatever the address is now"
    (row,) = site.sql("SELECT oidc_subject FROM staff WHERE id = :id", id=member.id)
    assert provider.claims["sub"] not in row.oidc_subject
    (entry,) = site.sql(
        "SELECT changed FROM audit_log WHERE action = 'log_in' AND record = :id ORDER BY id LIMIT 1", id=member.id
    )
    assert entry.changed == {"came_by": "oidc"}


@pytest.mark.parametrize(
    "cheat",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another client"},
        {"aud": None},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"iss": "https://elsewhere.example.org"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"sub": None},
    ],
)
def test_an_answer_that_does_not_agree_lets_nobody_in(
    sso: APIFlask, provider: OpenProvider, cheat: dict[str, Any]
) -> None:
    provider.cheat = cheat
    client = sso.test_client()
    assert _come(client, provider).status_code == 401 and not _is_in(client)


@pytest.mark.filterwarnings("ignore:JWS algorithm")  # the library says of "none" what this test is about
@pytest.mark.parametrize("how", ["another key", "our own secret", "none"])
def test_a_signature_that_anybody_can_make_lets_nobody_in(sso: APIFlask, provider: OpenProvider, how: str) -> None:
    if how == "another key":
        provider.signing = RSAKey.generate_key(2048, parameters={"kid": "one"})
    else:
        provider.algorithm = "HS256" if how == "our own secret" else "none"
        provider.signing = OctKey.import_key(SECRET)
    client = sso.test_client()
    assert _come(client, provider).status_code == 401 and not _is_in(client)


@pytest.mark.parametrize("verified", [False, None, "false", "true", 1])
def test_an_address_that_is_not_verified_opens_nothing(sso: APIFlask, provider: OpenProvider, verified: Any) -> None:
    provider.claims["email_verified"] = verified
    client = sso.test_client()
    assert _come(client, provider).status_code == 401 and not _is_in(client)


def test_having_an_account_with_the_provider_is_not_enough(
    sso: APIFlask, provider: OpenProvider, office: Office, member: Member, site: Site
) -> None:
    provider.claims["email"] = "stranger@example.com"
    assert _come(sso.test_client(), provider).status_code == 401
    without_grants = office.session(office.account())
    provider.claims["email"] = without_grants.email
    assert _come(sso.test_client(), provider).status_code == 401
    provider.claims["email"] = member.email
    site.sql("UPDATE staff SET disabled_at = now() WHERE id = :id", id=member.id)
    assert _come(sso.test_client(), provider).status_code == 401


def test_an_account_that_is_bound_is_not_taken_over_by_another_subject(sso: APIFlask, provider: OpenProvider) -> None:
    assert _come(sso.test_client(), provider).status_code == 303
    provider.claims["sub"] = "somebody who got hold of the address"
    assert _come(sso.test_client(), provider).status_code == 401


def test_an_answer_to_another_browsers_log_in_is_refused(sso: APIFlask, provider: OpenProvider) -> None:
    mine, theirs = sso.test_client(), sso.test_client()
    answer = provider.answer(mine.get("/staff/oidc").location)
    assert theirs.get("/staff/oidc/callback", query_string=answer).status_code == 401
    theirs.get("/staff/oidc")
    assert theirs.get("/staff/oidc/callback", query_string=answer).status_code == 401
    for wrong in ({"state": "x"}, {"code": "x"}, {"iss": "https://elsewhere.example.org"}):
        assert _come(sso.test_client(), provider, **wrong).status_code == 401
    assert not _is_in(theirs)


def test_a_code_works_once(sso: APIFlask, provider: OpenProvider) -> None:
    client = sso.test_client()
    answer = provider.answer(client.get("/staff/oidc").location)
    cookie = client.get_cookie("hesheng_oidc")
    assert cookie and client.get("/staff/oidc/callback", query_string=answer).status_code == 303
    client.delete_cookie(STAFF_COOKIE)
    client.set_cookie("hesheng_oidc", cookie.value)
    assert client.get("/staff/oidc/callback", query_string=answer).status_code == 401


def test_a_provider_that_is_away_is_said_to_be(common_settings: Callable[[str], dict[str, str]], sso: APIFlask) -> None:
    away = Settings(
        **common_settings("registration"),
        personal_data_keys=PERSONAL_DATA_KEY,
        blind_index_key="A" * 43 + "=",
        notifications_token=NOTIFICATIONS_TOKEN,
        reporting_token=REPORTING_TOKEN,
        oidc_issuer="http://127.0.0.1:1",
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
    )
    answer = make_app(away).test_client().get("/staff/oidc", headers={"Accept-Language": "en"})
    assert answer.status_code == 503 and "does not answer" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "wrong", [{"oidc_client_id": ""}, {"oidc_issuer": "http://login.example.org"}, {"oidc_client_secret": ""}]
)
def test_half_a_setting_stops_the_start(
    common_settings: Callable[[str], dict[str, str]], wrong: dict[str, str]
) -> None:
    good = {"oidc_issuer": "https://login.example.org", "oidc_client_id": "x", "oidc_client_secret": "y"}
    with pytest.raises(ValueError, match="OIDC_ISSUER"):
        Settings(
            **common_settings("registration"),
            personal_data_keys=PERSONAL_DATA_KEY,
            blind_index_key="A" * 43 + "=",
            notifications_token=NOTIFICATIONS_TOKEN,
            reporting_token=REPORTING_TOKEN,
            **good | wrong,
        )
