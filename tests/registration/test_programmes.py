"""Programmes: kept, cloned to many sites at once, and how far each clone is."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import ANY
from zoneinfo import ZoneInfo

import pytest

from services.common.events import ActivityCompleted, ActivityKind, ProgrammeCloned, ProgrammeSaved
from services.registration.app import make_app
from services.registration.codes import ACTIVITY_KINDS
from services.registration.settings import Settings
from services.reporting.labels import KINDS
from tests.registration.office import Office
from tests.registration.programme_world import (
    START,
    a_programme,
    activity_template,
    change,
    clone,
    decide,
    drafts,
    offers,
    shift_template,
    shifts_of,
)
from tests.registration.world import Caller, Site

MANY = [shift_template(f"s{n}") for n in range(201)]


def test_a_hundred_sites_get_a_programme_in_one_call(
    make_site: Callable[..., Site], operator: Caller, area: str
) -> None:
    sites = [make_site() for _ in range(100)]
    programme = a_programme(operator, *(activity_template(f"a{n}") for n in range(3)), area=area)
    began = time.perf_counter()
    results = clone(operator, programme, *(site.id for site in sites))
    took = time.perf_counter() - began
    print(f"3 activities × 4 shifts to 100 sites: {took:.2f} s")
    assert [one["site_id"] for one in results] == [site.id for site in sites]
    assert {(one["result"], one["activities"]) for one in results} == {("cloned", 3)}
    for site in sites[::33]:
        assert {one["status"] for one in drafts(site).values()} == {"draft"} and len(drafts(site)) == 3
        assert all(len(shifts_of(site, one["id"])) == 4 for one in drafts(site).values())
    again = clone(operator, programme, *(site.id for site in sites))
    assert {one["result"] for one in again} == {"already"}
    events = [type(event) for event in sites[0].events(programme["id"])]
    assert events == [ProgrammeSaved] + [ProgrammeCloned] * 100
    assert took < 30


def test_days_move_to_the_programmes_weekday_and_times_to_the_sites_clock(
    make_site: Callable[..., Site], operator: Caller, area: str
) -> None:
    template = activity_template("a1", shift_template("s1", time="19:00"), shift_template("s2", day=8, time="00:30"))
    programme = a_programme(operator, template, area=area, first_weekday=2)
    sites = [make_site(time_zone=zone) for zone in ("Asia/Shanghai", "Europe/Berlin")]
    for site, more in zip(sites, (0, 3), strict=True):
        (result,) = clone(operator, programme, site.id, starts_on_at={site.id: str(START + timedelta(days=more))})
        first = datetime.fromisoformat(result["first_day"]).date()
        assert first.isoweekday() == 2 and timedelta() <= first - (START + timedelta(days=more)) < timedelta(days=7)
        zone = ZoneInfo("Asia/Shanghai" if site is sites[0] else "Europe/Berlin")
        (activity,) = drafts(site).values()
        local = [datetime.fromisoformat(s["starts_at"]).astimezone(zone) for s in shifts_of(site, activity["id"])]
        assert [(at.date() - first).days for at in local] == [0, 8]
        assert [f"{at:%H:%M}" for at in local] == ["19:00", "00:30"]
        assert [s["local_day"] for s in shifts_of(site, activity["id"])][1] == str(first + timedelta(days=8))


def test_a_clone_has_all_that_the_template_says(site: Site) -> None:
    rules: dict[str, Any] = {
        "volunteering": True, "risks_zh": "路滑", "public": False, "per_person_limit": 2, "party_limit": 3,
        "waitlist_order": "priority", "promotion": "offer", "offer_minutes": 60, "service_category": "elder_care",
        "reminder_minutes": [60], "description_zh": "说明",
    }  # fmt: skip
    shift = shift_template("s1", requirements={"min_age": 18, "skills": ["first_aid"]})
    window = {"opens_days_before": 14, "closes_hours_before": 24}
    programme = a_programme(site, activity_template("a1", shift, window=window, **rules))
    clone(site, programme, site.id)
    (activity,) = drafts(site).values()
    assert {name: activity[name] for name in rules} == rules
    assert (activity["programme_id"], activity["status"]) == (programme["id"], "draft")
    assert activity["place"] == site.expect(200, "GET", f"/v1/sites/{site.id}")["name_zh"]
    (made,) = shifts_of(site, activity["id"])
    assert made["requirements"]["skills"] == ["first_aid"] and made["capacity"] == 20
    starts, opens, closes = (
        datetime.fromisoformat(at)
        for at in (made["starts_at"], activity["registration_opens_at"], activity["registration_closes_at"])
    )
    assert (starts - opens, starts - closes) == (timedelta(days=14), timedelta(days=1))


def test_this_years_activities_make_next_years_programme(site: Site, other: Site) -> None:
    first, second = site.activity(title_zh="一"), site.activity(title_zh="二", place="广场")
    site.shift(activity=first, starts=24)
    site.shift(activity=second, starts=24 * 8)
    body = {"title_zh": "再来一次", "from_activities": [second, first]}
    programme = site.expect(201, "POST", "/v1/programmes", body)
    days = {
        one["title_zh"]: (one["place"], [shift["day"] for shift in one["shifts"]]) for one in programme["activities"]
    }
    assert days == {"一": ("", [0]), "二": ("", [7])}
    weekday = datetime.fromisoformat(shifts_of(site, first)[0]["local_day"]).isoweekday()
    assert programme["first_weekday"] == weekday
    assert other.call("POST", "/v1/programmes", body).status_code == 422
    assert clone(site, programme, site.id)[0]["result"] == "already"
    again = site.expect(201, "POST", "/v1/programmes", body)
    assert clone(site, again, site.id)[0]["result"] == "cloned"


def test_what_was_called_off_is_no_part_of_a_programme(site: Site) -> None:
    held, off = site.activity(title_zh="办成的"), site.activity(title_zh="取消的")
    shifts = [site.shift(activity=held, starts=24 * day) for day in (1, 2)]
    # Of an activity that is called off, what took place before stays open.
    site.move_shift(site.shift(activity=off), -30, -28)
    site.shift(activity=off)
    site.expect(200, "POST", f"/v1/shifts/{shifts[0]}/cancel")
    site.expect(200, "POST", f"/v1/activities/{off}/cancel")
    programme = site.expect(201, "POST", "/v1/programmes", {"title_zh": "再办", "from_activities": [off, held]})
    [only] = programme["activities"]
    assert (only["title_zh"], [shift["day"] for shift in only["shifts"]]) == ("办成的", [0])
    nothing = {"title_zh": "再办", "from_activities": [off]}
    assert site.call("POST", "/v1/programmes", nothing).status_code == 422


def test_a_completed_activity_tells_too_that_it_belongs_to_the_programme(site: Site) -> None:
    held = site.activity(title_zh="办过的课")
    site.move_shift(site.shift(activity=held), -30, -28)
    site.expect(200, "POST", f"/v1/activities/{held}/complete")
    programme = site.expect(201, "POST", "/v1/programmes", {"title_zh": "再办", "from_activities": [held]})
    last = site.events(held)[-1]
    assert isinstance(last, ActivityCompleted) and str(last.programme_id) == programme["id"]


def test_the_site_of_whose_activities_a_programme_was_made_has_it_and_others_hold_it_at_home(
    site: Site, other: Site, operator: Caller, area: str
) -> None:
    lesson = site.activity(title_zh="课", place="赛马场中心二楼")
    first = site.shift(activity=lesson, starts=24 * 9)
    body = {"title_zh": "推广", "from_activities": [lesson], "area": area}
    programme = operator.expect(201, "POST", "/v1/programmes", body)
    assert clone(operator, programme, site.id, other.id) == [
        {"site_id": site.id, "result": "already", "first_day": ANY, "activities": 0, "problem": ""},
        {"site_id": other.id, "result": "cloned", "first_day": ANY, "activities": 1, "problem": ""},
    ]
    assert site.expect(200, "GET", f"/v1/activities/{lesson}")["programme_id"] == programme["id"]
    told = [type(event).__name__ for event in site.events(lesson)]
    assert told.count("ActivityChanged") == 1, "reports count the programme from what activities tell"
    change(operator, programme, programme["activities"][0] | {"title_zh": "新课"})
    decide(site, programme, accept=["a1/title_zh"])
    assert [one["id"] for one in shifts_of(site, drafts(site)["新课"]["id"])] == [first]

    def places() -> list[tuple[int, int]]:
        found = operator.expect(200, "GET", f"/v1/programmes/{programme['id']}/clones")["items"]
        items = [item for one in found for item in one["readiness"] if item["name"] == "place"]
        return [(item["done"], item["of"]) for item in items]

    theirs = drafts(other)["课"]
    assert theirs["place"] == other.expect(200, "GET", f"/v1/sites/{other.id}")["name_zh"]
    assert places() == [(1, 1), (1, 1)]
    other.expect(200, "PATCH", f"/v1/activities/{theirs['id']}", {"place": "赛马场中心二楼"}, If_Match="*")
    assert places() == [(1, 1), (0, 1)], "that sends residents to another centre"
    change(operator, programme, programme["activities"][0] | {"place": "赛马场中心二楼"})
    decide(other, programme, accept=["a1/place"])
    assert places() == [(1, 1), (1, 1)], "the template says that all meet there"


def test_two_clones_of_a_programme_to_a_site_at_once_make_one(site: Site, settings: Settings) -> None:
    programme = a_programme(site)
    doors = [site, Site(make_app(settings), site.key, site.id, site.database)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: clone(doors[n % 2], programme, site.id)[0]["result"], range(8)))
    assert sorted(results) == ["already"] * 7 + ["cloned"]
    assert len(drafts(site)) == 1
    assert [type(event) for event in site.events(programme["id"])] == [ProgrammeSaved, ProgrammeCloned]


@pytest.mark.parametrize(
    "wrong",
    [
        {"activities": [activity_template("a1"), activity_template("a1")]},
        {"activities": [activity_template("a1", shift_template("s1"), shift_template("s1"))]},
        {"activities": [activity_template(key, *MANY) for key in ("a1", "a2")]},
        {"activities": [activity_template("Ä")]},
        {"activities": [activity_template("a1", shift_template("s1", time="24:00"))]},
        {"first_weekday": 8},
        {"from_activities": ["00000000-0000-4000-8000-000000000000"]},
    ],
)  # fmt: skip
def test_a_template_that_is_none_is_refused(site: Site, wrong: dict[str, Any]) -> None:
    body = {"title_zh": "项目", "activities": [activity_template("a1")]} | wrong
    assert site.call("POST", "/v1/programmes", body).status_code == 422
    assert site.call("POST", "/v1/programmes", body | {"activities": []}).status_code == 422


def test_a_programme_that_would_begin_in_the_past_is_refused_for_that_site_alone(site: Site) -> None:
    programme = a_programme(site)
    (result,) = clone(site, programme, site.id, starts_on="2020-01-01")
    assert result["result"] == "refused" and "starts_on" in result["problem"]
    assert drafts(site) == {}
    assert clone(site, programme, site.id)[0]["result"] == "cloned"


def test_how_ready_a_clone_is_follows_from_what_the_site_did(site: Site, office: Office) -> None:
    visits = activity_template("a1", shift_template("s1"), volunteering=True, room_wish="可坐二十人")
    programme = a_programme(site, visits, activity_template("a2", shift_template("s1")))
    clone(site, programme, site.id)

    def ready() -> dict[str, tuple[int, int]]:
        (found,) = site.expect(200, "GET", f"/v1/programmes/{programme['id']}/clones")["items"]
        assert found["ready"] == all(one["ready"] for one in found["readiness"])
        return {one["name"]: (one["done"], one["of"]) for one in found["readiness"]}

    assert ready() == {
        "place": (2, 2),
        "room": (0, 1),
        "organiser": (0, 2),
        "risks": (0, 1),
        "staff": (0, 1),
        "published": (0, 2),
        "first_sign_up": (0, 2),
    }
    visit, lesson = drafts(site)["课堂 a1"]["id"], drafts(site)["课堂 a2"]["id"]
    room = site.sql(
        "INSERT INTO rooms (site_id, name_zh, name_en, capacity) VALUES (:id, '厅', '', 9) RETURNING id", id=site.id
    )[0].id
    told = {"room_id": str(room), "risks_zh": "路滑"}
    site.expect(200, "PATCH", f"/v1/activities/{visit}", told, If_Match="*")
    site.expect(200, "POST", f"/v1/activities/{visit}/publish")
    office.site_staff(site.id)
    site.sign_up(shifts_of(site, visit)[0]["id"])
    assert ready() == {
        "place": (2, 2),
        "room": (1, 1),
        "organiser": (0, 2),
        "risks": (1, 1),
        "staff": (1, 1),
        "published": (1, 2),
        "first_sign_up": (1, 2),
    }
    site.expect(200, "POST", f"/v1/activities/{lesson}/cancel")
    assert ready() == {
        "place": (1, 1),
        "room": (1, 1),
        "organiser": (0, 1),
        "risks": (1, 1),
        "staff": (1, 1),
        "published": (1, 1),
        "first_sign_up": (1, 1),
    }


def test_who_may_keep_read_and_clone(
    make_area: Callable[..., str], make_site: Callable[..., Site], office: Office, operator: Caller
) -> None:
    city, elsewhere = make_area(), make_area()
    district = make_area(parent=city, level="district")
    inside, outside = make_site(area=district), make_site(area=elsewhere)
    admin, stranger = office.area_admin(city, at=inside.id), office.area_admin(elsewhere, at=outside.id)
    staff = office.site_staff(inside.id)

    body = {"title_zh": "区划项目", "activities": [activity_template("a1")], "area": district}
    for nobody in (inside, staff, stranger):
        assert nobody.call("POST", "/v1/programmes", body).status_code == 403
    programme = admin.expect(201, "POST", "/v1/programmes", body)
    path = f"/v1/programmes/{programme['id']}"
    for reader, status in ((inside, 200), (staff, 200), (operator, 200), (outside, 404), (stranger, 404)):
        assert reader.call("GET", path).status_code == status
        listed = [one["id"] for one in reader.expect(200, "GET", "/v1/programmes?limit=200")["items"]]
        assert (programme["id"] in listed) == (status == 200)
    for writer, status in ((inside, 403), (staff, 403), (outside, 404), (admin, 200)):
        assert writer.call("PATCH", path, {"title_zh": "新名"}, If_Match="*").status_code == status

    both = {"sites": [inside.id, outside.id], "starts_on": str(START)}
    results = [one["result"] for one in staff.expect(200, "POST", f"{path}/clones", both)["results"]]
    assert results == ["cloned", "refused"]
    results = [one["result"] for one in admin.expect(200, "POST", f"{path}/clones", both)["results"]]
    assert results == ["already", "refused"]
    assert outside.call("POST", f"{path}/clones", both).status_code == 404
    assert [one["result"] for one in clone(operator, programme, outside.id)] == ["cloned"]
    assert outside.call("GET", path).status_code == 200  # what it has, it sees
    for reader, count in ((operator, 2), (admin, 1), (inside, 1), (outside, 1), (stranger, 1)):
        assert len(reader.expect(200, "GET", f"{path}/clones")["items"]) == count
    own = a_programme(inside)
    assert admin.call("GET", f"/v1/programmes/{own['id']}").status_code == 200
    assert outside.call("GET", f"/v1/programmes/{own['id']}").status_code == 404
    assert operator.call("POST", "/v1/programmes", body | {"area": None}).status_code == 422
    assert operator.call("POST", "/v1/programmes", body | {"area": "nowhere"}).status_code == 422


def test_a_programme_is_made_once_and_an_edit_names_its_version(site: Site) -> None:
    body = {"title_zh": "项目", "activities": [activity_template("a1")]}
    made = [site.expect(201, "POST", "/v1/programmes", body, Idempotency_Key="once") for _ in range(2)]
    assert made[0] == made[1]
    path = f"/v1/programmes/{made[0]['id']}"
    assert site.call("PATCH", path, {"title_zh": "新"}).status_code == 428
    assert site.call("PATCH", path, {"title_zh": "新"}, If_Match='"9"').status_code == 412
    assert site.expect(200, "PATCH", path, {"title_zh": "新"}, If_Match='"1"')["version"] == 2
    assert change(site, made[0], *made[0]["activities"])["version"] == 2
    assert len(site.events(made[0]["id"])) == 2


def test_published_activities_tell_of_their_programme(site: Site) -> None:
    programme = a_programme(site)
    clone(site, programme, site.id)
    (activity,) = drafts(site).values()
    site.expect(200, "POST", f"/v1/activities/{activity['id']}/publish")
    assert str(site.events(activity["id"])[0].programme_id) == programme["id"]  # type: ignore[attr-defined]


def test_organisations_come_along_where_the_site_may_name_them(
    site: Site, other: Site, operator: Caller, area: str
) -> None:
    def organisation(keeper: Site | None) -> str:
        row = site.sql(
            "INSERT INTO organisations (site_id, name_zh, name_en, kind) VALUES (:s, '单位', 'Body', 'other')"
            " RETURNING id",
            s=keeper and keeper.id,
        )[0]
        return str(row.id)

    everywhere, only_there, second = organisation(None), organisation(other), organisation(None)
    parts = [{"organisation_id": one, "role": "organiser"} for one in (everywhere, only_there)]
    programme = a_programme(operator, activity_template("a1", organisations=parts), area=area)

    def named(where: Site) -> list[str]:
        (activity,) = drafts(where).values()
        rows = site.sql(
            "SELECT organisation_id FROM activity_organisations WHERE activity_id = :id ORDER BY place",
            id=activity["id"],
        )
        return [str(row.organisation_id) for row in rows]

    clone(operator, programme, site.id, other.id)
    assert (named(site), named(other)) == ([everywhere], [everywhere, only_there])
    (found,) = site.expect(200, "GET", f"/v1/programmes/{programme['id']}/clones")["items"]
    assert {one["name"]: one["ready"] for one in found["readiness"]}["organiser"]
    change(operator, programme, activity_template("a1", organisations=[{"organisation_id": second, "role": "host"}]))
    assert [one["conflict"] for one in offers(site, programme).values()] == [False]
    assert decide(site, programme, accept=["a1/organisations"]) == []
    assert (named(site), named(other)) == ([second], [everywhere, only_there])
    copied = {"title_zh": "再来", "from_activities": [next(iter(drafts(site).values()))["id"]]}
    again = site.expect(201, "POST", "/v1/programmes", copied)
    assert again["activities"][0]["organisations"] == [{"organisation_id": second, "role": "host"}]


def test_a_clone_whose_activities_were_all_called_off_is_not_ready(site: Site, other: Site, operator: Caller) -> None:
    made = a_programme(site)
    clone(site, made, site.id)
    (draft,) = drafts(site).values()
    site.expect(200, "POST", f"/v1/activities/{draft['id']}/cancel")
    (shown,) = site.expect(200, "GET", f"/v1/programmes/{made['id']}/clones")["items"]
    assert not shown["ready"] and shown["activities"] == 0
    items = {one["name"]: one["ready"] for one in shown["readiness"]}
    assert not items["published"] and not items["organiser"] and items["risks"]


def test_sites_without_a_programme_are_those_one_may_act_for(site: Site, other: Site, operator: Caller) -> None:
    made = a_programme(operator, area="140000")
    path = f"/v1/programmes/{made['id']}/missing-sites"
    assert [one["id"] for one in site.expect(200, "GET", path)["items"]] == [site.id]
    clone(site, made, site.id)
    assert site.expect(200, "GET", path)["items"] == []
    assert [one["id"] for one in other.expect(200, "GET", path + "?area=140000")["items"]] == [other.id]
    operator.expect(200, "PATCH", f"/v1/sites/{other.id}", {"status": "closed"}, If_Match="*")
    assert other.expect(200, "GET", path)["items"] == []
    assert clone(operator, made, other.id)[0]["result"] == "refused"


def test_kinds_are_called_the_same_everywhere() -> None:
    assert ACTIVITY_KINDS == KINDS and set(ACTIVITY_KINDS) == set(ActivityKind)
