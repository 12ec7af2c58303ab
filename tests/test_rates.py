"""The limit on requests per caller."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from services.common import rates
from services.common.auth import Keys
from services.common.rates import Guesses, Windows, origin
from services.reporting.app import make_app
from services.reporting.settings import Settings
from tests.conftest import OPERATOR_KEY, REPORTING_TOKEN


def test_a_caller_has_so_many_requests_a_minute_and_then_none() -> None:
    windows = Windows(3)
    assert [bool(windows.count("a", now=60)) for _ in range(4)] == [True, True, True, False]
    assert windows.count("b", now=61), "another caller is not held up"
    standing = windows.count("a", now=120)
    assert standing is not None and (standing.remaining, standing.reset) == (2, 60)


def test_it_remembers_nothing_of_the_minute_before() -> None:
    windows = Windows(1)
    for caller in range(1000):
        windows.count(str(caller), now=0)
    windows.count("last", now=60)
    assert len(windows._counts) == 1


def test_wrong_keys_beyond_the_limit_are_not_even_looked_up(
    common_settings: Callable[[str], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # No minute ends in between.
    monkeypatch.setattr(rates, "time", SimpleNamespace(time=lambda: 60.0))
    looked_up = []
    monkeypatch.setattr(Keys, "_look_up", lambda self, digest: looked_up.append(digest))
    settings = Settings(**common_settings("reporting") | {"rate_limit": "500"}, reporting_token=REPORTING_TOKEN)
    client = make_app(settings).test_client()

    def status(key: str) -> int:
        return client.get("/internal/status", headers={"Authorization": f"Bearer {key}"}).status_code

    assert status(OPERATOR_KEY) == 200
    assert [status(f"hsk_{n}") for n in range(12)] == [401] * 10 + [429] * 2
    assert len(looked_up) == 10
    assert status(OPERATOR_KEY) == 200, "who was known before is not shut out by a neighbour's guesses"


def test_a_good_key_is_no_guess() -> None:
    guesses = Guesses(1)
    for number in range(5):
        assert guesses.may_try("a", f"good {number}")
        guesses.opened("a", f"good {number}")
    assert [guesses.may_try("a", "wrong") for _ in range(2)] == [True, False]
    assert guesses.may_try("b", "wrong") and guesses.may_try("a", "good 1") and guesses.may_try("a", "")


def test_a_network_of_ipv6_is_one_caller() -> None:
    assert origin("2001:db8:1:2:3::1") == origin("2001:db8:1:2:ffff::9") != origin("2001:db8:1:3::1")
    assert origin("::ffff:192.0.2.1") == origin("192.0.2.1") != origin("192.0.2.2")
