"""Erasures as they are remembered, for who restores registration's database, and until no backup is as old."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text

from services.common.database import EVERY_SITE, Database
from services.notifications.operations.messages import number_of
from services.notifications.schemas.erasures import ErasuresQuery

KEPT_DAYS = 400

LIST = text("""
    SELECT number, event_id, person_id, site_id, erased_at FROM erasures
    WHERE number > :after AND erased_at >= coalesce(cast(:since AS timestamptz), '-infinity')
    ORDER BY number LIMIT :limit
""")
FORGET = text("""
    DELETE FROM erasures WHERE number IN (
        SELECT number FROM erasures WHERE erased_at < now() - make_interval(days => :days)
        ORDER BY erased_at LIMIT 1000)
""")


def list_erasures(database: Database, query: ErasuresQuery) -> tuple[Sequence[Row[Any]], str | None]:
    """A page of them, oldest first, and the cursor of the next page if there is one."""
    after = number_of(query.cursor) if query.cursor is not None else 0
    with database.transaction(EVERY_SITE) as session:
        told = {"after": after, "since": query.since, "limit": query.limit + 1}
        found = session.execute(LIST, told).all()
    page = found[: query.limit]
    return page, str(page[-1].number) if len(found) > query.limit else None


def forget_erasures(database: Database) -> int:
    """Forget those that no backup is older than; returns how many."""
    with database.transaction(EVERY_SITE) as session:
        return session.execute(FORGET, {"days": KEPT_DAYS}).rowcount  # type: ignore[attr-defined]
