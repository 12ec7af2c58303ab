"""What concerns somebody under whatever column: it is in their file, and gone or cut with an erasure."""

from typing import Any

import pytest

from tests.registration.hours_world import earn, moment, over, person_of
from tests.registration.world import Caller, Site, somebody

NOTE = "王小名来过，忘了签到"


@pytest.fixture
def person(site: Site) -> str:
    """Somebody who came, whose hours were entered later, who was asked for a place, is called, was merged."""
    _, [registration] = over(site, ago=30)
    person = person_of(site, registration)
    body = {"checked_in_at": moment(-31.5), "checked_out_at": moment(-30.5), "reason": NOTE}
    site.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", body)
    _, [came] = over(site, ago=1)
    site.sql("UPDATE registrations SET person_id = :p WHERE id = :r", p=person, r=came)
    earn(site, came)
    giver = site.sign_up(site.shift())
    site.expect(201, "POST", f"/v1/registrations/{giver['id']}/hand-over", {"to_person_id": person})
    full = site.shift(capacity=1)
    first = site.sign_up(full)
    site.expect(201, "POST", f"/v1/shifts/{full}/registrations", {"person_id": person})
    site.cancel(first["id"])
    double, look_alike = (site.expect(201, "POST", "/v1/people", somebody())["id"] for _ in range(2))
    merge = {"survivor": person, "merged": double, "reason": "entered_twice"}
    site.expect(201, "POST", "/v1/merges", merge)
    site.expect(201, "POST", "/v1/two-people", {"one": person, "two": look_alike})
    period = {"period_from": "2026-01-01", "period_to": "2099-01-01"}
    site.sql(
        "INSERT INTO certificate_batches (site_id, period_from, period_to, people, asked_by)"
        " VALUES (:s, :period_from, :period_to, ARRAY[:p]::uuid[], 'staff:x')",
        s=site.id,
        p=person,
        **period,
    )
    site.sql(
        "INSERT INTO cleared_flags (site_id, kind, subject, reason, concerned, cleared_by)"
        " VALUES (:s, 'many_hours_day', :subject, :note, '{}', 'staff:x')",
        s=site.id,
        subject=f"{person}:2026-05-01",
        note=NOTE,
    )
    return person


OTHERS = {
    "attendance_entries",
    "later_entries",
    "calls",
    "transfers",
    "merges",
    "two_people",
    "certificate_batches",
    "cleared_flags",
}


def test_it_is_in_the_file_and_in_the_plan_and_nothing_names_them_afterwards(
    site: Site, operator: Caller, person: str
) -> None:
    [here] = operator.expect(200, "GET", f"/v1/people/{person}/data")["sites"]
    told: dict[str, list[dict[str, Any]]] = here["data"]
    assert set(told) >= OTHERS
    assert told["transfers"][0]["was_asked"] and told["transfers"][0]["status"] == "asked"
    assert told["later_entries"][0]["reason"] == NOTE
    assert not {"people", "one", "two", "to_person_id"} & {name for table in OTHERS for name in told[table][0]}
    fates = {one["table"]: one for one in operator.expect(200, "GET", f"/v1/people/{person}/erasure")["fates"]}
    assert {name for name in OTHERS if fates[name]["erased"]} == {"calls", "two_people"}
    assert all(fates[name]["why_en"] for name in OTHERS if not fates[name]["erased"])
    operator.expect(200, "POST", f"/v1/people/{person}/erasure", {"reason": "person_asked"})
    left = {one["table"] for one in operator.expect(200, "GET", f"/v1/people/{person}/erasure")["fates"]}
    assert not left & {"calls", "two_people"}
    for table in site.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        rows = site.sql(f"SELECT to_jsonb(t)::text AS row FROM {table.tablename} AS t")
        assert not [row for row in rows if NOTE in row.row], table.tablename
