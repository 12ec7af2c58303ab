"""Looks for tampering with service records: `python -m services.registration.hours_check`.

Each site's chain is walked from its first record. A record that was changed, put in, taken out or moved no longer fits
its hash, its number, or the hash before it; one that was cut off the end is missed by the chain's own row. Whoever may
also rewrite every later hash is caught by comparing with the events that left this service when the records were made:
other services and backups hold them too. Exit status 1 when anything is found; the first break of each site is named.

What is hashed is put into words here, apart from the database's function of the same purpose: who bends that does not
bend this.
"""

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

_RECORDS = text("SELECT * FROM service_records WHERE site_id = :site AND number > :after ORDER BY number LIMIT :page")
_CHAINS = text("""
SELECT s.id AS site_id, coalesce(c.length, 0) AS length, coalesce(c.head, '\\x') AS head
FROM sites AS s LEFT JOIN record_chains AS c ON c.site_id = s.id
WHERE c.site_id IS NOT NULL OR EXISTS (SELECT FROM service_records AS r WHERE r.site_id = s.id)
ORDER BY s.id
""")
# One pass over the log, which has no index on what its events are about.
_UNLIKE_THE_LOG = text("""
SELECT r.site_id, min(r.number) AS number
FROM outbox AS o JOIN service_records AS r ON r.id = (o.data ->> 'record_id')::uuid
WHERE o.type IN ('hesheng.service_record.recorded.v1', 'hesheng.service_record.corrected.v1')
  AND encode(r.hash, 'hex') <> o.data ->> 'hash'
GROUP BY r.site_id
""")


@dataclass(frozen=True)
class Break:
    """Where a chain no longer fits, and what is wrong there."""

    site_id: UUID
    number: int
    what: str


def find_breaks(session: Session) -> list[Break]:
    """The first break of each site's chain. The session must see every site."""
    found = [broken for chain in session.execute(_CHAINS).all() if (broken := _first_break(session, chain))]
    found += [
        Break(row.site_id, row.number, "it is not what was told to the other services when it was made")
        for row in session.execute(_UNLIKE_THE_LOG)
    ]
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
    with Database(Settings().database_dsn).transaction(EVERY_SITE) as session:
        breaks = find_breaks(session)
    for broken in breaks:
        click.echo(f"site {broken.site_id}, record {broken.number}: {broken.what}", err=True)
    if breaks:
        sys.exit(1)
    click.echo("服务记录完整，未发现改动。 The service records are whole.")


if __name__ == "__main__":
    main()
