"""Service of past years, as a site kept it in a spreadsheet: each row becomes a record of its own kind.

Rows are of people whom the site knows already, by their volunteer number or by name and phone: hours are no reason to
keep somebody's details. What is on record already is left out, however it came about, so that a list which was mended
can be sent again.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.registration.models import Import
from services.registration.operations.hours.past_records import Past, add_past
from services.registration.operations.imports.repeats import find_earlier
from services.registration.operations.people.volunteer_ids import normal_volunteer_number
from services.registration.personal_data import PersonalData, plain_name
from services.registration.spreadsheets.columns import letter
from services.registration.spreadsheets.faults import Fault
from services.registration.spreadsheets.rows import Row

_BY_NUMBER = text("""
    SELECT DISTINCT ON (k."row") k."row", p.person_id, p.name
    FROM unnest(cast(:rows AS integer[]), cast(:numbers AS text[])) AS k ("row", number)
    JOIN volunteers AS v ON v.volunteer_number = k.number
    JOIN person_sites AS p ON p.person_id = person_now(v.person_id) AND p.site_id = :site
""")
_BY_PHONE = text("""
    SELECT DISTINCT ON (k."row") k."row", p.person_id, p.name
    FROM unnest(cast(:rows AS integer[]), cast(:hashes AS bytea[])) AS k ("row", hash)
    JOIN person_sites AS p ON p.phone_hash = k.hash AND p.site_id = :site
    ORDER BY k."row", p.created_at
""")
_KNOWN = text("""
    SELECT count(*) FROM unnest(cast(:people AS uuid[]), cast(:days AS date[]), cast(:activities AS text[]),
                                cast(:contents AS text[])) AS k (person, day, activity, content)
    WHERE EXISTS (
        SELECT FROM service_records AS r
        WHERE r.person_id IN (SELECT persons_of(k.person)) AND r.site_id = :site AND r.day = k.day
          AND r.activity = k.activity AND r.content = k.content
          AND NOT EXISTS (SELECT FROM service_records AS later WHERE later.corrects = r.id))
""")


def check_records(session: Session, data: PersonalData, found: Import, rows: Sequence[Row]) -> None:
    """Add to the rows' faults, and to what the import says of the whole list."""
    people = find_people(session, data, found.site_id, [row for row in rows if not row.faults])
    for row in rows:
        if not row.faults:
            row.faults += _whose(data, row, found.fields or [], people)
    good = [row for row in rows if not row.faults]
    doubles = find_earlier(session, found, [(_key(data, people[row.number][0], row), row.number) for row in good])
    for row in good:
        if row.number in doubles:
            row.faults.append(Fault(row.number, "", "double", other=doubles[row.number][1]))
    _sum_up(session, found, [(people[row.number][0], row) for row in good if not row.faults])


def find_people(
    session: Session, data: PersonalData, site_id: UUID, rows: Sequence[Row]
) -> dict[int, tuple[UUID, bytes | None]]:
    """Whom the site knows of these rows: (person, name as it is stored), by the number of the row."""
    numbered = [row for row in rows if "volunteer_number" in row.values]
    others = [row for row in rows if "volunteer_number" not in row.values]
    numbers = [normal_volunteer_number(row.values["volunteer_number"]) for row in numbered]
    hashes = [data.identity("phone", row.values["phone"], row.values["name"]) for row in others]
    asked: list[tuple[Any, dict[str, Any]]] = [
        (_BY_NUMBER, {"site": site_id, "rows": [row.number for row in numbered], "numbers": numbers}),
        (_BY_PHONE, {"site": site_id, "rows": [row.number for row in others], "hashes": hashes}),
    ]
    return {one.row: (one.person_id, one.name) for statement, told in asked for one in session.execute(statement, told)}


def _whose(
    data: PersonalData, row: Row, fields: Sequence[str | None], people: Mapping[int, tuple[UUID, bytes | None]]
) -> list[Fault]:
    column = "volunteer_number" if "volunteer_number" in row.values else "phone"
    place = f"{letter(fields.index(column))} {column}"
    if row.number not in people:
        return [Fault(row.number, place, "unknown_person")]
    stored = people[row.number][1]
    said = row.values.get("name")
    if said and (stored is None or plain_name(data.decrypt(bytes(stored))) != plain_name(said)):
        return [Fault(row.number, f"{letter(fields.index('name'))} name", "another_name")]
    return []


def _key(data: PersonalData, person_id: UUID, row: Row) -> UUID:
    """What no two rows may share: the same done by the same person on the same day."""
    what = (row.values["day"], row.values["activity"], row.values["content"])
    return UUID(bytes=data.fingerprint("import record", str(person_id), *what)[:16])


def _sum_up(session: Session, found: Import, good: Sequence[tuple[UUID, Row]]) -> None:
    """What who approves must know of the whole: how many hours, of which days, and how much is there already."""
    if not good:
        return
    days = [date.fromisoformat(row.values["day"]) for _, row in good]
    found.minutes += sum(int(row.values["hours"]) for _, row in good)
    found.first_day = min(days if found.first_day is None else [*days, found.first_day])
    found.last_day = max(days if found.last_day is None else [*days, found.last_day])
    known = {
        "site": found.site_id,
        "people": [person for person, _ in good],
        "days": days,
        "activities": [row.values["activity"] for _, row in good],
        "contents": [row.values["content"] for _, row in good],
    }
    found.known_records += session.scalar(_KNOWN, known) or 0


def add_records(session: Session, data: PersonalData, found: Import, rows: Sequence[Row]) -> int:
    """Add the rows to the site's chain, in the name of both persons; returns how many were there already, or are of
    nobody any more."""
    people = find_people(session, data, found.site_id, rows)
    added = 0
    for row in rows:
        if row.number in people:
            past = _past(people[row.number][0], row)
            brought, approved = found.made_by, found.approved_by or ""
            added += add_past(session, found.site_id, past, brought_by=brought, approved_by=approved) is not None
    return len(rows) - added


def _past(person_id: UUID, row: Row) -> Past:
    said = row.values
    return Past(
        person_id=person_id,
        day=date.fromisoformat(said["day"]),
        activity=said["activity"],
        place=said["place"],
        content=said["content"],
        minutes=int(said["hours"]),
        responsible=said["responsible"],
    )
