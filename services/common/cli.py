"""`hesheng`: the operator's command. It asks the services over HTTP with the operator's key.

    hesheng status                     the whole system at a glance; exit status 1 when something is wrong
    hesheng parked                     what is held back, and why
    hesheng release SERVICE AGGREGATE  apply parked events after the cause was mended
    hesheng adopt-epoch SERVICE        accept the producer's log after a restore
    hesheng new-epoch                  run beside a restored producer database (needs DATABASE_URL)

Addresses and key come from REGISTRATION_URL, NOTIFICATIONS_URL, REPORTING_URL and OPERATOR_KEY.
"""

import os
import sys
from typing import Any

import click
import requests
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from services.common.database import Database
from services.common.outbox import begin_new_epoch

SERVICES = ("registration", "notifications", "reporting")
console = Console()


def _call(service: str, path: str, method: str = "GET") -> requests.Response:
    name = f"{service.upper()}_URL"
    if name not in os.environ or "OPERATOR_KEY" not in os.environ:
        raise click.ClickException(
            f"set {name} and OPERATOR_KEY first (make run prints them; compose has them in .env)"
        )
    return requests.request(
        method,
        os.environ[name].rstrip("/") + path,
        headers={"Authorization": f"Bearer {os.environ['OPERATOR_KEY']}", "Accept-Language": "en"},
        timeout=10,
    )


def _act(service: str, path: str) -> None:
    try:
        answer = _call(service, path, "POST")
    except requests.RequestException as error:
        raise click.ClickException(f"{service} does not answer: {type(error).__name__}") from error
    click.echo(answer.text)
    sys.exit(0 if answer.ok else 1)


def _status(service: str) -> dict[str, Any]:
    try:
        answer = _call(service, "/internal/status")
        answer.raise_for_status()
        return answer.json()
    except requests.RequestException as error:
        return {"service": service, "problems": [f"api: {type(error).__name__}"]}


def _lag(status: dict[str, Any]) -> int:
    return sum(max(0, cursor["head"] - cursor["sequence"]) for cursor in status.get("cursors", []))


def _wrongs(status: dict[str, Any]) -> list[str]:
    halted = {cursor["halted"] for cursor in status.get("cursors", []) if cursor["halted"]}
    parked = [f"parked: {status['parked_aggregates']} aggregate(s)"] if status.get("parked") else []
    return [*status["problems"], *sorted(halted), *parked]


@click.group(help="The operator's view of Hesheng.")
def main() -> None:
    """Entry point."""


@main.command(name="status", help="The whole system's lag and health; exit status 1 when something is wrong.")
def show_status() -> None:
    """Print one row per service, and below what each has to say of its own work."""
    statuses = [_status(service) for service in SERVICES]
    table = Table("service", "health", "queued", "unsent", "lag", "parked", box=SIMPLE)
    for status in statuses:
        wrongs = _wrongs(status)
        table.add_row(
            status["service"],
            "[red]" + "; ".join(wrongs) if wrongs else "[green]ok",
            str(sum(status.get("queues", {}).values())),
            _unsent(status),
            str(_lag(status)),
            str(status.get("parked_aggregates", 0)),
        )
    console.print(table)
    for status in statuses:
        for name, value in status.get("figures", {}).items():
            console.print(f"  {status['service']:<14} {name.replace('_', ' '):<32} {value:,.0f}")
    sys.exit(1 if any(map(_wrongs, statuses)) else 0)


def _unsent(status: dict[str, Any]) -> str:
    if not status.get("log_heads"):
        return "-"
    count = status["unsequenced"] + max(status["unsent"].values(), default=0)
    return f"{count}, oldest {status['oldest_unsent_seconds']:.1f} s" if count else "0"


@main.command(help="What is held back by a failing event, and why.")
def parked() -> None:
    """Print parked aggregates of every service."""
    table = Table("service", "producer", "aggregate", "events", "since", "error of the first")
    for status in map(_status, SERVICES):
        for row in status.get("parked", []):
            table.add_row(
                status["service"], row["producer"], row["aggregate"], str(row["events"]), row["since"], row["error"]
            )
    console.print(table)


@main.command(help="Apply the parked events of AGGREGATE in order, after the cause was mended.")
@click.argument("service", type=click.Choice(SERVICES))
@click.argument("aggregate")
def release(service: str, aggregate: str) -> None:
    """Release one aggregate."""
    _act(service, f"/internal/parked/{aggregate}/release")


@main.command(name="adopt-epoch", help="Let SERVICE accept the producer's log after a restore (docs/operations.md).")
@click.argument("service", type=click.Choice(SERVICES))
def adopt_epoch(service: str) -> None:
    """Adopt the present epoch."""
    _act(service, "/internal/adopt-epoch")


@main.command(name="new-epoch", help="Give a restored producer database (DATABASE_URL) a new log id.")
def new_epoch() -> None:
    """Begin a new epoch."""
    if "DATABASE_URL" not in os.environ:
        raise click.ClickException("set DATABASE_URL to the restored database first")
    click.echo(f"new epoch: {begin_new_epoch(Database(os.environ['DATABASE_URL']))}")


if __name__ == "__main__":
    main()
