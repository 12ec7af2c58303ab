"""`hesheng`: the operator's command. It asks the services over HTTP with the operator's key.

    hesheng status                     the whole system at a glance; exit status 1 when something is wrong
    hesheng parked                     what is held back, and why
    hesheng release SERVICE AGGREGATE  apply parked events after the cause was mended
    hesheng retry [--reason TEXT]      send again what failed or expired
    hesheng invite EMAIL NAME          invite an operator: the first member of staff
    hesheng adopt-epoch SERVICE        accept the producer's log after a restore
    hesheng new-epoch                  run beside a restored producer database (needs DATABASE_URL)
    hesheng recount                    count every figure of the reports anew and compare; exit status 1 on a difference
    hesheng erasures                   who was erased, by ids: to be kept with the backups
    hesheng repeat-erasures [FILE]     erase again whom a restore brought back

Addresses and key come from REGISTRATION_URL, NOTIFICATIONS_URL, REPORTING_URL and OPERATOR_KEY. It speaks Chinese and
English at once: whoever is on duty may read either, and a terminal has no language to choose by.
"""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import quote

import click
import requests
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from services.common.database import Database
from services.common.outbox import begin_new_epoch

SERVICES = ("registration", "notifications", "reporting")
REPEATED_AT_ONCE = 20
NEVER = ("_broken", "_differences")
"""How figures are called that are 0 unless something is wrong."""

LOOKS_AGAIN_AFTER = 2.0
"""Seconds between two looks at what goes on for minutes."""
console = Console()


def _call(service: str, path: str, method: str = "GET", body: Any = None) -> requests.Response:
    name = f"{service.upper()}_URL"
    if name not in os.environ or "OPERATOR_KEY" not in os.environ:
        raise click.ClickException(
            f"请先设置 {name} 和 OPERATOR_KEY（make run 会显示；compose 在 .env 里）。"
            f" Set {name} and OPERATOR_KEY first (make run prints them; compose has them in .env)."
        )
    return requests.request(
        method,
        os.environ[name].rstrip("/") + path,
        headers={"Authorization": f"Bearer {os.environ['OPERATOR_KEY']}", "Accept-Language": "zh"},
        json=body,
        timeout=10,
    )


def _send(service: str, path: str, body: Any = None) -> requests.Response:
    try:
        return _call(service, path, "POST", body)
    except requests.RequestException as error:
        why = type(error).__name__
        raise click.ClickException(f"{service} 没有应答。 {service} does not answer: {why}") from error


def _act(service: str, path: str) -> None:
    answer = _send(service, path)
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
    count = status.get("parked_aggregates")
    parked = [f"搁置 parked: {count} aggregate(s)"] if status.get("parked") else []
    broken = [f"{name.replace('_', ' ')}: {n:.0f}" for name, n in _figures(status) if name.endswith(NEVER) and n]
    return [*status["problems"], *sorted(halted), *parked, *broken]


def _figures(status: dict[str, Any]) -> list[tuple[str, float]]:
    return list(status.get("figures", {}).items())


@click.group(help="和声的运维命令。 The operator's view of Hesheng.")
def main() -> None:
    """Entry point."""


@main.command(
    name="status",
    short_help="全系统是否正常 the system at a glance",
    help="全系统是否正常、是否有积压；有问题时退出码为 1。"
    " The whole system's lag and health; exit status 1 when something is wrong.",
)
def show_status() -> None:
    """Print one row per service, and below what each has to say of its own work."""
    statuses = [_status(service) for service in SERVICES]
    heads = ("服务\nservice", "状态\nhealth", "排队\nqueued", "未发\nunsent", "落后\nlag", "搁置\nparked")
    table = Table(*heads, box=SIMPLE)
    for status in statuses:
        wrongs = _wrongs(status)
        table.add_row(
            status["service"],
            "[red]" + "; ".join(wrongs) if wrongs else "[green]正常 ok",
            str(sum(status.get("queues", {}).values())),
            _unsent(status),
            str(_lag(status)),
            str(status.get("parked_aggregates", 0)),
        )
    console.print(table)
    for status in statuses:
        for name, value in _figures(status):
            console.print(f"  {status['service']:<14} {name.replace('_', ' '):<32} {value:,.0f}")
    if any(map(_wrongs, statuses)):
        console.print("[red]有问题，请看 docs/operations.md。 Something is wrong: see docs/operations.md.")
        sys.exit(1)


