"""The dry run of a slice: every fault by row and column, doubles within the file, people who are known already."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.registration.models import Import
from services.registration.operations.imports.past import check_records
from services.registration.operations.imports.repeats import find_earlier
from services.registration.operations.imports.rosters import WITH_TEAM, check_teams
from services.registration.operations.imports.volunteers import Identity, check_volunteers
from services.registration.personal_data import PersonalData, plain_name
from services.registration.spreadsheets.faults import Fault
from services.registration.spreadsheets.rows import Row, Values

_KNOWN = text(
    "SELECT count(*) FROM unnest(cast(:phones AS bytea[]), cast(:emails AS bytea[])) AS h (phone, email)"
    " WHERE EXISTS (SELECT FROM person_sites AS p WHERE p.site_id = :site AND p.phone_hash = h.phone)"
    " OR EXISTS (SELECT FROM person_sites AS p WHERE p.site_id = :site AND p.email_hash = h.email)"
)
_ADD_FAULTS = text(
    'INSERT INTO import_faults (import_id, site_id, "row", "column", code, title, other)'
    " SELECT :id, :site, * FROM unnest(cast(:rows AS integer[]), cast(:columns AS text[]), cast(:codes AS text[]),"
    " cast(:titles AS text[]), cast(:others AS integer[]))"
)
PLAN = text(
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_mergejoin', 'off', true), set_config('client_min_messages', 'warning', true)"
)
"""PostgreSQL knows nothing yet of tables that are being filled and of arrays, and would read everybody."""


def hashes(data: PersonalData, values: Values) -> dict[str, bytes | None]:
    """By what the person of a row is found, as a sign-up would."""
    found = {
        kind: data.identity(kind, values[kind], values["name"]) if kind in values else None
        for kind in ("phone", "email")
    }
    return {**found, "id_number": data.id_number_hash(values["id_number"]) if "id_number" in values else None}


def check_rows(session: Session, data: PersonalData, found: Import, rows: Sequence[Row]) -> None:
    """Note everything that is wrong with these rows."""
    session.execute(PLAN)
    if found.kind == "records":
        check_records(session, data, found, rows)
    else:
        _check_people(session, data, found, rows)
    add_faults(session, found, [fault for row in rows for fault in row.faults])
    found.rows += len(rows)
    found.faulty_rows += sum(bool(row.faults) for row in rows)


def _check_people(session: Session, data: PersonalData, found: Import, rows: Sequence[Row]) -> None:
    good = [row for row in rows if not row.faults]
    identities = {row.number: hashes(data, row.values) for row in good}
    also: Mapping[int, Sequence[UUID]] = {}
    if found.kind in WITH_TEAM:
        check_teams(session, data, found, rows, identities)
    if found.kind == "volunteers":
        who = check_volunteers(session, data, found, good, identities)
        also = {number: [one.person_id] for number, one in who.items() if one.person_id}
    good = [row for row in good if not row.faults]
    _find_doubles(session, data, found, good, identities, also)
    still_good = [row for row in good if not row.faults]
    if found.kind == "volunteers":
        found.known_people += sum(who[row.number].known for row in still_good)
        found.known_records += sum(who[row.number].volunteer for row in still_good)
    else:
        found.known_people += _known(session, found, [identities[row.number] for row in still_good])


def _known(session: Session, found: Import, identities: Sequence[Identity]) -> int:
    told = {
        "site": found.site_id,
        "phones": [one["phone"] for one in identities],
        "emails": [one["email"] for one in identities],
    }
    return session.scalar(_KNOWN, told) or 0


def _find_doubles(
    session: Session,
    data: PersonalData,
    found: Import,
    rows: Iterable[Row],
    identities: Mapping[int, Identity],
    also: Mapping[int, Sequence[UUID]],
) -> None:
    """Note rows that are of one person: by what they say, or (`also`) by who the system knows them to be."""
    marked = [
        (key, row.number)
        for row in rows
        for key in (*_keys(data, found.kind, row.values, identities[row.number]), *also.get(row.number, ()))
    ]
    leaders = [(_leader_key(data, row.values), row.number) for row in rows if row.values.get("role") == "leader"]
    leading = {key for key, _ in leaders}
    doubles = find_earlier(session, found, marked + leaders)
    for row in rows:
        if row.number in doubles:
            key, earlier = doubles[row.number]
            code = "second_leader" if key in leading else "double"
            row.faults.append(Fault(row.number, "", code, other=earlier))


def _keys(data: PersonalData, kind: str, values: Values, found: Identity) -> list[UUID]:
    """What no other row of the file may share: a person, or a member of a team."""
    more = [plain_name(values["team"])] if kind in WITH_TEAM else []
    return [
        UUID(bytes=(data.fingerprint("import", digest.hex(), *more) if more else digest)[:16])
        for digest in found.values()
        if digest is not None
    ]


def _leader_key(data: PersonalData, values: Values) -> UUID:
    """What no two rows of a roster may share: who leads a team."""
    return UUID(bytes=data.fingerprint("import leader", plain_name(values["team"]))[:16])


def add_faults(session: Session, found: Import, faults: Sequence[Fault]) -> None:
    """Keep them, and how many there are."""
    if not faults:
        return
    session.execute(
        _ADD_FAULTS,
        {
            "id": found.id,
            "site": found.site_id,
            "rows": [fault.row for fault in faults],
            "columns": [fault.column for fault in faults],
            "codes": [fault.code for fault in faults],
            "titles": [fault.title for fault in faults],
            "others": [fault.other for fault in faults],
        },
    )
    found.faults += len(faults)
