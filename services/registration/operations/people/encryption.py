"""Key rotation: everything that is encrypted is encrypted anew with the newest key, whatever table it lies in.

    for table in ENCRYPTED:
        after = None
        while (after := renew_encryption(session, data, table, after)): ...

`encrypted_with` says which key a row has, empty where several. A test fails on a table with that column that is not
listed here.
"""

from dataclasses import dataclass
from typing import Any

from cryptography.fernet import InvalidToken
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.logs import get_logger
from services.registration.personal_data import PersonalData

log = get_logger(__name__)


@dataclass(frozen=True)
class Encrypted:
    """A table with ciphertext: its key, in the order in which others lock its rows, and the columns.

    `at_once` is how many rows are renewed in one transaction, and are in memory.
    """

    name: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    at_once: int = 200


ENCRYPTED = (
    Encrypted("person_sites", ("person_id", "site_id"), ("name", "phone", "email", "birth_date")),
    Encrypted("volunteer_sites", ("person_id", "site_id"), ("sex", "id_number")),
    Encrypted("representatives", ("id",), ("name", "phone", "email")),
    Encrypted("consents", ("id",), ("guardian",)),
    Encrypted("objections", ("id",), ("words",)),
    Encrypted("import_parts", ("import_id", "number"), ("content",), at_once=5),
    Encrypted("export_parts", ("export_id", "number"), ("content",), at_once=5),
    Encrypted("certificates", ("id",), ("content",)),
    Encrypted("shift_notes", ("shift_id",), ("note",)),
)

Place = tuple[Any, ...]
"""The key of a row."""


def any_older_encryption(session: Session, data: PersonalData) -> bool:
    """Whether anything is not encrypted with the newest key, or not all of a row."""
    for table in ENCRYPTED:
        # The ends of an index tell; a comparison would read everybody.
        ends = text(f"SELECT min(encrypted_with), max(encrypted_with) FROM {table.name}")  # noqa: S608
        if any(end is not None and end != data.newest_key for end in session.execute(ends).one()):
            return True
    return False


def renew_encryption(
    session: Session, data: PersonalData, table: Encrypted, after: Place | None, limit: int | None = None
) -> Place | None:
    """Encrypt with the newest key some rows that follow `after`; returns the last one's key, None at the end.

    They are locked in the order in which sign-ups lock them, and few at a time, because sign-ups wait for them.
    """
    keys = ", ".join(table.keys)
    values: dict[str, Any] = {f"after{n}": value for n, value in enumerate(after or ())}
    follows = f"AND ({keys}) > ({', '.join(':' + name for name in values)})" if after else ""
    older = (
        f"SELECT {keys}, {', '.join(table.columns)} FROM {table.name}"  # noqa: S608
        f" WHERE encrypted_with <> :newest {follows} ORDER BY {keys} LIMIT :limit FOR NO KEY UPDATE"
    )
    values |= {"newest": data.newest_key, "limit": limit or table.at_once}
    rows = session.execute(text(older), values).mappings().all()
    for row in rows:
        place = {key: row[key] for key in table.keys}
        try:
            fresh = {name: data.renew(bytes(row[name])) if row[name] else row[name] for name in table.columns}
        except InvalidToken:
            # The others do not wait for what cannot be read. The key that is missing may be put back.
            log.error("details_unreadable", table=table.name, **{key: str(value) for key, value in place.items()})
            continue
        sets = ", ".join(f"{name} = :{name}" for name in table.columns)
        where = " AND ".join(f"{key} = :{key}" for key in table.keys)
        session.execute(
            text(f"UPDATE {table.name} SET {sets}, encrypted_with = :newest WHERE {where}"),  # noqa: S608
            {**fresh, **place, "newest": data.newest_key},
        )
    return tuple(rows[-1][key] for key in table.keys) if rows else None
