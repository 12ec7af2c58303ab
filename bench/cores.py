"""How many cores each part of the system used over a stretch of time.

before = Cores(system)
...
before.used()      # {"api": 0.91, "database": 0.62, "rest": 0.3}
"""

import contextlib
import time

import psutil

from deploy.local.guard import group_members
from deploy.local.system import System


class Cores:
    """CPU seconds at one moment, to be compared with a later one."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._begun = time.monotonic()
        self._seconds = self._read()

    def used(self) -> dict[str, float]:
        """Cores used since then: 2.0 is two cores all the time."""
        elapsed = time.monotonic() - self._begun
        now = self._read()
        return {part: max(0.0, now[part] - self._seconds[part]) / elapsed for part in now}

    def _read(self) -> dict[str, float]:
        seconds = {"api": 0.0, "database": 0.0, "rest": 0.0}
        for name, process in self._system.processes.items():
            part = "api" if name == "registration-api" else "rest"
            seconds[part] += _of_group(process.pid)
        seconds["database"] = _of_tree(self._system.postgres.pid)  # type: ignore[attr-defined]
        seconds["rest"] += _of_tree(self._system.valkey.pid)  # type: ignore[attr-defined]
        return seconds


def _of_group(group: int | None) -> float:
    return sum(_seconds(member) for member in group_members(group)) if group else 0.0


def _of_tree(pid: int | None) -> float:
    """A process and its children, those that have ended counted in."""
    if pid is None:
        return 0.0
    leader = psutil.Process(pid)
    ended = leader.cpu_times()
    living = sum(_seconds(child) for child in leader.children(recursive=True))
    return ended.user + ended.system + ended.children_user + ended.children_system + living


def _seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return times.user + times.system
    return 0.0
