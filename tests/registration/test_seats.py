"""The rules of a sign-up: parties, priority, windows, limits, requirements, and nobody in two places at once."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from services.common.events import RegistrationCancelled, RegistrationPromoted, RegistrationResized
from tests.registration.office import Office
from tests.registration.world import Site, in_hours, somebody


def come(site: Site, shift: str, **body: Any) -> dict[str, Any]:
    """Sign somebody up with more than a person."""
    body = {"person": somebody()} | body
    return site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", body)


def refused(site: Site, shift: str, **body: Any) -> dict[str, Any]:
    """The same, which must be refused."""
    answer = site.call("POST", f"/v1/shifts/{shift}/registrations", {"person": somebody()} | body)
    assert answer.status_code in (409, 422), answer.get_data(as_text=True)
    return answer.get_json()


def test_a_party_takes_as_many_places_and_nobody_passes_one_that_does_not_fit(site: Site) -> None:
    shift = site.shift(capacity=5, party_limit=4)
    first = come(site, shift, party_size=3)
    assert first["status"] == "confirmed" and first["party_size"] == 3
    family, single = come(site, shift, party_size=3), come(site, shift)
    assert [family["status"], single["status"]] == ["waitlisted", "waitlisted"]
    assert [family["waitlist_position"], single["waitlist_position"]] == [1, 2]
    seen = site.expect(200, "GET", f"/v1/shifts/{shift}")
    assert (seen["confirmed"], seen["waitlisted"]) == (3, 4)
    site.cancel(first["id"])
    assert site.statuses(family, single) == ["confirmed", "confirmed"]
    promoted = [e for e in site.events(site.activity_of(shift)) if isinstance(e, RegistrationPromoted)]
    assert [event.places for event in promoted] == [3, 1]


def test_a_party_that_does_not_fit_holds_the_line(site: Site) -> None:
    shift = site.shift(capacity=2, party_limit=2)
    one, _, pair, single = come(site, shift), come(site, shift), come(site, shift, party_size=2), come(site, shift)
    site.cancel(one["id"])
    assert site.statuses(pair, single) == ["waitlisted", "waitlisted"]
    assert come(site, shift)["waitlist_position"] == 3


def test_a_party_has_a_limit(site: Site) -> None:
    shift = site.shift(party_limit=2)
    assert refused(site, shift, party_size=3)["errors"][0]["field"] == "party_size"


def test_a_party_changes_its_size(site: Site) -> None:
    shift = site.shift(capacity=3, party_limit=3)
    party, other = come(site, shift, party_size=2), come(site, shift)
    path = f"/v1/registrations/{party['id']}"
    assert site.call("PATCH", path, {"party_size": 3}, If_Match="*").status_code == 409
    waiting = come(site, shift)
    assert site.call("PATCH", path, {"party_size": 1}, If_Match='"7"').status_code == 412
    assert site.expect(200, "PATCH", path, {"party_size": 1}, If_Match='"1"')["party_size"] == 1
    assert site.statuses(waiting, other) == ["confirmed", "confirmed"]
    assert [e.places for e in site.events(site.activity_of(shift)) if isinstance(e, RegistrationResized)] == [1]
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["confirmed"] == 3


def test_a_waitlist_by_priority(site: Site) -> None:
    shift = site.shift(capacity=1, waitlist_order="priority")
    holder = come(site, shift)
    low, high, also_high = (come(site, shift, priority=p) for p in (0, 5, 5))
    assert [one["waitlist_position"] for one in (low, high, also_high)] == [1, 1, 2]
    assert site.expect(200, "GET", f"/v1/registrations/{low['id']}")["waitlist_position"] == 3
    site.cancel(holder["id"])
    assert site.statuses(low, high, also_high) == ["waitlisted", "confirmed", "waitlisted"]


@pytest.mark.parametrize(("opens", "closes"), [(1, 5), (-5, -1)])
def test_sign_up_has_a_window_and_says_when(site: Site, opens: float, closes: float) -> None:
    window = {"registration_opens_at": in_hours(opens), "registration_closes_at": in_hours(closes)}
    answer = refused(site, site.shift(**window))
    assert answer["type"] == "urn:hesheng:problem:registration-closed"
    assert "opens_at" in answer if opens > 0 else "closes_at" in answer


def test_a_person_has_so_many_places_in_an_activity(site: Site) -> None:
    activity, person = site.activity(per_person_limit=1), somebody()
    first = come(site, site.shift(activity=activity), person=person)
    second = site.shift(activity=activity)
    assert refused(site, second, person=person)["type"] == "urn:hesheng:problem:limit-reached"
    site.cancel(first["id"])
    assert come(site, second, person=person)["status"] == "confirmed"


def test_nobody_is_in_two_places_at_once(site: Site, other: Site) -> None:
    person = somebody()
    first = come(site, site.shift(starts=2000), person=person)
    answer = refused(site, site.shift(starts=2001), person=person)
    assert (answer["type"], answer["registration_id"]) == ("urn:hesheng:problem:overlap", first["id"])
    elsewhere = refused(other, other.shift(starts=1999), person=person)
    assert elsewhere["type"] == "urn:hesheng:problem:overlap"
    assert "registration_id" not in elsewhere, "what another site knows is not for this one"
    assert come(site, site.shift(starts=2002), person=person)["status"] == "confirmed"
    site.cancel(first["id"])
    assert come(other, other.shift(starts=1999.5), person=person)["status"] == "confirmed"


def test_a_shift_does_not_move_onto_somebodys_other_place(site: Site) -> None:
    person = somebody()
    shift, other_shift = site.shift(starts=2100), site.shift(starts=2110)
    come(site, shift)
    mine = come(site, shift, person=person)
    come(site, other_shift, person=person)
    hours = {"starts_at": in_hours(2111), "ends_at": in_hours(2113)}
    answer = site.call("PATCH", f"/v1/shifts/{shift}", hours, If_Match="*")
    assert answer.status_code == 409 and mine["id"] in answer.get_json()["detail"]
    with pytest.raises(IntegrityError):
        site.move_shift(shift, 2111, 2113)
    hours = {"starts_at": in_hours(2113), "ends_at": in_hours(2114)}
    site.expect(200, "PATCH", f"/v1/shifts/{shift}", hours, If_Match="*")
    assert refused(site, site.shift(starts=2113.5), person=person)["registration_id"] == mine["id"]


def test_who_is_confirmed_elsewhere_meanwhile_is_asked_which_it_shall_be(site: Site) -> None:
    person, shift = somebody(), site.shift(capacity=1, starts=2200)
    holder, waiting = come(site, shift), come(site, shift, person=person)
    elsewhere = come(site, site.shift(starts=2201), person=person)
    site.cancel(holder["id"])
    assert site.statuses(waiting) == ["offered"]
    path = f"/v1/registrations/{waiting['id']}/accept"
    answer = site.call("POST", path)
    assert (answer.status_code, answer.get_json()["registration_id"]) == (409, elsewhere["id"])
    assert site.expect(200, "POST", path, {"instead_of": True})["status"] == "confirmed"
    assert site.expect(200, "POST", path, {"instead_of": True})["status"] == "confirmed"
    given_up = site.expect(200, "GET", f"/v1/registrations/{elsewhere['id']}")
    assert (given_up["status"], given_up["cancel_reason"]) == ("cancelled", "instead_of")


def test_an_age_is_that_on_the_day_of_the_shift(site: Site) -> None:
    shift = site.shift(starts=24)
    site.sql('UPDATE shifts SET requirements = \'{"min_age": 18, "max_age": 55}\' WHERE id = :id', id=shift)
    day = str(site.expect(200, "GET", f"/v1/shifts/{shift}")["local_day"])
    eighteen = f"{int(day[:4]) - 18}{day[4:]}"
    assert come(site, shift, person=somebody(birth_date=eighteen))["status"] == "confirmed"
    assert come(site, shift, person=somebody(birth_date="1990-01-01"))["status"] == "confirmed"
    assert site.try_sign_up(shift, somebody(birth_date=None)).get_json()["errors"][0]["field"] == "person.birth_date"
    for born in ("2012-01-01", "1950-01-01"):
        answer = refused(site, shift, person=somebody(birth_date=born, guardian_consent=True))
        assert (answer["type"], answer["unmet"]) == ("urn:hesheng:problem:requirements-unmet", "age")
    known = somebody(birth_date="1980-01-01")
    person_id = come(site, site.shift(), person=known)["person_id"]
    assert come(site, shift, person=None, person_id=person_id)["status"] == "confirmed"


def test_who_no_longer_meets_what_is_asked_is_told_and_the_next_one_gets_the_place(site: Site) -> None:
    shift = site.shift(capacity=1)
    holder, lacking, fine = (come(site, shift) for _ in range(3))
    site.sql('UPDATE shifts SET requirements = \'{"skills": ["x"]}\' WHERE id = :id', id=shift)
    with site.database.transaction("*") as session:
        connection = session.connection()
        meets = "SELECT pg_get_functiondef('person_meets'::regproc)"
        before = connection.exec_driver_sql(meets).scalar_one()
    answers = f"CASE WHEN person = '{lacking['person_id']}' THEN '{{skills:x}}'::text[] ELSE '{{}}' END"
    run(site, f"{before.split(' RETURNS ')[0]} RETURNS text[] LANGUAGE sql STABLE RETURN {answers}")
    try:
        site.cancel(holder["id"])
    finally:
        run(site, before)
    assert site.statuses(lacking, fine) == ["cancelled", "confirmed"]
    ended = [e for e in site.events(site.activity_of(shift)) if isinstance(e, RegistrationCancelled)]
    assert ended[-1].reason == "requirements" and ended[-1].was_waitlisted


def run(site: Site, statement: str) -> None:
    """Execute what has colons that are no parameters."""
    with site.database.transaction("*") as session:
        session.connection().exec_driver_sql(statement)


def test_it_is_kept_how_a_sign_up_came_and_by_whom(site: Site, office: Office) -> None:
    member = office.site_staff(site.id)
    shift = site.shift()
    made = member.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person": somebody()})
    assert made["channel"] == "desk"
    proxy = come(site, shift, channel="proxy")
    rows = site.sql("SELECT id, made_by, channel FROM registrations WHERE shift_id = :id ORDER BY position", id=shift)
    assert [row.channel for row in rows] == ["desk", "proxy"]
    assert rows[0].made_by == f"staff:{member.id}" and rows[1].made_by.startswith("site:")
    told = site.sql("SELECT actor, action, site_id FROM audit_log WHERE record = :id", id=made["id"])
    assert [(row.actor, row.action, str(row.site_id)) for row in told] == [(f"staff:{member.id}", "insert", site.id)]
    assert site.sql("SELECT 1 FROM audit_log WHERE record = :id", id=proxy["id"]) == []
