"""Each provider's protocol against a server that speaks it, and what its answers mean."""

import contextlib
import gzip
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from pydantic import ValidationError

from services.notifications import sms
from services.notifications.channels import Outcome, Unavailable, Verdict
from services.notifications.settings import Settings
from services.notifications.sms import Provider, Text, Unanswered, ask, session, without_numbers
from services.notifications.sms.aliyun import SURELY, authorization, canonical_query
from services.notifications.sms.provider import provider_of
from services.notifications.sms.templates import Templates
from tests.notifications.sms_stand_in import SECRET, AliyunStandIn, GatewayStandIn, hurried, is_signed

PHONE = "+8613800001234"
TEXT = Text(PHONE, "reminder", "zh", "提醒：合唱排练", {"title": "合唱 & 排练~", "start": "2026-12-01 09:00"})
TEMPLATES = "reminder=SMS_7(title,start)"


@pytest.fixture(scope="module")
def http() -> Iterator[requests.Session]:
    with session() as one:
        yield one


def aliyun_of(stand_in: AliyunStandIn, templates: str = TEMPLATES) -> Provider:
    return provider_of(stand_in.url, templates)


def settled(provider: Provider, http: requests.Session, age: timedelta, hand_over: str = "a-1") -> Verdict:
    """As the channel does it: what surely never arrived is sent again."""
    settled = provider.settle(http, hand_over, TEXT, datetime.now(UTC) - age, age)
    return settled or provider.send(http, hand_over, TEXT)


def test_the_signature_is_that_of_the_documentations_example() -> None:
    # "V3 request structure and signature", section with fixed parameter values.
    query = canonical_query(
        {"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}
    )
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    signed = authorization("YourAccessKeyId", "YourAccessKeySecret", "POST", "/", query, headers)
    assert signed == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        "x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )
    shown = headers | {"authorization": signed}
    assert is_signed("YourAccessKeySecret", "POST", "/", query, shown, b"")
    assert not is_signed("YourAccessKeySecret", "POST", "/", query + "x", shown, b"")


def test_an_sms_goes_as_its_template_with_sign_parameters_and_our_id(
    aliyun: AliyunStandIn, http: requests.Session
) -> None:
    assert aliyun_of(aliyun).send(http, "a-1", TEXT) == Verdict(Outcome.SENT, "OK", "0^biz")
    (taken,) = aliyun.taken
    assert taken.told == {
        "PhoneNumbers": "13800001234",
        "SignName": "和声",
        "TemplateCode": "SMS_7",
        "TemplateParam": '{"title": "合唱 & 排练~", "start": "2026-12-01 09:00"}',
        "OutId": "a-1",
    }


def test_a_wrong_secret_is_our_fault_and_is_told_without_it(aliyun: AliyunStandIn, http: requests.Session) -> None:
    wrong = provider_of(aliyun.url.replace("secret", "guessed"), TEMPLATES)
    with pytest.raises(Unavailable, match=r"^the SMS provider says SignatureDoesNotMatch$"):
        wrong.send(http, "a-1", TEXT)
    assert "guessed" not in repr(wrong)
    assert SECRET not in repr(aliyun_of(aliyun))


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("isv.MOBILE_NUMBER_ILLEGAL", Outcome.REFUSED),
        ("isv.BLACK_KEY_CONTROL_LIMIT", Outcome.REFUSED),
        ("isv.BUSINESS_LIMIT_CONTROL", Outcome.DEFERRED),
        ("isp.SYSTEM_ERROR", Outcome.DEFERRED),
        ("isv.SMS_TEMPLATE_ILLEGAL", Outcome.DEFERRED),
        ("isv.SOMETHING_NEW", Outcome.DEFERRED),
        ("500", Outcome.UNKNOWN),
        ("502", Outcome.UNKNOWN),
        ("drop", Outcome.UNKNOWN),
        ("late", Outcome.UNKNOWN),
    ],
)
def test_what_is_said_of_one_sms_is_sorted(
    code: str, outcome: Outcome, aliyun: AliyunStandIn, http: requests.Session
) -> None:
    aliyun.faults = [code]
    with hurried() if code == "late" else nullcontext():
        verdict = aliyun_of(aliyun).send(http, "a-1", TEXT)
    assert verdict.outcome is outcome
    assert "13800001234" not in verdict.reply
    assert len(aliyun.taken) == (code in ("drop", "late"))


