"""Volunteers with the data of Order 67: checked by the rules of a registration, registered a slice at a time.

The ID number decides before contact and name who somebody is, at whichever site. Who is a volunteer of the site already
stays as they are. What stood on paper is on record as consents that came on paper.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.common.events import VolunteerRegistered
from services.common.outbox import add_events
from services.registration.models import Area, Import, Site
from services.registration.operations.imports.copying import copy_rows
from services.registration.operations.imports.overwriting import overwriting
from services.registration.operations.people.identity import day_at_site
from services.registration.operations.people.minors_shown import ADULT
from services.registration.operations.people.representatives import ask_guardian_by_mail, known_again
from services.registration.operations.people.volunteer_ids import new_volunteer_number
from services.registration.personal_data import PersonalData, age_band, age_on, plain_name
from services.registration.spreadsheets.columns import Headings
from services.registration.spreadsheets.rows import Row
from services.registration.spreadsheets.volunteer_values import AGREED

HOW = "paper"

Identity = Mapping[str, bytes | None]

# Materialised, each look-up once: unfolded into one another they are made again for every column that uses them. And
# look-ups, not joins: these would read all of the site's people.
_WHO = text("""
    WITH told AS MATERIALIZED (
        SELECT k.*, (SELECT v.person_id FROM volunteers AS v WHERE v.id_number_hash = k.id_hash) AS holder,
            coalesce((SELECT p.person_id FROM person_sites AS p WHERE p.phone_hash = k.phone_hash
                      ORDER BY p.created_at LIMIT 1),
                     (SELECT p.person_id FROM person_sites AS p WHERE p.email_hash = k.email_hash
                      ORDER BY p.created_at LIMIT 1)) AS reached
        FROM unnest(cast(:rows AS integer[]), cast(:ids AS bytea[]), cast(:phones AS bytea[]),
                    cast(:emails AS bytea[])) AS k ("row", id_hash, phone_hash, email_hash)
    ), now AS MATERIALIZED (
        SELECT "row", id_hash,
            (SELECT coalesce(x.merged_into, x.id) FROM people AS x WHERE x.id = told.holder) AS holder,
            (SELECT coalesce(x.merged_into, x.id) FROM people AS x WHERE x.id = told.reached) AS reached
        FROM told
    ), found AS MATERIALIZED (SELECT *, coalesce(holder, reached) AS person FROM now)
    SELECT f."row", f.person,
        (SELECT true FROM person_sites AS p WHERE (p.person_id, p.site_id) = (f.person, :site)) AS known,
        (SELECT p.birth_date FROM person_sites AS p WHERE (p.person_id, p.site_id) = (f.person, :site)) AS birth_date,
        (SELECT true FROM volunteer_sites AS s WHERE (s.person_id, s.site_id) = (f.person, :site)) AS volunteer,
        f.holder IS NULL AND f.id_hash <> (SELECT v.id_number_hash FROM volunteers AS v WHERE v.person_id = f.reached)
            AS another_id,
        ARRAY(SELECT n.name FROM person_sites AS n WHERE n.person_id = f.holder) AS names,
        (SELECT g.identity_hash FROM representatives AS g
         WHERE (g.person_id, g.site_id, g.kind) = (f.person, :site, 'guardian') AND g.confirmed) AS guardian
    FROM found AS f
""")

_COLUMNS = (
    "number", "person_id", "volunteer_number", "id_hash", "sex", "id_number", "area", "skills", "professions",
    "categories", "agreed", "id_number_consent", "guardian_consent", "guardian", "relation", "guardian_phone",
    "guardian_email", "guardian_index", "guardian_hash", "language",
)  # fmt: skip
# Empty again at each commit; made once for each connection.
_REGISTERING = text(
    "CREATE TEMPORARY TABLE IF NOT EXISTS registering (number integer, person_id uuid, volunteer_number text,"
    " id_hash bytea, sex bytea, id_number bytea, area text, skills text[], professions text[], categories text[],"
    " agreed text, id_number_consent text, guardian_consent text, guardian bytea, relation text, guardian_phone bytea,"
    " guardian_email bytea, guardian_index bytea, guardian_hash bytea, language text) ON COMMIT DELETE ROWS"
)
_NOT_MADE = text("DELETE FROM registering WHERE person_id <> ALL(:people)")
_LOCK = text(
    "SELECT FROM volunteers WHERE person_id IN (SELECT person_id FROM registering) ORDER BY person_id FOR UPDATE"
)
_NUMBERS = text("""
    INSERT INTO volunteers (person_id, volunteer_number, id_number_hash)
    SELECT person_id, volunteer_number, id_hash FROM registering AS r
    WHERE NOT EXISTS (SELECT FROM volunteers AS v WHERE v.person_id = r.person_id)
    ORDER BY person_id ON CONFLICT (volunteer_number) DO NOTHING
