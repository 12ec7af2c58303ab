"""One run: start a fresh system, load it, break it, let it recover, do the books.

verdict = run(Plan(seconds=60, seed=7), folder)
"""

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.ports import HOST, free_port
from deploy.local.system import Ports, System
from tests.faults.announce import Announcer
from tests.faults.books import audit
from tests.faults.books.collect import WANTED, collect, undecided
from tests.faults.books.material import Finding, Material
from tests.faults.chaos import Chaos, draw
from tests.faults.load import Load
from tests.faults.outside import Outside
from tests.faults.quiet import Watch
from tests.faults.sabotage import BREAKS, broken_command, hurried_command
from tests.faults.scene import Scene, make_scene

HURRIED = ("notifications-worker", "notifications-pump")
WARM_UP = 2.0
WATCH_EVERY = 1.0


@dataclass(frozen=True)
class Plan:
    """What to do: `seconds` of faults drawn from `seed`, and how long to wait for quiet afterwards.

    A slow machine does less in the same time, and a break needs something to break: people go on signing up after the
    faults until `sign_ups` were acknowledged, and, given `seen`, the world outside stays bad, and the books are done
    again until it says that they show the break. Both for `patience` seconds at most.
    """

    seconds: float
    seed: int
    sabotage: str = ""
    patience: float = 120.0
    sign_ups: int = 0
    seen: Callable[[list[Finding]], bool] | None = None


@dataclass(frozen=True)
class Verdict:
    """What came of it."""

    plan: Plan
    material: Material
    findings: list[Finding]
    injected: dict[str, int]
    recovery_s: float
    max_lag: int

    @property
    def ok(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.findings

    def count(self, kind: str) -> int:
        """Findings of one kind."""
        return sum(finding.kind == kind for finding in self.findings)


def run(plan: Plan, folder: Path, say: Callable[[str], None] = lambda _: None) -> Verdict:
    """Do all of it under `folder`, which keeps the logs and databases; `System.destroy` is left to the caller."""
    with _running(plan, folder, say) as (system, outside):
        chance = random.Random(plan.seed)
        scene = make_scene(system, plan.seconds, chance)
        outside.settle_in(system.urls["notifications"], scene)
        watch = Watch(system, lambda: outside.unrest() + undecided(system))
        say(f"{len(scene.shifts)} shifts at {len(scene.sites)} sites; {plan.seconds:g} s of faults, seed {plan.seed}")
        load, chaos, announcer = _trouble(plan, system, scene, watch)
        if not plan.seen:
            outside.calm()
        say(f"{sum(chaos.injected.values())} faults done, everything restored; waiting for quiet")
        announcer.join()
        recovery_s, unrest = _settle(scene, watch, load, 0 if plan.seen else plan.patience)
        say("doing the books")
        material, findings = _books(system, outside, scene, load, unrest)
        until = time.monotonic() + plan.patience
        while plan.seen and not plan.seen(findings) and time.monotonic() < until:
            material, findings = _books(system, outside, scene, load, watch.look())
        findings += [Finding("harness", text) for text in chaos.troubles]
        injected = chaos.injected + outside.injected
        return Verdict(plan, material, findings, dict(injected), recovery_s, watch.max_lag)


def _books(
    system: System, outside: Outside, scene: Scene, load: Load, unrest: list[str]
) -> tuple[Material, list[Finding]]:
    material = collect(system, load.ledger, outside.world(scene))
    return material, [Finding("not quiet", text) for text in unrest] + audit(material)


@contextmanager
def _running(plan: Plan, folder: Path, say: Callable[[str], None]) -> Iterator[tuple[System, Outside]]:
    """The system, supervised, in the world outside; with the processes that wait less long, and those that the
    sabotage replaces."""
    for given in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(given, None)  # servers that are killed must be our own
    ports = Ports(smtp=free_port())
    outside = Outside(plan.seed, folder / WANTED)
    told = outside.environment(f"smtp://{HOST}:{ports.smtp}")
    system = System(folder, ports, extra_for={"notifications": told})
    over = threading.Event()
    try:
        say("starting the system")
        system.start_servers()
        for name in HURRIED:
            system.processes[name].command = hurried_command(system.processes[name].command)
        # What is broken must be before anything else takes it up by its name.
        for name in BREAKS[plan.sabotage] if plan.sabotage else []:
            system.processes[name].command = broken_command(system.processes[name].command, plan.sabotage)
        system.migrate()
        system.start_processes()
        system.wait_ready()
        nurse = threading.Thread(target=system.supervise, kwargs={"stop": over}, daemon=True)
        nurse.start()
        yield system, outside
    finally:
        over.set()
        system.stop()
        outside.stop()


def _trouble(plan: Plan, system: System, scene: Scene, watch: Watch) -> tuple[Load, Chaos, Announcer]:
    """Load and faults together; returns when the faults are over and everything was let go again."""
    stop, calm = threading.Event(), threading.Event()
    load = Load(system.urls["registration"], scene, plan.seed, stop)
    chaos = Chaos(system, draw(plan.seconds, plan.seed), system.data / "faults.log")
    watcher = threading.Thread(target=_keep_looking, args=(watch, calm))
    load.start()
    announcer = Announcer(system.urls["notifications"], load.ledger, scene, plan.patience)
    announcer.start()
    try:
        watcher.start()
        time.sleep(WARM_UP)
        chaos.run(calm)
        load.wait_for(plan.sign_ups, plan.patience)
    finally:
        stop.set()
        calm.set()
        watcher.join()
    return load, chaos, announcer


def _keep_looking(watch: Watch, calm: threading.Event) -> None:
    while not calm.wait(WATCH_EVERY):
        watch.look()


def _settle(scene: Scene, watch: Watch, load: Load, patience: float) -> tuple[float, list[str]]:
    """Seconds from the end of the faults until everything is done, and what is not.

    Reminders that fall due later than that are waited for as well, outside of the measured time.
    """
    begun = time.monotonic()
    load.join()
    _, unrest = watch.wait(patience)
    recovery_s = time.monotonic() - begun
    left = (scene.last_reminder - datetime.now(UTC)).total_seconds()
    if not unrest and left > -1:
        time.sleep(left + 1.5)
        _, unrest = watch.wait(patience)
    return recovery_s, unrest


def free_folder(system_data: Path) -> None:
    """Delete everything a run left, also what PostgreSQL keeps elsewhere."""
    System(system_data).destroy()


def progress(text: str) -> None:
    """Say what happens on standard error, so that the last line of standard output stays the verdict."""
    print(f"{datetime.now().strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
