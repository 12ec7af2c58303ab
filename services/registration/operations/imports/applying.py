"""A slice of a file becomes people: found or made by the identity rules of a sign-up, under the same locks.

Values are encrypted here and copied into a temporary table; all else is a handful of statements for the whole slice.
In order, as in `sign_up` (migrations/versions/0004_sign_up.sql): the identities that nobody has yet and the people who
are known, then the details that the site was told, both sorted. What a site was told before stays, unless the import
says otherwise.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.registration.models import Import
from services.registration.operations.imports.checking import PLAN, hashes
from services.registration.operations.imports.copying import copy_rows
from services.registration.operations.imports.overwriting import overwriting
from services.registration.operations.imports.past import add_records
from services.registration.operations.imports.rosters import WITH_TEAM, join_teams
from services.registration.operations.imports.volunteers import Identity, find_who, register_volunteers
from services.registration.personal_data import PersonalData
from services.registration.spreadsheets.rows import Row, Values

COLUMNS = (
    "number", "site_id", "new_id", "name", "phone", "email", "birth_date", "language", "encrypted_with",
    "phone_hash", "email_hash", "id_hash", "phone_index", "email_index",
)  # fmt: skip

# Empty again at each commit; made once for each connection.
_ARRIVING = text(
    "CREATE TEMPORARY TABLE IF NOT EXISTS arriving (number integer, site_id uuid, new_id uuid, name bytea, phone bytea,"
    " email bytea, birth_date bytea, language text, encrypted_with text, phone_hash bytea, email_hash bytea,"
    " id_hash bytea, phone_index bytea, email_index bytea, person_id uuid) ON COMMIT DELETE ROWS"
)
_LOCK_IDENTITIES = text("""
    SELECT pg_advisory_xact_lock(needed.lock) FROM (
        SELECT DISTINCT CASE WHEN i.known IS NULL THEN identity_lock(i.hash) ELSE person_lock(i.known) END AS lock
        FROM arriving AS a CROSS JOIN LATERAL (VALUES
            (a.phone_hash, (SELECT p.person_id FROM person_sites AS p WHERE p.phone_hash = a.phone_hash
                            ORDER BY p.created_at LIMIT 1)),
            (a.email_hash, (SELECT p.person_id FROM person_sites AS p WHERE p.email_hash = a.email_hash
                            ORDER BY p.created_at LIMIT 1)),
            (a.id_hash, (SELECT v.person_id FROM volunteers AS v WHERE v.id_number_hash = a.id_hash))
        ) AS i (hash, known)
        WHERE i.hash IS NOT NULL
        ORDER BY lock OFFSET 0
    ) AS needed
""")
_ERASED = text("""
    DELETE FROM arriving AS a USING erased_lately AS e
    WHERE e.site_id = a.site_id AND e.hash IN (a.phone_hash, a.email_hash, a.id_hash) AND e.erased_at > :since
""")
_LEAVE_OUT = text("DELETE FROM arriving WHERE number = ANY(:rows)")
_MATCH = text("""
    UPDATE arriving AS a SET person_id = coalesce(
        (SELECT coalesce(x.merged_into, x.id) FROM volunteers AS v JOIN people AS x ON x.id = v.person_id
         WHERE v.id_number_hash = a.id_hash),
        (SELECT coalesce(x.merged_into, x.id) FROM person_sites AS p JOIN people AS x ON x.id = p.person_id
         WHERE p.phone_hash = a.phone_hash ORDER BY p.created_at LIMIT 1),
        (SELECT coalesce(x.merged_into, x.id) FROM person_sites AS p JOIN people AS x ON x.id = p.person_id
         WHERE p.email_hash = a.email_hash ORDER BY p.created_at LIMIT 1))
""")
_NEW_PEOPLE = text("""
    INSERT INTO people (id) SELECT DISTINCT new_id FROM arriving WHERE person_id IS NULL
