"""The first rows of a file as they were read, for who is to say that they shall be brought in."""

from sqlalchemy.orm import Session

from services.common.audit import record
from services.registration.models import Import
from services.registration.operations.imports.uploads import read_part
from services.registration.personal_data import PersonalData
from services.registration.spreadsheets.columns import Headings
from services.registration.spreadsheets.rows import Row, check_row
from services.registration.spreadsheets.texts import read_records

SHOWN = 50


def preview(session: Session, data: PersonalData, found: Import) -> list[Row]:
    """The first rows that are well-formed, of a file that was checked. Whoever looks at them is on record."""
    if found.state != "checked" or found.heading_row is None:
        return []
    headings = Headings(found.heading_row, list(found.fields or []))
    content = read_part(session, data, found.id, 1)
    records, _ = read_records(content, found.encoding, found.delimiter or ",", last=found.parts == 1)
    rows: list[Row] = []
    for number, cells in enumerate(records, start=1):
        row = check_row(found.kind, headings, number, cells) if number > headings.row else None  # type: ignore[arg-type]
        if row is not None and not row.faults:
            rows.append(row)
        if len(rows) == SHOWN:
            break
    record(session, "read", "imports", found.id, found.site_id, rows=len(rows))
    return rows
