"""What runs the system: nothing outlives it, nothing is told more than it must know, what dies comes back."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from deploy.local import secret_store
from deploy.local.guard import CHECKOUT, InUse, group_members
from deploy.local.ports import PortInUse, free_port
from deploy.local.servers import SERVICES
from deploy.local.system import Death, Ports, System, SystemFailure

MakeSystem = Callable[..., System]
NAMES = ["sink"] + [f"{service}-{kind}" for service in SERVICES for kind in ("api", "worker", "pump")]


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.05)


def test_everything_starts_and_nothing_is_left_when_it_stops(make_system: MakeSystem) -> None:
    system = make_system()
    system.start()
    assert list(system.processes) == NAMES
    with psycopg.connect(system.database_urls["reporting"]) as connection:
        connection.execute("SELECT * FROM migrated")
    pids = [process.pid for process in system.processes.values()]
    groups = [pid for pid in pids if pid is not None]
    assert len(groups) == 10
    system.stop()
    assert not [member for group in groups for member in group_members(group)]
    assert system.postgres.pid is None  # type: ignore[attr-defined]


def test_no_child_is_told_the_secrets_of_another_service(
    make_system: MakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONAL_DATA_KEYS", "of the shell")
    monkeypatch.setenv("SOME_PASSWORD", "of the shell")
    system = make_system()
    system.start_servers()
    told = {name: process.environment for name, process in system.processes.items()}
    holders = {
        key: {name.partition("-")[0] for name, values in told.items() if key in values} for key in secret_store.MAKERS
    }
    assert holders["PERSONAL_DATA_KEYS"] == holders["BLIND_INDEX_KEY"] == {"registration"}
    assert holders["NOTIFICATIONS_TOKEN"] == {"registration", "notifications"}
    assert holders["REPORTING_TOKEN"] == {"registration", "reporting"}
    assert holders["OPERATOR_KEY"] == set(SERVICES)
    assert "of the shell" not in str(told)
    for service in SERVICES:
        password = system.secrets[f"DATABASE_PASSWORD_{service.upper()}"]
        assert {name.partition("-")[0] for name, values in told.items() if password in str(values)} == {service}


def test_a_killed_child_is_started_again_and_reported(make_system: MakeSystem) -> None:
    system = make_system()
    system.start()
    deaths: list[Death] = []
    nurse = threading.Thread(target=system.supervise, args=(deaths.append,))
    nurse.start()
    worker = system.processes["reporting-worker"]
    first = worker.pid
    assert first is not None
    until(lambda: len(group_members(first)) == 2)
    os.kill(first, signal.SIGKILL)
    until(lambda: worker.pid not in (None, first))
    assert [(death.name, death.exit_code) for death in deaths] == [("reporting-worker", -signal.SIGKILL)]
    until(lambda: not group_members(first), 5)
    system.stop()
    nurse.join(10)
    assert not nurse.is_alive()


def test_a_killed_server_is_started_again_unless_it_was_killed_on_purpose(make_system: MakeSystem) -> None:
    system = make_system()
    system.start_servers()
    threading.Thread(target=system.supervise, daemon=True).start()
    first = system.valkey.pid  # type: ignore[attr-defined]
    os.kill(first, signal.SIGKILL)
    until(lambda: system.valkey.pid not in (None, first))  # type: ignore[attr-defined]
    system.postgres.kill()
    time.sleep(0.5)
    assert system.postgres.pid is None  # type: ignore[attr-defined]
    system.postgres.start()
    psycopg.connect(system.postgres.admin_url).close()


def test_a_child_that_dies_at_once_is_started_ever_more_slowly(make_system: MakeSystem, root: Path) -> None:
    (root / "services" / "reporting" / "pump.py").write_text("raise SystemExit(3)")
    system = make_system()
    system.start()
    deaths: list[Death] = []
    threading.Thread(target=system.supervise, args=(deaths.append,), daemon=True).start()
    until(lambda: len(deaths) >= 4)
    delays = [death.delay for death in deaths]
    assert delays == sorted(delays)
    assert delays[0] == 0
    assert 1 <= delays[3] <= 5
    assert {death.exit_code for death in deaths} == {3}


def test_an_api_that_cannot_start_is_named_with_the_end_of_its_log(make_system: MakeSystem, root: Path) -> None:
    (root / "services" / "notifications" / "app.py").write_text("raise SystemExit('no such setting')")
    with pytest.raises(SystemFailure, match=r"(?s)notifications-api is not ready.*no such setting"):
        make_system().start()


def test_a_failed_migration_is_named_with_the_end_of_its_log(make_system: MakeSystem, root: Path) -> None:
    (root / "services" / "reporting" / "migrations" / "env.py").write_text("raise RuntimeError('bad revision')")
    with pytest.raises(SystemFailure, match=r"(?s)migrating reporting failed.*bad revision"):
        make_system().start()


def test_a_terminated_child_stays_down_until_it_is_started(make_system: MakeSystem) -> None:
    system = make_system()
    system.start()
    threading.Thread(target=system.supervise, daemon=True).start()
    pump = system.processes["registration-pump"]
    pump.terminate()
    time.sleep(0.5)
    assert pump.pid is None
    pump.restart()
    assert pump.pid is not None


def test_a_frozen_child_can_be_resumed_and_ended(make_system: MakeSystem) -> None:
    system = make_system()
    system.start()
    worker = system.processes["notifications-worker"]
    assert worker.pid is not None
    group = worker.pid
    until(lambda: len(group_members(group)) == 2)
    worker.pause()
    until(lambda: {member.status() for member in group_members(group)} == {psutil.STATUS_STOPPED})
    worker.resume()
    until(lambda: psutil.STATUS_STOPPED not in {member.status() for member in group_members(group)})
    worker.pause()
    worker.terminate(5)
    assert not group_members(group)


def test_a_second_system_on_the_same_folder_is_refused(make_system: MakeSystem) -> None:
    first, second = make_system(), make_system()
    first.open()
    with pytest.raises(InUse, match=rf"in use by process {os.getpid()}"):
        second.open()
    first.stop()
    second.open()


def test_secrets_stay_the_same_and_only_the_owner_can_read_them(make_system: MakeSystem) -> None:
    first = make_system()
    first.open()
    first.stop()
    second = make_system()
    second.open()
    assert first.secrets == second.secrets
    assert set(first.secrets) == set(secret_store.MAKERS)
    for file in (second.data / "secrets.env", second.operator_key_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert second.operator_key_file.read_text() == second.operator_key


def test_a_later_secret_is_added_and_the_old_ones_stay(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    file.write_text("# by hand\nOPERATOR_KEY=a=b\n")
    known = secret_store.load(file)
    assert known["OPERATOR_KEY"] == "a=b"
    assert secret_store.load(file) == known


def test_ports_are_free_ones_and_a_taken_one_is_named(make_system: MakeSystem) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=str(port)):
            make_system(ports=Ports(reporting=port)).open()
    with pytest.raises(PortInUse):
        make_system(ports=Ports(reporting=port, smtp=port)).open()
    system = make_system()
    system.open()
    assert len({system.ports.registration, system.ports.reporting, system.ports.mails, system.ports.smtp}) == 4


OWNER = """
import os, sys, time
from pathlib import Path
from deploy.local.system import System
system = System(Path(sys.argv[1]), root=Path(sys.argv[2]))
system.start()
print(system.postgres.pid, *[process.pid for process in system.processes.values()], flush=True)
time.sleep(600)
"""


def owner(data: Path, root: Path) -> tuple["subprocess.Popen[str]", list[int]]:
    child = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data), str(root)], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    )
    assert child.stdout is not None
    return child, [int(pid) for pid in child.stdout.readline().split()]


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_nothing_outlives_an_owner_that_was_killed(make_system: MakeSystem, root: Path) -> None:
    system = make_system()
    child, pids = owner(system.data, root)
    assert len(pids) == 11
    child.kill()
    child.communicate()
    until(lambda: all(gone(pid) for pid in pids))
    until(lambda: not any(group_members(pid) for pid in pids))


def test_the_next_owner_ends_what_guardian_and_owner_left(make_system: MakeSystem, root: Path) -> None:
    system = make_system()
    child, pids = owner(system.data, root)
    guardians = [
        process for process in psutil.Process(child.pid).children() if "deploy.local.guard" in process.cmdline()
    ]
    assert len(guardians) == 1
    guardians[0].kill()
    child.kill()
    child.communicate()
    assert not gone(pids[0])
    system.start()
    until(lambda: all(gone(pid) for pid in pids))


def test_a_stranger_that_got_a_noted_pid_is_left_alone(make_system: MakeSystem) -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        system = make_system()
        system.data.mkdir()
        note = {"name": "sink", "pid": stranger.pid, "created": 1.0, "stop_signal": 15, "server": False}
        (system.data / "pids.json").write_text(json.dumps([note]))
        system.open()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