""")
_NOW_KNOWN = text("UPDATE arriving SET person_id = new_id WHERE person_id IS NULL")
_COUNT_NEW = text("SELECT count(DISTINCT new_id) FROM arriving WHERE person_id = new_id")
_LOCK_DETAILS = text("""
    SELECT FROM person_sites AS p
    WHERE (p.person_id, p.site_id) IN (SELECT person_id, site_id FROM arriving WHERE person_id <> new_id)
    ORDER BY p.person_id FOR NO KEY UPDATE
""")


def _first(column: str, beside: str = "") -> str:
    """Of a person's rows, the first that says it; `beside` is taken from the same row."""
    return f"(array_agg({beside or column} ORDER BY number) FILTER (WHERE {column} IS NOT NULL))[1]"


_TOLD = f"""
    SELECT person_id, site_id, {_first("name")} AS name, {_first("phone")} AS phone, {_first("email")} AS email,
        {_first("birth_date")} AS birth_date, {_first("language")} AS language, min(encrypted_with) AS encrypted_with,
        {_first("phone", "phone_hash")} AS phone_hash, {_first("phone", "phone_index")} AS phone_index,
        {_first("email", "email_hash")} AS email_hash, {_first("email", "email_index")} AS email_index
    FROM arriving GROUP BY person_id, site_id
"""  # noqa: S608
_FILL = text(f"""
    WITH told AS MATERIALIZED ({_TOLD}), taken AS MATERIALIZED (
        SELECT t.*,
            t.phone IS NOT NULL AND (p.phone IS NULL OR :overwrite AND p.phone_hash IS DISTINCT FROM t.phone_hash)
                AS new_phone,
            t.email IS NOT NULL AND (p.email IS NULL OR :overwrite AND p.email_hash IS DISTINCT FROM t.email_hash)
                AS new_email,
            t.birth_date IS NOT NULL AND (p.birth_date IS NULL OR :overwrite) AS new_birth_date,
            :overwrite AND t.language IS NOT NULL AND t.language <> p.language AS new_language
        FROM told AS t JOIN person_sites AS p ON (p.person_id, p.site_id) = (t.person_id, t.site_id)
    )
    UPDATE person_sites AS p SET
        phone = CASE WHEN new_phone THEN t.phone ELSE p.phone END,
        phone_hash = CASE WHEN new_phone THEN t.phone_hash ELSE p.phone_hash END,
        phone_index = CASE WHEN new_phone THEN t.phone_index ELSE p.phone_index END,
        email = CASE WHEN new_email THEN t.email ELSE p.email END,
        email_hash = CASE WHEN new_email THEN t.email_hash ELSE p.email_hash END,
        email_index = CASE WHEN new_email THEN t.email_index ELSE p.email_index END,
        birth_date = CASE WHEN new_birth_date THEN t.birth_date ELSE p.birth_date END,
        language = CASE WHEN new_language THEN t.language ELSE p.language END,
        encrypted_with = CASE p.encrypted_with WHEN t.encrypted_with THEN p.encrypted_with ELSE '' END,
        version = p.version + 1
    FROM taken AS t
    WHERE (p.person_id, p.site_id) = (t.person_id, t.site_id)
      AND (new_phone OR new_email OR new_birth_date OR new_language)
""")  # noqa: S608
_TELL = text(f"""
    INSERT INTO person_sites (person_id, site_id, name, phone, email, birth_date, language, encrypted_with,
                              phone_hash, phone_index, email_hash, email_index)
    SELECT person_id, site_id, name, phone, email, birth_date, language, encrypted_with,
           phone_hash, phone_index, email_hash, email_index
    FROM ({_TOLD}) AS t ORDER BY person_id ON CONFLICT DO NOTHING
""")  # noqa: S608
_WHO = text("SELECT number, person_id FROM arriving")


def apply_rows(session: Session, data: PersonalData, found: Import, rows: Sequence[Row]) -> None:
    """Bring in the rows that have no fault."""
    faulty = _faulty(session, found, rows[0].number, rows[-1].number)
    # What was good when it was checked may have a fault now: a birthday in the future of another day, a team gone.
    good = [row for row in rows if row.number not in faulty and not row.faults]
    found.skipped += len(rows) - len(good)
    left_out = _bring_in(session, data, found, good) if good else 0
    found.skipped += left_out
    found.applied += len(good) - left_out


