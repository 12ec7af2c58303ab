"""Memory of each of the nine processes, idle and after a load.

A process here is everything under one name: a server and its child, a worker and its pool. RSS counts shared pages
in each of them; PSS divides them, and is what the machine really gives.
"""

import contextlib
import time

import psutil

from bench.load import Load, run_load
from bench.place import fresh_system
from bench.programme import load_programme
from bench.report import Report, Value
from deploy.local.guard import group_members
from deploy.local.system import System

SETTLE = 8.0
CLIENTS = 32
SECONDS = 8.0


def measure(report: Report) -> None:
    """RSS and PSS of each process, and their sums."""
    with fresh_system() as system:
        time.sleep(SETTLE)
        _add(report, system, "idle")
        programme = load_programme(system)
        report.note(f"{SECONDS:.0f} s of sign-ups by {CLIENTS} clients")
        run_load(Load(system.urls["registration"], programme.spread, CLIENTS, SECONDS, first_person=1))
        time.sleep(SETTLE)
        _add(report, system, "after the load")


def _add(report: Report, system: System, when: str) -> None:
    total = {"rss": 0.0, "pss": 0.0}
    for name, process in system.processes.items():
        if name == "sink" or process.pid is None:
            continue
        used = used_mb(process.pid)
        report.row("memory", name, *(Value(f"{kind} {when}", size, "MB") for kind, size in used.items()))
        total = {kind: size + used.get(kind, 0.0) for kind, size in total.items()}
    report.row(
        "memory", "nine processes", *(Value(f"{kind} {when}", size, "MB") for kind, size in total.items() if size)
    )


def used_mb(group: int) -> dict[str, float]:
    """RSS of a process group, and PSS where the system lets us read it."""
    used = {"rss": 0.0, "pss": 0.0}
    for member in group_members(group):
        with contextlib.suppress(psutil.NoSuchProcess):
            used["rss"] += member.memory_info().rss / 2**20
            with contextlib.suppress(psutil.AccessDenied, AttributeError):
                used["pss"] += member.memory_full_info().pss / 2**20
    return {kind: size for kind, size in used.items() if size}
