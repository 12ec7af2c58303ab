"""When is everything done? Asked of the three services' own status, as an operator would."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from deploy.local.servers import SERVICES
from deploy.local.system import System
from tests.faults.client import Client

POLL = 0.2
UNDONE = ("dirty", "due", "late", "messages_pending", "messages_sending", "webhooks_waiting", "webhooks_sending")
"""Words in the names of figures that count what is still to be done. A message that a killed worker left is `sending`
until its claim runs out; one that was refused is pending, without being due."""


@dataclass
class Watch:
    """Asks for the status over and over, and remembers the greatest lag. `others` are asked besides."""

    system: System
    others: Callable[[], list[str]] = list
    max_lag: int = 0
    _clients: dict[str, Client] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._clients = {s: Client(self.system.urls[s], self.system.operator_key) for s in SERVICES}

    def look(self) -> list[str]:
        """What is not quiet, in words; empty when all is done."""
        found = {service: self._status(service) for service in SERVICES}
        silent = [f"{service}: its api does not answer" for service, status in found.items() if status is None]
        statuses = {service: status for service, status in found.items() if status is not None}
        silent += self.others()
        return silent + [text for service, status in statuses.items() for text in self._unrest(service, status, found)]

    def _status(self, service: str) -> dict[str, Any] | None:
        answer = self._clients[service].send("GET", "/internal/status", patience=0)
        return answer.body if answer is not None and answer.ok else None

    def _unrest(self, service: str, status: dict[str, Any], all_of_them: dict[str, Any]) -> list[str]:
        texts = [f"{service}: {problem}" for problem in status["problems"]]
        if status["unsequenced"]:
            texts.append(f"{service}: {status['unsequenced']} events unsequenced")
        texts += [f"{service}: {count} events unsent to {name}" for name, count in status["unsent"].items() if count]
        texts += [f"{service}: {len(status['parked'])} aggregates parked"] if status["parked"] else []
        texts += [
            f"{service}: partition {c['partition']} halted, {c['halted']}" for c in status["cursors"] if c["halted"]
        ]
        if service != "registration":
            texts += self._lag(service, status, all_of_them.get("registration"))
        texts += [
            f"{service}: {name}={value:g}" for name, value in status["figures"].items() if value and _must_be_zero(name)
        ]
        return texts

    def _lag(self, service: str, status: dict[str, Any], producer: dict[str, Any] | None) -> list[str]:
        """Measured at the producer's log, not at the head that the subscriber happens to know."""
        if producer is None:
            return []
        cursors = {str(cursor["partition"]): cursor["sequence"] for cursor in status["cursors"]}
        behind = {p: head - cursors.get(p, 0) for p, head in producer["log_heads"].items() if head > cursors.get(p, 0)}
        lag = sum(behind.values())
        self.max_lag = max(self.max_lag, lag)
        return [f"{service}: {lag} events behind in partitions {sorted(behind, key=int)}"] if lag else []

    def wait(self, limit: float) -> tuple[float, list[str]]:
        """Wait until nothing is left to do: (seconds it took, what was still not quiet at the limit)."""
        begun = time.monotonic()
        while True:
            unrest = self.look()
            took = time.monotonic() - begun
            if not unrest or took > limit:
                return took, unrest
            time.sleep(POLL)


def _must_be_zero(figure: str) -> bool:
    return any(word in figure for word in UNDONE)
