"""The heart of a load generator: one thread, raw sockets that are kept alive, requests ready to be sent.

    result = Generator(address, clients, next_request, good="200").run(warm_up=1.0, seconds=4.0)

Each client sends its next request as soon as it has the answer to the last. The generator runs on the same cores as
what it measures, so it says what share of a core it took itself.
"""

import json
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.report import percentile
from deploy.local.guard import CHECKOUT

PATIENCE = 30.0
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass
class LoadResult:
    """What came of it, between warm-up and end. Latencies in milliseconds, `size` in bytes; `cpu` in cores."""

    good: str = "200"
    answered: int = 0
    seconds: float = 0.0
    waitlisted: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    sent: int = 0
    cpu: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    size: int = 0
    first_problem: str = ""

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return self.statuses.get(self.good, 0) / self.seconds if self.seconds else 0.0

    @property
    def refused(self) -> int:
        """Requests that got another answer, or none."""
        return self.answered - self.statuses.get(self.good, 0) + self.broken


def in_own_process(module: str, given: dict[str, Any], seconds: float) -> LoadResult:
    """Run a module that reads a load from standard input. Raises `RuntimeError` when it fails or nothing was good."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(given),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 2 * PATIENCE,
    )
    if done.returncode:
        raise RuntimeError(f"the load generator failed: {done.stderr[-800:]}")
    result = LoadResult(**json.loads(done.stdout))
    if not result.statuses.get(result.good):
        raise RuntimeError(f"no {result.good}: {result.statuses or 'no answer'} {result.first_problem}")
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


class Generator:
    """Sends what `next_request` gives; answers with the `good` status count."""

    def __init__(
        self, address: tuple[str, int], clients: int, next_request: Callable[[], bytes], good: str = "200"
    ) -> None:
        self._address, self._count_of_clients, self._good = address, clients, good
        self._next_request = next_request
        self._latencies: list[float] = []
        self._result = LoadResult(good)

    def run(self, warm_up: float, seconds: float) -> LoadResult:
        """What came of it, after the warm-up."""
        poll = select.epoll()
        clients = {}
        for _ in range(self._count_of_clients):
            client = _Client(self._address)
            clients[client.socket.fileno()] = client
            poll.register(client.socket, select.EPOLLIN)
            client.send(self._next_request())
        self._turn(poll, clients, time.perf_counter() + warm_up)
        self._latencies, self._result = [], LoadResult(self._good)
        begun, cpu = time.perf_counter(), time.process_time()
        self._turn(poll, clients, begun + seconds)
        result = self._result
        result.seconds = time.perf_counter() - begun
        result.cpu = (time.process_time() - cpu) / result.seconds
        result.p50, result.p95, result.p99 = (percentile(self._latencies, share) for share in (0.5, 0.95, 0.99))
        self._drain(poll, clients)
        return result

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
        if status == self._good:
            self._latencies.append(seconds * 1000)
            result.size = len(answer)
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
