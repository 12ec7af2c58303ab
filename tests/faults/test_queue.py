"""What the queue's death must not leave behind, each found by a run of the faults."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu.exceptions import OperationalError

from deploy.local.guard import CHECKOUT
from deploy.local.servers import Valkey
from services.common.queue import queue_length, work_queue
from tests.faults.slow_worker import make_app

QUEUE = work_queue("reporting")


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Valkey]:
    """A queue server of this test's own, to be killed."""
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.destroy()


def until(file: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not file.exists():
        assert time.monotonic() < deadline, f"{file.name} was not begun in time"
        time.sleep(0.05)


def test_the_queues_length_is_known_again_after_an_outage(mortal: Valkey) -> None:
    app = make_app(mortal.url)
    assert queue_length(app, QUEUE) == 0
    mortal.kill()
    for _ in range(2):
        with pytest.raises(OperationalError):
            queue_length(app, QUEUE)
    mortal.start()
    assert queue_length(app, QUEUE) == 0


def test_a_worker_hears_again_when_the_queue_died_while_it_acknowledged(mortal: Valkey, tmp_path: Path) -> None:
    app = make_app(mortal.url)
    command = [sys.executable, "-m", "tests.faults.slow_worker"]
    environment = os.environ | {"BROKER_URL": mortal.url}
    worker = subprocess.Popen(command, cwd=CHECKOUT, env=environment, start_new_session=True)
    try:
        # As many as the worker has slots, so that none is left to notice the dead connection with.
        for name in ("one", "two"):
            app.send_task("dawdle", args=[2, str(tmp_path / name)], queue=QUEUE)
        for name in ("one", "two"):
            until(tmp_path / name, 30)
        mortal.kill()
        time.sleep(2.5)
        mortal.start()
        app.send_task("dawdle", args=[0, str(tmp_path / "three")], queue=QUEUE)
        until(tmp_path / "three", 30)
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
