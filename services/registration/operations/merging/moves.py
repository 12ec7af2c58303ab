"""Moving a person's rows, with a journal, so that they can go back.

Whatever constraint a table has decides for itself whether a row may move: it is tried within a savepoint, and stays
where it is when the survivor has one like it.
"""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.registration.person_tables import MOVED, PersonTable


def gather(session: Session, survivor: UUID) -> None:
    """Bring to the survivor whatever still lies with those who were merged into them, and can move."""
    session.flush()
    active = session.execute(
        text(
            "SELECT m.id, m.merged FROM merges AS m JOIN people AS p ON p.id = m.merged"
            " WHERE m.undone_at IS NULL AND p.merged_into = :survivor ORDER BY m.position"
        ),
        {"survivor": survivor},
    ).all()
    for merge_id, merged in active:
        for table in MOVED:
            _take(session, table, merge_id, merged, survivor)
    session.expire_all()


def _take(session: Session, table: PersonTable, merge_id: UUID, merged: UUID, survivor: UUID) -> None:
    keys = _keys(session, table, merged)
    if not keys or _move(session, table, keys, merged, survivor, merge_id):
        return
    if len(keys) > 1:
        for key in keys:
            _move(session, table, [key], merged, survivor, merge_id)


def _keys(session: Session, table: PersonTable, person_id: UUID) -> list[str]:
    query = f"SELECT {table.key}::text FROM {table.name} WHERE person_id = :person ORDER BY 1"  # noqa: S608
    return list(session.scalars(text(query), {"person": person_id}))


def _move(
    session: Session, table: PersonTable, keys: list[str], source: UUID, target: UUID, merge_id: UUID | None
) -> bool:
    """Move these rows and write them down; False when a constraint is against it, and then nothing has changed."""
    move = f"UPDATE {table.name} SET person_id = :target WHERE person_id = :source AND {table.key}::text = ANY(:keys)"  # noqa: S608
    try:
        with session.begin_nested():
            session.execute(text(move), {"target": target, "source": source, "keys": keys})
    except IntegrityError:
        return False
    if merge_id is not None:
        session.execute(
            text(
                "INSERT INTO merge_moves (merge_id, table_name, row_key)"
                " SELECT :merge, :table, key FROM unnest(cast(:keys AS text[])) AS key ON CONFLICT DO NOTHING"
            ),
            {"merge": merge_id, "table": table.name, "keys": keys},
        )
    return True


def give_back(session: Session, merged: UUID, holder: UUID, merges: list[UUID]) -> None:
    """Give `merged` the rows that these merges took and `holder` has now; what the holder got otherwise stays."""
    for table in MOVED:
        journal = text("SELECT row_key FROM merge_moves WHERE merge_id = ANY(:merges) AND table_name = :table")
        written = session.scalars(journal, {"merges": merges, "table": table.name}).all()
        moved = sorted(set(written) & set(_keys(session, table, holder)))
        if not moved or _move(session, table, moved, holder, merged, None):
            _forget(session, table, moved, merges)
            continue
        for key in moved:
            if _move(session, table, [key], holder, merged, None):
                _forget(session, table, [key], merges)
    session.expire_all()


def _forget(session: Session, table: PersonTable, keys: list[str], merges: list[UUID]) -> None:
    """Later merges that passed these rows on have nothing to do with them any more."""
    session.execute(
        text("DELETE FROM merge_moves WHERE table_name = :table AND row_key = ANY(:keys) AND merge_id <> ALL(:merges)"),
        {"table": table.name, "keys": keys, "merges": merges},
    )
