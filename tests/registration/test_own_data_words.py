"""The own data page speaks in words: every field of the file has some, in both languages."""

import re
from datetime import UTC, datetime
from typing import get_args
from uuid import uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from services.common.auth import RESIDENT_COOKIE, Caller
from services.common.events import AgeBand, CancelReason
from services.registration.operations.people.own_data import is_shown, select_rows
from services.registration.pages.data_words import CODES, FIELDS, actor, spoken
from services.registration.pages.links import PURPOSES
from services.registration.person_tables import PERSON_TABLES
from services.registration.personal_data import PersonalData
from services.registration.schemas.hours import FlagKind
from services.registration.schemas.merges import MergeBody
from services.registration.schemas.registrations import Channel
from tests.registration.test_volunteers import register
from tests.registration.world import Site, resident_cookie


def fields_of(site: Site) -> set[tuple[str, str]]:
    """Table and name of everything in the own data file."""
    found = set()
    for table in PERSON_TABLES:
        with site.database.engine.connect() as connection:
            query = text(f"{select_rows(table)} WHERE {table.whose}")
            names = connection.execute(query, {"people": [uuid4()]}).keys()
        found |= {(table.name, name) for name in names if is_shown(name)}
    return found


def test_every_field_of_the_own_data_file_has_words(site: Site) -> None:
    assert sorted(f"{table}.{name}" for table, name in fields_of(site) if name not in FIELDS) == []


def test_the_page_speaks_words_where_the_file_keeps_the_raw_names(
    site: Site, app: APIFlask, data: PersonalData
) -> None:
    made = register(site, name="读得懂", sex="female", skills=["first_aid"])
    client = app.test_client()
    client.set_cookie(RESIDENT_COOKIE, resident_cookie(site.database, data, made["person_id"], site.id))
    page, file = (client.get(path).get_data(as_text=True) for path in ("/my/data/", "/v1/my/data"))
    assert all(word in page for word in ("急救", "女", "由站点登记"))
    assert not [raw for raw in ("first_aid", "created_at", "person_sites") if raw in page]
    assert "first_aid" in file and "created_at" in file


def test_every_code_that_may_stand_in_a_row_has_words(site: Site) -> None:
    """What the database, the links and the enumerations allow, whether or not anybody has it yet."""
    rows = site.sql(
        "SELECT conrelid::regclass::text AS name, pg_get_constraintdef(oid) AS rule FROM pg_constraint"
        " WHERE contype = 'c' AND conrelid::regclass::text = ANY(:tables)",
        tables=[table.name for table in PERSON_TABLES],
    )
    allowed = {
        ("links", "purpose"): set(PURPOSES),
        ("registrations", "cancel_reason"): set(CancelReason),
        ("registrations", "age_band"): set(AgeBand),
        ("registrations", "channel"): set(get_args(Channel)),
        ("cleared_flags", "kind"): set(get_args(FlagKind)),
        ("merges", "reason"): set(get_args(MergeBody.model_fields["reason"].annotation)),
        ("consents", "kind"): {row.kind for row in site.sql("SELECT DISTINCT kind FROM consent_texts")},
    }
    for row in rows:
        for column, codes in re.findall(r"\((\w+) = ANY \(ARRAY\[([^]]*)\]", row.rule):
            allowed.setdefault((row.name, column), set(re.findall(r"'(\w+)'::text", codes)))
    shown = {name: allowed[name] for name in allowed.keys() & fields_of(site)}
    assert ("transfers", "status") in shown and ("service_records", "how") in shown
    wordless = {
        f"{table}.{column}={code}"
        for (table, column), codes in shown.items()
        for code in codes
        if code not in (CODES.get(f"{table}.{column}") or CODES.get(column, {}))
    }
    callers = {*(f"{one}:x" for one in Caller), "operator", "system", "web", "import"}
    wordless |= {who for who in callers if actor(who).zh == who.split(":")[0]}
    assert sorted(wordless) == []


@pytest.mark.parametrize("tongue", ["zh", "en"])
def test_a_row_is_told_in_one_language(app: APIFlask, tongue: str) -> None:
    row = {
        "title_zh": "合唱",
        "title_en": "Choir",
        "starts_at": datetime(2026, 5, 1, 1, tzinfo=UTC),
        "status": "offered",
    }
    with app.test_request_context(headers={"Accept-Language": tongue}):
        told = spoken("registrations", row, "Asia/Shanghai")
    assert len(told) == 3 and ("合唱" in str(told)) == (tongue == "zh") and "09:00" in str(told)
