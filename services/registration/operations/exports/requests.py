"""Exports as the people who ask for them see them."""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.common.audit import record
from services.common.database import Database
from services.common.errors import not_found
from services.registration.models import Export
from services.registration.operations import conflict
from services.registration.personal_data import PersonalData

PART = 750_000
"""Bytes before encryption: all parts but the last have this length, so that a range is found without reading."""
KEPT_DAYS = 7


def begin_export(session: Session, site_id: UUID, form: str, made_by: str) -> Export:
    """A new export, which the worker will write."""
    begun = Export(site_id=site_id, format=form, made_by=made_by)
    session.add(begun)
    session.flush()
    session.refresh(begun)
    return begun


def find_export(session: Session, export_id: UUID, asked_by: str) -> Export:
    """An export that this caller asked for: nobody else may fetch everybody's details with it. Raises 404."""
    found = session.get(Export, export_id)
    if found is None or found.made_by != asked_by:
        raise not_found("这次导出", "export")
    return found


def open_export(session: Session, export_id: UUID, asked_by: str) -> Export:
    """The export, to be fetched now; which is noted. Raises 404, 409 when there is no file (yet, or any more)."""
    found = find_export(session, export_id, asked_by)
    if found.state != "done":
        raise conflict(
            "文件尚未就绪，或已过期删除。请稍后再试，或重新导出。",
            "There is no file: it is not ready, or was deleted after a week. Wait, or export again.",
        )
    record(session, "download", "exports", found.id, found.site_id, rows=found.rows)
    return found


def read_range(
    database: Database, data: PersonalData, scope: str, export_id: UUID, start: int, stop: int
) -> Iterator[bytes]:
    """The file's bytes from `start` up to `stop`, a part at a time and no connection in between."""
    for number in range(start // PART + 1, (stop - 1) // PART + 2):
        with database.transaction(scope) as session:
            stored = session.execute(
                text("SELECT content FROM export_parts WHERE export_id = :id AND number = :number"),
                {"id": export_id, "number": number},
            ).scalar_one()
        begins = (number - 1) * PART
        yield data.unseal(stored)[max(0, start - begins) : stop - begins]


def forget_exports(session: Session) -> int:
    """Delete files that are older than a week; returns how many."""
    old = select(Export).where(
        Export.state == "done", Export.ended_at < func.now() - text(f"interval '{KEPT_DAYS} days'")
    )
    gone = session.scalars(old.with_for_update(skip_locked=True).limit(10)).all()
    for found in gone:
        session.execute(text("DELETE FROM export_parts WHERE export_id = :id"), {"id": found.id})
        found.state = "deleted"
        found.version += 1
    return len(gone)


def any_export_due(session: Session) -> bool:
    """Whether the worker has one to write, or an old one to delete."""
    return bool(
        session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM exports WHERE state IN ('waiting', 'running') AND claimed_until < now())"
                " OR EXISTS (SELECT FROM exports WHERE state = 'done'"
                " AND ended_at < now() - make_interval(days => :days))"
            ),
            {"days": KEPT_DAYS},
        )
    )