""")
_WITHOUT_NUMBER = text(
    "SELECT number FROM registering AS r WHERE NOT EXISTS (SELECT FROM volunteers AS v WHERE v.person_id = r.person_id)"
)
_ANOTHER_NUMBER = text("UPDATE registering SET volunteer_number = :fresh WHERE number = :number")
_ID_NUMBERS = text("""
    UPDATE volunteers AS v SET id_number_hash = r.id_hash FROM registering AS r
    WHERE v.person_id = r.person_id AND v.id_number_hash IS NULL AND r.id_hash IS NOT NULL
""")
_HERE = text("""
    WITH made AS (
        INSERT INTO volunteer_sites (person_id, site_id, sex, id_number, encrypted_with, area, skills, professions,
                                     categories)
        SELECT person_id, :site, sex, id_number, :key, area, skills, professions, categories FROM registering
        ORDER BY number ON CONFLICT DO NOTHING RETURNING person_id
    )
    SELECT m.person_id, p.number AS person_number FROM made AS m JOIN people AS p ON p.id = m.person_id
""")
_GUARDIANS = text("""
    INSERT INTO representatives (person_id, site_id, kind, relation, name, phone, email, email_index, identity_hash,
                                 confirmed, encrypted_with, language)
    SELECT person_id, :site, 'guardian', coalesce(relation, ''), guardian, guardian_phone, guardian_email,
           guardian_index, guardian_hash, true, :key, language
    FROM registering WHERE guardian IS NOT NULL
    ON CONFLICT (person_id, site_id, kind) DO UPDATE SET
        relation = excluded.relation, name = excluded.name, phone = excluded.phone, email = excluded.email,
        email_index = excluded.email_index, identity_hash = excluded.identity_hash, confirmed = true,
        email_proven = coalesce(representatives.email_proven AND representatives.email_index = excluded.email_index,
                                false),
        encrypted_with = excluded.encrypted_with, version = representatives.version + 1,
        language = coalesce((SELECT r.language FROM registering AS r WHERE r.person_id = excluded.person_id),
                            representatives.language)
    WHERE NOT representatives.confirmed OR :overwrite
""")
# From when on their guardians have to have agreed, where a later text asked everybody again.
_AGREED_AGAIN = text("""
    SELECT max(effective_from) FROM consent_texts
    WHERE kind = 'guardian_volunteering' AND again AND number > 1 AND effective_from <= now()
""")
# To which version they agreed: the one that there was on the day, or the first.
_CONSENTS = text("""
    INSERT INTO consents (person_id, site_id, kind, text_id, given_by, how, made_by, given_at, representative_id,
                          guardian, guardian_hash, encrypted_with)
    SELECT r.person_id, :site, c.kind, t.id, c.given_by, :how, :made_by,
           coalesce(c.day::timestamp AT TIME ZONE s.time_zone, now()), g.id, g.name, g.identity_hash, g.encrypted_with
    FROM registering AS r JOIN sites AS s ON s.id = :site
    CROSS JOIN LATERAL (VALUES ('terms', 'person', r.agreed),
                               ('sensitive_id_number', 'person', r.id_number_consent),
                               ('guardian_volunteering', 'guardian', r.guardian_consent)) AS k (kind, given_by, said)
    CROSS JOIN LATERAL (SELECT k.kind, k.given_by, cast(nullif(k.said, :agreed) AS date) AS day) AS c
    CROSS JOIN LATERAL (
        SELECT v.id FROM consent_texts AS v
        CROSS JOIN LATERAL (SELECT v.effective_from <= least((c.day + 1)::timestamp AT TIME ZONE s.time_zone, now())
                            AS counted) AS w
        WHERE v.kind = c.kind ORDER BY counted DESC, CASE WHEN counted THEN -v.number ELSE v.number END
        LIMIT 1) AS t
    LEFT JOIN representatives AS g ON c.given_by = 'guardian' AND g.kind = 'guardian'
        AND (g.person_id, g.site_id) = (r.person_id, s.id)
    WHERE k.said IS NOT NULL
    ORDER BY r.number ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True)
