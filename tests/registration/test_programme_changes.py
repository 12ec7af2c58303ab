"""Later changes of a template: offered, accepted or declined by each site, never done by themselves."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.common.events import ActivityChanged, ShiftChanged
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

LESSON = activity_template("a1", shift_template("s1"), shift_template("s2", day=7))


def taken(site: Site, *activities: dict[str, Any]) -> dict[str, Any]:
    """A programme that the site keeps and has."""
    programme = a_programme(site, *(activities or (LESSON,)))
    clone(site, programme, site.id)
    return programme


def the_one(site: Site) -> dict[str, Any]:
    """The only activity."""
    (activity,) = drafts(site).values()
    return activity


def test_a_later_change_is_offered_and_changes_nothing_by_itself(site: Site) -> None:
    programme = taken(site)
    assert offers(site, programme) == {}
    before = the_one(site)
    change(site, programme, LESSON | {"title_zh": "新课堂", "description_zh": "说明"})
    found = offers(site, programme)
    assert set(found) == {"a1/title_zh", "a1/description_zh"}
    seen = found["a1/title_zh"]
    assert (seen["before"], seen["after"], seen["yours"]) == ("课堂 a1", "新课堂", "课堂 a1")
    assert (seen["what"], seen["change"], seen["conflict"]) == ("field", "changed", False)
    assert the_one(site) == before
    (row,) = site.expect(200, "GET", f"/v1/programmes/{programme['id']}/clones")["items"]
    assert row["offered"] == 2


def test_accepting_does_it_and_declining_leaves_it_until_it_changes_again(site: Site) -> None:
    programme = taken(site)
    change(site, programme, LESSON | {"title_zh": "新课堂", "place": "广场"})
    assert decide(site, programme, accept=["a1/title_zh"], decline=["a1/place"]) == []
    assert (the_one(site)["title_zh"], the_one(site)["place"]) != ("新课堂", "广场")
    assert the_one(site)["title_zh"] == "新课堂"
    change(site, programme, LESSON | {"title_zh": "新课堂", "place": "广场", "party_limit": 2})
    assert set(offers(site, programme)) == {"a1/party_limit"}
    change(site, programme, LESSON | {"title_zh": "新课堂", "place": "公园", "party_limit": 2})
    assert set(offers(site, programme)) == {"a1/party_limit", "a1/place"}
    change(site, programme, LESSON | {"title_zh": "新课堂"})
    assert offers(site, programme) == {}


def test_what_the_site_changed_itself_is_a_conflict(site: Site) -> None:
    programme = taken(site)
    site.expect(200, "PATCH", f"/v1/activities/{the_one(site)['id']}", {"place": "二楼"}, If_Match="*")
    first = shifts_of(site, the_one(site)["id"])[0]
    site.expect(200, "PATCH", f"/v1/shifts/{first['id']}", {"capacity": 5}, If_Match="*")
    shifts = [shift_template("s1", capacity=30), shift_template("s2", day=7, capacity=30)]
    change(site, programme, activity_template("a1", *shifts, place="广场", title_zh="新"))
    found = offers(site, programme)
    assert {path: one["conflict"] for path, one in found.items()} == {
        "a1/title_zh": False, "a1/place": True, "a1/shifts/s1/capacity": True, "a1/shifts/s2/capacity": False,
    }  # fmt: skip
    assert (found["a1/place"]["before"], found["a1/place"]["yours"]) == ("", "二楼")
    assert found["a1/shifts/s1/capacity"]["yours"] == 5
    assert decide(site, programme, accept=["a1/place"], decline=["a1/shifts/s1/capacity"]) == [
        "a1/title_zh",
        "a1/shifts/s2/capacity",
    ]
    assert the_one(site)["place"] == "广场"
    assert shifts_of(site, the_one(site)["id"])[0]["capacity"] == 5


def test_a_moved_shift_of_a_published_activity_is_told(site: Site) -> None:
    programme = taken(site)
    activity = the_one(site)["id"]
    site.expect(200, "POST", f"/v1/activities/{activity}/publish")
    old = shifts_of(site, activity)[1]
    moved = [shift_template("s1"), shift_template("s2", day=8, time="15:00", role_zh="学生")]
    change(site, programme, LESSON | {"shifts": moved, "reminder_minutes": [30]})
    assert set(offers(site, programme)) == {"a1/shifts/s2/when", "a1/shifts/s2/role_zh", "a1/reminder_minutes"}
    assert decide(site, programme, accept=offers(site, programme)) == []
    new = shifts_of(site, activity)[1]
    assert new["role_zh"] == "学生"
    shifted = datetime.fromisoformat(new["starts_at"]) - datetime.fromisoformat(old["starts_at"])
    assert (shifted.days, shifted.seconds) == (1, 5.5 * 3600)
    assert [type(event) for event in site.events(activity)][-2:] == [ShiftChanged, ActivityChanged]


def test_things_added_and_removed_are_offered_whole(site: Site) -> None:
    programme = taken(site, LESSON, activity_template("a2"))
    new = LESSON | {"shifts": [shift_template("s2", day=7), shift_template("s3", day=14)]}
    change(site, programme, new, activity_template("a3"))
    found = offers(site, programme)
    assert {path: (one["what"], one["change"]) for path, one in found.items()} == {
        "a1/shifts/s1": ("shift", "removed"),
        "a1/shifts/s3": ("shift", "added"),
        "a2": ("activity", "removed"),
        "a3": ("activity", "added"),
    }
    assert decide(site, programme, accept=found) == []
    assert set(drafts(site)) == {"课堂 a1", "课堂 a3"}
    days = [shift["local_day"] for shift in shifts_of(site, drafts(site)["课堂 a1"]["id"])]
    assert days == [str(START.fromordinal(START.toordinal() + day)) for day in (7, 14)]
    assert len(shifts_of(site, drafts(site)["课堂 a3"]["id"])) == 4
    change(site, programme, new)
    assert set(offers(site, programme)) == {"a3"}


def test_what_the_site_called_off_is_offered_no_changes(site: Site) -> None:
    programme = taken(site, LESSON, activity_template("a2"))
    site.expect(200, "POST", f"/v1/activities/{drafts(site)['课堂 a2']['id']}/cancel")
    site.expect(200, "POST", f"/v1/shifts/{shifts_of(site, the_one(site)['id'])[0]['id']}/cancel")
    shifts = [shift_template("s1", capacity=1), shift_template("s2", day=7, capacity=1)]
    change(site, programme, LESSON | {"shifts": shifts}, activity_template("a2", title_zh="新"))
    assert set(offers(site, programme)) == {"a1/shifts/s2/capacity"}


def test_a_rule_refuses_all_of_a_decision_and_names_the_change(site: Site) -> None:
    programme = taken(site)
    activity = the_one(site)["id"]
    site.expect(200, "POST", f"/v1/activities/{activity}/publish")
    for _ in range(3):
        site.sign_up(shifts_of(site, activity)[0]["id"])
    change(
        site, programme, LESSON | {"title_zh": "新", "shifts": [shift_template("s1", capacity=2), LESSON["shifts"][1]]}
    )
    paths = ["a1/title_zh", "a1/shifts/s1/capacity"]
    version = {"programme_version": 2}
    path = f"/v1/programmes/{programme['id']}/decisions"
    refused = site.call("POST", path, version | {"accept": paths})
    assert refused.status_code == 422 and "a1/shifts/s1/capacity" in refused.get_json()["detail"]
    assert the_one(site)["title_zh"] == "课堂 a1" and set(offers(site, programme)) == set(paths)
    assert site.call("POST", path, {"programme_version": 1, "accept": paths}).status_code == 412
    for wrong in ({"accept": ["a9"]}, {"decline": ["a1"]}, {"accept": paths[:1], "decline": paths[:1]}):
        assert site.call("POST", path, version | wrong).status_code == 422


def test_only_who_acts_for_the_site_decides(
    site: Site, other: Site, operator: Caller, area: str, office: Office
) -> None:
    programme = a_programme(operator, LESSON, area=area)
    clone(operator, programme, site.id)
    change(operator, programme, LESSON | {"title_zh": "新"})
    path = f"/v1/programmes/{programme['id']}"
    assert operator.call("GET", f"{path}/changes").status_code == 403
    assert other.call("GET", f"{path}/changes").status_code == 404
    body = {"programme_version": 2, "accept": ["a1/title_zh"]}
    assert operator.call("POST", f"{path}/decisions", body).status_code == 403
    assert other.call("POST", f"{path}/decisions", body).status_code == 404
    assert office.site_staff(site.id).call("POST", f"{path}/decisions", body).status_code == 200
    assert the_one(site)["title_zh"] == "新"


def test_two_decisions_at_once_do_it_once(site: Site) -> None:
    programme = taken(site)
    change(site, programme, LESSON, activity_template("a2"))
    path = f"/v1/programmes/{programme['id']}/decisions"
    body = {"programme_version": 2, "accept": ["a2"]}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: site.call("POST", path, body).status_code, range(6)))
    assert sorted(answers) == [200] + [422] * 5
    assert len(drafts(site)) == 2


shift_templates = st.builds(
    lambda day, time, capacity: {"day": day, "time": time, "capacity": capacity},
    st.integers(0, 5),
    st.sampled_from(["09:00", "18:30"]),
    st.integers(1, 3),
)
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # each example is a dozen requests
templates = st.dictionaries(
    st.sampled_from(["a1", "a2", "a3"]),
    st.tuples(
        st.sampled_from(["一", "二"]),
        st.dictionaries(st.sampled_from(["s1", "s2"]), shift_templates, min_size=1, max_size=2),
    ),
    min_size=1,
)


@settings(
    max_examples=20,
    deadline=None,
    phases=WITHOUT_SHRINKING,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(templates, min_size=2, max_size=3))
def test_whoever_accepts_everything_has_what_a_fresh_clone_has(site: Site, other: Site, versions: list[Any]) -> None:
    """The model: a site that takes every version equals a site that is given the last one."""

    def written(version: Any) -> list[dict[str, Any]]:
        return [
            activity_template(key, *(shift_template(name, **shift) for name, shift in shifts.items()), title_zh=title)
            for key, (title, shifts) in version.items()
        ]

    programme = a_programme(site, *written(versions[0]))
    clone(site, programme, site.id)
    for version in versions[1:]:
        change(site, programme, *written(version))
        assert decide(site, programme, accept=offers(site, programme)) == []
    rows = site.sql(
        "SELECT a.programme_key, a.title_zh, s.programme_key AS shift, s.starts_at, s.ends_at, s.local_day, s.capacity"
        " FROM activities AS a JOIN shifts AS s ON s.activity_id = a.id"
        " WHERE a.programme_id = :id AND a.status <> 'cancelled' AND s.status = 'open' ORDER BY 1, 3",
        id=programme["id"],
    )
    fresh = a_programme(other, *written(versions[-1]))
    clone(other, fresh, other.id)
    expected = other.sql(
        "SELECT a.programme_key, a.title_zh, s.programme_key AS shift, s.starts_at, s.ends_at, s.local_day, s.capacity"
        " FROM activities AS a JOIN shifts AS s ON s.activity_id = a.id WHERE a.programme_id = :id ORDER BY 1, 3",
        id=fresh["id"],
    )
    assert rows == expected
