"""Consents on record: which text, whose word, how it came; what a withdrawal leads to; what a minor needs."""

import json
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from services.registration.operations.seats.seats import lock_people
from services.registration.personal_data import PersonalData
from tests.registration.own_world import resident_of
from tests.registration.test_public import fresh_mail
from tests.registration.test_volunteers import id_number, register
from tests.registration.world import Caller, Site, fresh_phone

CHILD = {"name": "小朋友", "phone": "+8613900000077", "birth_date": "2018-05-05"}
GUARDIAN = {"name": "家长", "phone": "+8613900000078", "email": "parent@example.com"}


def consents(site: Site, person: str) -> list[dict[str, Any]]:
    return list(site.expect(200, "GET", f"/v1/people/{person}/consents")["items"])


def give(site: Site, person: str, kind: str, **fields: str) -> dict[str, Any]:
    return dict(site.expect(201, "POST", f"/v1/people/{person}/consents", {"kind": kind} | fields))


@pytest.fixture
def child(site: Site) -> str:
    """A child of the site, with a guardian who was sent a link."""
    made = site.expect(201, "POST", "/v1/people", CHILD | {"guardian": GUARDIAN, "phone": fresh_phone()})
    assert made["guardian_asked"]
    return str(made["id"])


def try_by_id(site: Site, shift: str, person: str) -> int:
    return site.call("POST", f"/v1/shifts/{shift}/registrations", {"person_id": person}).status_code


def test_a_minor_is_refused_until_the_guardian_consents_and_then_accepted(site: Site, child: str) -> None:
    class_, visit = site.shift(), site.shift(starts=48, volunteering=True)
    assert (try_by_id(site, class_, child), try_by_id(site, visit, child)) == (422, 422)
    give(site, child, "guardian_signup", given_by="guardian", how="phone")
    assert (try_by_id(site, class_, child), try_by_id(site, visit, child)) == (201, 422)
    give(site, child, "guardian_volunteering", given_by="guardian", how="paper")
    assert try_by_id(site, visit, child) == 201


def test_what_a_site_says_with_one_sign_up_is_on_record_and_covers_no_other(site: Site) -> None:
    body = {"person": CHILD | {"phone": "+8613900000079"}, "guardian_consent": True}
    made = site.expect(201, "POST", f"/v1/shifts/{site.shift()}/registrations", body)
    (said,) = consents(site, made["person_id"])
    assert (said["kind"], said["given_by"], said["how"]) == ("guardian_signup", "guardian", "sign_up")
    assert try_by_id(site, site.shift(starts=72), made["person_id"]) == 422


def test_withdrawing_the_guardians_consent_cancels_what_rests_on_it(site: Site, child: str) -> None:
    give(site, child, "guardian_signup", given_by="guardian", how="desk")
    given = give(site, child, "guardian_volunteering", given_by="guardian", how="desk")
    made = [
        site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person_id": child})
        for shift in (site.shift(), site.shift(starts=48, volunteering=True))
    ]
    withdrawn = site.expect(200, "POST", f"/v1/consents/{given['id']}/withdraw")
    assert withdrawn["cancelled"] == [made[1]["id"]], "the class rests on the other consent"
    assert site.expect(200, "POST", f"/v1/consents/{given['id']}/withdraw")["cancelled"] == []
    assert try_by_id(site, site.shift(starts=96, volunteering=True), child) == 422


