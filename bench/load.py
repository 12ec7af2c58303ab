"""A load of sign-ups, from a process of its own.

    result = run_load(Load(url="http://127.0.0.1:8001", targets=[(shift, key), ...], clients=32, ...))

Every person is new.
"""

import json
import sys
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from bench.generator import Generator, LoadResult, in_own_process

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


def run_load(load: Load) -> LoadResult:
    """Run the generator in a process of its own. Raises `RuntimeError` when it fails or nothing was created."""
    return in_own_process("bench.load", asdict(load), load.seconds + load.warm_up)


class _SignUps:
    """The requests of a load, one after the other."""

    def __init__(self, load: Load) -> None:
        self.number = load.first_person
        host = urlsplit(load.url).netloc
        length = len(BODY % (0, 0, 0))
        self._heads = [
            HEAD.format(shift=shift, key=key, host=host, length=length).encode() for shift, key in load.targets
        ]

    def next(self) -> bytes:
        """The next sign-up."""
        number = self.number
        self.number += 1
        # A stride that shares no factor with the usual counts of shifts: neighbours in time are not on one activity.
        head = self._heads[number * 7919 % len(self._heads)]
        return head + b"%016d\r\n\r\n" % number + BODY % (number, number, number)


def main() -> None:
    """Load from standard input, result to standard output."""
    given = json.load(sys.stdin)
    load = Load(**given | {"targets": [tuple(target) for target in given["targets"]]})
    sign_ups, parts = _SignUps(load), urlsplit(load.url)
    generator = Generator((parts.hostname or "", parts.port or 80), load.clients, sign_ups.next, good="201")
    result = generator.run(load.warm_up, load.seconds)
    result.sent = sign_ups.number - load.first_person
    json.dump(asdict(result), sys.stdout)


if __name__ == "__main__":
    main()
