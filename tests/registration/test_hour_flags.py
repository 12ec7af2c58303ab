"""Flags: what looks wrong about hours is seen, and only a second person says that it is not."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from deploy.local.servers import Postgres
from services.registration.settings import Settings
from tests.registration.hours_world import earn, moment, over, records_of, second_person
from tests.registration.office import Member, Office
from tests.registration.test_hours_chain import behind_the_triggers
from tests.registration.world import Site, somebody


def kinds(site: Site) -> list[str]:
    return [flag["kind"] for flag in site.expect(200, "GET", "/v1/hour-flags")["items"]]


def signed_up(site: Site, person: dict[str, Any], starts: float, ends: float) -> str:
    """A registration of this person for a volunteering shift that was then: all on one day at any time of day."""
    shift = site.shift(volunteering=True)
    registration = site.try_sign_up(shift, person).get_json()["id"]
    site.sql(
        "UPDATE shifts SET starts_at = :a, ends_at = :b, local_day = cast(:day AS timestamptz)::date WHERE id = :i",
        a=moment(starts),
        b=moment(ends),
        day=moment(-2),
        i=shift,
    )
    site.signed_up_before(shift)
    return registration


def test_ordinary_hours_raise_no_flag(site: Site) -> None:
    _, registrations = over(site, people=2)
    for registration in registrations:
        earn(site, registration)
    assert kinds(site) == []


def test_too_many_hours_in_a_day_and_two_places_at_once(site: Site, other: Site, office: Office) -> None:
    person = somebody()
    earn(site, signed_up(site, person, -14.5, -2), -14.5, -1.5)
    assert kinds(site) == ["many_hours_day"]
    # No two shifts of one person overlap, but who stayed on at the first was not at the second.
    earn(other, signed_up(other, person, -2, -1), -2, -1)
    assert sorted(kinds(site)) == ["many_hours_day", "two_places"]
    assert sorted(kinds(other)) == ["many_hours_day", "two_places"]  # a day is one sum, wherever the hours were given
    flag = next(one for one in other.expect(200, "GET", "/v1/hour-flags")["items"] if one["kind"] == "two_places")
    assert len(flag["records"]) == 1  # the other site's record is not shown
    body = {"kind": flag["kind"], "subject": flag["subject"], "reason": "两处值班表核对过"}
    other.expect(403, "POST", "/v1/hour-flags/clear", body)  # a key is not a second person
    second = second_person(office, other)
    assert second.expect(200, "POST", "/v1/hour-flags/clear", body)["reason"] == "两处值班表核对过"
    assert kinds(other) == ["many_hours_day"] and "two_places" in kinds(site)
    second.expect(404, "POST", "/v1/hour-flags/clear", body)
    assert other.expect(200, "GET", "/v1/hour-flags?cleared=true")["items"][0]["cleared_by"].startswith("staff:")


def flagged(site: Site) -> list[tuple[str, int, int]]:
    items = site.expect(200, "GET", "/v1/hour-flags")["items"]
    return [(flag["kind"], flag["minutes"], len(flag["records"])) for flag in items]


def call_roll(site: Site, shift: str, registrations: list[str], outcome: str) -> None:
    entries = [{"registration_id": r, "outcome": outcome} for r in registrations]
    site.expect(200, "POST", f"/v1/shifts/{shift}/roll-call", {"entries": entries})


@pytest.fixture
def told_at(site: Site, postgres: Postgres, settings: Settings) -> Callable[..., None]:
    """Moves what was told of registrations to another moment; a wall clock decides nothing here."""

    def move(registrations: list[str], hours: float, seconds: float = 0) -> None:
        with behind_the_triggers(postgres, settings) as superuser:
            moved = {"at": moment(hours + seconds / 3600), "of": registrations}
            of = "registration_id = ANY(%(of)s::uuid[])"
            superuser.execute(f"UPDATE service_records SET recorded_at = %(at)s WHERE {of}", moved)
            superuser.execute(f"UPDATE attendance_entries SET received_at = %(at)s WHERE {of}", moved)

    return move


def test_a_list_that_says_only_afterwards_who_came_is_flagged(site: Site) -> None:
    shift, registrations = over(site, people=10)
    call_roll(site, shift, registrations, "attended")
    assert flagged(site) == [("in_bulk", 1200, 10)]


def test_saying_first_that_they_are_there_hides_nothing_once_the_shift_is_over(site: Site, told_at: Any) -> None:
    shift, registrations = over(site, people=10)
    call_roll(site, shift, registrations, "present")
    told_at(registrations, -0.5)  # half an hour after the end, and half an hour before the rest
    call_roll(site, shift, registrations, "attended")
    assert flagged(site) == [("in_bulk", 1200, 10)]


def test_a_list_of_those_who_were_checked_in_before_is_not(site: Site, told_at: Any) -> None:
    shift, registrations = over(site, people=10)
    call_roll(site, shift, registrations, "present")
    told_at(registrations, -2.75)
    call_roll(site, shift, registrations, "attended")
    assert flagged(site) == []


def test_one_shift_is_one_list_however_it_is_cut(site: Site, told_at: Any) -> None:
    shift, registrations = over(site, people=18)
    for part, hours in ((registrations[:9], -0.9), (registrations[9:], -0.2)):
        call_roll(site, shift, part, "attended")
        told_at(part, hours)
    assert flagged(site) == [("in_bulk", 2160, 18)]


def test_one_hand_in_one_go_is_seen_across_shifts_and_minutes(site: Site, told_at: Any) -> None:
    lists = [over(site, people=9), over(site, people=9)]
    for (shift, registrations), seconds in zip(lists, (-1, 1), strict=True):
        call_roll(site, shift, registrations, "attended")
        told_at(registrations, -0.5, seconds)  # a second before a whole minute, and a second after
    assert flagged(site) == [("in_bulk", 2160, 18)]
    told_at(lists[1][1], -0.4)
    assert flagged(site) == []


def test_the_hours_of_one_day_are_one_sum_wherever_they_were_given(site: Site, other: Site, office: Office) -> None:
    person = somebody()
    first, second = signed_up(site, person, -19, -10), signed_up(other, person, -10, -1)
    same_day = (
        "UPDATE shifts SET local_day = current_date WHERE id IN (SELECT shift_id FROM registrations WHERE id = :r)"
    )
    for registration in (first, second):
        site.sql(same_day, r=registration)
    earn(site, first, -19, -10)
    assert flagged(site) == []
    earn(other, second, -10, -1)
    for where in (site, other):
        [flag] = where.expect(200, "GET", "/v1/hour-flags")["items"]
        assert (flag["kind"], flag["minutes"], len(flag["records"])) == ("many_hours_day", 1080, 1)
    there = office.site_staff(other.id).call("GET", "/staff/hours").get_data(as_text=True)
    assert site.id not in there and str(records_of(site, first)[0].id) not in there


def test_hours_that_one_account_alone_confirmed_are_looked_at(site: Site) -> None:
    person = somebody()
    for week in range(4):
        registration = signed_up(site, person, -12, -1)
        of_it = "WHERE id = (SELECT shift_id FROM registrations WHERE id = :r)"
        day = "local_day = date '2026-03-02' + 7 * cast(:w AS int)"
        site.sql(f"UPDATE shifts SET {day} {of_it}", r=registration, w=week)
        earn(site, registration, -12, -1)
        back = "interval '7 days' * cast(:w + 1 AS int)"
        site.sql(
            f"UPDATE shifts SET starts_at = starts_at - {back}, ends_at = ends_at - {back} {of_it}",
            r=registration,
            w=week,
        )
    found = {flag["kind"]: flag for flag in site.expect(200, "GET", "/v1/hour-flags")["items"]}
    assert len(found["one_hand"]["records"]) == 4 and found["one_hand"]["minutes"] > 40 * 60


def test_an_open_flag_stays_however_old_the_shift(site: Site, office: Office) -> None:
    _, [registration] = over(site, ago=24 * 120)
    body = {"checked_in_at": moment(-24 * 120 - 1), "checked_out_at": moment(-24 * 120), "reason": "补录"}
    entry = site.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", body)
    second_person(office, site).expect(200, "POST", f"/v1/later-entries/{entry['id']}/approve", {"reason": "属实"})
    assert kinds(site) == ["late"]
    since = moment(24)[:10]
    assert site.expect(200, "GET", f"/v1/hour-flags?since={since}")["items"] == []


def test_two_whom_one_person_invited_are_looked_at(site: Site, office: Office) -> None:
    admin = office.area_admin(area_of(site), at=site.id)
    one, two = (invited(office, admin, site) for _ in range(2))
    _, [registration] = over(site, ago=30)
    body = {"checked_in_at": moment(-32), "checked_out_at": moment(-30), "reason": "忘签"}
    entry = one.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", body)
    two.expect(200, "POST", f"/v1/later-entries/{entry['id']}/approve", {"reason": "属实"})
    [flag] = site.expect(200, "GET", "/v1/hour-flags")["items"]
    assert (flag["kind"], flag["minutes"]) == ("one_inviter", 120)
    looked = {"kind": flag["kind"], "subject": flag["subject"], "reason": "签到表核对过"}
    for concerned in (one, two, admin):
        concerned.expect(409, "POST", "/v1/hour-flags/clear", looked)
    second_person(office, site).expect(200, "POST", "/v1/hour-flags/clear", looked)
    assert kinds(site) == []


def area_of(site: Site) -> str:
    return str(site.sql("SELECT area FROM sites WHERE id = :s", s=site.id)[0].area)


def invited(office: Office, by: Member, site: Site) -> Member:
    """An account at the site that this one made."""
    body = {"email": f"{uuid.uuid4().hex}@example.com", "name": "同事"}
    made = by.expect(201, "POST", "/v1/staff", body | {"grants": [{"role": "site_staff", "site_id": site.id}]})
    return office.session(made["id"], at=site.id)
