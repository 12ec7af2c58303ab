"""The audit log: every change that somebody makes is in it, with the change, and nothing can be taken out."""

import pytest
from sqlalchemy.exc import DBAPIError

from services.common.database import ACTING, Acting
from tests.registration.world import Site


def _audit(site: Site, record: str) -> list:
    return site.sql("SELECT * FROM audit_log WHERE record = :record ORDER BY id", record=record)


def test_a_change_is_told_with_who_and_what(site: Site) -> None:
    room = site.expect(201, "POST", "/v1/rooms", {"name_zh": "排练室", "name_en": "Rehearsal room", "capacity": 30})
    (entry,) = _audit(site, room["id"])
    assert entry.actor.startswith("site:")
    assert (entry.action, entry.kind, str(entry.site_id)) == ("insert", "rooms", site.id)
    assert entry.changed["capacity"] == [None, 30]
    assert entry.request_id


def test_personal_data_is_named_and_never_copied(site: Site) -> None:
    registration = site.sign_up(site.shift())
    person = registration["person_id"]
    site.expect(200, "PATCH", f"/v1/people/{person}", {"phone": "13800138000"}, If_Match="*")
    (entry,) = _audit(site, person)
    assert entry.changed == {"phone": "*", "phone_hash": "*", "phone_index": "*"}


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
def test_nothing_can_be_taken_back(site: Site, statement: str) -> None:
    site.expect(201, "POST", "/v1/rooms", {"name_zh": "室", "name_en": "Room", "capacity": 3})
    with pytest.raises(DBAPIError, match="only ever added to"):
        site.sql(statement)


def test_a_site_sees_its_own_entries_only(site: Site, other: Site) -> None:
    other.expect(201, "POST", "/v1/rooms", {"name_zh": "室", "name_en": "Room", "capacity": 3})
    assert site.sql("SELECT * FROM audit_log WHERE site_id = :id", scope=site.id, id=other.id) == []


def test_what_the_system_does_by_itself_is_not_audited(site: Site) -> None:
    ACTING.set(Acting())
    room = site.sql(
        "INSERT INTO rooms (site_id, name_zh, name_en, capacity) VALUES (:id, '室', 'r', 1) RETURNING id", id=site.id
    )[0].id
    assert _audit(site, str(room)) == []
