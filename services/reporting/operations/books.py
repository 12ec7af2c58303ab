"""Everything that the log led to, as canonical bytes: two databases that applied the same log give the same bytes."""

import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.reporting.models import METADATA


def dump_books(session: Session) -> bytes:
    """Each table's rows in the order of their keys, one JSON list per line. The caller sees every site."""
    lines: list[str] = []
    for table in sorted(METADATA.tables.values(), key=lambda table: table.name):
        names = [column.name for column in table.columns]
        lines.append(json.dumps([table.name, *names]))
        rows = session.execute(select(table).order_by(*table.primary_key.columns))
        lines.extend(json.dumps(list(row), default=str, ensure_ascii=False) for row in rows)
    return "\n".join(lines).encode() + b"\n"