@pytest.mark.parametrize("code", ["isv.OUT_OF_SERVICE", "isv.SIGN_STATE_ILLEGAL", "Throttling.User", "503", "429"])
def test_what_keeps_every_sms_from_going_out_is_no_fault_of_one(
    code: str, aliyun: AliyunStandIn, http: requests.Session
) -> None:
    aliyun.faults = [code]
    with pytest.raises(Unavailable):
        aliyun_of(aliyun).send(http, "a-1", TEXT)


def test_where_nobody_listens_nothing_was_sent(http: requests.Session) -> None:
    for url in ("aliyun+http://a:b@127.0.0.1:1?sign=s", "http://t@127.0.0.1:1/"):
        with pytest.raises(Unavailable, match=r"^no SMS provider: ConnectionError$"):
            provider_of(url, TEMPLATES).send(http, "a-1", TEXT)


def test_aliyun_is_asked_what_became_of_an_sms_before_it_goes_again(
    aliyun: AliyunStandIn, http: requests.Session
) -> None:
    provider = aliyun_of(aliyun)
    aliyun.faults = ["drop"]
    assert provider.send(http, "a-1", TEXT).outcome is Outcome.UNKNOWN
    for number in range(60):  # of others, on the first page
        aliyun.taken.insert(0, type(aliyun.taken[0])("13800001234", f"x-{number}", {}, ""))
    assert settled(provider, http, timedelta(seconds=30)).outcome is Outcome.SENT
    assert settled(provider, http, timedelta(seconds=30), "a-2").outcome is Outcome.UNKNOWN
    aliyun.taken[-1].status = 2
    assert settled(provider, http, timedelta(seconds=30)).outcome is Outcome.REFUSED
    assert len(aliyun.taken) == 61


def test_aliyun_gets_it_again_only_when_it_surely_never_came(aliyun: AliyunStandIn, http: requests.Session) -> None:
    provider = aliyun_of(aliyun)
    assert settled(provider, http, SURELY - timedelta(seconds=1)).outcome is Outcome.UNKNOWN
    assert aliyun.taken == []
    assert settled(provider, http, SURELY + timedelta(seconds=1)) == Verdict(Outcome.SENT, "OK", "0^biz")


@pytest.mark.parametrize("fault", ["drop", "late"])
def test_a_gateway_that_knows_our_key_gets_the_same_again_and_sends_once(
    fault: str, gateway: GatewayStandIn, http: requests.Session
) -> None:
    provider = provider_of(gateway.url("repeats=safe"), "")
    gateway.faults = [fault]
    with hurried() if fault == "late" else nullcontext():
        assert provider.send(http, "a-1", TEXT).outcome is Outcome.UNKNOWN
    assert settled(provider, http, timedelta(seconds=30)) == Verdict(Outcome.SENT, "202", "ref-0")
    (taken,) = gateway.taken
    assert taken.told == {"id": "a-1", "to": PHONE, "text": TEXT.words, "kind": "reminder", "language": "zh"}


def test_a_gateway_that_does_not_gets_nothing_twice(gateway: GatewayStandIn, http: requests.Session) -> None:
    provider = provider_of(gateway.url(), "")
    gateway.faults = ["drop"]
    assert provider.send(http, "a-1", TEXT).outcome is Outcome.UNKNOWN
    verdict = settled(provider, http, timedelta(seconds=30))
    assert (verdict.outcome, verdict.reply.partition(":")[0]) == (Outcome.REFUSED, "unknown")
    assert len(gateway.taken) == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("400", Outcome.REFUSED), ("422", Outcome.REFUSED), ("409", Outcome.DEFERRED), ("500", Outcome.UNKNOWN)],
)
def test_a_gateways_refusals_are_sorted(
    status: str, outcome: Outcome, gateway: GatewayStandIn, http: requests.Session
) -> None:
    gateway.faults = [status]
    verdict = provider_of(gateway.url(), "").send(http, "a-1", TEXT)
    assert verdict.outcome is outcome
    assert "138" not in verdict.reply


@pytest.mark.parametrize("status", ["401", "429", "503"])
def test_a_gateway_that_is_away_is_no_fault_of_one(
    status: str, gateway: GatewayStandIn, http: requests.Session
) -> None:
    gateway.faults = [status]
    with pytest.raises(Unavailable, match=rf"^the SMS gateway answered {status}$"):
        provider_of(gateway.url(), "").send(http, "a-1", TEXT)


