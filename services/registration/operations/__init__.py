"""What registration does: one function = one operation, within the transaction of its caller.

    with database.transaction(principal.scope) as session:
        activity = publish_activity(session, activity_id)

Each locks what it changes before it reads it, activities before shifts, shifts in id order, and adds its events
under those locks.
"""

from collections.abc import Collection
from typing import Any, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from services.common.errors import CHANGED_MEANWHILE, CONFLICT, Problem, Words

Query = TypeVar("Query", bound=Select)

Versions = Collection[int] | None
"""The versions that an edit may start from (`If-Match`); None for any."""


def locked(query: Query) -> Query:
    """The query, waiting for the rows' locks and then reading them afresh."""
    return query.with_for_update(key_share=True).execution_options(populate_existing=True)


def alone(session: Session, about: str) -> None:
    """Wait until nobody else is at the same thing, until the end of the transaction: for what has no row to lock yet.

    `about` names it, kind first (`"area tree"`): other words are another lock.
    """
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(about, 0))))


def check_version(version: int, expected: Versions) -> None:
    """Raise 412 when somebody else changed it since the caller read it."""
    if expected is not None and version not in expected:
        raise Problem(
            CHANGED_MEANWHILE,
            Words(
                f"现在是第 {version} 版。请重新读取后再修改。",
                f"It is at version {version} now. Read it again, then change it.",
            ),
        )


def conflict(zh: str, en: str) -> Problem:
    """What is asked for does not go with how things stand."""
    return Problem(CONFLICT, Words(zh, en))


def assign(row: Any, changes: dict[str, Any]) -> bool:
    """Set the attributes and raise the row's version; returns whether anything changed."""
    changed = {name: value for name, value in changes.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    if changed:
        row.version += 1
    return bool(changed)
