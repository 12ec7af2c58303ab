"""A load of the same few questions again and again, from a process of its own.

result = run_asking(Asking(url, [Request("GET", "/staff/rooms/", {"Cookie": cookie})], clients=8, seconds=2.0))
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from itertools import cycle
from urllib.parse import urlsplit

from bench.generator import Generator, LoadResult, in_own_process


@dataclass(frozen=True)
class Request:
    """One request."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def written(self, host: str) -> bytes:
        """As it goes over the wire."""
        body = self.body.encode()
        headers = {"Host": host, **self.headers} | ({"Content-Length": str(len(body))} if body else {})
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True)
class Asking:
    """What to send, by how many clients and for how long."""

    url: str
    requests: list[Request]
    clients: int
    seconds: float
    warm_up: float = 0.5


def run_asking(asking: Asking) -> LoadResult:
    """Run the generator in a process of its own. Raises `RuntimeError` when it fails or nothing was answered."""
    return in_own_process("bench.asking", asdict(asking), asking.seconds + asking.warm_up)


def main() -> None:
    """Load from standard input, result to standard output."""
    given = json.load(sys.stdin)
    asking = Asking(**given | {"requests": [Request(**request) for request in given["requests"]]})
    parts = urlsplit(asking.url)
    written = cycle([request.written(parts.netloc) for request in asking.requests])
    generator = Generator((parts.hostname or "", parts.port or 80), asking.clients, written.__next__)
    json.dump(asdict(generator.run(asking.warm_up, asking.seconds)), sys.stdout)


if __name__ == "__main__":
    main()
