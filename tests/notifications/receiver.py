"""A site's receiver on loopback, written as docs/webhooks.md says: it verifies with the public library, and misbehaves
as told.

receiver.behaviour += ["500", "429 120", "drop", "hang", "302 http://…", "410"]      # one by one, then all is well
"""

import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@dataclass
class Told:
    """One request whose signature was good."""

    webhook_id: str
    headers: dict[str, str]
    event: dict[str, Any]


@dataclass
class Receiver:
    """`secrets` are those it knows; `refused` counts requests that no known secret signed."""

    secrets: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    behaviour: list[str] = field(default_factory=list)
    refused: int = 0
    connections: int = 0

    def __post_init__(self) -> None:
        self.released = threading.Event()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"receiver": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hesheng?from=city"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def types(self) -> list[str]:
        """What it was told, in order, each webhook-id once: as a receiver that remembers them handles it."""
        seen = {one.webhook_id: one.event["type"] for one in self.told}
        return list(seen.values())

    def take(self, headers: dict[str, str], body: bytes) -> str:
        """Verify, keep, and say what to do."""
        with self._lock:
            for secret in self.secrets:
                try:
                    event = Webhook(secret).verify(body, headers)
                except WebhookVerificationError:
                    continue
                self.told.append(Told(headers["webhook-id"], headers, event))
                return self.behaviour.pop(0) if self.behaviour else "204"
            self.refused += 1
            return "401"


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def setup(self) -> None:
        self.receiver.connections += 1
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        what, _, more = self.receiver.take({k.lower(): v for k, v in self.headers.items()}, body).partition(" ")
        if what == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if what == "hang":
            self.receiver.released.wait(30)
            return
        if what == "drip":
            while not self.receiver.released.wait(0.05):
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        self.send_response(int(what))
        if more and what.startswith("3"):
            self.send_header("Location", more)
        elif more:
            self.send_header("Retry-After", more)
        self.end_headers()
        self.wfile.write("出错\x00了\x1b[31m <b>\n".encode() + b"x" * 5000)

    def log_message(self, *_: Any) -> None:
        pass
