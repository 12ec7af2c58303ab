"""The life of an activity: risks disclosed, registration window, completed; shifts with roles and requirements."""

from typing import Any

import pytest

from services.common.database import EVERY_SITE
from services.common.events import ActivityCompleted, ActivityPublished, ShiftOpened
from services.registration.operations.activities.activities import any_to_complete, complete_activity, old_activities
from tests.registration.world import Site, in_hours


def fault(answer: Any) -> tuple[int, str]:
    """Status and first wrong field of an answer."""
    return answer.status_code, (answer.get_json().get("errors") or [{"field": ""}])[0]["field"]


def test_volunteers_are_recruited_only_with_the_risks_told(site: Site) -> None:
    activity = site.activity(publish=False, volunteering=True, risks_zh="  ")
    path = f"/v1/activities/{activity}"
    assert fault(site.call("POST", f"{path}/publish")) == (422, "risks_zh")
    assert site.events(activity) == []
    site.expect(200, "PATCH", path, {"risks_zh": "路滑，请结伴。"}, If_Match="*")
    assert site.expect(200, "POST", f"{path}/publish")["status"] == "published"
    assert fault(site.call("PATCH", path, {"risks_zh": ""}, If_Match="*")) == (422, "risks_zh")
    harmless = site.activity(risks_zh="")
    again = site.call("PATCH", f"/v1/activities/{harmless}", {"volunteering": True}, If_Match="*")
    assert fault(again) == (422, "risks_zh")


def test_a_registration_window_opens_before_it_closes(site: Site) -> None:
    window = {"registration_opens_at": in_hours(2), "registration_closes_at": in_hours(1)}
    body = {"kind": "class", "title_zh": "课", "place": "站内"}
    assert site.call("POST", "/v1/activities", body | window).status_code == 422
    activity = site.activity(publish=False, registration_opens_at=in_hours(2))
    path = f"/v1/activities/{activity}"
    assert fault(site.call("PATCH", path, {"registration_closes_at": in_hours(1)}, If_Match="*")) == (
        422,
        "registration_closes_at",
    )
    site.expect(200, "PATCH", path, {"registration_closes_at": in_hours(3)}, If_Match="*")
    cleared = site.expect(200, "PATCH", path, {"registration_opens_at": None}, If_Match="*")
    assert cleared["registration_opens_at"] is None


def test_every_rule_of_an_activity_is_kept_and_answered(site: Site) -> None:
    rules = {
        "risks_en": "None.",
        "public": False,
        "service_category": "elder_care",
        "per_person_limit": 2,
        "party_limit": 4,
        "waitlist_order": "priority",
        "promotion": "offer",
        "offer_minutes": 90,
    }
    activity = site.activity(publish=False, **rules)
    seen = site.expect(200, "GET", f"/v1/activities/{activity}")
    assert {name: seen[name] for name in rules} == rules
    for wrong in ({"party_limit": 0}, {"offer_minutes": 99_999}, {"promotion": "lottery"}, {"service_category": "老"}):
        answer = site.call("PATCH", f"/v1/activities/{activity}", wrong, If_Match="*")
        assert fault(answer) == (422, next(iter(wrong)))


def test_one_call_adds_all_roles_of_a_slot(site: Site) -> None:
    activity = site.activity()
    roles = [
        {"role_zh": "采血助理", "role_en": "assistant", "capacity": 4, "requirements": {"professions": ["nurse"]}},
        {"role_zh": "引导员", "role_en": "guide", "capacity": 8, "requirements": {"min_age": 18, "max_age": 60}},
    ]
    slot = {"starts_at": in_hours(24), "ends_at": in_hours(26), "roles": roles}
    path = f"/v1/activities/{activity}/slots"
    made = site.expect(201, "POST", path, slot, Idempotency_Key="slot")["items"]
    assert site.expect(201, "POST", path, slot, Idempotency_Key="slot")["items"] == made
    assert [shift["role_en"] for shift in made] == ["assistant", "guide"]
    assert made[0]["requirements"]["professions"] == ["nurse"]
    assert site.sql("SELECT requirements FROM shifts WHERE id = :id", id=made[1]["id"])[0].requirements == {
        "min_age": 18,
        "max_age": 60,
    }
    assert [type(event) for event in site.events(activity)] == [ActivityPublished, ShiftOpened, ShiftOpened]


