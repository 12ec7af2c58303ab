"""What the person at the keyboard sees of `make run`."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local import run
from deploy.local.guard import CHECKOUT
from deploy.local.ports import free_port
from deploy.local.system import System

PORTS = [run.variable(name) for name in run.DEFAULTS]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {name: str(free_port()) for name in PORTS} | {"HESHENG_FOLDER": str(tmp_path / "data")}


def finished(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deploy.local.run"]
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60)


def test_a_port_in_use_is_one_sentence_in_both_languages_and_nothing_is_started(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["PORT_MAILS"])))
        taken.listen()
        done = finished(environment)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert f"端口 {environment['PORT_MAILS']} 已被占用" in line
    assert f"Port {environment['PORT_MAILS']} is in use" in line
    assert "PORT_MAILS=" in line
    assert done.stderr == ""
    assert not (Path(environment["HESHENG_FOLDER"]) / "postgres").exists()


def test_a_port_that_is_no_number_is_one_sentence(environment: dict[str, str]) -> None:
    done = finished(environment | {"PORT_SMTP": "mail"})
    assert (done.returncode, done.stderr) == (1, "")
    assert "PORT_SMTP=mail" in done.stdout


def test_a_second_run_on_the_same_data_is_one_sentence(environment: dict[str, str], make_system: object) -> None:
    system = System(Path(environment["HESHENG_FOLDER"]))
    system.open()
    try:
        done = finished(environment)
    finally:
        system.stop()
    assert (done.returncode, done.stderr) == (1, "")
    assert "Already running" in done.stdout
    assert str(os.getpid()) in done.stdout


RUN = """
import sys
from pathlib import Path
from deploy.local import run, system
system.System.__init__.__kwdefaults__["root"] = Path(sys.argv[1])
run.load_demo_data = lambda system, screen: None
sys.exit(run.main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_everything_is_and_ends_without_a_traceback(
    environment: dict[str, str], root: Path, make_system: object, number: int
) -> None:
    data = Path(environment["HESHENG_FOLDER"])
    child = subprocess.Popen(
        [sys.executable, "-c", RUN, str(root)], cwd=CHECKOUT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not (data / "running.json").exists():
            assert child.poll() is None, child.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        facts = json.loads((data / "running.json").read_text())
        worker = next(e for e in json.loads((data / "pids.json").read_text()) if e["name"] == "reporting-worker")
        os.kill(worker["pid"], signal.SIGKILL)
        time.sleep(1)
    finally:
        child.send_signal(number)
        output, _ = child.communicate(timeout=60)
    assert facts["urls"]["registration"] == f"http://127.0.0.1:{environment['PORT_REGISTRATION']}"
    assert Path(facts["operator_key_file"]).is_file()
    assert child.returncode == 0
    assert "Traceback" not in output
    assert f"{facts['urls']['reporting']}/docs" in output
    assert output.count("reporting-worker") == 1
    assert not (data / "running.json").exists()
    assert json.loads((data / "pids.json").read_text()) == []
    System(data).destroy()
