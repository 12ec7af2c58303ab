"""Check-in in its several ways: by scanning, by the leader's list, and offline in any order."""

import random
import uuid
from dataclasses import replace
from typing import Any

import pytest
from apiflask import APIFlask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.common.auth import RESIDENT_COOKIE
from services.common.database import Database
from services.registration.app import make_app
from services.registration.operations.hours.door_code import STEP_SECONDS, Codes
from services.registration.pages import check_in as pages
from services.registration.personal_data import PersonalData
from services.registration.settings import Settings
from tests.registration.hours_world import Resident, minutes_agree, moment, over, person_of, records_of
from tests.registration.office import Member, Office
from tests.registration.test_concurrency import at_once
from tests.registration.world import Site, resident_cookie


@pytest.fixture
def resident(app: APIFlask, database: Database, data: PersonalData) -> Any:
    """Makes residents with a session."""
    return lambda person_id: Resident(app, database, data, person_id)


def tap(registration: str, what: str, hours: float, **fields: Any) -> dict[str, Any]:
    return {"id": uuid.uuid4().hex, "registration_id": registration, "what": what, "at": moment(hours)} | fields


def send(site: Site, shift: str, taps: list[dict[str, Any]]) -> list[str]:
    results = site.expect(200, "POST", f"/v1/shifts/{shift}/attendance/batch", {"taps": taps})["results"]
    assert [result["id"] for result in results] == [one["id"] for one in taps]
    return [result["verdict"] for result in results]


def state(site: Site, registration: str) -> dict[str, Any]:
    answer = site.expect(200, "GET", f"/v1/registrations/{registration}")
    return {k: answer[k] for k in ("outcome", "checked_in_at", "checked_out_at", "service_minutes")}


def test_a_code_holds_for_its_half_minute_and_the_next(data: PersonalData) -> None:
    codes, shift = Codes(data), uuid.uuid4()
    token, seconds = codes.now(shift, at=STEP_SECONDS * 100 + 12)
    assert seconds == 18
    codes.check(shift, token, at=STEP_SECONDS * 100 + 29)
    codes.check(shift, token.lower(), at=STEP_SECONDS * 101 + 29)
    for other_shift, at in (
        (shift, STEP_SECONDS * 102),
        (shift, STEP_SECONDS * 99),
        (uuid.uuid4(), STEP_SECONDS * 100),
    ):
        with pytest.raises(Exception, match="over"):
            codes.check(other_shift, token, at=at)


def test_a_resident_scans_the_screen_to_come_and_to_leave(site: Site, resident: Any, data: PersonalData) -> None:
    shift, [registration, others] = over(site, people=2, ago=-1)
    volunteer = resident(person_of(site, registration))
    code = site.expect(200, "GET", f"/v1/shifts/{shift}/check-in-code")
    assert code["url"].endswith(f"/scan/{shift}?t={code['token']}") and code["svg"].startswith("<svg")
    path = f"/v1/my/shifts/{shift}/scan"
    volunteer.expect(409, "POST", path, {"token": "A" * 16})
    assert volunteer.expect(200, "POST", path, {"token": code["token"]})["outcome"] == "present"
    volunteer.expect(409, "POST", path, {"token": code["token"], "leave": True})  # a finger that slipped
    _, [elsewhere] = over(site, ago=-1)
    resident(person_of(site, elsewhere)).expect(404, "POST", path, {"token": code["token"]})
    items = site.expect(200, "GET", f"/v1/shifts/{shift}/attendance")["items"]
    assert {item["registration_id"]: item["how"] for item in items} == {registration: "scanned", others: None}
    assert all(item["name"].startswith("居民") for item in items)
    left = site.expect(200, "POST", f"/v1/registrations/{registration}/check-out", {})
    # Who came and went within the minute gave none; what that was known by is the weaker of both all the same.
    assert (left["outcome"], left["service_minutes"]) == ("attended", 0)
    items = site.expect(200, "GET", f"/v1/shifts/{shift}/attendance")["items"]
    assert {item["registration_id"]: item["how"] for item in items} == {registration: "confirmed", others: None}


