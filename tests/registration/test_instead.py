"""Places that nobody has proven, and the person whose name is on them: at a desk they give way, and nowhere else."""

from typing import Any

import pytest

from services.common.events import CancelReason, RegistrationCancelled, RegistrationPromoted
from services.registration.personal_data import PersonalData
from tests.registration.office import Member, Office
from tests.registration.test_concurrency import at_once
from tests.registration.test_leading import Choir
from tests.registration.test_mail_links import opened, path_of
from tests.registration.test_taken_before import fresh_mail, mailed
from tests.registration.world import Caller, Site, fresh_phone

HOUR = 100.0
"""From now, when everything here takes place; each person is somebody else's."""


def online(site: Site, shift: str, **who: Any) -> dict[str, Any]:
    """Somebody's place by the public form, whoever filled it in."""
    made: dict[str, Any] = Caller(site.app, "").expect(
        201, "POST", f"/v1/public/shifts/{shift}/registrations", who | {"agreed": True}
    )
    return made


def kept_elsewhere(site: Site, other: Site, who: dict[str, str]) -> tuple[str, str]:
    """A shift at the other site on which a stranger put them, and the person whom the site knows."""
    kept = other.shift(starts=HOUR)
    online(other, kept, **who)
    return kept, site.expect(201, "POST", "/v1/people", who | {"birth_date": "1990-05-17"})["id"]


def at_desk(clerk: Member, shift: str, person: str, **form: Any) -> tuple[int, str]:
    answer = clerk.call("POST", f"/staff/desk/{shift}/people/{person}", form=form)
    return answer.status_code, answer.get_data(as_text=True)


def on_shift(site: Site, shift: str) -> list[tuple[str, str]]:
    rows = site.sql("SELECT person_id, status FROM registrations WHERE shift_id = :s ORDER BY position", s=shift)
    return [(str(row.person_id), row.status) for row in rows]


@pytest.fixture
def clerk(office: Office, site: Site) -> Member:
    """Somebody at the site's desk."""
    return office.site_staff(site.id)


@pytest.fixture
def who() -> dict[str, str]:
    """Somebody whose name and number a stranger knows."""
    return {"name": "被占位的林小满", "phone": fresh_phone()}


def test_a_strangers_place_gives_way_at_the_desk(site: Site, other: Site, clerk: Member, who: dict[str, str]) -> None:
    kept = other.shift(capacity=1, starts=HOUR)
    online(other, kept, **who)
    waits = other.sign_up(kept)
    person = site.expect(201, "POST", "/v1/people", who | {"birth_date": "1990-05-17"})["id"]
    wanted = site.shift(starts=HOUR + 1)
    status, page = at_desk(clerk, wanted, person)
    assert status == 422 and "nobody checked whether they want it" in page and 'name="instead_of"' in page
    assert on_shift(other, kept)[0] == (person, "confirmed"), "nothing without the person's word"
    assert at_desk(clerk, wanted, person, instead_of="on")[0] == 303
    assert on_shift(site, wanted) == [(person, "confirmed")]
    assert on_shift(other, kept) == [(person, "cancelled"), (waits["person_id"], "confirmed")]
    events = other.events(other.activity_of(kept))
    [gone] = [event for event in events if isinstance(event, RegistrationCancelled)]
    assert (gone.reason, str(gone.person_id)) == (CancelReason.INSTEAD_OF, person), "which is mailed"
    assert any(isinstance(event, RegistrationPromoted) for event in events)


def test_whoever_calls_or_has_a_place_that_is_known_gives_nothing_up(
    site: Site, other: Site, clerk: Member, who: dict[str, str]
) -> None:
    kept, person = kept_elsewhere(site, other, who)
    wanted = site.shift(starts=HOUR)
    for said in ({"by_phone": "on"}, {"by_phone": "on", "instead_of": "on"}):
        status, page = at_desk(clerk, wanted, person, **said)
        assert status == 422 and 'name="instead_of"' not in page
    assert on_shift(other, kept) == [(person, "confirmed")]
    known, meant = site.shift(starts=HOUR + 20), site.shift(starts=HOUR + 20)
    mine = site.expect(201, "POST", f"/v1/shifts/{known}/registrations", {"person_id": person})
    status, page = at_desk(clerk, meant, person, instead_of="on")
    assert status == 422 and "another place at these hours" in page and 'name="instead_of"' not in page
    assert site.statuses(mine) == ["confirmed"]


