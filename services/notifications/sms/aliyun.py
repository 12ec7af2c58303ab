"""Alibaba Cloud's Short Message Service (短信服务), API version 2017-05-25.

    aliyun://<AccessKey ID>:<AccessKey secret>@dysmsapi.aliyuncs.com?sign=<registered sign>&name=<where there are two>

What is sent is a registered template with parameters; the sign stands before it in 【】. Signing: "V3 request structure
and signature" (ACS3-HMAC-SHA256). `SendSms` knows no idempotency, and its documentation says to look at what became of
an SMS before sending it again: `QuerySendDetails` is asked for our `OutId`.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

import requests
from pydantic import BaseModel, Field, TypeAdapter

from services.notifications.channels import Outcome, Unavailable, Verdict
from services.notifications.sms import Receipt, Reply, Said, Text, Unanswered, ask, unknown, without_numbers
from services.notifications.sms.templates import Registered, Templates

VERSION = "2017-05-25"
ALGORITHM = "ACS3-HMAC-SHA256"

REFUSED = {
    "isv.MOBILE_NUMBER_ILLEGAL",
    "isv.MOBILE_COUNT_OVER_LIMIT",
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
    "isv.INVALID_PARAMETERS",
    "isv.INVALID_JSON_PARAM",
    "isv.PARAM_LENGTH_LIMIT",
    "isv.PARAM_NOT_SUPPORT_URL",
    "isv.TEMPLATE_PARAMS_ILLEGAL",
    "isv.BLACK_KEY_CONTROL_LIMIT",
    "isv.SMS_CONTENT_ILLEGAL",
}
"""What is wrong with this number or these words, and will be so at every attempt."""

OURS = {
    "isv.ACCOUNT_NOT_EXISTS",
    "isv.ACCOUNT_ABNORMAL",
    "isv.OUT_OF_SERVICE",
    "isv.AMOUNT_NOT_ENOUGH",
    "isv.PRODUCT_UN_SUBSCRIPT",
    "isv.PRODUCT_UNSUBSCRIBE",
    "isv.DAY_LIMIT_CONTROL",
    "isv.MONTH_LIMIT_CONTROL",
    "isv.SMS_SIGNATURE_ILLEGAL",
    "isv.SMS_SIGN_ILLEGAL",
    "isv.SIGN_STATE_ILLEGAL",
    "isv.DENY_IP_RANGE",
    "isp.RAM_PERMISSION_DENY",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "InvalidTimeStamp.Expired",
    "ServiceUnavailable",
}
"""What keeps every SMS from going out until an operator mends it or the provider is back. So do the codes that begin
with one of `OURS_TOO`. A fault of one template is neither: its kind of message waits, the others go out."""

OURS_TOO = ("InvalidAccessKeyId", "Forbidden", "Throttling", "NoPermission")

SURELY = timedelta(minutes=10)
"""An SMS of which the provider still knows nothing so long after it was handed over never arrived there. Its records
show up within seconds; nothing says that they always do."""

PAGES, PAGE_SIZE = 4, 50
"""More SMS to one number on one day than any network lets through."""

SENDING, FAILED, DELIVERED = 1, 2, 3
BEIJING = ZoneInfo("Asia/Shanghai")


class _Answer(BaseModel):
    Code: str = ""
    Message: str = ""
    BizId: str | None = None


class _Detail(BaseModel):
    OutId: str | None = None
    SendStatus: int = SENDING
    ErrCode: str | None = None


class _Details(BaseModel):
    SmsSendDetailDTO: list[_Detail] = []


class _DetailsAnswer(_Answer):
    TotalCount: int = 0
    SmsSendDetailDTOs: _Details = _Details()


class _Report(BaseModel):
    success: bool
    err_code: str | None = None
    err_msg: str | None = None
    biz_id: str = Field(max_length=200)
    out_id: str | None = Field(default=None, max_length=200)


class _Up(BaseModel):
    phone_number: str = Field(max_length=40)
    content: str
    sequence_id: int | Annotated[str, Field(min_length=1, max_length=200)]


_UPS = TypeAdapter(Annotated[list[_Up], Field(max_length=1000)])
_REPORTS = TypeAdapter(Annotated[list[_Report], Field(max_length=1000)])
Read = TypeVar("Read", bound=_Answer)


@dataclass(frozen=True)
class Aliyun:
    """One account there."""

    url: str
    key_id: str
    secret: str = field(repr=False)
    sign: str
    templates: Templates
    name: str = "aliyun"

    signs = True
    rewords = True
    signs_receipts = False

    def carries(self, kind: str, language: str) -> bool:
        """Whether the operator has named a template for it."""
        return self.templates.find(kind, language) is not None

    def send(self, http: requests.Session, hand_over: str, text: Text) -> Verdict:
        """`SendSms`, to one number."""
        template = self.templates.find(text.kind, text.language)
        if template is None:
            return Verdict(Outcome.REFUSED, f"there is no template for {text.kind}")
        try:
            answer = _read(self._call(http, "SendSms", self._message(hand_over, text, template)), _Answer)
        except Unanswered as error:
            return unknown(error)
        return _sorted(answer)

    def _message(self, hand_over: str, text: Text, template: Registered) -> dict[str, str]:
        facts = {name: text.facts[name] for name in template.names}
        return {
            "PhoneNumbers": _number(text.to),
            "SignName": self.sign,
            "TemplateCode": template.code,
            "TemplateParam": json.dumps(facts, ensure_ascii=False),
            "OutId": hand_over,
        }

    def settle(
        self, http: requests.Session, hand_over: str, text: Text, since: datetime, age: timedelta
    ) -> Verdict | None:
        """Ask for the SMS that have gone to this number since, and look for ours."""
        if not text.to:
            nobody = "unknown: no answer came, and there is no number any more to ask about"
            return Verdict(Outcome.REFUSED, nobody, unsure=True)
        try:
            found = self._find(http, hand_over, text, since)
        except Unanswered as error:
            return unknown(error)
        if found is None:
            not_yet = Verdict(Outcome.UNKNOWN, "no answer came, and the provider does not know of it yet")
            return None if age > SURELY else not_yet
        if found.SendStatus == FAILED:
            return Verdict(Outcome.REFUSED, without_numbers(found.ErrCode))
        return Verdict(Outcome.SENT, "found at the provider, whose answer had not come")

    def _find(self, http: requests.Session, hand_over: str, text: Text, since: datetime) -> _Detail | None:
        # Days are Beijing's there. It may have been sent again on each since.
        first, last = (moment.astimezone(BEIJING).date() for moment in (since, datetime.now(UTC)))
        for day in (f"{first + timedelta(days=n):%Y%m%d}" for n in range((last - first).days + 1)):
            for page in range(1, PAGES + 1):
                query = {"PhoneNumber": _number(text.to), "SendDate": day, "CurrentPage": str(page),
                         "PageSize": str(PAGE_SIZE)}  # fmt: skip
                answer = _read(self._call(http, "QuerySendDetails", query), _DetailsAnswer)
                if answer.Code != "OK":
                    raise Unanswered(f"asked for it, the provider says {without_numbers(answer.Code)}")
                details = answer.SmsSendDetailDTOs.SmsSendDetailDTO
                for detail in details:
                    if detail.OutId == hand_over:
                        return detail
                if page * PAGE_SIZE >= answer.TotalCount:
                    break
        return None

    def receipts(self, body: Any) -> list[Receipt]:
        """`SmsReport`, pushed over HTTP: an array of reports."""
        return [
            Receipt(one.biz_id, one.out_id or None, one.success, without_numbers(f"{one.err_code} {one.err_msg or ''}"))
            for one in _REPORTS.validate_python(body)
        ]

    def replies(self, body: Any) -> list[Reply]:
        """`SmsUp`, pushed over HTTP: an array of SMS, whose numbers at home have eleven digits."""
        return [
            Reply(str(one.sequence_id), _international(one.phone_number), one.content)
            for one in _UPS.validate_python(body)
        ]

    def _call(self, http: requests.Session, action: str, query: Mapping[str, str]) -> Said:
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        written = canonical_query(query)
        headers = {
            "host": self.url.partition("://")[2].rstrip("/"),
            "x-acs-action": action,
            "x-acs-version": VERSION,
            "x-acs-date": now,
            "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        }
        headers["Authorization"] = authorization(self.key_id, self.secret, "POST", "/", written, headers)
        return ask(http, f"{self.url}/?{written}", headers=headers)


def canonical_query(query: Mapping[str, str]) -> str:
    """Names and values percent-encoded by RFC 3986, in the order of the names."""
    return "&".join(f"{quote(name, safe='~')}={quote(query[name], safe='~')}" for name in sorted(query))


def authorization(key_id: str, secret: str, method: str, path: str, query: str, headers: Mapping[str, str]) -> str:
    """The header of that name. All `headers` are signed; their names are in lower case."""
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    signed = ";".join(names)
    request = "\n".join([method, path, query, lines, signed, headers["x-acs-content-sha256"]])
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={signed},Signature={signature}"


def _number(phone: str) -> str:
    """As it is known there: eleven digits at home, without the + elsewhere."""
    return phone.removeprefix("+86") if phone.startswith("+86") else phone.removeprefix("+")


def _international(number: str) -> str:
    digits = number.strip().removeprefix("+").removeprefix("00")
    return f"+86{digits}" if len(digits) == 11 else f"+{digits}"


def _read(response: Said, model: type[Read]) -> Read:
    """Its JSON. A fault without a code of the API came from something in between, which may have passed it on."""
    try:
        answer = model.model_validate_json(response.content)
    except ValueError:
        answer = model()
    if not answer.Code or answer.Code == "InternalError":
        if response.status_code in (429, 503):
            raise Unavailable(f"the SMS provider answered {response.status_code}")
        raise Unanswered(f"the SMS provider answered {response.status_code}")
    if answer.Code in OURS or answer.Code.startswith(OURS_TOO):
        raise Unavailable(f"the SMS provider says {without_numbers(answer.Code)}")
    return answer


def _sorted(answer: _Answer) -> Verdict:
    if answer.Code == "OK":
        return Verdict(Outcome.SENT, "OK", answer.BizId)
    outcome = Outcome.REFUSED if answer.Code in REFUSED else Outcome.DEFERRED
    return Verdict(outcome, without_numbers(f"{answer.Code} {answer.Message}"))
