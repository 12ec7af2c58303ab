"""What was found wrong with a file, for people: on a page, in a list, as a file of its own."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from sqlalchemy import select

from services.common.database import Database
from services.registration.models import ImportFault
from services.registration.schemas.exchange import FaultAnswer
from services.registration.spreadsheets.faults import words
from services.registration.spreadsheets.writing import Sheet

AT_ONCE = 1_000
HEADINGS = ("行 row", "列 column", "错误 what is wrong", "English")


def describe_faults(faults: Sequence[ImportFault]) -> list[FaultAnswer]:
    """Faults with their words."""
    return [
        FaultAnswer(row=one.row, column=one.column, code=one.code, zh=told.zh, en=told.en)
        for one in faults
        for told in (words(one.code, one.title, one.other),)
    ]


def fault_sheet(database: Database, scope: str, import_id: UUID) -> Sheet:
    """All faults, read as they are taken, in the order of the rows."""

    def rows() -> Iterator[tuple[str, ...]]:
        row, last = -1, 0
        while True:
            after = (ImportFault.row > row) | ((ImportFault.row == row) & (ImportFault.id > last))
            query = select(ImportFault).where(ImportFault.import_id == import_id, after)
            with database.transaction(scope) as session:
                found = session.scalars(query.order_by(ImportFault.row, ImportFault.id).limit(AT_ONCE)).all()
            for one in describe_faults(found):
                yield str(one.row or ""), one.column, one.zh, one.en
            if len(found) < AT_ONCE:
                return
            row, last = found[-1].row, found[-1].id

    return Sheet("faults", HEADINGS, rows())