def test_a_word_with_one_sign_up_keeps_no_other_place_when_the_guardians_own_consent_is_withdrawn(
    site: Site, child: str
) -> None:
    given = give(site, child, "guardian_signup", given_by="guardian", how="desk")
    rests, visit = site.shift(), site.shift(starts=48, volunteering=True)
    places = [
        site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person_id": child} | said)["id"]
        for shift, said in ((rests, {}), (visit, {"guardian_consent": True}))
    ]
    assert site.expect(200, "POST", f"/v1/consents/{given['id']}/withdraw")["cancelled"] == places[:1]
    (said,) = [one for one in consents(site, child) if one["state"] == "in_force"]
    assert (said["kind"], said["how"], said["registration_id"]) == ("guardian_volunteering", "sign_up", places[1])
    another = {"person_id": child, "guardian_consent": True}
    places.append(site.expect(201, "POST", f"/v1/shifts/{site.shift(starts=96)}/registrations", another)["id"])
    assert [one["registration_id"] for one in consents(site, child) if one["how"] == "sign_up"] == places[1:]
    assert site.expect(200, "POST", f"/v1/consents/{said['id']}/withdraw")["cancelled"] == places[1:2]


def test_withdrawing_the_consent_to_the_id_number_deletes_it(site: Site, other: Site) -> None:
    number = {"id_number": id_number(order=51), "id_number_consent": True}
    made = register(site, name="撤回", **number)
    (consent,) = [one for one in consents(site, made["person_id"]) if one["kind"] == "sensitive_id_number"]
    assert site.expect(200, "POST", f"/v1/consents/{consent['id']}/withdraw")["deleted"] == ["id_number"]
    assert site.expect(200, "GET", f"/v1/volunteers/{made['person_id']}")["id_number"] is None
    assert register(other, name="撤回", **number)["person_id"] != made["person_id"]


def test_a_new_text_is_a_new_version_and_old_consents_stay(site: Site, operator: Caller) -> None:
    person = site.sign_up(site.shift())["person_id"]
    before = give(site, person, "photo", how="desk")
    assert give(site, person, "photo", how="desk")["id"] == before["id"], "the same again is the same record"
    text = operator.expect(201, "POST", "/v1/consent-texts", {"kind": "photo", "zh": "新文本", "en": "New text"})
    after = give(site, person, "photo", how="desk")
    assert (before["text_id"] != after["text_id"], after["text_id"]) == (True, text["id"])
    assert site.call("POST", "/v1/consent-texts", {"kind": "photo", "zh": "x", "en": "x"}).status_code == 403
    numbers = [one["number"] for one in site.expect(200, "GET", "/v1/consent-texts?kind=photo")["items"]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_consent_is_evidence(site: Site) -> None:
    person = site.sign_up(site.shift())["person_id"]
    given = give(site, person, "health")
    for statement in ("UPDATE consents SET how = 'paper' WHERE id = :id", "DELETE FROM consents WHERE id = :id"):
        with pytest.raises(DBAPIError, match="evidence"):
            site.sql(statement, id=given["id"])
    site.expect(200, "POST", f"/v1/consents/{given['id']}/withdraw")
    with pytest.raises(DBAPIError, match="evidence"):
        site.sql("UPDATE consents SET withdrawn_at = NULL, withdrawn_by = NULL WHERE id = :id", id=given["id"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "guardian_signup"}, "given_by"),
        ({"kind": "photo", "text_id": "00000000-0000-4000-8000-000000000000"}, "text_id"),
        ({"kind": "anything"}, "kind"),
    ],
)
def test_a_consent_that_is_none_is_refused(site: Site, body: dict[str, str], field: str) -> None:
    person = site.sign_up(site.shift())["person_id"]
    answer = site.call("POST", f"/v1/people/{person}/consents", body)
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, field)


def test_another_site_neither_sees_nor_withdraws_a_consent(site: Site, other: Site) -> None:
    person = site.sign_up(site.shift())["person_id"]
    given = give(site, person, "photo")
    assert other.call("POST", f"/v1/consents/{given['id']}/withdraw").status_code == 404
    assert other.call("GET", f"/v1/people/{person}/consents").status_code == 404
    assert other.call("POST", f"/v1/people/{person}/consents", {"kind": "photo"}).status_code == 404