class Who:
    """Whom the system knows of a row, and what keeps the row from being theirs."""

    person_id: UUID | None
    known: bool
    """To this site."""
    volunteer: bool
    """Of this site."""
    fault: tuple[str, str] | None
    """The column and what is wrong."""


def find_who(
    session: Session, data: PersonalData, site_id: UUID, rows: Sequence[Row], identities: Mapping[int, Identity]
) -> dict[int, Who]:
    """Who the rows are about, by number, and whether that can be."""
    told = {
        "site": site_id,
        "rows": [row.number for row in rows],
        "ids": [identities[row.number].get("id_number") for row in rows],
        "phones": [identities[row.number]["phone"] for row in rows],
        "emails": [identities[row.number]["email"] for row in rows],
    }
    values = {row.number: row.values for row in rows}
    return {
        one.row: Who(one.person, bool(one.known), bool(one.volunteer), _contradiction(data, values[one.row], one))
        for one in session.execute(_WHO, told)
    }


def _contradiction(data: PersonalData, said: Mapping[str, str], found: Any) -> tuple[str, str] | None:
    if found.another_id:
        return "id_number", "another_id"
    if found.names and plain_name(said["name"]) not in {plain_name(data.decrypt(bytes(one))) for one in found.names}:
        return "id_number", "id_elsewhere"
    if found.birth_date and data.decrypt(bytes(found.birth_date)) != said["birth_date"]:
        return "birth_date", "another_birth_date"
    # Who is on file stays, and a consent is never put in the name of another than who gave it.
    if found.guardian and not found.volunteer and _guardian_hash(data, said) not in (None, bytes(found.guardian)):
        return "guardian", "another_guardian"
    return None


def _guardian_hash(data: PersonalData, said: Mapping[str, str]) -> bytes | None:
    if "guardian" not in said:
        return None
    return known_again(data, said["guardian"], said.get("guardian_phone"), said.get("guardian_email"))


def check_volunteers(
    session: Session, data: PersonalData, found: Import, rows: Sequence[Row], identities: Mapping[int, Identity]
) -> dict[int, Who]:
    """Add to the faults of these rows, which have none so far; returns who they are about."""
    headings = Headings(0, list(found.fields or []))
    today = day_at_site(session, found.site_id)
    again = _agreed_again(session, found.site_id)
    areas = _Areas(session, found.site_id, rows)
    who = find_who(session, data, found.site_id, rows, identities)
    for row in rows:
        faults = [
            *_minor_faults(row.values, today, again),
            *areas.faults(row.values),
            *_is(who[row.number].fault),
        ]
        for name, code in faults:
            row.blame(headings, name, code)
    return who


def _is(fault: tuple[str, str] | None) -> list[tuple[str, str]]:
    return [fault] if fault else []


def _agreed_again(session: Session, site_id: UUID) -> datetime | None:
    """Since when all guardians are asked again, as the site's clock says it."""
    again = session.scalar(_AGREED_AGAIN)
    return again.astimezone(ZoneInfo(session.get_one(Site, site_id).time_zone)) if again else None


def _minor_faults(said: Mapping[str, str], today: date, again: datetime | None) -> list[tuple[str, str]]:
    age = age_on(date.fromisoformat(said["birth_date"]), today)
    if age < ADULT and "guardian" not in said:
        return [("guardian", "no_guardian")]
    if age >= 14:
        return []
    agreed = said.get("guardian_consent")
    if agreed is None:
        return [("guardian_consent", "guardian_consent")]
    # To the text of the end of that day, as `_CONSENTS` has it.
    if again and agreed != AGREED and date.fromisoformat(agreed) < _first_day_with(again):
        return [("guardian_consent", "guardian_consent_outdated")]
    return []


def _first_day_with(again: datetime) -> date:
    """At whose end the new text counts: where that is from midnight on, the day before."""
    return again.date() if again.time() > time.min else again.date() - timedelta(days=1)


