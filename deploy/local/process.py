"""One child process with its own session, so that it and all it forks can be ended, frozen and resumed together."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import RLock

from deploy.local.guard import MARK, Guard, group_members

LOG_LIMIT = 20 * 1024 * 1024


class Process:
    """A command that can be started again and again under one name."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path,
                 guard: Guard) -> None:  # fmt: skip
        self.name = name
        self.command = list(command)
        self.environment = dict(environment)
        self.log = log
        self.started_at = 0.0
        self._folder = folder
        self._guard = guard
        self._child: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._mutex = RLock()

    @property
    def pid(self) -> int | None:
        """The leader, None when it does not run."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How it last ended (negative: by that signal), None while it runs."""
        return self._child.poll() if self._child is not None else None

    def has_died(self) -> bool:
        """Whether it ended although it was not terminated by `terminate()`."""
        return self._wanted and self.pid is None

    def start(self) -> None:
        """Start it, unless it runs."""
        with self._mutex:
            if self.pid is not None:
                return
            self._end_rest()
            self._rotate_log()
            with self.log.open("ab") as log:
                self._child = subprocess.Popen(
                    self.command, cwd=self._folder, env=self.environment | self._guard.environment(),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            self._wanted = True
            self.started_at = time.monotonic()
            with contextlib.suppress(Exception):  # it may have ended already, which has_died() tells
                self._guard.note(self.name, self._child.pid)

    def revive(self) -> None:
        """Start it if it died; not if somebody terminated it in the meantime."""
        with self._mutex:
            if self.has_died():
                self.start()

    def _rotate_log(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))

    def signal_group(self, number: int) -> None:
        """Send a signal to the leader and everything it forked."""
        with self._mutex:
            if self._child is None:
                return
            if self._child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._child.pid, number)
            else:
                self._signal_rest(number)

    def _signal_rest(self, number: int) -> None:
        # The leader is gone and its number may be a stranger's by now: only what carries our mark is ours.
        assert self._child is not None  # noqa: S101 - for mypy
        for member in group_members(self._child.pid):
            with contextlib.suppress(Exception):
                if member.environ().get(MARK) == self._guard.environment()[MARK]:
                    member.send_signal(number)

    def _end_rest(self) -> None:
        """A worker whose leader died would keep the port, or work beside the new one."""
        if self._child is not None:
            self._signal_rest(signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL the whole group. A supervisor starts it again."""
        with self._mutex:
            self.signal_group(signal.SIGKILL)
            self._collect()

    def _collect(self) -> None:
        if self._child is not None:
            self._child.wait()
            self._end_rest()
            self._guard.forget(self.name)

    def pause(self) -> None:
        """SIGSTOP the whole group."""
        self.signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT the whole group."""
        self.signal_group(signal.SIGCONT)

    def ask_to_end(self) -> None:
        """SIGTERM to the leader, without waiting. A supervisor leaves it alone from now on."""
        with self._mutex:
            self._wanted = False
            if self._child is not None and self._child.poll() is None:
                self._child.terminate()
                self.resume()

    def terminate(self, timeout: float = 15.0) -> None:
        """End it cleanly within the timeout, else by SIGKILL. A supervisor leaves it alone."""
        self.ask_to_end()
        child = self._child
        if child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout)
        self.kill()

    def restart(self, timeout: float = 15.0) -> None:
        """End it cleanly and start it again."""
        self.terminate(timeout)
        self.start()
