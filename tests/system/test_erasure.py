"""A marked person goes through every route and is erased: no database, queue or log has a mark afterwards."""

import base64

import pytest

from deploy.local.system import System
from services.registration.personal_data import PersonalData
from tests.system.conftest import Api, eventually, mails_to, new_shift
from tests.system.test_personal_data import _rows

MARKS = ("Erasedmarkperson", "erased-mark", "13912341234", "Erasedmarkhelper", "1979-04-08")
PERSON = {
    "name": MARKS[0],
    "email": "erased-mark@example.com",
    "phone": f"+86{MARKS[2]}",
    "birth_date": MARKS[4],
}


def _found(text: str) -> list[str]:
    return [mark for mark in MARKS if mark in text or mark.encode().hex() in text]


@pytest.fixture(scope="module")
def erased(system: System, operator: Api, area: str) -> str:
    """Id of a person who volunteered, consented, was searched, merged, mailed, and then erased."""
    made = operator.post("/v1/sites", {"area": area, "name_zh": "擦除中心", "name_en": "Erasure centre"})
    site = Api(operator.base, operator.post(f"/v1/sites/{made['id']}/keys", {"label": "erase"})["key"])
    person = site.post("/v1/volunteers", PERSON | {"sex": "male", "terms_consent": True})["person_id"]
    helper = {"name": MARKS[3], "email": "erased-mark-helper@example.com", "agreed": True}
    site.call("PUT", f"/v1/people/{person}/helper", 200, helper)
    site.post(f"/v1/people/{person}/consents", {"kind": "photo"})
    site.post("/v1/people/search", {"phone": MARKS[2]}, expect=200)
    site.post("/v1/people", {"name": "Somebody who stays", "phone": "+8613912341235"})
    double = site.post("/v1/people", PERSON | {"name": MARKS[0] + "again"})["id"]
    site.post("/v1/merges", {"survivor": person, "merged": double, "reason": "entered_twice"})
    shift = new_shift(site, volunteering=True)
    site.post(f"/v1/shifts/{shift['id']}/registrations", {"person_id": person})
    eventually(lambda: mails_to(system, "erased-mark@example.com"))
    operator.post(f"/v1/people/{person}/erasure", {"reason": "person_asked"}, expect=200)
    eventually(lambda: _is_told(system, person))
    return str(person)


def _is_told(system: System, person: str) -> bool:
    """Whether the erasure is in the log, which the others read."""
    return any(person in row and "person.erased" in row for _, row in _rows(system.database_urls["registration"]))


@pytest.mark.parametrize("service", ["registration", "notifications", "reporting"])
def test_no_database_holds_a_mark(system: System, erased: str, service: str) -> None:
    rows = list(_rows(system.database_urls[service]))
    assert len(rows) > 20, "row-level security hid the tables from the test"
    assert [(table, _found(row)) for table, row in rows if _found(row)] == []


def test_no_ciphertext_holds_a_mark(system: System, erased: str) -> None:
    keys = system.secrets["PERSONAL_DATA_KEYS"].split(",")
    data = PersonalData(keys, base64.b64decode(system.secrets["BLIND_INDEX_KEY"]))
    tokens = 0
    for table, row in _rows(system.database_urls["registration"]):
        for value in row.replace('"', "").replace("(", ",").replace(")", ",").split(","):
            hexed = value.lstrip("\\").removeprefix("x")
            if hexed.startswith("6741414141"):  # what Fernet's tokens begin with
                tokens += 1
                assert not _found(data.decrypt(bytes.fromhex(hexed))), table
    assert tokens, "whoever stays is encrypted"


def test_no_log_and_no_queue_holds_a_mark(system: System, erased: str) -> None:
    files = [*system.logs.glob("*.log"), *(path for path in (system.data / "valkey").rglob("*") if path.is_file())]
    assert len(files) >= 9
    assert [
        (f.name, _found(f.read_bytes().decode(errors="replace")))
        for f in files
        if _found(f.read_bytes().decode(errors="replace"))
    ] == []
