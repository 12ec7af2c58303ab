"""The own data page speaks in words: every field of the file has some, in both languages."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from services.registration.operations.people.own_data import is_shown, select_rows
from services.registration.operations.staff.sessions import RESIDENT_COOKIE
from services.registration.pages.data_words import FIELDS, spoken
from services.registration.person_tables import PERSON_TABLES
from services.registration.personal_data import PersonalData
from tests.registration.test_volunteers import register
from tests.registration.world import Site, resident_cookie


def test_every_field_of_the_own_data_file_has_words(site: Site) -> None:
    missing = set()
    for table in PERSON_TABLES:
        with site.database.engine.connect() as connection:
            query = text(f"{select_rows(table)} WHERE {table.whose}")
            names = set(connection.execute(query, {"people": [uuid4()]}).keys())
        missing |= {f"{table.name}.{name}" for name in names if is_shown(name) and name not in FIELDS}
    assert sorted(missing) == []


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