def test_receipts_are_read_in_each_ones_form() -> None:
    aliyun = provider_of("aliyun://a:b@dysmsapi.aliyuncs.com?sign=s", "")
    report = {
        "phone_number": "13800001234", "send_time": "2026-12-01 09:00:00", "report_time": "2026-12-01 09:00:09",
        "success": False, "err_code": "MOBILE_NOT_ON_SERVICE", "err_msg": "13800001234 停机", "sms_size": "1",
        "biz_id": "12345", "out_id": "a-1",
    }  # fmt: skip
    assert aliyun.receipts([report]) == [sms.Receipt("12345", "a-1", False, "MOBILE_NOT_ON_SERVICE … 停机")]
    gateway = provider_of("https://t@sms.example.org/send", "")
    assert gateway.receipts({"receipts": [{"id": "a-1", "status": "delivered"}]}) == [
        sms.Receipt(None, "a-1", True, "")
    ]
    for provider, body in ((aliyun, {"success": True}), (gateway, {"receipts": [{"status": "delivered"}]})):
        with pytest.raises(ValueError):
            provider.receipts(body)


@pytest.mark.parametrize(
    ("url", "templates", "wrong"),
    [
        ("ftp://a:b@x", "", "must begin with"),
        ("aliyun://sekret@x?sign=s", "", "id and secret"),
        ("aliyun://a:sekret@x", "", "registered sign"),
        ("aliyun://a:sekret@x?sing=s&sign=t", "", "not known: sing"),
        ("http://sekret@sms.example.org/", "", "encrypted"),
        ("https://sms.example.org/", "", "token"),
        ("https://sekret@x/?repeats=perhaps", "", "repeats=safe"),
        ("https://sekret@x:port/", "", "no URL"),
        ("aliyun://a:sekret@x?sign=s", "reminder=SMS_1", "'reminder=SMS_1' is not like"),
        ("aliyun://a:sekret@x?sign=s", "birthday=SMS_1(title)", "no kind of message 'birthday'"),
        ("aliyun://a:sekret@x?sign=s", "link=SMS_1(title)", "no kind of message 'link'"),
        ("aliyun://a:sekret@x?sign=s", "notice=SMS_1(title)", "no kind of message 'notice'"),
        ("aliyun://a:sekret@x?sign=s", "reminder=SMS_1(titel)", "no 'titel'"),
    ],
)
def test_a_wrong_setting_stops_the_process_at_start_and_shows_no_secret(
    url: str, templates: str, wrong: str, settings: Settings
) -> None:
    given = settings.model_dump() | {"sms_url": url, "sms_templates": templates}
    with pytest.raises(ValidationError, match=wrong) as error:
        Settings(**given)
    assert "sekret" not in str(error.value)


def test_a_kind_without_a_template_of_its_language_takes_the_chinese_one() -> None:
    templates = Templates.read("reminder=SMS_1(title) reminder.en=SMS_2() offer=SMS_3()")
    found = [templates.find(kind, language) for kind, language in
             (("reminder", "zh"), ("reminder", "en"), ("offer", "en"), ("change", "zh"))]  # fmt: skip
    assert [one and one.code for one in found] == ["SMS_1", "SMS_2", "SMS_3", None]


def test_numbers_are_taken_out_of_what_providers_say() -> None:
    assert without_numbers("no route to +86 138-0000-1234 (code 17)") == "no route to … (code 17)"


class Liar(BaseHTTPRequestHandler):
    """Says by its address how it lies."""

    left = threading.Event()

    def do_POST(self) -> None:
        if self.path == "/head":
            return self._drip(b"HTTP/1.1 200 OK\r\nX-A: ")
        if self.path == "/body":
            return self._drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        packed = gzip.compress(b"0" * 10_000_000)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed))
        self.wfile.write(packed)
        return None

    def _drip(self, begin: bytes) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(begin)
            while not self.left.wait(0.05):
                self.wfile.write(b"a")

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def liar() -> Iterator[str]:
    Liar.left.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Liar) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        end = threading.Timer(20, Liar.left.set)  # so that a failing test ends
        end.start()
        yield f"http://127.0.0.1:{server.server_port}"
        end.cancel()
        Liar.left.set()
        server.shutdown()


@pytest.mark.parametrize("where", ["/head", "/body"])
def test_one_that_answers_a_byte_at_a_time_is_left_when_its_time_is_over(
    where: str, liar: str, http: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sms, "TIMEOUT", (0.5, 0.5))
    with contextlib.suppress(Unanswered):
        ask(http, liar + where)
    assert not Liar.left.is_set(), "we waited for it to end"


def test_of_an_answer_no_more_is_read_than_it_needs_and_nothing_unpacked(liar: str, http: requests.Session) -> None:
    assert len(ask(http, f"{liar}/packed").content) <= sms.LONGEST