def _unsent(status: dict[str, Any]) -> str:
    if not status.get("log_heads"):
        return "-"
    count = status["unsequenced"] + max(status["unsent"].values(), default=0)
    return f"{count}，最久 oldest {status['oldest_unsent_seconds']:.1f} s" if count else "0"


@main.command(
    short_help="搁置了什么 what is held back",
    help="因事件处理失败而搁置的对象及原因。 What is held back by a failing event, and why.",
)
def parked() -> None:
    """Print parked aggregates of every service."""
    heads = (
        "服务\nservice",
        "来源\nproducer",
        "对象\naggregate",
        "事件\nevents",
        "起始\nsince",
        "首个错误\nfirst error",
    )
    table = Table(*heads, box=SIMPLE)
    for status in map(_status, SERVICES):
        for row in status.get("parked", []):
            table.add_row(
                status["service"], row["producer"], row["aggregate"], str(row["events"]), row["since"], row["error"]
            )
    if not table.rows:
        console.print("没有搁置的事件。 Nothing is parked.")
        return
    console.print(table)


@main.command(
    short_help="处理搁置的事件 apply what was held back",
    help="原因排除后，按顺序处理 AGGREGATE 搁置的事件。"
    " Apply the parked events of AGGREGATE in order, after the cause was mended.",
)
@click.argument("service", type=click.Choice(SERVICES))
@click.argument("aggregate")
def release(service: str, aggregate: str) -> None:
    """Release one aggregate."""
    _act(service, f"/internal/parked/{aggregate}/release")


@main.command(
    short_help="重发失败或失效的消息 send again what failed or expired",
    help="重发失败或失效的消息（一次最多一千条，仍属实的才发）。"
    " Send again what failed or expired, a thousand at most, where it still holds.",
)
@click.option("--reason", help="只重发因此失败的。 Only what failed for this reason.")
def retry(reason: str | None) -> None:
    """Put failed messages back."""
    answer = _send("notifications", "/v1/messages/retry", {"reason": reason} if reason else {})
    if not answer.ok:
        raise click.ClickException(_refusal(answer))
    count = answer.json()["retried"]
    click.echo(
        f"{count} 条消息将再次发送，邮箱已停发的仍不发（见 messages_suppressed）。\n"
        f"{count} message(s) are sent again; what goes to a closed address is held back, see messages_suppressed."
    )


@main.command(
    short_help="邀请系统管理员 invite an operator",
    help="邀请一位系统管理员：EMAIL 会收到设置密码的链接。第一位工作人员就这样产生，其余的在 /staff/colleagues/ 邀请。"
    " Invite an operator: a link to set a password is mailed to EMAIL. The first member of staff is made like this;"
    " invite the others at /staff/colleagues/.",
)
@click.argument("email")
@click.argument("name")
@click.option("--language", type=click.Choice(["zh-CN", "en"]), default="zh-CN", help="邮件语言 language of mails")
def invite(email: str, name: str, language: str) -> None:
    """Invite somebody with the operator's role."""
    body = {"email": email, "name": name, "language": language, "grants": [{"role": "operator"}]}
    answer = _send("registration", "/v1/staff", body)
    if not answer.ok:
        raise click.ClickException(_refusal(answer))
    click.echo(
        f"邀请已发往 {email}，链接七天内有效。"
        "收不到邮件时：`hesheng status` 看 messages_failed，再邀请一次会另发一封。\n"
        f"The invitation goes to {email}; its link is good for seven days. If no mail comes, see messages_failed in"
        " `hesheng status`; inviting again sends another."
    )


def _refusal(answer: requests.Response) -> str:
    """What a service says is wrong, field by field where it names any."""
    try:
        problem = answer.json()
    except requests.JSONDecodeError:
        return f"{answer.status_code}"
    found = [f"{error.get('field')}: {error.get('message')}" for error in problem.get("errors", [])]
    kind = problem.get("type", "").split(":")[-1]
    return f"{answer.status_code} {kind}: {'; '.join(found) or problem.get('detail', '')}"


@main.command(
    name="adopt-epoch",
    short_help="接受新日志 accept a restored log",
    help="恢复备份后，让 SERVICE 接受来源的新日志（见 docs/operations.md）。"
    " Let SERVICE accept the producer's log after a restore (docs/operations.md).",
)
@click.argument("service", type=click.Choice(SERVICES))
def adopt_epoch(service: str) -> None:
    """Adopt the present epoch."""
    _act(service, "/internal/adopt-epoch")


