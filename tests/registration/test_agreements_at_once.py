"""True concurrency of what two people settle, and of what somebody agrees to: one question open, one outcome, one
consent in force."""

from collections import Counter
from typing import Any

import pytest

from services.common.events import ConsentWithdrawn, TransferDeclined
from services.registration.personal_data import PersonalData
from services.registration.settings import Settings
from tests.registration.own_world import resident_of
from tests.registration.test_concurrency import at_once, in_another_process
from tests.registration.test_transfers import known
from tests.registration.world import Site, name_guardian, somebody

ROUNDS = 4


@pytest.fixture
def doors(site: Site, settings: Settings) -> list[Site]:
    """The site at two apps, which share nothing but the database."""
    return [site, in_another_process(site, settings)]


def status_of(answer: Any) -> int:
    return int(answer.status_code)


def test_one_question_is_open_about_a_place_whoever_asks(site: Site, doors: list[Site]) -> None:
    giver, takers = site.sign_up(site.shift(starts=200)), [known(site) for _ in range(8)]
    path = f"/v1/registrations/{giver['id']}/hand-over"
    answers = at_once(8, lambda n: status_of(doors[n % 2].call("POST", path, {"to_person_id": takers[n]})))
    assert Counter(answers) == {201: 1, 409: 7}
    links = site.sql(
        "SELECT l.id FROM links AS l JOIN transfers AS t ON t.id = l.subject WHERE t.site_id = :s", s=site.id
    )
    assert len(links) == 1, "nobody is mailed a question that is not asked"


def test_a_question_has_one_outcome_however_many_answers_come(site: Site, doors: list[Site]) -> None:
    for number in range(ROUNDS):
        shift, taker = site.shift(capacity=1, starts=200 + number * 5), known(site)
        giver = site.sign_up(shift)
        asked = site.expect(201, "POST", f"/v1/registrations/{giver['id']}/hand-over", {"to_person_id": taker})
        deeds = ("accept", "decline", "withdraw", "accept")

        def answer(n: int, path: str = f"/v1/transfers/{asked['id']}", deeds: tuple[str, ...] = deeds) -> int:
            return status_of(doors[n % 2].call("POST", f"{path}/{deeds[n % 4]}", {}))

        statuses = at_once(8, answer)
        [row] = site.sql("SELECT status FROM transfers WHERE id = :t", t=asked["id"])
        said = [deeds[n % 4] for n, status in enumerate(statuses) if status == 200]
        assert set(said) == {{"accepted": "accept", "declined": "decline", "withdrawn": "withdraw"}[row.status]}
        there = site.sql("SELECT person_id FROM registrations WHERE shift_id = :s AND status = 'confirmed'", s=shift)
        assert [str(one.person_id) for one in there] == [taker if row.status == "accepted" else giver["person_id"]]
        told = [one for one in site.events(site.activity_of(shift)) if isinstance(one, TransferDeclined)]
        assert len(told) == (row.status == "declined")
        assert site.sql("SELECT confirmed, held FROM shifts WHERE id = :s", s=shift) == [(1, 0)]


def test_two_who_ask_each_other_for_a_swap_do_not_wait_for_each_other(site: Site, doors: list[Site]) -> None:
    for number in range(ROUNDS):
        one, two = (site.sign_up(site.shift(starts=300 + number * 9 + n)) for n in (0, 4))
        asked = [
            site.expect(201, "POST", f"/v1/registrations/{a['id']}/swap", {"other_registration_id": b["id"]})
            for a, b in ((one, two), (two, one))
        ]

        def accept(n: int, asked: list[Any] = asked) -> int:
            return status_of(doors[n].call("POST", f"/v1/transfers/{asked[n]['id']}/accept", {}))

        assert sorted(at_once(2, accept)) == [200, 409]
        assert site.statuses(one, two) == ["cancelled", "cancelled"]


def in_force(site: Site, person: str) -> list[tuple[str, str]]:
    rows = site.sql("SELECT kind, how FROM consents WHERE person_id = :p AND withdrawn_at IS NULL", p=person)
    return [(row.kind, row.how) for row in rows]


def test_one_consent_is_in_force_however_often_it_is_given_and_it_ends_once(
    site: Site, doors: list[Site], data: PersonalData
) -> None:
    child = site.expect(201, "POST", "/v1/people", somebody(birth_date="2016-05-05", email="at-once@example.com"))["id"]
    name_guardian(site, child)
    body = {"kind": "guardian_signup", "given_by": "guardian", "how": "paper"}
    path = f"/v1/people/{child}/consents"
    answers = at_once(12, lambda n: doors[n % 2].call("POST", path, body))
    assert {answer.status_code for answer in answers} == {201}
    [given] = {answer.get_json()["id"] for answer in answers}
    assert in_force(site, child) == [("guardian_signup", "paper")]
    place = site.expect(201, "POST", f"/v1/shifts/{site.shift()}/registrations", {"person_id": child})
    ends = at_once(8, lambda n: doors[n % 2].call("POST", f"/v1/consents/{given}/withdraw"))
    assert {answer.status_code for answer in ends} == {200}
    assert sorted(answer.get_json()["cancelled"] for answer in ends)[-1] == [place["id"]]
    assert in_force(site, child) == []
    assert len([event for event in site.events(child) if isinstance(event, ConsentWithdrawn)]) == 1


def test_giving_and_withdrawing_at_once_leave_at_most_one_in_force(
    site: Site, doors: list[Site], data: PersonalData
) -> None:
    person = site.sign_up(site.shift(), email="to-and-fro@example.com")["person_id"]
    path, body = f"/v1/people/{person}/consents", {"kind": "photo", "how": "paper"}
    given = site.expect(201, "POST", path, body)["id"]
    resident = resident_of(site, data, person)

    def act(n: int) -> int:
        if n % 3 == 0:
            return status_of(resident.call("POST", f"/v1/my/consents/{given}/withdraw"))
        return status_of(doors[n % 2].call("POST", path, body))

    assert set(at_once(15, act)) <= {200, 201, 404}
    assert len(in_force(site, person)) <= 1
