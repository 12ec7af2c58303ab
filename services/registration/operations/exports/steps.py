"""The worker's share of exports: one snapshot of a site, streamed into encrypted parts.

Reading is one long transaction that changes nothing, so that all tables fit together; each part is a short one of its
own, with the progress. Memory is that of a part.
"""

import uuid
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.audit import record_each
from services.common.database import EVERY_SITE, Database, is_outage
from services.common.logs import get_logger
from services.registration.models import Export
from services.registration.operations.exports.content import Counted, contents, sheets
from services.registration.operations.exports.requests import PART
from services.registration.personal_data import PersonalData
from services.registration.spreadsheets.writing import archive

log = get_logger(__name__)

CLAIM_SECONDS = 60
MOST_ATTEMPTS = 3


class _Lost(Exception):
    """The claim is over: another worker writes this export now."""


def write_exports(database: Database, data: PersonalData) -> int:
    """Write every export that waits; returns how many were tried."""
    tried = 0
    while claimed := _claim(database):
        tried += 1
        try:
            _write(database, data, *claimed)
        except _Lost:
            continue
        except Exception as error:
            _note_failure(database, claimed, error)
            if is_outage(error):
                raise
    return tried


def _claim(database: Database) -> tuple[UUID, UUID] | None:
    key = uuid.uuid4()
    with database.transaction(EVERY_SITE) as session:
        _give_up(session)
        row = session.execute(
            text(
                "UPDATE exports SET claim = :key, claimed_until = now() + make_interval(secs => :seconds),"
                " state = 'running', attempts = attempts + 1, rows = 0, tables_done = 0, parts = 0, bytes = 0"
                " WHERE id = (SELECT id FROM exports WHERE state IN ('waiting', 'running') AND claimed_until < now()"
                " ORDER BY position LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"
            ),
            {"key": key, "seconds": CLAIM_SECONDS},
        ).one_or_none()
        if row is None:
            return None
        # What a worker that was killed has left.
        session.execute(text("DELETE FROM export_parts WHERE export_id = :id"), {"id": row.id})
    return row.id, key


def _give_up(session: Session) -> None:
    """An export that has ended its worker again and again stops, visibly: nobody was left to note the failures."""
    given_up = session.execute(
        text(
            "UPDATE exports SET state = 'failed', error = 'WorkerLost', claim = NULL, version = version + 1"
            " WHERE state = 'running' AND claimed_until < now() AND attempts >= :most RETURNING id"
        ),
        {"most": MOST_ATTEMPTS},
    )
    for row in given_up:
        session.execute(text("DELETE FROM export_parts WHERE export_id = :id"), {"id": row.id})
        log.error("export_failed", export_id=str(row.id), error_type="WorkerLost")


def _note_failure(database: Database, claimed: tuple[UUID, UUID], error: Exception) -> None:
    export_id, key = claimed
    with database.transaction(EVERY_SITE) as session:
        session.execute(
            text(
                "UPDATE exports SET claimed_until = now(), error = :error,"
                " state = CASE WHEN attempts >= :most THEN 'failed' ELSE state END WHERE id = :id AND claim = :key"
            ),
            {"id": export_id, "key": key, "error": type(error).__name__, "most": MOST_ATTEMPTS},
        )
        session.execute(text("DELETE FROM export_parts WHERE export_id = :id"), {"id": export_id})
    log.error("export_failed", export_id=str(export_id), error_type=type(error).__name__)


def _write(database: Database, data: PersonalData, export_id: UUID, key: UUID) -> None:
    at = Counted()
    with database.snapshot() as session:
        session.execute(text("SELECT set_config('hesheng.site', :all, true)"), {"all": EVERY_SITE})
        found = session.get_one(Export, export_id)
        site_id, asked_by = found.site_id, found.made_by
        session.execute(text("SELECT set_config('hesheng.site', :site, true)"), {"site": str(found.site_id)})
        told = contents(session)
        pieces = archive(found.format, sheets(session, data, found.site_id, told, at))  # type: ignore[arg-type]
        for number, part in enumerate(_parts(pieces), start=1):
            with database.transaction(EVERY_SITE) as writing:
                _keep(writing, data, found, key, number, part, at, len(told))
    with database.transaction(EVERY_SITE) as writing:
        writing.execute(
            text(
                "UPDATE exports SET state = 'done', error = NULL, rows = :rows, tables_done = tables, ended_at = now(),"
                " version = version + 1 WHERE id = :id AND claim = :key"
            ),
            {"id": export_id, "key": key, "rows": at.rows},
        )
        # In the name of who asked for it, and who alone can fetch it.
        writing.execute(text("SELECT set_config('hesheng.actor', :actor, true)"), {"actor": asked_by})
        record_each(writing, "read", "people", at.minors, site_id, minor=True)


def _parts(pieces: Iterator[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= PART:
            yield bytes(waiting[:PART])
            del waiting[:PART]
    if waiting:
        yield bytes(waiting)


def _keep(
    session: Session, data: PersonalData, found: Export, key: UUID, number: int, part: bytes, at: Counted, tables: int
) -> None:
    mine = session.execute(
        text(
            "UPDATE exports SET rows = :rows, tables_done = :done, tables = :tables, parts = :number,"
            " bytes = bytes + :size, claimed_until = now() + make_interval(secs => :seconds)"
            " WHERE id = :id AND claim = :key AND state = 'running' RETURNING id"
        ),
        {
            "id": found.id,
            "key": key,
            "rows": at.rows,
            "done": at.tables,
            "tables": tables,
            "number": number,
            "size": len(part),
            "seconds": CLAIM_SECONDS,
        },
    ).one_or_none()
    if mine is None:
        raise _Lost
    session.execute(
        text(
            "INSERT INTO export_parts (export_id, site_id, number, content, encrypted_with)"
            " VALUES (:id, :site, :number, :content, :key)"
        ),
        {
            "id": found.id,
            "site": found.site_id,
            "number": number,
            "content": data.seal(part),
            "key": data.newest_key,
        },
    )
