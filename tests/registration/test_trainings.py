"""Trainings of many people at once; one that expired counts no longer, and is listed until it is renewed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.registration.test_volunteers import register
from tests.registration.world import Site

PATH = "/v1/volunteers/trainings"


def day(offset: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=offset)).isoformat()


def course(*people: str, **fields: Any) -> dict[str, Any]:
    told = {"name": "急救", "code": "first_aid", "minutes": 60, "provider": "红十字会", "day": day(-400)}
    return told | {"people": list(people)} | fields


def test_a_course_is_entered_for_a_roster_and_twice_at_once_it_is_there_once(site: Site) -> None:
    one, two = (register(site)["person_id"] for _ in range(2))
    resident = site.sign_up(site.shift())["person_id"]
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda _: site.expect(201, "POST", PATH, course(one, two, resident)), range(4)))
    outcomes = sorted(tuple(line["outcome"] for line in answer["items"]) for answer in sent)
    assert outcomes == [("known", "known", "no_volunteer")] * 3 + [("recorded", "recorded", "no_volunteer")]
    assert len(site.expect(200, "GET", f"/v1/volunteers/{one}/trainings")["items"]) == 1


def test_an_expired_training_counts_no_longer_and_is_listed_until_it_is_renewed(site: Site, other: Site) -> None:
    holder = register(site)["person_id"]
    site.expect(201, "POST", PATH, course(holder, valid_until=day(-1)))
    shift = site.shift()
    site.sql('UPDATE shifts SET requirements = \'{"training": ["first_aid"]}\' WHERE id = :id', id=shift)
    refused = site.call("POST", f"/v1/shifts/{shift}/registrations", {"person_id": holder})
    assert refused.status_code == 409, refused.get_data(as_text=True)
    (listed,) = site.expect(200, "GET", f"{PATH}/expiring")["items"]
    assert (listed["person_id"], listed["expired"], listed["training"]) == (holder, True, "急救")
    assert other.expect(200, "GET", f"{PATH}/expiring")["items"] == []
    site.expect(201, "POST", PATH, course(holder, name="急救复训", day=day(0), valid_until=day(30)))
    site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person_id": holder})
    (listed,) = site.expect(200, "GET", f"{PATH}/expiring?days=60")["items"]
    assert (listed["training"], listed["expired"]) == ("急救复训", False)
    assert site.expect(200, "GET", f"{PATH}/expiring?days=10")["items"] == []


def test_it_cannot_expire_before_it_was_given(site: Site) -> None:
    wrong = site.call("POST", PATH, course(register(site)["person_id"], day=day(-5), valid_until=day(-6)))
    assert wrong.status_code == 422 and wrong.get_json()["errors"][0]["field"] == "valid_until"


def test_a_training_must_still_hold_on_the_day_of_the_shift(site: Site) -> None:
    """Whoever waits is asked again when a place is free: what holds today may be over by then."""
    shift = site.shift(starts=24 * 10, capacity=1)
    holder = site.sign_up(shift)
    over, fine = (register(site)["person_id"] for _ in range(2))
    waiting = [
        site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person_id": one}) for one in (over, fine)
    ]
    site.expect(201, "POST", PATH, course(over, valid_until=day(5)))
    site.expect(201, "POST", PATH, course(fine, valid_until=day(15)))
    site.sql('UPDATE shifts SET requirements = \'{"training": ["first_aid"]}\' WHERE id = :id', id=shift)
    site.cancel(holder["id"])
    assert site.statuses(*waiting) == ["cancelled", "confirmed"]


def test_what_expires_is_counted_by_the_site_s_own_day(site: Site) -> None:
    """East of Greenwich a day is over earlier than in UTC."""
    holder = register(site)["person_id"]
    (row,) = site.sql("SELECT (now() AT TIME ZONE 'Pacific/Kiritimati')::date AS day")
    site.sql("UPDATE sites SET time_zone = 'Pacific/Kiritimati' WHERE id = :id", id=site.id)
    yesterday = (row.day - timedelta(days=1)).isoformat()
    site.expect(201, "POST", PATH, course(holder, valid_until=yesterday))
    (listed,) = site.expect(200, "GET", f"{PATH}/expiring")["items"]
    assert listed["expired"] and listed["valid_until"] == yesterday
