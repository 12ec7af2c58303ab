"""What `make run` calls: starts the whole system in the checkout, and keeps it running until Ctrl-C."""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from rich.console import Console
from rich.status import Status

from deploy.local.guard import CHECKOUT, InUse
from deploy.local.ports import PortInUse, free_port
from deploy.local.servers import SERVICES, ServerError
from deploy.local.system import Death, Ports, System, SystemFailure
from examples import demo_data

DEFAULTS = {"registration": 8001, "notifications": 8002, "reporting": 8003, "mails": 8025, "smtp": 1025}
OPTIONAL = ("postgres", "valkey")
# What the person at the keyboard may change for every child.
PASSED_ON = (
    "LOG_LEVEL",
    "RATE_LIMIT",
    "API_THREADS",
    "PUBLIC_URL",
    "NOTIFICATIONS_PUBLIC_URL",
    "REPORTING_PUBLIC_URL",
    "OIDC_ISSUER",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
)


class Refused(Exception):
    """Nothing can be started, and the person can do something about it."""


class Ended(KeyboardInterrupt):
    """Ctrl-C, SIGTERM, or the terminal was closed."""


def variable(name: str) -> str:
    """The variable that changes a port."""
    return f"PORT_{name.upper()}"


def wanted_ports() -> Ports:
    """The fixed ports, or those of the environment."""
    chosen: dict[str, int | None] = {}
    for name in (*DEFAULTS, *OPTIONAL):
        given = os.environ.get(variable(name), "")
        if given and not (given.isdecimal() and 0 < int(given) < 65536):
            raise Refused(f"{variable(name)}={given} 不是端口号 · is not a port number")
        chosen[name] = int(given) if given else DEFAULTS.get(name)
    return Ports(**chosen)


def in_use_sentence(error: PortInUse, name: str) -> str:
    """What is wrong, and what to do."""
    other = f"{variable(name)}={free_port()} make run"
    return (
        f"端口 {error.port} 已被占用，请用 {variable(name)} 换一个 · "
        f"Port {error.port} is in use, choose another with {variable(name)}, for example: {other}"
    )


def take(system: System) -> None:
    """Make sure that the folder and the ports are ours before anything is started."""
    try:
        system.open()
    except PortInUse as error:
        raise Refused(in_use_sentence(error, error.what)) from None
    except InUse as error:
        raise Refused(f"系统已在运行，请先停止它 · Already running, stop that one first: {error}") from None


class Screen:
    """Says what happens, in both languages."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, chinese: str, english: str) -> Iterator[Status]:
        """A line that turns while it lasts, and stays with its duration."""
        begun = time.monotonic()
        with self.console.status(f"{chinese} · {english} …") as status:
            yield status
        self.console.print(f"[green]✓[/] {chinese} · {english} [dim]{time.monotonic() - begun:.1f} s[/]")

    def died(self, death: Death) -> None:
        """One line for a child that was restarted."""
        when = f"{death.delay:.1f} s" if death.delay else "0 s"
        self.console.print(
            f"[yellow]![/] {death.name} 意外退出（{death.exit_code}），{when} 后重启 · "
            f"ended unexpectedly, starting it again in {when}"
        )

    def refuse(self, text: str) -> None:
        """Why it cannot go on."""
        self.console.print("[red]✗[/]", end=" ")
        self.console.print(text, markup=False)

    def welcome(self, system: System) -> None:
        """What to open and what to try."""
        urls = system.urls
        lines = [
            "", "[bold]和声已启动 · Hesheng is running[/]", "",
            "  打开 · Open",
            f"    {urls['registration']}/        居民页面 · for residents",
            f"    {urls['registration']}/staff/  工作人员页面（首个账号见 README）· for staff (first account: README)",
            *(f"    {urls[service]}/docs   {name}" for service, name in NAMES.items()),
            f"    {urls['mails']}/        邮件 · mails sent",
            "  试一试 · Try, in another terminal",
            "    make demo     报名、候补、签到、统计 · sign-ups, waitlist, check-in, report",
            "    make status   各服务进度一览 · lag and health at a glance",
            f"    {curl(system)}",
            f"  日志 · Logs: {shown(system.logs)}    停止 · Stop: Ctrl-C", "",
        ]  # fmt: skip
        self.console.print("\n".join(lines))


NAMES = {
    "registration": "活动与报名 · activities and registrations",
    "notifications": "通知与提醒 · notifications and reminders",
    "reporting": "统计报表 · reports",
}


def curl(system: System) -> str:
    """A request to copy: what a site sees of its own."""
    key = shown(pilot_key_file(system))
    return f'curl -H "Authorization: Bearer $(cat {key})" {system.urls["registration"]}/v1/activities'


def pilot_key_file(system: System) -> Path:
    """Where the pilot site's key is kept."""
    return system.data / "pilot-site.key"


