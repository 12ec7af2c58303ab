"""Seats under true concurrency: parties, two places at once, holds, a venue's cap, and transfers."""

from collections import Counter

from services.registration.settings import Settings
from tests.registration.test_concurrency import at_once, in_another_process
from tests.registration.test_transfers import ask, known, swap
from tests.registration.test_venues import in_venue, preview, venue
from tests.registration.world import Site, somebody


def test_parties_never_oversell_and_nobody_passes_one(site: Site, settings: Settings) -> None:
    shift = site.shift(capacity=11, party_limit=3)
    doors = [site, in_another_process(site, settings)]
    path = f"/v1/shifts/{shift}/registrations"
    answers = at_once(30, lambda n: doors[n % 2].call("POST", path, {"person": somebody(), "party_size": 1 + n % 3}))
    assert {a.status_code for a in answers} == {201}
    rows = site.sql("SELECT status, party_size FROM registrations WHERE shift_id = :id ORDER BY position", id=shift)
    taken = [row.party_size for row in rows if row.status == "confirmed"]
    assert [row.status for row in rows] == sorted(row.status for row in rows), "nobody came in after one who waits"
    assert sum(taken) <= 11 < sum(taken) + rows[len(taken)].party_size
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["confirmed"] == sum(taken)


def test_one_person_at_many_places_at_once_gets_one(site: Site, other: Site, settings: Settings) -> None:
    doors = [(site, site.shift(starts=5000)), (other, other.shift(starts=5001)), (site, site.shift(starts=5000.5))]
    doors += [(in_another_process(door, settings), shift) for door, shift in doors]
    person = somebody()
    answers = at_once(12, lambda n: doors[n % 6][0].try_sign_up(doors[n % 6][1], person))
    assert Counter(a.status_code for a in answers) == {201: 1, 409: 11}


def test_a_person_known_for_long_gets_one_too(site: Site, settings: Settings) -> None:
    person = known(site)
    paths = [f"/v1/shifts/{site.shift(starts=5100 + n / 4)}/registrations" for n in range(4)]
    doors = [site, in_another_process(site, settings)]
    answers = at_once(8, lambda n: doors[n % 2].call("POST", paths[n // 2], {"person_id": person}))
    assert Counter(a.status_code for a in answers) == {201: 1, 409: 7}


def test_holds_and_sign_ups_at_once_never_oversell(site: Site, settings: Settings) -> None:
    shift = site.shift(capacity=6)
    doors = [site, in_another_process(site, settings)]

    def act(number: int) -> int:
        door = doors[number % 2]
        if number % 3:
            return door.try_sign_up(shift).status_code
        held = door.call("POST", f"/v1/shifts/{shift}/holds", {"places": 1})
        if held.status_code != 201:
            return held.status_code
        body = {"person": somebody(), "hold_id": held.get_json()["id"]}
        made = door.expect(201, "POST", f"/v1/shifts/{shift}/registrations", body)
        assert made["status"] == "confirmed"
        return 201

    assert set(at_once(24, act)) <= {201, 409}
    row = site.sql("SELECT confirmed, held FROM shifts WHERE id = :id", id=shift)[0]
    assert (row.confirmed, row.held) == (6, 0)


def test_a_venue_is_never_fuller_than_it_may_be(site: Site, settings: Settings) -> None:
    hall = venue(site, capacity=7)
    shifts = [in_venue(site, hall, 5200 + n / 2) for n in range(3)]
    doors = [site, in_another_process(site, settings)]
    early = [site.sign_up(shifts[n % 3])["id"] for n in range(6)]
    lower = {"capacity": 5, "percent": 100, "token": preview(site, hall, 5)["token"]}

    def act(number: int) -> int:
        if number == 7:
            return doors[1].call("POST", f"/v1/venues/{hall}/cap", lower).status_code
        if number % 4 == 0:
            return doors[1].call("POST", f"/v1/registrations/{early[number // 4]}/cancel").status_code
        return doors[number % 2].try_sign_up(shifts[number % 3]).status_code

    assert set(at_once(24, act)) <= {200, 201, 412}
    full = site.sql("SELECT sum(confirmed + offered + held) AS n FROM shifts WHERE venue_id = :id", id=hall)[0].n
    assert full == site.expect(200, "GET", f"/v1/venues/{hall}")["capacity"], "nobody waits while there is room"


def test_of_two_transfers_of_one_place_one_is_done(site: Site, settings: Settings) -> None:
    shifts = site.shift(starts=5300), site.shift(starts=5301)
    first, second = (site.sign_up(shift) for shift in shifts)
    asked = [swap(site, first, second), ask(site, second, known(site))]
    doors = [site, in_another_process(site, settings)]
    answers = at_once(4, lambda n: doors[n // 2].call("POST", f"/v1/transfers/{asked[n % 2]['id']}/accept"))
    done = site.sql("SELECT status FROM transfers WHERE site_id = :id", id=site.id)
    assert sorted(row.status for row in done) == ["accepted", "asked"]
    assert {a.status_code for a in answers} == {200, 409}
    assert [site.expect(200, "GET", f"/v1/shifts/{shift}")["confirmed"] for shift in shifts] == [1, 1]
