"""The pump: plain loops that look at what the database says is due, and move it.

    run_pump(settings, [Duty("sequence", look, idle=0.05), ...])

Each duty has a thread of its own, so that one which waits for a frozen broker does not hold up the others. A duty
returns whether it found something to do; it is then asked again at once, else after `idle` seconds. Whatever it
raises is logged and it is asked again a little later: the pump itself never gives up.
"""

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.common.logs import configure_logs, get_logger
from services.common.settings import CommonSettings

log = get_logger(__name__)

LONGEST_REST_AFTER_FAILURE = 5.0
STUCK_AFTER = 60.0


@dataclass(frozen=True)
class Duty:
    """One thing to look at: `act` returns whether there was work, `idle` is the rest in seconds when there was none."""

    name: str
    act: Callable[[], object]
    idle: float


def run_pump(settings: CommonSettings, duties: Sequence[Duty]) -> None:
    """Run all duties until SIGTERM or SIGINT; touch the heartbeat file while every one of them comes back in time."""
    configure_logs(settings.service, "pump", settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    awaited = {duty.name: time.monotonic() for duty in duties}
    threads = [threading.Thread(target=turn, args=(duty, stop, awaited), daemon=True) for duty in duties]
    for thread in threads:
        thread.start()
    log.info("pump_started", duties=[duty.name for duty in duties])
    while not stop.wait(5):
        if stuck := overdue(awaited):
            log.error("duty_stuck", duties=stuck)
        elif settings.heartbeat_file:
            Path(settings.heartbeat_file).touch()
    for thread in threads:
        thread.join(timeout=10)
    log.info("pump_stopped")


def overdue(awaited: Mapping[str, float]) -> list[str]:
    """The duties that should have begun a turn long ago. One that rests for ten minutes is not stuck."""
    return [name for name, at in awaited.items() if time.monotonic() - at > STUCK_AFTER]


def turn(duty: Duty, stop: threading.Event, awaited: dict[str, float]) -> None:
    """One duty again and again; `awaited` tells by when it means to begin its next turn."""
    failures = 0
    while not stop.is_set():
        try:
            rest = 0.0 if duty.act() else duty.idle
            failures = 0
        except Exception as error:
            failures += 1
            rest = min(LONGEST_REST_AFTER_FAILURE, 0.2 * 2 ** min(failures, 6))
            log.warning("duty_failed", duty=duty.name, failures=failures, error=repr(error)[:500])
        awaited[duty.name] = time.monotonic() + rest
        stop.wait(rest)