@pytest.mark.parametrize(
    ("requirements", "field"),
    [
        ({"min_height": 150}, "requirements.min_height"),
        ({"min_age": -1}, "requirements.min_age"),
        ({"min_age": 60, "max_age": 18}, "requirements"),
        ({"skills": ["English!"]}, "requirements.skills.0"),
        ({"skills": "first_aid"}, "requirements.skills"),
    ],
)
def test_requirements_that_nobody_could_check_are_refused(site: Site, requirements: Any, field: str) -> None:
    shift = site.shift(activity=site.activity(publish=False))
    answer = site.call("PATCH", f"/v1/shifts/{shift}", {"requirements": requirements}, If_Match="*")
    assert fault(answer) == (422, field)
    site.expect(200, "PATCH", f"/v1/shifts/{shift}", {"requirements": {"training": ["a", "a"]}}, If_Match="*")
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["requirements"]["training"] == ["a"]


def test_an_activity_is_completed_after_its_last_shift_and_then_is_a_record(site: Site) -> None:
    activity = site.activity()
    path = f"/v1/activities/{activity}"
    assert site.call("POST", f"{path}/complete").status_code == 409
    first, last = site.shift(activity=activity, starts=1), site.shift(activity=activity, starts=2)
    person = site.sign_up(first)["id"]
    site.move_shift(first, -5, -3)
    assert site.call("POST", f"{path}/complete").status_code == 409
    site.expect(200, "POST", f"/v1/shifts/{last}/cancel")
    for _ in range(2):
        assert site.expect(200, "POST", f"{path}/complete")["status"] == "completed"
    assert [type(event) for event in site.events(activity)].count(ActivityCompleted) == 1
    assert site.call("POST", f"{path}/cancel").status_code == 409
    assert site.call("POST", f"{path}/publish").status_code == 409
    assert site.call("PATCH", path, {"title_zh": "别的"}, If_Match="*").status_code == 409
    assert site.expect(200, "PATCH", path, {"description_zh": "来了一百人。"}, If_Match="*")["description_zh"]
    times = {"starts_at": in_hours(24), "ends_at": in_hours(25), "capacity": 1}
    assert site.call("POST", f"{path}/shifts", times).status_code == 409
    assert site.call("PATCH", f"/v1/shifts/{first}", {"capacity": 99}, If_Match="*").status_code == 409
    site.expect(200, "POST", f"/v1/registrations/{person}/no-show")
    assert site.call("POST", f"/v1/activities/{site.activity(publish=False)}/complete").status_code == 409


def test_what_nobody_completed_is_completed_a_week_after_the_end(site: Site) -> None:
    def completed() -> list[str]:
        with site.database.transaction(EVERY_SITE) as session:
            due = any_to_complete(session)
            found = old_activities(session)
            assert due == bool(found)
            for activity in found:
                complete_activity(session, activity)
        return [activity for activity in (old, recent, mixed, draft, empty) if status(activity) == "completed"]

    def status(activity: str) -> str:
        return site.expect(200, "GET", f"/v1/activities/{activity}")["status"]

    old, recent, mixed, empty = (site.activity() for _ in range(4))
    draft = site.activity(publish=False)
    for activity in (old, recent, mixed, draft):
        site.move_shift(
            site.shift(activity=activity),
            -24 * (6 if activity == recent else 8) - 2,
            -24 * (6 if activity == recent else 8),
        )
    site.shift(activity=mixed)
    assert completed() == [old]
    assert completed() == [old]


def test_how_many_will_be_told_is_known_before(site: Site) -> None:
    activity = site.activity()
    first, second = (site.shift(capacity=1, activity=activity) for _ in range(2))
    twice = {"name": "两次", "phone": "+8613900000001"}
    for shift in (first, second):
        site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person": twice})
    site.sign_up(second)
    site.cancel(site.sign_up(second)["id"])
    path = f"/v1/activities/{activity}/audience"
    assert site.expect(200, "GET", path) == {"people": 2, "confirmed": 2, "waiting": 1}
    site.move_shift(second, -3, -1)
    assert site.expect(200, "GET", path) == {"people": 1, "confirmed": 1, "waiting": 0}


def test_a_role_without_an_english_name_is_called_what_it_is(site: Site) -> None:
    activity, times = site.activity(), {"starts_at": in_hours(30), "ends_at": in_hours(32), "capacity": 5}
    made = [
        site.expect(201, "POST", f"/v1/activities/{activity}/shifts", times | role)
        for role in ({}, {"role_zh": "引导员"}, {"role_zh": "引导员", "role_en": "usher"})
    ]
    assert [one["role_en"] for one in made] == ["participant", "", "usher"]
    path = f"/v1/shifts/{made[2]['id']}"
    assert site.expect(200, "PATCH", path, {"role_en": ""}, If_Match="*")["role_en"] == ""
