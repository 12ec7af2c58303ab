"""The audit page says every table, action and column in words."""

import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from services.registration.pages.audit_words import ACTIONS, PLUMBING
from services.registration.table_words import COLUMNS, TABLES

WATCHED = (
    "SELECT c.relname, a.attname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE t.tgname = 'audited'"
)
RECORDED = re.compile(r'\brecord(?:_each)?\(\s*(?:session|writing), "(\w+)", "(\w+)"')


@pytest.fixture(scope="module")
def watched(service_database: Callable[[str], str]) -> list[tuple[str, str]]:
    with psycopg.connect(service_database("registration")) as connection:
        return connection.execute(WATCHED).fetchall()


def test_every_watched_table_has_a_name(watched: list[tuple[str, str]]) -> None:
    assert {table for table, _ in watched} - TABLES.keys() == set()


def test_every_watched_column_has_one_too(watched: list[tuple[str, str]]) -> None:
    columns = {column for _, column in watched}
    assert columns - COLUMNS.keys() - PLUMBING == set()
    assert (COLUMNS.keys() | PLUMBING) - columns == set(), "of columns that are no more"
    assert COLUMNS.keys() & PLUMBING == set()


def test_everything_that_is_recorded_by_hand_has_words() -> None:
    folders = (Path("services", name) for name in ("common", "registration"))
    source = "\n".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))
    told = RECORDED.findall(source)
    assert len(told) > 10
    assert {action for action, _ in told} - ACTIONS.keys() == set()
    assert {kind for _, kind in told} - TABLES.keys() == set()
