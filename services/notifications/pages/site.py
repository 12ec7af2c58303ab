"""The site where a member of staff works just now, as its pages name it."""

from typing import Any

from flask import g
from sqlalchemy import text

from services.common.database import EVERY_SITE, Database

SITE = text(
    "SELECT id, name_zh, name_en, short_zh AS short_name_zh, short_en AS short_name_en, time_zone"
    " FROM sites WHERE id = :site"
)


def working_at(database: Database) -> Any:
    """That site, by its names and time zone; None where none is chosen, or it has not been heard of yet."""
    site_id = g.principal.site_id if "principal" in g else None
    if site_id is None:
        return None
    if "working_at" not in g:
        with database.transaction(EVERY_SITE) as session:
            g.working_at = session.execute(SITE, {"site": site_id}).one_or_none()
    return g.working_at


def zone(database: Database) -> str:
    """In which staff read times."""
    site = working_at(database)
    return site.time_zone if site else "Asia/Shanghai"