@main.command(
    name="new-epoch",
    short_help="新日志编号 a new log id",
    help="给恢复后的来源数据库（DATABASE_URL）一个新的日志编号。"
    " Give a restored producer database (DATABASE_URL) a new log id.",
)
def new_epoch() -> None:
    """Begin a new epoch."""
    if "DATABASE_URL" not in os.environ:
        raise click.ClickException(
            "请先把 DATABASE_URL 设为恢复后的数据库。 Set DATABASE_URL to the restored database first."
        )
    click.echo(f"新日志编号 new epoch: {begin_new_epoch(Database(os.environ['DATABASE_URL']))}")


@main.command(
    short_help="重新核对全部统计 count everything anew",
    help="把全部统计数字按事实重新计算并核对，每夜自动进行一次；有差异时退出码为 1（见 docs/operations.md）。"
    " Count every figure of the reports anew from the facts and compare, as happens every night by itself; exit status"
    " 1 when any differs (docs/operations.md).",
)
def recount() -> None:
    """Let it begin, wait for its end and say what it found. Interrupting this does not stop it."""
    answer = _send("reporting", "/internal/recount")
    if not answer.ok:
        raise click.ClickException(_refusal(answer))
    one = answer.json()["items"][0]
    while one["finished_at"] is None:
        time.sleep(LOOKS_AGAIN_AFTER)
        one = _asked("reporting", "/internal/recount").json()["items"][0]
    for found in one["found"]:
        click.echo(json.dumps(found, ensure_ascii=False))
    click.echo(
        f"已核对 compared: {one['months']}；正待重算而略过 left out, being computed anew: {one['left_out']}；"
        f"差异 differences: {one['differences']}"
    )
    sys.exit(1 if one["differences"] else 0)


@main.command(
    short_help="谁被删除过 who was erased",
    help="列出谁被删除过，每行一条，只有编号，没有个人信息；请和备份放在一起，保存在另一台机器上。"
    " List who was erased, one a line, by ids alone: to be kept with the backups, on another machine.",
)
@click.option("--since", help="从何时起，如 since when, such as 2026-11-01T00:00:00Z")
def erasures(since: str | None) -> None:
    """Print every erasure that notifications knows of."""
    for one in _erasures(since):
        click.echo(json.dumps(one))


def _erasures(since: str | None = None) -> Iterator[dict[str, Any]]:
    path = "/v1/erasures?limit=200" + (f"&since={quote(since)}" if since else "")
    while path:
        answer = _asked("notifications", path)
        yield from answer.json()["items"]
        path = f"/v1/erasures{answer.links['next']['url']}" if "next" in answer.links else ""


def _asked(service: str, path: str) -> requests.Response:
    try:
        answer = _call(service, path)
    except requests.RequestException as error:
        why = type(error).__name__
        raise click.ClickException(f"{service} 没有应答。 {service} does not answer: {why}") from error
    if not answer.ok:
        raise click.ClickException(_refusal(answer))
    return answer


@main.command(
    name="repeat-erasures",
    short_help="恢复备份后再次删除 erase again after a restore",
    help="恢复 registration 的备份后，把备份之后删除过的人再删除一次（见 docs/operations.md）。FILE 是"
    " `hesheng erasures` 的输出；不给出时向 notifications 查询。可以重复执行。"
    " After registration was restored from a backup, erase again who was erased since (docs/operations.md). FILE is"
    " what `hesheng erasures` printed; without it notifications is asked. It may be run again.",
)
@click.argument("file", type=click.File(), required=False)
def repeat_erasures(file: IO[str] | None) -> None:
    """Send them to registration, oldest first, and say what became of them."""
    waiting = [json.loads(line) for line in file if line.strip()] if file else list(_erasures())
    outcomes: Counter[str] = Counter()
    for begin in range(0, len(waiting), REPEATED_AT_ONCE):
        answer = _send("registration", "/v1/erasures/repeat", {"items": waiting[begin : begin + REPEATED_AT_ONCE]})
        if not answer.ok:
            raise click.ClickException(_refusal(answer))
        outcomes.update(answer.json()["outcomes"])
    click.echo(
        f"再次删除 erased again: {outcomes['erased']}；已删除或之后重新登记 erased already or back since:"
        f" {outcomes['known']}；"
        f"备份之后才登记 not in the backup: {outcomes['unknown']}；正在签到，须稍后再执行"
        f" checked in, run this again later: {outcomes['waiting']}；失败，见 registration-api 日志"
        f" failed, see the log of registration-api: {outcomes['failed']}"
    )
    sys.exit(1 if outcomes["waiting"] or outcomes["failed"] else 0)


if __name__ == "__main__":
    main()
