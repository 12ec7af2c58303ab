"""Kills, freezes and wipes, by a plan drawn from the seed before anything starts: the same seed, the same plan.

steps = draw(seconds=60, seed=7)
chaos = Chaos(system, steps, log)
chaos.run(stop)          # blocks; whatever happens, everything is let go again at the end
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import redis

from deploy.local.guard import group_members
from deploy.local.servers import SERVICES, Valkey
from deploy.local.system import System

PROCESSES = [f"{service}-{kind}" for service in SERVICES for kind in ("api", "worker", "pump")]
DECK = [
    *["kill leader"] * 2, *["kill child"] * 2, *["kill group"] * 3, *["freeze"] * 4,
    "redis kill", "redis freeze", "redis flush", "cut all", "cut one", "sink kill",
]  # fmt: skip
CHILDLESS = "pump"
FREEZE = (0.5, 4.0)
DOWN = (0.0, 3.0)
POSTGRES_EVERY = 30.0


@dataclass(frozen=True)
class Step:
    """One fault: `at` seconds after the start, on `target`, lasting `lasts` seconds; `pick` chooses among children."""

    at: float
    what: str
    target: str = ""
    lasts: float = 0.0
    pick: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.lasts:.1f} s" if self.lasts else ""
        return f"{self.what} {self.target}".strip() + lasting


def draw(seconds: float, seed: int) -> list[Step]:
    """The plan: about one fault a second, PostgreSQL twice a minute, every kind and every process in turn."""
    chance = random.Random(seed)
    kinds, targets = _deck(DECK, chance), _deck(PROCESSES, chance)
    steps = [Step(at, "postgres kill", lasts=chance.uniform(*DOWN)) for at in _postgres_times(seconds, chance)]
    at = chance.uniform(0.5, 1.5)
    while at < seconds:
        steps.append(_step(at, next(kinds), targets, chance))
        at += chance.uniform(0.5, 1.5)
    return sorted(steps, key=lambda step: step.at)


def _deck(cards: list[str], chance: random.Random) -> Iterator[str]:
    while True:
        yield from chance.sample(cards, len(cards))


def _postgres_times(seconds: float, chance: random.Random) -> list[float]:
    spans = max(1, round(seconds / POSTGRES_EVERY))
    return [(span + chance.uniform(0.3, 0.8)) * seconds / spans for span in range(spans)]


def _step(at: float, what: str, targets: Iterator[str], chance: random.Random) -> Step:
    target = next(targets) if what.startswith(("kill", "freeze")) else ""
    if what == "kill child" and target.endswith(CHILDLESS):
        what = "kill leader"
    if what == "cut one":
        target = chance.choice(SERVICES)
    lasts = {"freeze": FREEZE, "redis freeze": FREEZE, "redis kill": DOWN}.get(what)
    return Step(at, what, target, chance.uniform(*lasts) if lasts else 0.0, chance.random())


class Chaos:
    """Carries a plan out on a running, supervised system."""

    def __init__(self, system: System, steps: list[Step], log: Path) -> None:
        self._system = system
        self._steps = steps
        self._log = log
        self._ends: list[tuple[float, str, Callable[[], None]]] = []
        self.injected: Counter[str] = Counter()
        self.troubles: list[str] = []

    def run(self, stop: threading.Event) -> None:
        """Carry out every step at its time, until the plan ends or `stop` is set; then restore everything."""
        begun = time.monotonic()
        try:
            for step in self._steps:
                if not self._wait_until(begun + step.at, stop):
                    return
                self._act(step)
        finally:
            self.restore()

    def restore(self) -> None:
        """Let go of everything that is held: frozen processes go on, servers are up."""
        for _, name, end in self._ends:
            self._safely(name, end)
        self._ends.clear()
        for process in self._system.processes.values():
            process.resume()
        self._safely("postgres start", self._system.postgres.start)
        self._valkey.resume()
        self._safely("redis start", self._valkey.start)
        self._note("everything restored")

    def _wait_until(self, moment: float, stop: threading.Event) -> bool:
        """Wait, ending what is due to end meanwhile; False when told to stop."""
        while True:
            now = time.monotonic()
            for end in [end for end in self._ends if end[0] <= now]:
                self._ends.remove(end)
                self._safely(end[1], end[2])
            if now >= moment:
                return not stop.is_set()
            if stop.wait(max(0.001, min([moment, *(due for due, _, _ in self._ends)]) - now)):
                return False

    def _act(self, step: Step) -> None:
        actions: dict[str, Callable[[Step], None]] = {
            "kill leader": self._kill_leader, "kill child": self._kill_child, "kill group": self._kill_group,
            "freeze": self._freeze, "redis kill": self._redis_kill, "redis freeze": self._redis_freeze,
            "redis flush": self._redis_flush, "cut all": self._cut, "cut one": self._cut,
            "sink kill": self._sink_kill, "postgres kill": self._postgres_kill,
        }  # fmt: skip
        self._note(str(step))
        self.injected[f"{step.what} {step.target.partition('-')[2]}".strip()] += 1
        self._safely(str(step), lambda: actions[step.what](step))

    def _later(self, step: Step, name: str, end: Callable[[], None]) -> None:
        self._ends.append((time.monotonic() + step.lasts, name, end))

    def _kill_leader(self, step: Step) -> None:
        pid = self._system.processes[step.target].pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def _kill_child(self, step: Step) -> None:
        leader = self._system.processes[step.target].pid
        children = [member for member in group_members(leader) if member.pid != leader] if leader else []
        if children:
            sorted(children, key=lambda child: child.pid)[int(step.pick * len(children))].kill()

    def _kill_group(self, step: Step) -> None:
        self._system.processes[step.target].kill()

    def _freeze(self, step: Step) -> None:
        process = self._system.processes[step.target]
        process.pause()
        self._later(step, f"resume {step.target}", process.resume)

    def _redis_kill(self, step: Step) -> None:
        self._valkey.kill()
        self._later(step, "redis start", self._valkey.start)

    def _redis_freeze(self, step: Step) -> None:
        self._valkey.pause()
        self._later(step, "redis resume", self._valkey.resume)

    def _redis_flush(self, _step: Step) -> None:
        with redis.Redis.from_url(self._valkey.url, socket_timeout=1, socket_connect_timeout=1) as client:
            client.flushall()

    def _cut(self, step: Step) -> None:
        roles = [step.target] if step.target else list(SERVICES)
        with psycopg.connect(self._system.postgres.admin_url, connect_timeout=2, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)", [roles])

    def _sink_kill(self, _step: Step) -> None:
        self._system.processes["sink"].kill()

    def _postgres_kill(self, step: Step) -> None:
        self._system.postgres.kill()
        self._later(step, "postgres start", self._system.postgres.start)

    @property
    def _valkey(self) -> Valkey:
        assert isinstance(self._system.valkey, Valkey), "faults need a queue server of their own"
        return self._system.valkey

    def _safely(self, name: str, action: Callable[[], None]) -> None:
        """A fault that meets another (a wiped queue that is just down) is not a failure of the run, but is noted."""
        try:
            action()
        except (redis.RedisError, psycopg.Error, ProcessLookupError) as error:
            self._note(f"  {name}: {type(error).__name__}")
        except Exception as error:
            self.troubles.append(f"{name}: {error!r}")
            self._note(f"  {name}: {error!r}")

    def _note(self, text: str) -> None:
        with self._log.open("a") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {text}\n")
