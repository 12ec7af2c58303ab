"""Looks for tampering with service records: `python -m services.registration.hours_check`.

Each site's chain is walked from its first record. A record that was changed, put in, taken out or moved no longer fits
its hash, its number, or the hash before it; one that was cut off the end is missed by the chain's own row. Whoever may
also rewrite every later hash and that row is caught by comparing with the events that left this service when the
records were made, number by number: one that was replaced under another id, cut off, or never told of. Other services
and backups hold the events too. Exit status 1 when anything is found; the first break of each site is named.

The worker runs it once a day; the last result is in `hesheng status`, `/internal/status` and the metrics.

What is hashed is put into words here, apart from the database's function of the same purpose: who bends that does not
bend this.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import click
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.registration.settings import Settings

PAGE = 5_000
DAY_SECONDS = 24 * 3600

_RECORDS = text("SELECT * FROM service_records WHERE site_id = :site AND number > :after ORDER BY number LIMIT :page")
_CHAINS = text("""
SELECT s.id AS site_id, coalesce(c.length, 0) AS length, coalesce(c.head, '\\x') AS head
FROM sites AS s LEFT JOIN record_chains AS c ON c.site_id = s.id
WHERE c.site_id IS NOT NULL OR EXISTS (SELECT FROM service_records AS r WHERE r.site_id = s.id)
ORDER BY s.id
""")
# One pass over the log, which has no index on what its events are about.
_UNLIKE_THE_LOG = text("""
WITH told AS (
    SELECT (o.data ->> 'site_id')::uuid AS site_id, (o.data ->> 'number')::bigint AS number, o.data ->> 'hash' AS hash
    FROM outbox AS o
    WHERE o.type IN ('hesheng.service_record.recorded.v1', 'hesheng.service_record.corrected.v1')
), unlike AS (
    SELECT coalesce(t.site_id, r.site_id) AS site_id, coalesce(t.number, r.number) AS number,
        CASE WHEN r.id IS NULL THEN 'gone' WHEN t.hash IS NULL THEN 'untold' ELSE 'other' END AS what
    FROM told AS t FULL OUTER JOIN service_records AS r ON r.site_id = t.site_id AND r.number = t.number
    WHERE encode(r.hash, 'hex') IS DISTINCT FROM t.hash
)
SELECT DISTINCT ON (site_id) site_id, number, what FROM unlike ORDER BY site_id, number, what
""")
_UNLIKE = {
    "gone": "it was told to the other services when it was made, and is gone",
    "untold": "the other services were never told of it",
    "other": "it is not what was told to the other services when it was made",
}
_WITHOUT_LIMITS = text("SELECT set_config('hesheng.site', :site, true), set_config('statement_timeout', '0', true)")
_NOTE = text("INSERT INTO hours_checks (breaks) VALUES (cast(:breaks AS jsonb))")
_LAST = text("""
SELECT jsonb_array_length(breaks) AS breaks, extract(epoch FROM clock_timestamp() - checked_at) AS age
FROM hours_checks ORDER BY position DESC LIMIT 1
""")


@dataclass(frozen=True)
class Break:
    """Where a chain no longer fits, and what is wrong there."""

    site_id: UUID
    number: int
    what: str


def check(database: Database) -> list[Break]:
    """The first break of each site's chain, all of it read as it was at one moment; the result is kept."""
    with database.snapshot() as session:
        session.execute(_WITHOUT_LIMITS, {"site": EVERY_SITE})
        breaks = find_breaks(session)
    with database.transaction(EVERY_SITE) as session:
        found = [{"site_id": str(one.site_id), "number": one.number, "what": one.what} for one in breaks]
        session.execute(_NOTE, {"breaks": json.dumps(found)})
    return breaks


def is_check_due(session: Session) -> bool:
    """Whether the last check was a day ago, or there was none while there are records."""
    last = session.execute(_LAST).one_or_none()
    if last is None:
        return bool(session.scalar(text("SELECT EXISTS (SELECT FROM service_records)")))
    return float(last.age) > DAY_SECONDS


def figures(session: Session) -> dict[str, float]:
    """The last result for the status: sites whose chain is broken, and how long ago that was looked at."""
    last = session.execute(_LAST).one_or_none()
    if last is None:
        return {}
    return {"hours_chains_broken": float(last.breaks), "hours_check_age_seconds": float(last.age)}


def find_breaks(session: Session) -> list[Break]:
    """The first break of each site's chain. The session must see every site."""
    found = [broken for chain in session.execute(_CHAINS).all() if (broken := _first_break(session, chain))]
    found += [Break(row.site_id, row.number, _UNLIKE[row.what]) for row in session.execute(_UNLIKE_THE_LOG)]
    first: dict[UUID, Break] = {}
    for broken in sorted(found, key=lambda broken: broken.number):
        first.setdefault(broken.site_id, broken)
    return list(first.values())


def words(record: Any) -> str:
    """What the hash covers: each part with its length before it, so that no two records read the same."""
    parts = [
        str(record.id),
        str(record.site_id),
        str(record.number),
        str(record.person_id),
        _or_nothing(record.registration_id),
        _or_nothing(record.activity_id),
        _or_nothing(record.shift_id),
        record.activity,
        record.day.isoformat(),
        record.place,
        record.content,
        str(record.minutes),
        record.how,
        record.unit,
        record.responsible,
        record.in_charge,
        record.recorded_by,
        record.state,
        _or_nothing(record.corrects),
        record.reason,
        "true" if record.late else "false",
        record.recorded_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
    ]
    return "".join(f"{len(part)}:{part}" for part in parts)


def _first_break(session: Session, chain: Any) -> Break | None:
    number, head = 0, b""
    for records in _pages(session, chain.site_id):
        for record in records:
            number += 1
            wrong = _wrong(record, number, head)
            if wrong:
                return Break(chain.site_id, number, wrong)
            head = bytes(record.hash)
    if (number, head) != (chain.length, bytes(chain.head)):
        return Break(chain.site_id, number + 1, f"the chain had {chain.length} records, and ends after {number}")
    return None


def _wrong(record: Any, number: int, head: bytes) -> str | None:
    if record.number != number:
        return f"a record is missing: number {record.number} follows {number - 1}"
    if bytes(record.previous) != head:
        return f"record {record.id} does not follow the one before it"
    if sha256(head + words(record).encode()).digest() != bytes(record.hash):
        return f"record {record.id} was changed after it was made"
    return None


def _pages(session: Session, site_id: UUID) -> Iterator[list[Any]]:
    after = 0
    while True:
        records = list(session.execute(_RECORDS, {"site": site_id, "after": after, "page": PAGE}))
        if not records:
            return
        yield records
        after = records[-1].number


def _or_nothing(value: UUID | None) -> str:
    return "" if value is None else str(value)


@click.command(help=__doc__)
def main() -> None:
    """Check every chain."""
    breaks = check(Database(Settings().database_dsn))
    for broken in breaks:
        click.echo(f"site {broken.site_id}, record {broken.number}: {broken.what}", err=True)
    if breaks:
        sys.exit(1)
    click.echo("服务记录完整，未发现改动。 The service records are whole.")


if __name__ == "__main__":
    main()