def _bring_in(session: Session, data: PersonalData, found: Import, rows: Sequence[Row]) -> int:
    """Bring in these rows; returns how many turned out to be for nothing."""
    if found.kind == "records":
        return add_records(session, data, found, rows)
    identities = {row.number: hashes(data, row.values) for row in rows}
    people = settle_people(session, data, found, rows, identities)
    arrived = [row for row in rows if row.number in people]
    for_nothing = len(rows) - len(arrived)
    if found.kind == "volunteers":
        return for_nothing + register_volunteers(session, data, found, arrived, people, identities)
    if found.kind in WITH_TEAM:
        return for_nothing + join_teams(session, found, arrived, people)
    return for_nothing


def _faulty(session: Session, found: Import, first: int, last: int) -> set[int]:
    rows = session.execute(
        text('SELECT DISTINCT "row" FROM import_faults WHERE import_id = :id AND "row" BETWEEN :first AND :last'),
        {"id": found.id, "first": first, "last": last},
    )
    return {row.row for row in rows}


def settle_people(
    session: Session, data: PersonalData, found: Import, rows: Sequence[Row], identities: Mapping[int, Identity]
) -> dict[int, UUID]:
    """Who the people of these rows are, made where nobody knows them; by the number of the row.

    Whom the site erased since the file came is left out: an older list brings nobody back. So is a volunteer whose
    ID number or birth date became another person's, or another, since the check.
    """
    session.execute(PLAN)
    session.execute(_ARRIVING)
    copy_rows(session, "arriving", COLUMNS, _arriving(data, found.site_id, rows, identities))
    session.execute(_LOCK_IDENTITIES)
    session.execute(_ERASED, {"since": found.created_at})
    if found.kind == "volunteers":
        who = find_who(session, data, found.site_id, rows, identities)
        session.execute(_LEAVE_OUT, {"rows": [number for number, one in who.items() if one.fault]})
    session.execute(_MATCH)
    session.execute(_NEW_PEOPLE)
    session.execute(_NOW_KNOWN)
    found.new_people += session.scalar(_COUNT_NEW) or 0
    session.execute(_LOCK_DETAILS)
    with overwriting(session, found):
        session.execute(_FILL, {"overwrite": found.overwrite})
    session.execute(_TELL)
    return {row.number: row.person_id for row in session.execute(_WHO)}


def _arriving(
    data: PersonalData, site_id: UUID, rows: Sequence[Row], identities: Mapping[int, Identity]
) -> Iterator[tuple[Any, ...]]:
    """The rows as they are stored. Rows of one person share the id that they get if nobody knows them."""
    ids: dict[bytes, UUID] = {}
    drawn = os.urandom(16 * len(rows))
    for place, row in enumerate(rows):
        identity = identities[row.number]
        known_by = [digest for digest in identity.values() if digest is not None]
        fresh = UUID(bytes=drawn[16 * place : 16 * place + 16], version=4)
        new_id = next((ids[digest] for digest in known_by if digest in ids), fresh)
        for digest in known_by:
            ids.setdefault(digest, new_id)
        yield (row.number, site_id, new_id, *_stored(data, row.values, identity))


def _stored(data: PersonalData, values: Values, identity: Identity) -> tuple[Any, ...]:
    phone, email = values.get("phone"), values.get("email")
    return (
        data.encrypt(values["name"]),
        data.encrypt(phone) if phone else None,
        data.encrypt(email) if email else None,
        data.encrypt(values["birth_date"]) if "birth_date" in values else None,
        values.get("language"),
        data.newest_key,
        identity["phone"],
        identity["email"],
        identity["id_number"],
        data.contact_index("phone", phone) if phone else None,
        data.contact_index("email", email) if email else None,
    )
