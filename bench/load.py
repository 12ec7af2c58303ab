"""The load generator: a process of its own, one thread, raw sockets that are kept alive, requests from templates.

    result = run_load(Load(url="http://127.0.0.1:8001", targets=[(shift, key), ...], clients=32, ...))

Each client sends its next request as soon as it has the answer to the last. Every person is new. The generator runs
on the same cores as what it measures, so it says what share of a core it took itself.
"""

import json
import re
import select
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bench.report import percentile
from deploy.local.guard import CHECKOUT

PATIENCE = 30.0
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
HEAD = (
    "POST /v1/shifts/{shift}/registrations HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
    "Content-Type: application/json\r\nContent-Length: {length}\r\nIdempotency-Key: bench-"
)
BODY = '{"person":{"name":"居民%010d","phone":"+86139%08d","email":"resident%010d@example.org"}}'.encode()


@dataclass(frozen=True)
class Load:
    """What to send: sign-ups of new people, numbered from `first_person` on, over `targets` (shift id, site key)."""

    url: str
    targets: list[tuple[str, str]]
    clients: int
    seconds: float
    first_person: int
    warm_up: float = 1.0


@dataclass
class LoadResult:
    """What came of it, between warm-up and end. Latencies in milliseconds; `cpu` in cores."""

    answered: int = 0
    seconds: float = 0.0
    waitlisted: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    sent: int = 0
    cpu: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    first_problem: str = ""

    @property
    def rate(self) -> float:
        """Answers with 201 per second."""
        return self.statuses.get("201", 0) / self.seconds if self.seconds else 0.0

    @property
    def refused(self) -> int:
        """Requests that got another answer, or none."""
        return self.answered - self.statuses.get("201", 0) + self.broken


def run_load(load: Load) -> LoadResult:
    """Run the generator in a process of its own. Raises `RuntimeError` when it fails or nothing was created."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(asdict(load)),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=load.seconds + load.warm_up + PATIENCE + 30,
    )
    if done.returncode:
        raise RuntimeError(f"the load generator failed: {done.stderr[-800:]}")
    result = LoadResult(**json.loads(done.stdout))
    if not result.statuses.get("201"):
        raise RuntimeError(f"nothing was created: {result.statuses or 'no answer'} {result.first_problem}")
    return result


class _Client:
    """One connection with at most one request on the way."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.received = b""
        self.sent_at = 0.0
        self.socket = self._connect()

    def _connect(self) -> socket.socket:
        connected = socket.create_connection(self.address, timeout=PATIENCE)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def reconnect(self) -> None:
        self.socket.close()
        self.received = b""
        self.socket = self._connect()

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """The whole answer, None while it is not complete. Raises `ConnectionError` when the server hangs up."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionResetError
        self.received += piece
        head_end = self.received.find(b"\r\n\r\n")
        length = LENGTH.search(self.received, 0, head_end + 2) if head_end > 0 else None
        if length is None or len(self.received) < head_end + 4 + int(length[1]):
            return None
        answer, self.received = self.received, b""
        return answer


class _Generator:
    def __init__(self, load: Load) -> None:
        self._load = load
        parts = urlsplit(load.url)
        self._address = (parts.hostname or "", parts.port or 80)
        length = len(BODY % (0, 0, 0))
        self._heads = [
            HEAD.format(shift=shift, key=key, host=parts.netloc, length=length).encode() for shift, key in load.targets
        ]
        self._number = load.first_person
        self._latencies: list[float] = []
        self._result = LoadResult()

    def run(self) -> LoadResult:
        poll = select.epoll()
        clients = {}
        for _ in range(self._load.clients):
            client = _Client(self._address)
            clients[client.socket.fileno()] = client
            poll.register(client.socket, select.EPOLLIN)
            client.send(self._next_request())
        begun = time.perf_counter()
        self._turn(poll, clients, begun + self._load.warm_up)
        self._latencies, self._result = [], LoadResult()
        begun, cpu = time.perf_counter(), time.process_time()
        self._turn(poll, clients, begun + self._load.seconds)
        result = self._result
        result.seconds = time.perf_counter() - begun
        result.cpu = (time.process_time() - cpu) / result.seconds
        result.p50, result.p99 = (percentile(self._latencies, share) for share in (0.5, 0.99))
        self._drain(poll, clients)
        result.sent = self._number - self._load.first_person
        return result

    def _next_request(self) -> bytes:
        number = self._number
        self._number += 1
        # A stride that shares no factor with the usual counts of shifts: neighbours in time are not on one activity.
        head = self._heads[number * 7919 % len(self._heads)]
        return head + b"%016d\r\n\r\n" % number + BODY % (number, number, number)

    def _turn(self, poll: Any, clients: dict[int, _Client], until: float) -> None:
        while (now := time.perf_counter()) < until:
            for handle, _ in poll.poll(until - now):
                client = clients[handle]
                try:
                    answer = client.receive()
                    if answer is None:
                        continue
                    self._count(answer, time.perf_counter() - client.sent_at)
                except ConnectionError:
                    self._result.broken += 1
                    del clients[handle]
                    client.reconnect()
                    clients[client.socket.fileno()] = client
                    poll.register(client.socket, select.EPOLLIN)
                client.send(self._next_request())

    def _count(self, answer: bytes, seconds: float) -> None:
        result = self._result
        result.answered += 1
        status = answer[9:12].decode()
        result.statuses[status] = result.statuses.get(status, 0) + 1
        if status == "201":
            self._latencies.append(seconds * 1000)
            result.waitlisted += b'"waitlisted"' in answer
        elif not result.first_problem:
            result.first_problem = answer[-600:].decode(errors="replace")

    def _drain(self, poll: Any, clients: dict[int, _Client]) -> None:
        """Wait for what is still on the way, so that it does not run into the next cell."""
        waiting = set(clients)
        until = time.perf_counter() + PATIENCE
        while waiting and time.perf_counter() < until:
            for handle, _ in poll.poll(1):
                try:
                    done = clients[handle].receive() is not None
                except ConnectionError:
                    done = True
                if done:
                    waiting.discard(handle)
                    poll.unregister(handle)


def main() -> None:
    """Load from standard input, result to standard output."""
    given = json.load(sys.stdin)
    load = Load(**given | {"targets": [tuple(target) for target in given["targets"]]})
    json.dump(asdict(_Generator(load).run()), sys.stdout)


if __name__ == "__main__":
    main()
