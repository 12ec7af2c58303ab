"""People who were made up: one address does not take an activity, and staff end what it took at once."""

from collections.abc import Callable

from flask.testing import FlaskClient

from services.registration.settings import Settings
from tests.registration.office import Office
from tests.registration.test_concurrency import at_once, in_another_process
from tests.registration.test_public import body, make_browser  # noqa: F401
from tests.registration.world import Site


def test_one_address_takes_a_share_of_the_places_however_large_its_parties(
    make_browser: Callable[[], FlaskClient], site: Site
) -> None:
    shift = site.shift(120, party_limit=20)
    path, crowd = f"/v1/public/shifts/{shift}/registrations", make_browser()
    answers = [crowd.post(path, json=body(party_size=20), headers={"Accept-Language": "en"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 429, 429], "a third of 120"
    assert "call or visit" in answers[-1].get_json()["detail"]
    assert make_browser().post(path, json=body(party_size=20)).status_code == 201, "others are not kept out"
    assert site.sign_up(shift)["status"] == "confirmed"
    small = f"/v1/public/shifts/{site.shift(6)}/registrations"
    guests = make_browser()
    assert [guests.post(small, json=body()).status_code for _ in range(5)] == [201] * 3 + [429] * 2, "half of it"
    family = f"/v1/public/shifts/{site.shift(4, party_limit=4)}/registrations"
    assert make_browser().post(family, json=body(party_size=4)).status_code == 201, "one party comes together"


def test_one_address_takes_no_more_by_coming_at_once(site: Site, settings: Settings) -> None:
    shift = site.shift(30, party_limit=5)
    doors = [site, in_another_process(site, settings)]
    path = f"/v1/public/shifts/{shift}/registrations"

    def come(number: int) -> int:
        client = doors[number % 2].app.test_client()
        client.environ_base["REMOTE_ADDR"] = "10.99.1.7"
        return client.post(path, json=body(party_size=5)).status_code

    assert sorted(at_once(16, come)) == [201] * 3 + [429] * 13


def test_staff_see_who_came_from_one_address_and_end_them_together(
    make_browser: Callable[[], FlaskClient], site: Site, office: Office
) -> None:
    shift, crowd, clerk = site.shift(6), make_browser(), office.site_staff(site.id)
    path = f"/v1/public/shifts/{shift}/registrations"
    for number in range(3):
        assert crowd.post(path, json=body(name=f"假人{number}")).status_code == 201
    assert make_browser().post(path, json=body(name="真人")).status_code == 201
    waiting = [site.sign_up(shift) for _ in range(3)][-1]
    roster = clerk.call("GET", f"/staff/shifts/{shift}").get_data(as_text=True)
    assert "2 more from the same network" in roster
    count = "SELECT came_from FROM registrations WHERE shift_id = :s GROUP BY 1 HAVING count(*) = 3"
    path = f"/staff/shifts/{shift}/from/{site.sql(count, s=shift)[0].came_from}"
    assert path in roster
    page = clerk.call("GET", path).get_data(as_text=True)
    assert page.count("假人") == 3 and "真人" not in page
    assert clerk.call("POST", path, form={}).status_code == 303
    assert site.statuses(waiting) == ["confirmed"]
    row = site.sql("SELECT confirmed, waitlisted FROM shifts WHERE id = :s", s=shift)[0]
    assert (row.confirmed, row.waitlisted) == (4, 0)


def test_what_the_form_agreed_to_is_committed_with_the_place(
    make_browser: Callable[[], FlaskClient], site: Site
) -> None:
    shift = site.shift()
    helper = {"name": "热心邻居", "relation": "邻居", "phone": "13800001111", "agreed": True}
    path = f"/v1/public/shifts/{shift}/registrations"
    answer = make_browser().post(path, json=body(helper=helper))
    assert answer.status_code == 201, answer.get_data(as_text=True)
    rows = site.sql(
        "SELECT r.xmin::text AS place, c.xmin::text AS consent, c.kind, c.how, c.made_by, h.xmin::text AS helper"
        " FROM registrations AS r JOIN consents AS c USING (person_id) JOIN representatives AS h USING (person_id)"
        " WHERE r.shift_id = :s ORDER BY c.kind",
        s=shift,
    )
    assert [(row.kind, row.how, row.made_by) for row in rows] == [
        ("helper", "online", "web"),
        ("terms", "online", "web"),
    ]
    assert len({part for row in rows for part in (row.place, row.consent, row.helper)}) == 1, "one transaction"