def shown(path: Path) -> str:
    """A path as seen from the checkout."""
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)


def announce(system: System) -> Path:
    """Tell `make demo` and `make status` where everything is."""
    file = system.data / "running.json"
    facts = {
        "pid": os.getpid(),
        "urls": {name: system.urls[name] for name in SERVICES},
        "mails_url": system.urls["mails"],
        "smtp_url": system.smtp_url,
        "operator_key_file": str(system.operator_key_file),
        "logs": str(system.logs),
    }
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(facts, indent=2) + "\n")
    temporary.replace(file)
    return file


def start(system: System, screen: Screen) -> None:
    """Everything up to the demo data."""
    with screen.step("PostgreSQL 与 Valkey", "PostgreSQL and Valkey"):
        system.start_servers()
    with screen.step("数据库结构", "database schemas"):
        system.migrate()
    with screen.step("九个进程与邮件接收器", "nine processes and the mail sink"):
        system.start_processes()
        system.wait_ready()
    load_demo_data(system, screen)


def load_demo_data(system: System, screen: Screen) -> None:
    """The system is of use without it, so a failure is told and no more."""
    registration = system.urls["registration"]
    try:
        with screen.step("演示数据", "demo data") as status:
            sites = demo_data.load(registration, system.operator_key, lambda now: status.update(f"演示数据 · {now}"))
            demo_data.ensure_site_key(registration, system.operator_key, sites.pilot, pilot_key_file(system))
    except Exception as error:
        log = system.logs / "demo-data.log"
        log.write_text(traceback.format_exc())
        screen.refuse(f"演示数据未能载入 · demo data not loaded: {error!r} ({shown(log)})")


def stay(system: System, screen: Screen) -> None:
    """Restart what dies, until a signal ends this."""
    over = Event()
    nurse = Thread(target=system.supervise, args=(screen.died, over), daemon=True)
    nurse.start()
    try:
        while nurse.is_alive():
            nurse.join(1)
    finally:
        over.set()


def listen_for_signals(listen: bool) -> None:
    """Turn the signals that end us into `Ended`; or ignore them, while everything is being stopped."""

    def end(*_: object) -> None:
        listen_for_signals(False)
        raise Ended

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end if listen else signal.SIG_IGN)


def run(system: System, screen: Screen) -> None:
    """Start, announce, stay; whatever happens, stop."""
    take(system)
    running = system.data / "running.json"
    try:
        start(system, screen)
        running = announce(system)
        screen.welcome(system)
        stay(system, screen)
    finally:
        listen_for_signals(False)
        running.unlink(missing_ok=True)
        with screen.step("停止", "stopping"):
            system.stop()


def main() -> int:
    """The exit code says whether it ran."""
    screen = Screen()
    extra = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    listen_for_signals(True)
    try:
        data = Path(os.environ.get("HESHENG_FOLDER", CHECKOUT / ".data"))
        run(System(data, wanted_ports(), extra=extra), screen)
    except Ended:
        return 0
    except (Refused, SystemFailure, ServerError, PortInUse, OSError) as error:
        screen.refuse(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