class _Areas:
    """The areas that these rows name, by code or by a name that only one has, in the site's own district first."""

    def __init__(self, session: Session, site_id: UUID, rows: Sequence[Row]) -> None:
        named = {row.values["area"] for row in rows if "area" in row.values}
        query = select(Area.code, Area.name_zh, Area.name_en).where(
            Area.code.in_(named) | Area.name_zh.in_(named) | Area.name_en.in_(named)
        )
        found = session.execute(query).all() if named else []
        self._codes = {area.code for area in found}
        self._named: dict[str, set[str]] = {}
        for area in found:
            for name in (area.name_zh, area.name_en):
                self._named.setdefault(name, set()).add(area.code)
        self._district = (session.scalar(select(Site.area).where(Site.id == site_id)) or "")[:6]

    def code(self, name: str) -> str | None:
        """The code of the area that is meant; None where there is none, or more than one."""
        if name in self._codes:
            return name
        found = self._named.get(name, set())
        near = {code for code in found if code.startswith(self._district)}
        meant = near or found
        return next(iter(meant)) if len(meant) == 1 else None

    def faults(self, said: Mapping[str, str]) -> list[tuple[str, str]]:
        """What is wrong with the area of a row."""
        if "area" not in said or self.code(said["area"]):
            return []
        return [("area", "area_twice" if said["area"] in self._named else "area")]


def register_volunteers(
    session: Session,
    data: PersonalData,
    found: Import,
    rows: Sequence[Row],
    people: Mapping[int, UUID],
    identities: Mapping[int, Identity],
) -> int:
    """Register the people of these rows; returns how many were volunteers of the site already."""
    areas = _Areas(session, found.site_id, rows)
    site = {"site": found.site_id}
    # The same person may have been found by the phone of one row and the e-mail of another: the first counts.
    first = {people[row.number]: row for row in reversed(rows)}
    session.execute(_REGISTERING)
    stored = (_stored(data, row, person, areas, identities[row.number]) for person, row in first.items())
    copy_rows(session, "registering", _COLUMNS, stored)
    made = session.execute(_HERE, site | {"key": data.newest_key}).all()
    session.execute(_NOT_MADE, {"people": [one.person_id for one in made]})
    _give_numbers(session)
    # Guardians first: their consents say who they are.
    with overwriting(session, found):
        session.execute(_GUARDIANS, site | {"key": data.newest_key, "overwrite": found.overwrite})
    session.execute(_CONSENTS, site | {"how": HOW, "made_by": found.made_by, "agreed": AGREED})
    _tell(session, found.site_id, sorted(((one, first[one.person_id]) for one in made), key=lambda one: one[1].number))
    return len(rows) - len(made)


def _give_numbers(session: Session) -> None:
    """Everybody has a number of their own; one that is taken already is drawn again. An ID number is added where there
    was none."""
    session.execute(_LOCK)
    session.execute(_NUMBERS)
    while without := session.scalars(_WITHOUT_NUMBER).all():
        session.execute(_ANOTHER_NUMBER, [{"number": one, "fresh": new_volunteer_number()} for one in without])
        session.execute(_NUMBERS)
    session.execute(_ID_NUMBERS)


def _tell(session: Session, site_id: UUID, made: Sequence[tuple[Any, Row]]) -> None:
    """Let the others know of the new volunteers, and ask guardians who have not agreed, where they have an e-mail."""
    today = day_at_site(session, site_id)
    add_events(
        session,
        [
            VolunteerRegistered(
                person_id=one.person_id,
                person_number=one.person_number,
                site_id=site_id,
                categories=_codes(row.values, "categories"),
                age_band=age_band(date.fromisoformat(row.values["birth_date"]), today),
                how=HOW,
            )
            for one, row in made
        ],
    )
    for one, row in made:
        said = row.values
        minor = age_on(date.fromisoformat(said["birth_date"]), today) < ADULT
        if minor and "guardian_email" in said and "guardian_consent" not in said:
            ask_guardian_by_mail(session, site_id, one.person_id)


def _codes(said: Mapping[str, str], name: str) -> list[str]:
    return said[name].split(",") if name in said else []


def _stored(data: PersonalData, row: Row, person_id: UUID, areas: _Areas, identity: Identity) -> tuple[Any, ...]:
    said = row.values

    def sealed(name: str) -> bytes | None:
        return data.encrypt(said[name]) if name in said else None

    return (
        row.number,
        person_id,
        new_volunteer_number(),
        identity["id_number"],
        sealed("sex"),
        sealed("id_number"),
        areas.code(said["area"]) if "area" in said else None,
        *(_codes(said, name) for name in ("skills", "professions", "categories")),
        said["agreed"],
        said.get("id_number_consent") if "id_number" in said else None,
        said.get("guardian_consent"),
        sealed("guardian"),
        said.get("guardian_relation"),
        sealed("guardian_phone"),
        sealed("guardian_email"),
        data.contact_index("email", said["guardian_email"]) if "guardian_email" in said else None,
        _guardian_hash(data, said),
        said.get("language"),
    )
