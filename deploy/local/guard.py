"""One owner per data folder, and no process that outlives its owner.

The owner notes each process it starts. A small guardian waits for the owner's end on a pipe (which the kernel
closes even after SIGKILL) and then ends what is noted; the next owner does the same for whatever is still left.
PR_SET_PDEATHSIG is not used: it fires when the *thread* that started a child ends, and Linux alone has it.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import RLock

import psutil

CHECKOUT = Path(__file__).resolve().parents[2]
MARK = "HESHENG_DATA"
GRACE = 8.0
FAREWELL = b"farewell"


class InUse(RuntimeError):
    """Another process owns the data folder."""


@dataclass(frozen=True)
class Entry:
    """One noted process."""

    name: str
    pid: int
    created: float
    stop_signal: int
    server: bool


def alive(process: psutil.Process) -> bool:
    """Running, and not a zombie that nobody has collected yet."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def group_members(group: int) -> list[psutil.Process]:
    """The living processes of a process group."""
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getpgid(process.pid) == group and alive(process):
                members.append(process)
    return members


def _is_marked(process: psutil.Process, folder: Path) -> bool:
    with contextlib.suppress(OSError, psutil.Error):
        return process.environ().get(MARK) == str(folder)
    return False


def _same_start(process: psutil.Process, entry: Entry) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.pid == entry.pid and abs(process.create_time() - entry.created) < 2
    return False


def _members_of(entry: Entry, folder: Path) -> list[psutil.Process]:
    # A pid alone proves nothing: it may have been given to a stranger since.
    members = group_members(entry.pid)
    return [member for member in members if _same_start(member, entry) or _is_marked(member, folder)]


def _signal(processes: Iterable[psutil.Process], number: int) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _end(entries: list[Entry], folder: Path) -> None:
    leaders = []
    for entry in entries:
        members = _members_of(entry, folder)
        leader = [process for process in members if process.pid == entry.pid]
        _signal(leader, entry.stop_signal)
        _signal(members, signal.SIGCONT)
        leaders += leader
    deadline = time.monotonic() + GRACE
    while any(alive(leader) for leader in leaders) and time.monotonic() < deadline:
        time.sleep(0.05)
    for entry in entries:
        _signal(_members_of(entry, folder), signal.SIGKILL)


def _read(folder: Path) -> list[Entry]:
    try:
        return [Entry(**item) for item in json.loads((folder / "pids.json").read_text())]
    except (OSError, ValueError, TypeError):
        return []


def clean(folder: Path) -> None:
    """End every noted process that still runs: first those that use the servers, then the servers."""
    entries = _read(folder)
    _end([entry for entry in reversed(entries) if not entry.server], folder)
    _end([entry for entry in reversed(entries) if entry.server], folder)
    _sweep(folder)
    (folder / "pids.json").unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """What carries our mark and was never noted: started in the very moment its owner was interrupted."""
    _signal([process for process in psutil.process_iter() if _is_marked(process, folder)], signal.SIGKILL)


def _try_lock(folder: Path) -> int | None:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    os.ftruncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())
    return handle


def _lock(folder: Path) -> int:
    deadline = time.monotonic() + 2 * GRACE + 4
    while (handle := _try_lock(folder)) is None:
        holder = (folder / "lock").read_text()
        # A guardian that is still cleaning up after a killed owner is worth waiting for, a living owner is not.
        if (holder and not _is_guardian(holder)) or time.monotonic() > deadline:
            raise InUse(f"the data folder {folder} is in use by process {holder}")
        time.sleep(0.05)
    return handle


def _is_guardian(pid: str) -> bool:
    with contextlib.suppress(psutil.Error, ValueError):
        return __spec__.name in psutil.Process(int(pid)).cmdline()
    return False


class Guard:
    """Owns a data folder from `open` to `close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._entries: dict[str, Entry] = {}
        self._mutex = RLock()
        self._handle: int | None = None
        self._guardian: subprocess.Popen[bytes] | None = None

    @property
    def is_open(self) -> bool:
        """Whether this object owns the folder."""
        return self._handle is not None

    def open(self) -> None:
        """Take the folder (`InUse` if somebody has it), and end what a killed owner left behind."""
        if self._handle is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._handle = _lock(self.folder)
        clean(self.folder)
        self._guardian = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, str(self.folder), str(os.getpid())],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=CHECKOUT, start_new_session=True,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        """What marks a child as belonging to this folder."""
        return {MARK: str(self.folder)}

    def note(self, name: str, pid: int, stop_signal: int = signal.SIGTERM, server: bool = False) -> None:
        """Remember a process that was just started."""
        created = psutil.Process(pid).create_time()
        with self._mutex:
            self._entries[name] = Entry(name, pid, created, int(stop_signal), server)
            self._write()

    def forget(self, name: str) -> None:
        """The process has ended."""
        with self._mutex:
            self._entries.pop(name, None)
            self._write()

    def _write(self) -> None:
        temporary = self.folder / "pids.json.new"
        temporary.write_text(json.dumps([asdict(entry) for entry in self._entries.values()], indent=1))
        temporary.replace(self.folder / "pids.json")

    def close(self) -> None:
        """Give the folder up."""
        if self._handle is None:
            return
        if self._guardian is not None:
            with contextlib.suppress(BrokenPipeError):
                self._guardian.communicate(FAREWELL)
        _sweep(self.folder)
        os.close(self._handle)
        self._handle = self._guardian = None


def main() -> None:
    """Wait for the owner's end; unless it said farewell, or another has the folder by now, end what it left."""
    folder, owner = Path(sys.argv[1]), sys.argv[2]
    if sys.stdin.buffer.read() == FAREWELL:
        return
    deadline = time.monotonic() + GRACE
    while folder.exists() and time.monotonic() < deadline:
        if (handle := _try_lock(folder)) is not None:
            clean(folder)
            os.close(handle)
            return
        # The kernel may close a dying owner's pipe before it releases its lock.
        if (folder / "lock").read_text() not in ("", owner):
            return
        time.sleep(0.02)


if __name__ == "__main__":
    main()
