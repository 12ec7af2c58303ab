"""Nobody's name or address is in this service's database or logs, whatever happened to their mails."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from services.common import events
from services.notifications.mail.smtp import without_address
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.settings import Settings
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
MARK = "Zq7Planted"


def dump(url: str) -> dict[str, str]:
    """Every row of every table, as text."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT set_config('hesheng.site', '*', false)")
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {
            name: "\n".join(str(row[0]) for row in connection.execute(f'SELECT t::text FROM "{name}" AS t'))
            for (name,) in tables
        }


def test_a_planted_person_is_found_nowhere(story: Story, settings: Settings, postman: Postman, sink: FaultySink,
                                           rows: Rows, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    shift = story.opening()
    person = {"name": f"王{MARK}", "language": "zh-CN"}
    for name, faults in {
        "refused": ["550 5.1.1 <refused.{0}@example.org> unknown; refused.{0} is nobody"],
        "deferred": ["450 refused.{0}@example.org: greylisted"],
        "lost": ["drop"],
        "bad address@ ": [],
        "fine": [],
    }.items():
        email = f"{name}.{MARK}@example.org"
        sink.behaviour[email] = [fault.format(MARK) for fault in faults]
        story.sign_up(shift, email, **person)
        deliver_batch(postman)
    waiting = story.wait(shift, f"{MARK}@example.org", **person)
    story.tell(events.RegistrationPromoted(**waiting))
    while deliver_batch(postman):
        pass
    assert any(MARK in str(kept.mail["To"]) for kept in sink.kept)
    found = dump(settings.database_dsn)
    assert len(found["deliveries"].splitlines()) >= 6
    assert [name for name, content in found.items() if MARK.lower() in content.lower()] == []
    assert MARK.lower() not in "".join(capsys.readouterr()).lower()


@pytest.mark.parametrize(("reply", "kept"), [
    ("550 <Wang.X@Example.org>: unknown", "550 <…>: unknown"),
    ("550 user wang.x is over quota", "550 user … is over quota"),
    ("451 rcpt=wang.x@example.org; try wangx@other.example", "451 rcpt=…; try …"),
    ("550 5.7.1 refused\nby policy", "550 5.7.1 refused by policy")])  # fmt: skip
def test_a_servers_reply_is_kept_without_the_address(reply: str, kept: str) -> None:
    assert without_address(reply, "wang.x@example.org") == kept