def test_where_the_sign_up_fails_the_other_place_stays(
    site: Site, other: Site, clerk: Member, who: dict[str, str]
) -> None:
    kept, person = kept_elsewhere(site, other, who)
    wanted = site.shift(starts=HOUR)
    assert at_desk(clerk, wanted, person, instead_of="on", party_size="2")[0] == 422, "one at a time here"
    assert (on_shift(other, kept), on_shift(site, wanted)) == ([(person, "confirmed")], [])


def test_a_place_is_not_given_up_for_waiting_nor_once_it_is_over(
    site: Site, other: Site, clerk: Member, who: dict[str, str]
) -> None:
    kept, full = other.shift(starts=HOUR + 40), site.shift(capacity=1, starts=HOUR + 40)
    online(other, kept, **who)
    site.sign_up(full)
    person = site.expect(201, "POST", "/v1/people", who | {"birth_date": "1990-05-17"})["id"]
    status, page = at_desk(clerk, full, person, instead_of="on")
    assert status == 422 and "the other one was kept" in page
    assert (on_shift(other, kept), len(on_shift(site, full))) == ([(person, "confirmed")], 1)
    runs = site.shift(starts=HOUR + 60)
    other.move_shift(kept, -2, -0.2)
    site.move_shift(runs, -1, 1)
    assert at_desk(clerk, runs, person, instead_of="on")[0] == 422, "they may have been there"
    assert on_shift(other, kept) == [(person, "confirmed")]


def test_what_a_leader_took_for_somebody_gives_way_too(site: Site, clerk: Member, data: PersonalData) -> None:
    choir = Choir(site, data)
    led, wanted = site.shift(starts=HOUR + 80), site.shift(starts=HOUR + 80)
    path = f"{choir.path}/shifts/{led}/registrations"
    choir.leader.expect(201, "POST", path, {"agreed": True}, Idempotency_Key="once")
    leader, member = choir.people[:2]
    assert at_desk(clerk, wanted, member, instead_of="on")[0] == 303
    assert at_desk(clerk, wanted, leader, instead_of="on")[0] == 422, "they said so themselves"
    assert (dict(on_shift(site, led))[member], dict(on_shift(site, led))[leader]) == ("cancelled", "confirmed")


def test_whoever_opened_the_link_in_the_mail_has_proven_their_place(site: Site, clerk: Member) -> None:
    kept, wanted = site.shift(starts=HOUR + 100), site.shift(starts=HOUR + 100)
    online(site, kept, name="真的来报名的人", email=fresh_mail())
    [(person, _)] = on_shift(site, kept)
    opened(site, path_of(mailed(site, person)["manage_url"]), person)
    assert at_desk(clerk, wanted, person, instead_of="on")[0] == 422
    assert on_shift(site, kept) == [(person, "confirmed")]


def test_desks_and_strangers_at_once_leave_one_place(
    site: Site, other: Site, clerk: Member, office: Office, who: dict[str, str]
) -> None:
    kept = [where.shift(starts=HOUR) for where in (site, other)]
    online(other, kept[1], **who)
    person = site.expect(201, "POST", "/v1/people", who | {"birth_date": "1990-05-17"})["id"]
    other.expect(201, "POST", "/v1/people", who | {"birth_date": "1990-05-17"})
    desks = ((clerk, site.shift(starts=HOUR)), (office.site_staff(other.id), other.shift(starts=HOUR)))
    path = "/v1/public/shifts/{}/registrations"

    def act(number: int) -> int:
        if number % 3 == 2:
            shift, body = kept[number // 3 % 2], who | {"agreed": True}
            return Caller(site.app, "").call("POST", path.format(shift), body).status_code
        desk, shift = desks[number % 3]
        return at_desk(desk, shift, person, instead_of="on")[0]

    answers = at_once(12, act)
    assert set(answers) <= {201, 303, 409, 422}, answers
    assert answers.count(303) == 1, "one desk gave the place, and what a desk gave stays"
    confirmed = [one for shift in (*kept, *(shift for _, shift in desks)) for one in on_shift(site, shift)]
    assert [status for _, status in confirmed].count("confirmed") == 1
