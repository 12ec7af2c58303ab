"""Two SMS providers on loopback, over real HTTP: Alibaba Cloud's protocol, and a gateway of ours (docs/sms-gateway.md).

aliyun.faults += ["isv.BUSINESS_LIMIT_CONTROL", "503", "drop", "late"]     # consumed one by one, then all is well

What an answer was lost of is kept like the rest: `drop` and `late` take the SMS before they fail, `500` does not. What
is late waits until `forget`: whoever asks must be `hurried` and give up.
The signature is verified from the documentation's description, and shares no line with what signs.
"""

import contextlib
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from services.notifications import sms

KEY_ID, SECRET = "LTAI-test", "secret/with:odd@letters"
TOKEN = "gateway-token"


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """Our side gives up early. Only where the answer never comes: on a busy machine a good one may take as long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sms, "TIMEOUT", (5, 0.3))
        yield


def is_signed(secret: str, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether the Authorization header's signature is that of this request, by the published description."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    given = dict(part.split("=", 1) for part in rest.split(","))
    if scheme != "ACS3-HMAC-SHA256" or hashlib.sha256(body).hexdigest() != headers["x-acs-content-sha256"]:
        return False
    must = {name for name in headers if name == "host" or name.startswith("x-acs-")}
    names = given["SignedHeaders"].split(";")
    if not must <= set(names) or names != sorted(names):
        return False
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    canonical = (
        method + "\n" + path + "\n"
        + "&".join("=".join(quote(part, safe="-_.~") for part in pair) for pair in pairs) + "\n"
        + "".join(name + ":" + headers[name].strip() + "\n" for name in names) + "\n"
        + given["SignedHeaders"] + "\n" + headers["x-acs-content-sha256"]
    )  # fmt: skip
    message = scheme + "\n" + hashlib.sha256(canonical.encode()).hexdigest()
    return hmac.digest(secret.encode(), message.encode(), "sha256").hex() == given["Signature"]


@dataclass
class Sms:
    """One that was taken."""

    to: str
    id: str
    told: dict[str, Any]
    reference: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: int = 1


class StandIn:
    """What both have: what was taken, and the faults to come."""

    def __init__(self) -> None:
        self.taken: list[Sms] = []
        self.faults: list[str] = []
        self.shows = True
        self.asked = 0
        self.released = threading.Event()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                with contextlib.suppress(ConnectionError):  # who gave up waiting has hung up
                    stand_in.serve(self)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def forget(self) -> None:
        self.released.set()
        self.released = threading.Event()
        self.taken.clear()
        self.faults.clear()
        self.shows, self.asked = True, 0

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def to(self, number: str) -> list[Sms]:
        return [one for one in self.taken if one.to == number]

    def serve(self, call: BaseHTTPRequestHandler) -> None:
        body = call.rfile.read(int(call.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in call.headers.items()}
        self.answer(call, urlsplit(call.path), headers, body)

    def answer(self, call: BaseHTTPRequestHandler, url: Any, headers: dict[str, str], body: bytes) -> None:
        raise NotImplementedError

    def say(self, call: BaseHTTPRequestHandler, status: int, body: Any, fault: str | None = None) -> None:
        """Answer, or not."""
        if fault == "late":
            self.released.wait(30)
        if fault == "drop":
            call.connection.shutdown(socket.SHUT_RDWR)
            call.close_connection = True
            return
        content = json.dumps(body).encode() if body is not None else b"<html>gateway error</html>"
        call.send_response(status)
        call.send_header("Content-Length", str(len(content)))
        call.end_headers()
        call.wfile.write(content)


class AliyunStandIn(StandIn):
    @property
    def url(self) -> str:
        return f"aliyun+http://{KEY_ID}:{quote(SECRET, safe='')}@127.0.0.1:{self.port}?sign=和声"

    def answer(self, call: BaseHTTPRequestHandler, url: Any, headers: dict[str, str], body: bytes) -> None:
        if not is_signed(SECRET, "POST", url.path, url.query, headers, body):
            self.say(call, 400, {"Code": "SignatureDoesNotMatch", "Message": "not ours"})
            return
        if headers["x-acs-version"] != "2017-05-25":
            self.say(call, 404, {"Code": "InvalidVersion", "Message": "no such version"})
            return
        query = dict(parse_qsl(url.query))
        if headers["x-acs-action"] == "QuerySendDetails":
            self.say(call, 200, self._details(query))
            return
        assert headers["x-acs-action"] == "SendSms"
        fault = self.faults.pop(0) if self.faults else None
        if fault and fault.isdecimal():
            self.say(call, int(fault), None)
            return
        if fault not in (None, "late", "drop"):
            self.say(call, 200, {"Code": fault, "Message": f"触发 {query['PhoneNumbers']}", "RequestId": "R"})
            return
        taken = Sms(query["PhoneNumbers"], query["OutId"], query, f"{len(self.taken)}^biz")
        self.taken.append(taken)
        self.say(call, 200, {"Code": "OK", "Message": "OK", "BizId": taken.reference, "RequestId": "R"}, fault)

    def _details(self, query: dict[str, str]) -> dict[str, Any]:
        self.asked += 1
        found = [
            {"OutId": one.id, "SendStatus": one.status, "PhoneNum": one.to, "ErrCode": "DELIVERED"}
            for one in self.to(query["PhoneNumber"])
            if self.shows and f"{one.at + timedelta(hours=8):%Y%m%d}" == query["SendDate"]
        ]
        size, page = int(query["PageSize"]), int(query["CurrentPage"])
        here = found[(page - 1) * size : page * size]
        return {"Code": "OK", "TotalCount": len(found), "SmsSendDetailDTOs": {"SmsSendDetailDTO": here}}


class GatewayStandIn(StandIn):
    def url(self, *options: str) -> str:
        return f"http://{TOKEN}@127.0.0.1:{self.port}/send?{'&'.join(options)}"

    def answer(self, call: BaseHTTPRequestHandler, url: Any, headers: dict[str, str], body: bytes) -> None:
        if headers["authorization"] != f"Bearer {TOKEN}" or url.path != "/send":
            self.say(call, 401, {"reason": "who are you"})
            return
        told = json.loads(body)
        fault = self.faults.pop(0) if self.faults else None
        if fault and fault.isdecimal():
            self.say(call, int(fault), {"reason": f"not to {told['to']}"})
            return
        before = [one for one in self.taken if one.id == headers["idempotency-key"]]
        if not before or not self.shows:
            before = [Sms(told["to"], headers["idempotency-key"], told, f"ref-{len(self.taken)}")]
            self.taken += before
        self.say(call, 202, {"reference": before[0].reference}, fault)
