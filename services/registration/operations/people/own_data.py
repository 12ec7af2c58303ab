"""A person's own data: everything that is known about them, as one file, by site.

It reads the tables of `person_tables.py`, so that nothing can be left out: ciphertext is read, hashes and inner
numbering are left away.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.audit import record
from services.registration.id_numbers import masked as last_four
from services.registration.models import Person, Site
from services.registration.operations.people.erasure import PERSONS
from services.registration.operations.people.identity import across_sites, person_now
from services.registration.person_tables import PERSON_TABLES, PersonTable
from services.registration.personal_data import PersonalData
from services.registration.schemas.erasure import OwnData, SiteData

LEFT_AWAY = (
    "person_id",
    "row",
    "position",
    "review_at",
    "encrypted_with",
    "version",
    "text_id",
    "during",
    "hash",
    "previous",
)
INNER = ("_hash", "_index")

# Their own look is no reading by somebody else. What was read of every site (site_id null) was read of these too.
READ_BY = text("""
SELECT at, action, site_id, split_part(actor, ':', 1) AS by, changed ->> 'reason' AS reason FROM audit_log
WHERE record = ANY(:people) AND action IN ('read', 'reveal', 'export') AND actor <> ALL(:themselves)
  AND (cast(:sites AS uuid[]) IS NULL OR site_id IS NULL OR site_id = ANY(:sites)) ORDER BY id
""")


def own_data(
    session: Session, data: PersonalData, person_id: UUID, sites: list[UUID] | None, masked: bool = False
) -> OwnData:
    """All of it, of these sites only or of every one (None). That it was asked for is on record. `masked` is what
    others than the person see: of the ID number the last four, the whole one takes a reason (`reveal_id_number`)."""
    with across_sites(session):
        person_id = person_now(session, person_id)
        people = list(session.scalars(PERSONS, {"person": person_id}))
        rows = {table.name: _rows(session, data, table, people, sites, masked) for table in PERSON_TABLES}
        person = session.get_one(Person, person_id)
        known = sorted({row["site_id"] for found in rows.values() for row in found if row.get("site_id")}, key=str)
        who = {"people": [str(one) for one in people], "themselves": [f"person:{one}" for one in people]}
        readings = session.execute(READ_BY, who | {"sites": sites}).mappings()
        answer = OwnData(
            made_at=datetime.now(UTC),
            person_id=person_id,
            person_number=person.number,
            everywhere=_of_no_site(rows),
            sites=[_site(session, site_id, rows) for site_id in known],
            read_by=[dict(row) for row in readings],
            titles={table.name: {"zh": table.title.zh, "en": table.title.en} for table in PERSON_TABLES},
        )
        of_one = sites[0] if sites is not None and len(sites) == 1 else None
        record(session, "export", "people", person_id, of_one, sites=None if sites is None else len(sites))
    return answer


def _rows(
    session: Session,
    data: PersonalData,
    table: PersonTable,
    people: list[UUID],
    sites: list[UUID] | None,
    masked: bool,
) -> list[dict[str, Any]]:
    at = "AND t.site_id = ANY(:sites)" if sites is not None and not table.everywhere else ""
    query = f"{select_rows(table)} WHERE {table.whose} {at} ORDER BY t.{table.key}"
    found = session.execute(text(query), {"people": people, **({"sites": sites} if at else {})}).mappings()
    rows = [{name: _readable(data, value) for name, value in row.items() if is_shown(name)} for row in found]
    for row in rows if masked else ():
        if row.get("id_number"):
            row["id_number"] = last_four(row["id_number"])
    return rows


def select_rows(table: PersonTable) -> str:
    """What of a table's rows is told, up to the WHERE."""
    more = f", {table.more}" if table.more else ""
    return f"SELECT {table.columns}{more} FROM {table.name} AS t {table.joins}"  # noqa: S608


def is_shown(name: str) -> bool:
    return name not in LEFT_AWAY and not name.endswith(INNER)


def _readable(data: PersonalData, value: Any) -> Any:
    """Bytes are ciphertext: a column of hashes is not among those shown. What an erasure blanked is empty."""
    if isinstance(value, bytes | memoryview):
        return data.shown(bytes(value)) if value else None
    return value


def _of_no_site(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """What holds for every site, or was done by an operator."""
    found = {name: [row for row in those if not row.get("site_id")] for name, those in sorted(rows.items())}
    return {name: those for name, those in found.items() if those}


def _site(session: Session, site_id: UUID, rows: dict[str, list[dict[str, Any]]]) -> SiteData:
    site = session.get_one(Site, site_id)
    here = {name: [row for row in found if row.get("site_id") == site_id] for name, found in rows.items()}
    of_site = {
        name: [{key: value for key, value in row.items() if key != "site_id"} for row in found]
        for name, found in here.items()
        if found
    }
    return SiteData(site_id=site_id, name_zh=site.name_zh, name_en=site.name_en, data=of_site)
