"""Flags: what looks wrong about hours is seen, and only a second person says that it is not."""

from collections.abc import Callable
from typing import Any

from tests.registration.hours_world import earn, moment, over, second_person
from tests.registration.office import Office
from tests.registration.world import Site, somebody


def kinds(site: Site) -> list[str]:
    return [flag["kind"] for flag in site.expect(200, "GET", "/v1/hour-flags")["items"]]


def signed_up(site: Site, person: dict[str, Any], starts: float, ends: float) -> str:
    """A registration of this person for a volunteering shift that was then."""
    shift = site.shift(volunteering=True)
    registration = site.try_sign_up(shift, person).get_json()["id"]
    site.sql(
        "UPDATE shifts SET starts_at = :a, ends_at = :b, local_day = cast(:b AS timestamptz)::date WHERE id = :i",
        a=moment(starts),
        b=moment(ends),
        i=shift,
    )
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
    assert kinds(other) == ["two_places"]
    flag = other.expect(200, "GET", "/v1/hour-flags")["items"][0]
    assert len(flag["records"]) == 1  # the other site's record is not shown
    body = {"kind": flag["kind"], "subject": flag["subject"], "reason": "两处值班表核对过"}
    other.expect(403, "POST", "/v1/hour-flags/clear", body)  # a key is not a second person
    second = second_person(office, other)
    assert second.expect(200, "POST", "/v1/hour-flags/clear", body)["reason"] == "两处值班表核对过"
    assert kinds(other) == [] and "two_places" in kinds(site)
    second.expect(404, "POST", "/v1/hour-flags/clear", body)
    assert other.expect(200, "GET", "/v1/hour-flags?cleared=true")["items"][0]["cleared_by"].startswith("staff:")


def test_a_list_that_says_only_afterwards_who_came_is_flagged(site: Site) -> None:
    shift, registrations = over(site, people=10)
    entries = [{"registration_id": r, "outcome": "attended"} for r in registrations]
    site.expect(200, "POST", f"/v1/shifts/{shift}/roll-call", {"entries": entries})
    [flag] = site.expect(200, "GET", "/v1/hour-flags")["items"]
    assert (flag["kind"], flag["minutes"], len(flag["records"])) == ("in_bulk", 1200, 10)


def test_a_list_of_those_who_were_checked_in_before_is_not(site: Site, make_site: Callable[..., Site]) -> None:
    shift, registrations = over(site, people=10)
    site.sql(
        "INSERT INTO attendance_entries (site_id, shift_id, registration_id, what, at, how, made_by, received_at)"
        " SELECT site_id, shift_id, id, 'in', cast(:at AS timestamptz), 'confirmed', 'site:x', cast(:at AS timestamptz)"
        " FROM registrations WHERE shift_id = :s",
        s=shift,
        at=moment(-3),
    )
    entries = [{"registration_id": r, "outcome": "attended"} for r in registrations]
    site.expect(200, "POST", f"/v1/shifts/{shift}/roll-call", {"entries": entries})
    assert kinds(site) == []