def test_a_guardian_is_sent_a_link_when_there_is_an_address(site: Site, child: str) -> None:
    links = "SELECT count(*) AS n FROM links WHERE person_id = :person AND purpose = 'guardian_consent'"
    assert site.sql(links, person=child)[0].n == 1
    assert site.call("POST", f"/v1/people/{child}/guardian/ask").status_code == 202
    assert site.sql(links, person=child)[0].n == 2
    path = f"/v1/people/{child}/guardian"
    seen = site.expect(200, "PUT", path, {"name": "奶奶", "phone": "+8613900000070"})
    assert (seen["name"], seen["email"], seen["version"]) == ("奶奶", None, 2)
    assert site.call("POST", f"{path}/ask").status_code == 409
    adult = site.sign_up(site.shift())["person_id"]
    assert site.call("POST", f"/v1/people/{adult}/guardian/ask").status_code == 404


def test_what_a_shift_asks_for_is_looked_up_where_it_was_told(site: Site, other: Site) -> None:
    requirements = {"skills": ["first_aid"], "training": ["safety"], "professions": ["nurse"], "consents": ["health"]}
    made = register(site, skills=["singing"], name="合格", phone="+8613900000090", birth_date="1980-01-01")
    person = made["person_id"]

    def lacks(at: Site) -> list[str]:
        query = "SELECT person_meets(:person, :site, cast(:asked AS jsonb)) AS lacks"
        return list(at.sql(query, scope=at.id, person=person, site=at.id, asked=json.dumps(requirements))[0].lacks)

    everything = ["consents:health", "professions:nurse", "skills:first_aid", "training:safety"]
    assert lacks(site) == everything
    site.expect(200, "PATCH", f"/v1/volunteers/{person}", {"skills": ["first_aid"]}, If_Match="*")
    give(site, person, "health")
    training = {"code": "safety", "name": "安全", "minutes": 60, "provider": "街道", "day": "2026-01-01"}
    site.expect(201, "POST", f"/v1/volunteers/{person}/trainings", training)
    assert lacks(site) == ["professions:nurse"]
    register(other, name="合格", phone="+8613900000090", birth_date="1980-01-01", professions=["nurse"])
    assert lacks(other) == ["consents:health", "skills:first_aid"], "training holds everywhere, the rest where told"


def test_a_resident_withdraws_what_they_gave_themselves(site: Site, data: PersonalData) -> None:
    person = site.sign_up(site.shift(), email=fresh_mail())["person_id"]
    given = {
        kind: site.expect(201, "POST", f"/v1/people/{person}/consents", {"kind": kind, "given_by": by, "how": "paper"})[
            "id"
        ]
        for kind, by in (("photo", "person"), ("terms", "person"))
    }
    resident = resident_of(site, data, person)
    assert len(resident.expect(200, "GET", "/v1/my/consents")["items"]) == 2
    path = f"/v1/my/consents/{given['photo']}/withdraw"
    stranger = resident_of(site, data, site.sign_up(site.shift(starts=30))["person_id"])
    stranger.expect(404, "POST", path)
    assert resident.expect(200, "POST", path)["consent"]["withdrawn_at"]
    resident.expect(404, "POST", f"/v1/my/consents/{given['terms']}/withdraw")
    row = site.sql("SELECT withdrawn_by FROM consents WHERE id = :id", id=given["photo"])[0]
    assert row.withdrawn_by == f"person:{person}"


def test_who_signs_up_while_the_guardian_withdraws_has_no_place(
    site: Site, child: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = give(site, child, "guardian_signup", given_by="guardian", how="desk")
    shift = site.shift()

    def later(session: Any, people: Any) -> None:
        # Between the look at what rests on it and the lock that a sign-up takes as well.
        assert try_by_id(site, shift, child) == 201
        lock_people(session, people)

    monkeypatch.setattr("services.registration.operations.people.consents.lock_people", later)
    withdrawn = site.expect(200, "POST", f"/v1/consents/{given['id']}/withdraw")
    [place] = site.sql("SELECT id, status FROM registrations WHERE person_id = :p", p=child)
    assert (withdrawn["cancelled"], place.status) == ([str(place.id)], "cancelled")
