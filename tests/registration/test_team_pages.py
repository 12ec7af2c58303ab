"""A team's sign-up on the page: members ticked, a verdict below each name, guardians asked for one by one."""

import pytest

from tests.registration.office import Member, Office
from tests.registration.test_transfers import active, known, team
from tests.registration.world import Site, name_guardian


@pytest.fixture
def clerk(office: Office, site: Site) -> Member:
    """Somebody at the site's desk."""
    return office.site_staff(site.id)


def a_team(site: Site, *people: str) -> str:
    made = team(site)
    for person in people:
        site.expect(201, "POST", f"/v1/teams/{made}/members", {"person_id": person, "agreement": "入队名单"})
    return made


def send(clerk: Member, path: str, *pairs: tuple[str, str]) -> tuple[int, str]:
    form = "&".join(f"{name}={value}" for name, value in pairs)
    answer = clerk.call("POST", path, form=form)
    return answer.status_code, answer.get_data(as_text=True)


def test_members_are_ticked_and_each_has_a_verdict_in_words(site: Site, clerk: Member) -> None:
    people = [known(site), known(site), known(site)]
    shift, made = site.shift(1), a_team(site, *people)
    path = f"/staff/shifts/{shift}/teams/{made}"
    assert path in clerk.call("GET", f"/staff/shifts/{shift}/teams").get_data(as_text=True)
    assert path in clerk.call("GET", f"/staff/teams/{made}/shifts").get_data(as_text=True)
    assert clerk.call("GET", path).get_data(as_text=True).count(" checked") == 3
    status, page = send(clerk, path, ("person_ids", people[0]), ("person_ids", people[2]))
    assert status == 200 and "has a place" in page and "full: they wait" in page
    assert active(site, shift) == [(people[0], "confirmed"), (people[2], "waitlisted")]
    assert send(clerk, path)[0] == 422, "nobody was ticked: not everybody"
    assert len(active(site, shift)) == 2


def test_nobody_unless_each_gets_a_place(site: Site, clerk: Member) -> None:
    people = [known(site), known(site)]
    shift, made = site.shift(1), a_team(site, *people)
    ticked = [("person_ids", person) for person in people]
    status, page = send(clerk, f"/staff/shifts/{shift}/teams/{made}", *ticked, ("all_or_nothing", "on"))
    assert status == 422 and "nobody was signed up" in page and "There is no place left." in page
    assert active(site, shift) == []


def test_each_child_needs_the_word_of_their_own_guardian(site: Site, clerk: Member) -> None:
    first, second = (known(site, birth_date="2020-01-01", guardian_consent=True) for _ in range(2))
    shift, made = site.shift(), a_team(site, first, second)
    path = f"/staff/shifts/{shift}/teams/{made}"
    ticked = [("person_ids", first), ("person_ids", second), ("guardians_agreed", second)]
    status, page = send(clerk, path, *ticked)
    assert status == 200 and "consent or the birth date is missing" in page
    assert "no guardian is on file" in page and f"/staff/people/{second}/guardian" in page
    name_guardian(site, second)
    send(clerk, path, *ticked)
    assert active(site, shift) == [(second, "confirmed")]


def test_another_sites_team_and_shift_are_not_there(site: Site, other: Site, clerk: Member) -> None:
    mine, theirs = a_team(site), team(other)
    for path in (
        f"/staff/shifts/{other.shift()}/teams/{mine}",
        f"/staff/shifts/{site.shift()}/teams/{theirs}",
        f"/staff/teams/{theirs}/shifts",
        f"/staff/shifts/{other.shift()}/teams",
    ):
        assert clerk.call("GET", path).status_code == 404, path


def test_what_is_no_member_at_all_is_refused_in_words(site: Site, clerk: Member) -> None:
    path = f"/staff/shifts/{site.shift()}/teams/{a_team(site, known(site))}"
    assert send(clerk, path, ("person_ids", "x"))[0] == 422
