"""The person served is named to the confirmed volunteers of the shift and to nobody else, and is forgotten."""

from typing import Any

import pytest
from apiflask import APIFlask
from cryptography.fernet import Fernet

from services.common.database import EVERY_SITE, Database
from services.registration.operations.activities.private_notes import any_old_note, forget_notes
from services.registration.operations.people.encryption import any_older_encryption
from services.registration.personal_data import PersonalData
from tests.registration.hours_world import Resident, earn, over, person_of
from tests.registration.world import Site, somebody

MARK = "王奶奶 三单元 402"


@pytest.fixture
def resident(app: APIFlask, database: Database, data: PersonalData) -> Any:
    """Makes residents with a session."""
    return lambda person_id: Resident(app, database, data, person_id)


def by_staff(site: Site, shift: str) -> dict[str, Any]:
    """A registration that the desk made."""
    body = {"person": somebody(), "channel": "desk"}
    made: dict[str, Any] = site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", body)
    return made


def write(site: Site, shift: str, note: str = MARK) -> None:
    site.expect(200, "PUT", f"/v1/shifts/{shift}/private-note", {"note": note}, If_Match="*")


def test_a_note_is_written_read_on_record_and_deleted(site: Site, other: Site) -> None:
    path = f"/v1/shifts/{site.shift()}/private-note"
    assert site.expect(200, "GET", path)["version"] == 0
    site.expect(428, "PUT", path, {"note": MARK})
    assert site.expect(200, "PUT", path, {"note": MARK}, If_Match='"0"')["version"] == 1
    site.expect(412, "PUT", path, {"note": "别的"}, If_Match='"0"')
    assert site.expect(200, "GET", path)["note"] == MARK
    reads = "SELECT count(*) AS n FROM audit_log WHERE action = 'read' AND kind = 'shift_notes' AND site_id = :site"
    assert site.sql(reads, site=site.id)[0].n == 1
    assert all(MARK not in str(row.note) for row in site.sql("SELECT note FROM shift_notes"))
    for method, body in (("GET", None), ("PUT", {"note": "x"})):
        assert other.call(method, path, body, If_Match="*").status_code == 404
    assert site.expect(200, "PUT", path, {"note": ""}, If_Match="*") == {
        "shift_id": path.split("/")[3],
        "note": "",
        "version": 0,
    }
    assert site.sql("SELECT shift_id FROM shift_notes WHERE site_id = :site", site=site.id) == []


def test_only_who_has_a_place_reads_it_and_no_event_does(site: Site, resident: Any) -> None:
    shift = site.shift(capacity=1)
    write(site, shift)
    has, waits = (by_staff(site, shift) for _ in range(2))

    def page(one: dict[str, Any]) -> str:
        answer = resident(one["person_id"]).call("GET", f"/my/registrations/{one['id']}")
        return str(answer.get_data(as_text=True))

    assert MARK in page(has) and MARK not in page(waits)
    site.move_shift(shift, -50, -48)
    assert MARK not in page(has)
    rows = site.sql("SELECT outbox::text AS body FROM outbox") + site.sql("SELECT changed::text AS body FROM audit_log")
    assert all(MARK not in row.body for row in rows)


def test_whoever_has_a_place_by_a_name_on_the_web_reads_it_when_staff_know_them(site: Site, resident: Any) -> None:
    _, [served] = over(site)
    earn(site, served)
    visit = site.shift(volunteering=True, starts=0.5)
    write(site, visit)
    stranger = site.sign_up(visit)
    known = site.expect(201, "POST", f"/v1/shifts/{visit}/registrations", {"person_id": person_of(site, served)})

    def page(one: dict[str, Any]) -> str:
        answer = resident(one["person_id"]).call("GET", f"/my/registrations/{one['id']}")
        return str(answer.get_data(as_text=True))

    assert MARK in page(known)
    assert MARK not in page(stranger) and "once you are checked in" in page(stranger)
    site.expect(200, "POST", f"/v1/registrations/{stranger['id']}/check-in", {})
    assert MARK in page(stranger)


def test_a_note_is_forgotten_thirty_days_after_the_end(site: Site, database: Database) -> None:
    old, recent = site.shift(), site.shift()
    for shift in (old, recent):
        write(site, shift)
    site.move_shift(old, -24 * 30 - 3, -24 * 30 - 1)
    site.move_shift(recent, -24 * 30 - 1, -24 * 30 + 1)
    with database.transaction(EVERY_SITE) as session:
        assert any_old_note(session)
        assert forget_notes(session) >= 1
        assert not any_old_note(session)
    left = site.sql("SELECT shift_id FROM shift_notes WHERE site_id = :site", site=site.id)
    assert [str(row.shift_id) for row in left] == [recent]


def test_a_note_is_encrypted_anew_with_the_newest_key(site: Site, database: Database, data: PersonalData) -> None:
    write(site, site.shift())
    newer = PersonalData([Fernet.generate_key().decode()], b"0" * 32)
    with database.transaction(EVERY_SITE) as session:
        assert any_older_encryption(session, newer)
