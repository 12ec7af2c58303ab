"""The site where a member of staff works just now, as its pages name it."""

from typing import Any

from flask import g
from sqlalchemy import text

from services.common.database import Database

SITE = text("SELECT name_zh, name_en FROM sites WHERE site_id = :site")


def working_at(database: Database) -> Any:
    """That site, by its names; None where none is chosen, or it has not been heard of yet."""
    site_id = g.principal.site_id if "principal" in g else None
    if site_id is None:
        return None
    if "working_at" not in g:
        with database.transaction() as session:
            g.working_at = session.execute(SITE, {"site": site_id}).one_or_none()
    return g.working_at
