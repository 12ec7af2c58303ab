"""What an export holds: every table with rows of a site, found in the database itself, so that none is forgotten.

Left out is what is no use to anybody else: hashes, keys, sessions, the files of other imports and exports. Personal
columns are decrypted; of ID numbers the last four are shown, for whoever needs one reveals it by itself, for a reason
that is kept. Beside the id of a person, an activity, a shift, … stands its name (`names.py`). Which minors' data went
out is on record. Times are those of the site's zone. The sheet `columns` says what each column is.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.errors import Problem, Words
from services.registration.id_numbers import masked
from services.registration.operations.exports import names
from services.registration.operations.people.minors_shown import is_minor
from services.registration.personal_data import PersonalData
from services.registration.spreadsheets.writing import Sheet
from services.registration.table_words import TABLES

LEFT_OUT = {
    "audit_log": "read on its own page",
    "exports": "about this file itself",
    "export_parts": "this file itself",
    "imports": "the files are gone; what came of them is in the audit log",
    "import_parts": "gone when the import ended",
    "import_faults": "gone a week after",
    "import_keys": "hashes",
    "erased_lately": "hashes",
    "links": "open something once, and for one person",
    "merge_moves": "how to undo a merge",
    "shift_notes": "for the shift's confirmed volunteers and nobody else",
    "site_keys": "hashes of keys",
    "site_logos": "a picture; the site's page has it",
    "staff_grants": "of the installation",
    "staff_sessions": "of the installation",
}
HIDDEN = ("encrypted_with", "came_from", "sha256", "during", "claim", "claimed_until")
HIDDEN_ENDS = ("_hash", "_index", "_secret")
AT_ONCE = 500
NAMES_AT_HAND = 20_000
"""A person has many rows, and reading a ciphertext takes longer than all else of a row. Some megabytes."""

IDS = {
    "id": Words("编号", "id"),
    "site_id": Words("站点编号", "id of the site"),
    "activity_id": Words("活动编号（见 activities）", "id of the activity (see activities)"),
    "shift_id": Words("场次编号（见 shifts）", "id of the shift (see shifts)"),
    "person_id": Words("人员编号（见 person_sites）", "id of the person (see person_sites)"),
    "team_id": Words("队伍编号（见 teams）", "id of the team (see teams)"),
    "room_id": Words("房间编号（见 rooms）", "id of the room (see rooms)"),
    "id_number": Words("证件号（只有后四位）", "ID number (the last four)"),
    "position": Words("顺序号", "order of making"),
    "version": Words("版本", "how often it was changed"),
    "created_at": Words("建立时间", "when it was made"),
}
"""What matters of a column to whoever reads a whole table."""


@dataclass(frozen=True)
class Content:
    """A table, its columns that are exported, and of these the ids that have a name beside them."""

    table: str
    columns: Sequence[str]
    named: Collection[str]

    def headings(self) -> Iterator[str]:
        """The columns as they are written."""
        for column in self.columns:
            yield column
            if column in self.named:
                yield names.heading(column)


@dataclass
class Counted:
    """How far an export is."""

    rows: int = 0
    tables: int = 0
    minors: list[str] = field(default_factory=list)


def contents(session: Session) -> list[Content]:
    """Every table with rows of sites, and of each what is shown."""
    rows = session.execute(
        text(
            "SELECT c.table_name, c.column_name, c.udt_name FROM information_schema.columns AS c"
            " JOIN information_schema.tables AS t USING (table_schema, table_name)"
            " WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND (c.table_name = 'sites'"
            " OR EXISTS (SELECT FROM information_schema.columns AS s WHERE s.table_schema = 'public'"
            " AND s.table_name = c.table_name AND s.column_name = 'site_id'))"
            " ORDER BY c.table_name, c.ordinal_position"
        )
    )
    found: dict[str, dict[str, bool]] = {}
    for row in rows:
        if row.table_name not in LEFT_OUT and not _hidden(row.column_name):
            named = row.udt_name in ("uuid", "_uuid") and row.column_name in names.NAMED
            # person_sites says the name itself
            found.setdefault(row.table_name, {})[row.column_name] = named and row.table_name != "person_sites"
    return [
        Content(table, list(columns), [name for name, named in columns.items() if named])
        for table, columns in found.items()
    ]


def _hidden(column: str) -> bool:
    return column in HIDDEN or column.endswith(HIDDEN_ENDS)


def sheets(
    session: Session, data: PersonalData, site_id: UUID, told: Sequence[Content], at: Counted
) -> Iterator[Sheet]:
    """The tables, one after the other, read through a cursor as they are written; first what their columns mean."""
    yield Sheet("columns", ("table", "column", "中文", "English"), _meanings(told))
    zone = ZoneInfo(str(session.scalar(text("SELECT time_zone FROM sites WHERE id = :id"), {"id": site_id})))
    for one in told:
        yield Sheet(one.table, list(one.headings()), _rows(session, data, site_id, one, zone, at))
        at.tables += 1


def _meanings(told: Sequence[Content]) -> Iterator[tuple[str, ...]]:
    for one in told:
        table = TABLES.get(one.table, Words("", one.table.replace("_", " ")))
        yield one.table, "", table.zh, table.en
        for name in one.columns:
            words = IDS.get(name) or names.WORDS.get(name) or Words("", name.replace("_", " "))
            yield one.table, name, words.zh, words.en
            if name in one.named:
                beside = names.meaning(name)
                yield one.table, names.heading(name), beside.zh, beside.en


def _rows(
    session: Session, data: PersonalData, site_id: UUID, one: Content, zone: ZoneInfo, at: Counted
) -> Iterator[list[str]]:
    cells = [*(f't."{name}"' for name in one.columns), *(names.cell(name) for name in one.named)]
    key = "id" if one.table == "sites" else "site_id"
    query = text(f'SELECT {", ".join(cells)} FROM "{one.table}" AS t WHERE t.{key} = :site')  # noqa: S608 (the catalogue)
    values = {"site": site_id} | ({"zone": zone.key} if "shift_id" in one.named else {})
    found = session.execute(query, values, execution_options={"stream_results": True, "yield_per": AT_ONCE})
    shown = _shower(data, zone)
    read = lru_cache(NAMES_AT_HAND)(data.shown)
    for row in found:
        at.rows += 1
        said = dict(zip(one.columns, map(shown, row[: len(one.columns)]), strict=True))
        beside = dict(zip(one.named, row[len(one.columns) :], strict=True))
        if said.get("id_number"):
            said["id_number"] = masked(said["id_number"])
        if one.table == "person_sites" and is_minor(_day(said["birth_date"])):
            at.minors.append(said["person_id"])
        yield list(_with_names(read, said, beside))


def _with_names(read: Callable[[bytes], str], said: dict[str, str], beside: dict[str, Any]) -> Iterator[str]:
    for column, cell in said.items():
        yield cell
        if column in beside:
            yield names.written(read, column, beside[column], has_id=bool(cell))


def _day(written: str) -> date | None:
    """A birth date, None where there is none, or none that can be read."""
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def _shower(data: PersonalData, zone: ZoneInfo) -> Callable[[Any], str]:
    def shown(cell: Any) -> str:
        match cell:
            case None:
                return ""
            case bool():
                return "true" if cell else "false"
            case bytes() | memoryview():
                try:
                    return data.decrypt(bytes(cell))
                except Problem:
                    return bytes(cell).hex()[:200]
            case datetime():
                return cell.astimezone(zone).isoformat(timespec="seconds")
            case dict() | list():
                return json.dumps(cell, ensure_ascii=False, default=str)
        return str(cell)

    return shown
