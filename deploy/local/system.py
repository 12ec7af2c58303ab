"""The whole system in one object: servers, migrations, nine processes and the mail sink.

Used by `make run`, the tests, the fault harness and the benchmark; it prints nothing.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from threading import Event
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from deploy.local import secret_store
from deploy.local.guard import CHECKOUT, Guard
from deploy.local.ports import HOST, PortInUse, free_port, is_free
from deploy.local.process import Process
from deploy.local.servers import (
    SERVICES,
    DatabaseServer,
    QueueServer,
    ServerError,
    create_databases,
    database_server,
    minimal_environment,
    queue_server,
)

KINDS = {"api": "app", "worker": "worker", "pump": "pump"}
LONGEST_DELAY = 5.0
STEADY_AFTER = 10.0
# Processes are started by our own interpreter, so they must find the same packages.
PYTHON_VARIABLES = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHASHSEED")
_open = build_opener(ProxyHandler({})).open  # a proxy of the environment is not for 127.0.0.1


PASSED_ON = (
    "SMS_URL",
    "SMS_TEMPLATES",
    "SMS_RATE",
    "SMS_PREFIXES",
    "SMS_RECEIPTS_TOKEN",
    "SMS_RECEIPTS_SECRETS",
    "SMS_PRICE",
    "OPERATORS_CHAT",
    "BOUNCES_URL",
    "MAIL_RECEIPTS_SECRETS",
)
"""Taken from the environment of `make run`: without them no SMS goes out, no group is told, no bounce is heard of."""


class SystemFailure(RuntimeError):
    """A part of the system did not come up."""


@dataclass
class Ports:
    """Where everything listens; None: a free port (for the servers: the same one as last time)."""

    registration: int | None = None
    notifications: int | None = None
    reporting: int | None = None
    mails: int | None = None
    smtp: int | None = None
    postgres: int | None = None
    valkey: int | None = None

    def filled(self) -> "Ports":
        """The same with a free port for every None; `PortInUse` when a given one is taken, or given twice."""
        settled = {field.name: getattr(self, field.name) for field in fields(self)}
        taken: set[int] = set()
        for name, port in settled.items():
            if port is not None and (port in taken or not is_free(port)):
                raise PortInUse(port, name)
            if port is not None:
                taken.add(port)
        for name in ("registration", "notifications", "reporting", "mails", "smtp"):
            if settled[name] is None:
                settled[name] = free_port(taken)
                taken.add(settled[name])
        return Ports(**settled)


@dataclass(frozen=True)
class Death:
    """A child that ended by itself and was started again."""

    name: str
    exit_code: int | None
    delay: float


class System:
    """Everything that runs, under one data folder.

    `extra` is added to the environment of every child; `extra_for` to that of one service ("registration")
    or one process ("registration-worker").
    """

    def __init__(self, data: Path, ports: Ports | None = None, *, root: Path = CHECKOUT,
                 extra: Mapping[str, str] | None = None, extra_for: Mapping[str, Mapping[str, str]] | None = None,
                 database_suffix: str = "") -> None:  # fmt: skip
        self.data = data.resolve()
        self.root = root
        self.logs = self.data / "logs"
        self.mails = self.data / "mails"
        self.processes: dict[str, Process] = {}
        self.database_urls: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self._wanted_ports = ports or Ports()
        self._suffix = database_suffix
        self._ports: Ports | None = None
        self._extra = dict(extra or {})
        self._extra_for = {name: dict(values) for name, values in (extra_for or {}).items()}
        self._guard = Guard(self.data)
        self._stopping = Event()
        self.postgres: DatabaseServer = database_server(self.data, self._wanted_ports.postgres, self._guard)
        self.valkey: QueueServer = queue_server(self.data, self._wanted_ports.valkey, self._guard)

    # -- starting ------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Take the data folder, end what a killed owner left, settle ports and secrets. Starts nothing."""
        if self._guard.is_open:
            return
        self.data.mkdir(parents=True, exist_ok=True)
        # As root, PostgreSQL runs as `nobody`, who must be able to pass through.
        self.data.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self._guard.open()
        try:
            self._ports = self._wanted_ports.filled()
            self.secrets = secret_store.load(self.data / "secrets.env")
            secret_store.write_private(self.operator_key_file, self.secrets["OPERATOR_KEY"])
            for folder in (self.logs, self.mails):
                folder.mkdir(mode=0o700, exist_ok=True)
        except BaseException:
            self._guard.close()
            raise
        self._stopping.clear()

    def start_servers(self) -> None:
        """Start PostgreSQL and the queue, and make sure of databases and roles."""
        self.open()
        self.postgres.start()
        self.valkey.start()
        passwords = {service: self.secrets[f"DATABASE_PASSWORD_{service.upper()}"] for service in SERVICES}
        self.database_urls = create_databases(self.postgres.admin_url, passwords, suffix=self._suffix)
        self.processes = self._all_processes()

    def migrate(self) -> None:
        """Bring the three databases to the newest schema, side by side."""
        running = {service: self._start_migration(service) for service in SERVICES}
        try:
            failed = [service for service, child in running.items() if child.wait() != 0]
        except BaseException:
            for child in running.values():
                child.kill()
            raise
        if failed:
            log = self._migration_log(failed[0])
            raise SystemFailure(f"migrating {failed[0]} failed; {log} ends:\n{log.read_text()[-1500:]}")

    def _migration_log(self, service: str) -> Path:
        return self.logs / f"{service}-migrate.log"

    def _start_migration(self, service: str) -> "subprocess.Popen[bytes]":
        ini = f"services/{service}/migrations/alembic.ini"
        with self._migration_log(service).open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "alembic", "-c", ini, "upgrade", "head"], cwd=self.root,
                env=self.environment(f"{service}-migrate") | self._guard.environment(), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def start_processes(self) -> None:
        """Start the sink and the nine processes; does not wait until they are ready."""
        for process in self.processes.values():
            process.start()

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Return when the sink and every api (200 on /readyz) answer; `SystemFailure` says which one does not."""
        deadline = time.monotonic() + timeout
        self._await("sink", f"{self.urls['mails']}/mails.json?limit=0", deadline)
        for service in SERVICES:
            self._await(f"{service}-api", f"{self.urls[service]}/readyz", deadline)

    def _await(self, name: str, url: str, deadline: float) -> None:
        process, seen_alive = self.processes[name], time.monotonic()
        while reason := self._unready(url):
            now = time.monotonic()
            seen_alive = seen_alive if process.has_died() else now
            # Longer than a supervisor would leave it dead: nobody is going to start it again.
            if now > deadline or now - seen_alive > LONGEST_DELAY + 1:
                ending = process.log.read_text(errors="replace")[-1500:]
                raise SystemFailure(f"{name} is not ready: {reason}; {process.log} ends:\n{ending}")
            time.sleep(0.1)

    @staticmethod
    def _unready(url: str) -> str:
        try:
            with _open(url, timeout=5) as answer:
                return "" if answer.status == 200 else f"status {answer.status}"
        except HTTPError as error:
            return f"{error.code} {error.read(500).decode(errors='replace')}"
        except (URLError, OSError) as error:
            return str(error)

    def start(self, timeout: float = 60.0) -> None:
        """All of the above; what was started is stopped again when a step fails."""
        try:
            self.start_servers()
            self.migrate()
            self.start_processes()
            self.wait_ready(timeout)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> "System":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- what children are told ----------------------------------------------------------------------------------

    @property
    def ports(self) -> Ports:
        """The ports that are really used; settled by `open()`."""
        if self._ports is None:
            raise SystemFailure("ports are settled by open(), which was not called")
        return self._ports

    @property
    def urls(self) -> dict[str, str]:
        """The three apis, and the mail page as `mails`."""
        return {name: f"http://{HOST}:{getattr(self.ports, name)}" for name in (*SERVICES, "mails")}

    @property
    def smtp_url(self) -> str:
        """The mail sink."""
        return f"smtp://{HOST}:{self.ports.smtp}"

    @property
    def operator_key(self) -> str:
        """The operator's key of this system."""
        return self.secrets["OPERATOR_KEY"]

    @property
    def operator_key_file(self) -> Path:
        """Where the operator's key is kept."""
        return self.data / "operator.key"

    def environment(self, process: str) -> dict[str, str]:
        """The environment of one process: what its service needs to know, and no other service's secrets."""
        service = process.partition("-")[0]
        python = {name: os.environ[name] for name in PYTHON_VARIABLES if name in os.environ}
        told = minimal_environment() | python | {"PYTHONUNBUFFERED": "1"}
        if service in SERVICES:
            told |= self._common(service) | self._own(service)
        return told | self._extra | self._extra_for.get(service, {}) | self._extra_for.get(process, {})

    def _common(self, service: str) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database_urls[service],
            "BROKER_URL": self.valkey.url,
            "API_HOST": HOST,
            "API_PORT": str(getattr(self.ports, service)),
            "OPERATOR_KEY": self.operator_key,
        } | {f"{name.upper()}_URL": self.urls[name] for name in SERVICES}

    def _own(self, service: str) -> dict[str, str]:
        names = {
            "registration": ("NOTIFICATIONS_TOKEN", "REPORTING_TOKEN", "PERSONAL_DATA_KEYS", "BLIND_INDEX_KEY"),
            "notifications": ("NOTIFICATIONS_TOKEN", "NOTIFICATIONS_KEYS"),
            "reporting": ("REPORTING_TOKEN",),
        }
        own = {name: self.secrets[name] for name in names[service]}
        if service == "notifications":
            own |= {"SMTP_URL": self.smtp_url, "MAIL_FROM": "Hesheng <hesheng@hesheng.example>",
                    "MAIL_DOMAIN": "hesheng.example", "WEBHOOKS_LOOPBACK": "true"}  # fmt: skip
            own |= {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return own

    def _all_processes(self) -> dict[str, Process]:
        sink = ["-m", "deploy.local.sink", "--smtp-port", str(self.ports.smtp), "--http-port", str(self.ports.mails),
                "--folder", str(self.mails)]  # fmt: skip
        processes = {"sink": self._process("sink", sink, CHECKOUT)}
        for service in SERVICES:
            for kind, module in KINDS.items():
                name = f"{service}-{kind}"
                processes[name] = self._process(name, ["-m", f"services.{service}.{module}"], self.root)
        return processes

    def _process(self, name: str, arguments: list[str], folder: Path) -> Process:
        command = [sys.executable, *arguments]
        return Process(name, command, self.environment(name), folder, self.logs / f"{name}.log", self._guard)

    # -- running and stopping ------------------------------------------------------------------------------------

    def supervise(self, report: Callable[[Death], None] = lambda _: None, stop: Event | None = None,
                  interval: float = 0.1) -> None:  # fmt: skip
        """Start again what died, until `stop` is set or the system stops. Blocks; fit for a thread.

        What was ended by `Process.terminate()`, or a server's `stop()` or `kill()`, is left alone.
        """
        nurse = _Nurse(report)
        stop = stop or Event()
        while not (self._stopping.is_set() or stop.wait(interval)):
            nurse.visit("postgres", self.postgres)
            nurse.visit("valkey", self.valkey)
            for process in self.processes.values():
                if self._stopping.is_set():
                    break
                nurse.visit(process.name, process)

    def stop_processes(self, timeout: float = 15.0) -> None:
        """End the nine processes together, in reverse order, and then the sink."""
        deadline = time.monotonic() + timeout
        ending = [process for name, process in reversed(self.processes.items()) if name != "sink"]
        for process in ending:
            process.ask_to_end()
        for process in ending:
            process.terminate(max(0.1, deadline - time.monotonic()))
        if "sink" in self.processes:
            self.processes["sink"].terminate(5)

    def stop(self, timeout: float = 15.0) -> None:
        """End everything, and give the data folder up."""
        self._stopping.set()
        if not self._guard.is_open:
            return
        self.stop_processes(timeout)
        self.valkey.stop()
        self.postgres.stop()
        self._guard.close()

    def destroy(self) -> None:
        """End everything and delete all data, also those of PostgreSQL where they had to lie elsewhere.

        `InUse` when another process has the folder.
        """
        if self.data.exists():
            self.stop()
            self._guard.open()  # ends what a killed owner left
            self._guard.close()
        self.valkey.destroy()
        self.postgres.destroy()
        shutil.rmtree(self.data, ignore_errors=True)


class _Nurse:
    """Remembers how often each child died, so that one that dies at once is started ever more slowly."""

    def __init__(self, report: Callable[[Death], None]) -> None:
        self._report = report
        self._deaths: dict[str, int] = {}
        self._due: dict[str, float] = {}

    def visit(self, name: str, child: Process | DatabaseServer | QueueServer) -> None:
        if not child.has_died():
            return
        now = time.monotonic()
        if name not in self._due:
            started = getattr(child, "started_at", 0.0)
            self._deaths[name] = 0 if now - started > STEADY_AFTER else self._deaths.get(name, -1) + 1
            delay = min(LONGEST_DELAY, 0.25 * 2 ** self._deaths[name]) if self._deaths[name] else 0.0
            self._due[name] = now + delay
            self._report(Death(name, getattr(child, "exit_code", None), delay))
        if now >= self._due[name]:
            del self._due[name]
            with contextlib.suppress(ServerError):  # then it is still dead, and due again after a longer delay
                child.revive()
