"""Rows of a file that say the same: the first stays, and who comes later is told which row has it."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.registration.models import Import

_KEEP_KEYS = text(
    'INSERT INTO import_keys (import_id, site_id, key, "row")'
    ' SELECT DISTINCT ON (key) :id, :site, key, "row"'
    ' FROM unnest(cast(:keys AS uuid[]), cast(:rows AS integer[])) AS k (key, "row") ORDER BY key, "row"'
    " ON CONFLICT DO NOTHING"
)
_EARLIER = text(
    'SELECT f."row", f.key, f.earlier FROM (SELECT k."row", k.key,'
    ' (SELECT e."row" FROM import_keys AS e WHERE (e.import_id, e.key) = (k.import_id, k.key)) AS earlier'
    " FROM (SELECT cast(:id AS uuid) AS import_id, * FROM"
    ' unnest(cast(:keys AS uuid[]), cast(:rows AS integer[])) AS k (key, "row") OFFSET 0) AS k) AS f'
    ' WHERE f.earlier < f."row" ORDER BY 1, 3'
)


def find_earlier(session: Session, found: Import, marked: Sequence[tuple[UUID, int]]) -> dict[int, tuple[UUID, int]]:
    """Keep these keys with their rows. Returns, by row, the key that an earlier row has as well, and which that is."""
    told = {
        "id": found.id,
        "site": found.site_id,
        "keys": [key for key, _ in marked],
        "rows": [number for _, number in marked],
    }
    session.execute(_KEEP_KEYS, told)
    earlier: dict[int, tuple[UUID, int]] = {}
    for one in session.execute(_EARLIER, told):
        earlier.setdefault(one.row, (one.key, one.earlier))
    return earlier