def test_the_code_leads_to_the_page_behind_a_gateways_prefix(
    site: Site, settings: Settings, office: Office, data: PersonalData, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = "https://hesheng.example.org/registration"
    behind = make_app(settings.model_copy(update={"public_url": public, "trusted_proxies": 1}))
    shown: list[str] = []
    monkeypatch.setattr(pages, "svg", lambda address: shown.append(address) or "<svg></svg>")
    shift, [registration] = over(site, ago=-1)
    gateway = {"X_Forwarded_Prefix": "/registration", "X_Forwarded_Proto": "https", "X_Forwarded_For": "192.0.2.1"}
    member = replace(office.site_staff(site.id), app=behind)
    assert member.call("GET", f"/staff/check-in/{shift}/door", **gateway).status_code == 200
    shown.append(member.expect(200, "GET", f"/v1/shifts/{shift}/check-in-code", **gateway)["url"])
    cookie = resident_cookie(site.database, data, person_of(site, registration))
    volunteer = Member(behind, "", "", cookie, RESIDENT_COOKIE)
    for address in shown:
        assert address.startswith(f"{public}/scan/{shift}?t=")
        assert volunteer.call("GET", address.removeprefix(public), **gateway).status_code == 200


def test_a_form_of_the_desk_that_names_nobody_is_answered_in_words(site: Site, office: Office) -> None:
    member = office.site_staff(site.id)
    shift, _ = over(site)
    for form in ({}, {"registration_id": "x" * 5000}, {"registration_id": ""}):
        for what in ("in", "void", "?"):
            answer = member.call("POST", f"/staff/check-in/{shift}", form=form | {"what": what})
            assert answer.status_code == 422, (what, form)
    nobody = {"checked_in_at": "x", "checked_out_at": "", "outcome.x": "attended"}
    for form in ({}, {"reason": "纸质签到表"}, nobody):
        assert member.call("POST", f"/staff/check-in/{shift}/later", form=form).status_code == 422


def test_both_scanned_makes_a_scanned_record(site: Site, resident: Any, database: Database) -> None:
    shift, [registration] = over(site, ago=-1)
    volunteer = resident(person_of(site, registration))
    token = site.expect(200, "GET", f"/v1/shifts/{shift}/check-in-code")["token"]
    site.sql(
        "INSERT INTO attendance_entries (site_id, shift_id, registration_id, what, at, how, made_by)"
        " SELECT site_id, shift_id, id, 'in', cast(:at AS timestamptz), 'scanned', 'person:' || person_id"
        " FROM registrations WHERE id = :r",
        r=registration,
        at=moment(-0.5),
    )
    site.sql(
        "UPDATE registrations SET checked_in_at = :at, outcome = 'present' WHERE id = :r",
        r=registration,
        at=moment(-0.5),
    )
    done = volunteer.expect(200, "POST", f"/v1/my/shifts/{shift}/scan", {"token": token, "leave": True})
    assert done["service_minutes"] >= 29
    [record] = records_of(site, registration)
    assert (record.how, record.in_charge) == ("scanned", f"site:{site.id}")


def test_the_leaders_list_is_recorded_whole(site: Site) -> None:
    shift, [first, second, third] = over(site, people=3)
    entries = [
        {"registration_id": first, "outcome": "attended"},
        {"registration_id": second, "outcome": "no_show"},
        {"registration_id": third, "outcome": "present"},
    ]
    for _ in range(2):
        site.expect(200, "POST", f"/v1/shifts/{shift}/roll-call", {"entries": entries})
    assert [state(site, r)["outcome"] for r in (first, second, third)] == ["attended", "no_show", "present"]
    assert state(site, first)["service_minutes"] == 120
    assert len(records_of(site, first)) == 1 and minutes_agree(site)


def test_a_list_with_a_fault_is_not_recorded_at_all(site: Site) -> None:
    shift, [first, second] = over(site, people=2)
    site.expect(200, "POST", f"/v1/registrations/{first}/check-in", {})
    entries = [
        {"registration_id": first, "outcome": "no_show"},
        {"registration_id": str(uuid.uuid4()), "outcome": "attended"},
        {"registration_id": second, "outcome": "attended"},
    ]
    answer = site.expect(422, "POST", f"/v1/shifts/{shift}/roll-call", {"entries": entries})
    assert [error["field"] for error in answer["errors"]] == ["entries.0.registration_id", "entries.1.registration_id"]
    assert state(site, second)["outcome"] is None
    site.expect(422, "POST", f"/v1/shifts/{shift}/roll-call", {"entries": entries[2:] * 2})


def test_each_tap_has_its_own_verdict_and_counts_once(site: Site) -> None:
    shift, [first, second] = over(site, people=2)
    taps = [
        tap(first, "in", -3),
        tap(first, "out", -1),
        tap(second, "in", 3),
        tap(str(uuid.uuid4()), "in", -2),
        tap(second, "no_show", -2),
    ]
    assert send(site, shift, taps) == ["recorded", "recorded", "refused", "refused", "recorded"]
    assert send(site, shift, taps) == ["already", "already", "refused", "refused", "already"]
    assert state(site, first)["service_minutes"] == 120
    assert state(site, second)["outcome"] == "no_show"
    assert len(records_of(site, first)) == 1


def test_taps_of_days_ago_wait_for_a_second_person(site: Site, office: Office) -> None:
    shift, [both, half, missing] = over(site, people=3, ago=30)
    taps = [
        tap(both, "in", -32),
        tap(both, "out", -30),
        tap(half, "in", -32),
        tap(missing, "no_show", -31),
    ]
    verdicts = ["pending", "pending", "refused", "pending"]
    for _ in range(2):
        assert send(site, shift, taps) == verdicts  # what is half said stays on the device
    assert records_of(site, both) == []
    entries = site.expect(200, "GET", "/v1/later-entries?state=pending")["items"]
    assert {e["registration_id"]: e["checked_in_at"] is None for e in entries} == {both: False, missing: True}
    member = office.site_staff(site.id)
    for entry in entries:
        member.expect(200, "POST", f"/v1/later-entries/{entry['id']}/approve", {"reason": "值班表"})
    assert [state(site, r)["outcome"] for r in (both, half, missing)] == ["attended", None, "no_show"]
    assert [(r.minutes, r.how) for r in records_of(site, both)] == [(120, "entered_later")]


whats = st.tuples(st.sampled_from(["in", "out", "no_show", "void"]), st.integers(-60, 180))


def said_of(registration: str, said: list[tuple[str, int]]) -> list[dict[str, Any]]:
    """Taps; a void takes back the one before, or one that never comes."""
    taps: list[dict[str, Any]] = []
    for what, minutes in said:
        voids = {"voids": taps[-1]["id"] if taps else "never-sent"} if what == "void" else {}
        taps.append(tap(registration, what, -3 + minutes / 60, **voids))
    return taps


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(whats, min_size=1, max_size=8), seed=st.integers(0, 1000))
def test_taps_come_to_the_same_in_any_order(site: Site, said: list[tuple[str, int]], seed: int) -> None:
    shift, [first, second] = over(site, people=2)
    chance = random.Random(seed)
    send(site, shift, said_of(first, said))
    later = said_of(second, said)
    again = later + chance.sample(later, len(later) // 2)
    chance.shuffle(again)
    cut = chance.randint(0, len(again))
    for part in (again[:cut], again[cut:]):
        if part:
            send(site, shift, part)
    assert state(site, first) == state(site, second)
    assert 0 <= state(site, first)["service_minutes"] <= 120
    assert minutes_agree(site)


def test_two_desks_at_once_check_a_person_in_once(site: Site) -> None:
    _, [registration] = over(site)
    answers = at_once(12, lambda n: site.call("POST", f"/v1/registrations/{registration}/check-in"))
    assert {answer.status_code for answer in answers} == {200}
    rows = site.sql("SELECT count(*) AS n FROM attendance_entries WHERE registration_id = :r", r=registration)
    assert rows[0].n == 1


def test_the_same_taps_from_many_phones_at_once_count_once(site: Site) -> None:
    shift, registrations = over(site, people=4)
    taps = [tap(r, what, hours) for r in registrations for what, hours in (("in", -3), ("out", -1))]

    def sync(number: int) -> int:
        mine = taps[:]
        random.Random(number).shuffle(mine)
        return site.call("POST", f"/v1/shifts/{shift}/attendance/batch", {"taps": mine}).status_code

    assert set(at_once(8, sync)) == {200}
    assert all(state(site, r)["service_minutes"] == 120 and len(records_of(site, r)) == 1 for r in registrations)
    rows = site.sql("SELECT count(*) AS n FROM attendance_entries WHERE shift_id = :s", s=shift)
    assert rows[0].n == len(taps)
