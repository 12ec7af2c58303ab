"""The example client loses nothing and makes nothing twice, whatever happens to its requests."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps
from threading import Thread
from typing import Any

import pytest
import requests

from examples import client
from examples.client import Client, Refused

Answer = tuple[int, dict[str, str], Any]
CUT: Answer = (0, {}, None)
HTML: Answer = (502, {"Content-Type": "text/html"}, "<h1>Bad Gateway</h1>")


class Server(ThreadingHTTPServer):
    """Gives the answers that it was told to give, in order, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, answers: list[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.asked: list[tuple[str, str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/gateway"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, self.headers.get("Idempotency-Key")))
        status, headers, body = self.server.answers.pop(0)
        if status == 0:
            self.close_connection = True
            return
        content = dumps(body).encode()
        kind = "application/problem+json" if status >= 400 else "application/json"
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = answer

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*answers: Answer) -> Server:
        servers.append(Server(list(answers)))
        Thread(target=servers[-1].serve_forever, daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def problem(status: int, kind: str = "", **more: Any) -> Answer:
    return status, {}, {"type": f"urn:hesheng:problem:{kind}", "status": status, "detail": "no", **more}


@pytest.mark.parametrize("failure", [CUT, problem(503), problem(409, "in-progress"), problem(429), HTML])
def test_a_lost_answer_is_asked_for_again_under_the_same_key(serve: Callable[..., Server], failure: Answer) -> None:
    server = serve(failure, failure, (201, {}, {"id": "1"}))
    assert Client(server.url, "key").create("/v1/things", {}) == {"id": "1"}
    assert len(server.asked) == 3
    assert len({key for _, _, key in server.asked}) == 1
    assert server.asked[0][2]


def test_every_new_thing_has_its_own_key(serve: Callable[..., Server]) -> None:
    server = serve((201, {}, {}), (201, {}, {}))
    things = Client(server.url, "key")
    things.create("/v1/things", {})
    things.create("/v1/things", {})
    assert len({key for _, _, key in server.asked}) == 2


@pytest.mark.parametrize("refusal", [problem(422), problem(409, "already-registered"), problem(404), problem(500)])
def test_a_refusal_is_not_repeated(serve: Callable[..., Server], refusal: Answer) -> None:
    server = serve(refusal)
    with pytest.raises(Refused) as raised:
        Client(server.url, "key").create("/v1/things", {})
    assert raised.value.status == refusal[0]
    assert len(server.asked) == 1


def test_a_refusal_names_the_fields(serve: Callable[..., Server]) -> None:
    server = serve(problem(422, request_id="r-1", errors=[{"field": "person.phone", "message": "is wrong"}]))
    with pytest.raises(Refused, match=r"(?s)r-1.*person\.phone: is wrong"):
        Client(server.url, "key").create("/v1/things", {})


def test_it_gives_up_after_a_while(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE", 0.5)
    server = serve(*[CUT] * 20)
    with pytest.raises(requests.ConnectionError):
        Client(server.url, "key").get("/v1/things")


@pytest.mark.parametrize("following", ["/gateway/v1/things?cursor=2&limit=1", "?cursor=2&limit=1"])
def test_a_list_is_read_to_its_end(serve: Callable[..., Server], following: str) -> None:
    first = 200, {"Link": f'<{following}>; rel="next"'}, {"items": [{"id": 1}]}
    server = serve(first, (200, {}, {"items": [{"id": 2}]}))
    assert [item["id"] for item in Client(server.url, "key").every("/v1/things", limit=1)] == [1, 2]
    assert [path for _, path, _ in server.asked] == [
        "/gateway/v1/things?limit=1",
        "/gateway/v1/things?cursor=2&limit=1",
    ]
