"""Whom an announcement goes to: the right people, each once, in pages that fit together; and how many are reached."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import uuid4

from tests.conftest import NOTIFICATIONS_TOKEN, REPORTING_TOKEN
from tests.registration.office import Office
from tests.registration.rooms_world import make_team
from tests.registration.world import Caller, Site, fresh_phone, somebody


def ask(site: Site, to: str, what: str = "", **asked: Any) -> Any:
    body = {"to": to, "site_id": site.id} | asked
    return Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", f"/internal/audience{what}", body)


def whom(site: Site, to: str, **asked: Any) -> set[str]:
    """All of them, by pages of two."""
    found: list[str] = []
    after = None
    while True:
        page = ask(site, to, after=after, limit=2, **asked)
        found += [one["person_id"] for one in page["people"]]
        after = page["next"]
        if after is None:
            assert len(found) == len(set(found)), "nobody is there twice"
            assert ask(site, to, "/count", **asked)["people"] == len(found)
            return set(found)


def test_those_of_an_activity_by_what_became_of_their_sign_up(site: Site) -> None:
    shift = site.shift(capacity=2)
    one, two, waits = (site.sign_up(shift)["person_id"] for _ in range(3))
    elsewhere = site.sign_up(site.shift())["person_id"]
    activity = site.activity_of(shift)
    assert whom(site, "activity", activity_id=activity) == {one, two, waits}
    assert whom(site, "activity", activity_id=activity, places=["waitlisted"]) == {waits}
    assert whom(site, "activity", activity_id=activity, places=["confirmed"], shift_ids=[shift]) == {one, two}
    assert whom(site, "activity", activity_id=activity, shift_ids=[str(uuid4())]) == set()
    assert {one, elsewhere} <= whom(site, "site")


def test_who_is_known_at_two_sites_of_an_area_is_written_to_once_and_who_was_erased_never(
    site: Site, other: Site, office: Office
) -> None:
    phone = fresh_phone()
    both = site.sign_up(site.shift(), name="两处的人", phone=phone)["person_id"]
    assert other.sign_up(other.shift(), name="两处的人", phone=phone)["person_id"] == both
    gone = site.sign_up(site.shift())["person_id"]
    site.sql("UPDATE people SET erased_at = now() WHERE id = :id", id=gone)
    area = site.expect(200, "GET", f"/v1/sites/{site.id}")["area"]
    body = {"to": "area", "area": area, "limit": 10000}
    service = Caller(site.app, NOTIFICATIONS_TOKEN)
    people: list[str] = []
    while page := service.expect(200, "POST", "/internal/audience", body | {"after": people[-1] if people else None})[
        "people"
    ]:
        people += [one["person_id"] for one in page]
    assert people.count(both) == 1 and gone not in people and people == sorted(people)
    clerk = office.account(("site_staff", site.id, None))
    answer = service.expect(200, "POST", "/internal/audience", body | {"asked_by": clerk})
    assert (answer["objection"], answer["people"]) == ("not_theirs", [])
    assert service.expect(200, "POST", "/internal/audience", body | {"area": "999999"})["objection"] == "unknown"
    Caller(site.app, REPORTING_TOKEN).expect(403, "POST", "/internal/audience", body)


def test_how_many_no_channel_reaches(site: Site) -> None:
    shift = site.shift()
    site.sign_up(shift, email=f"{uuid4().hex}@example.org")
    site.sign_up(shift, phone=fresh_phone(), email=None)
    activity = {"activity_id": site.activity_of(shift)}
    counted = ask(site, "activity", "/count", **activity)
    assert (counted["people"], counted["by_mail"], counted["by_phone"], counted["unreached"]) == (2, 1, 0, 1)
    counted = ask(site, "activity", "/count", phones=["+86"], **activity)
    assert (counted["by_phone"], counted["unreached"]) == (1, 0)


def test_the_ages_are_those_of_the_day(site: Site) -> None:
    shift = site.shift()
    child = site.sign_up(shift, birth_date="2014-05-01", guardian_consent=True)["person_id"]
    adult = site.sign_up(shift, birth_date="1960-05-01")["person_id"]
    activity = {"activity_id": site.activity_of(shift)}
    assert whom(site, "activity", ages="minors", **activity) == {child}
    assert whom(site, "activity", ages="adults", **activity) == {adult}


def test_those_of_a_team_and_of_one_language(site: Site) -> None:
    shift = site.shift()
    english = site.sign_up(shift, language="en")["person_id"]
    chinese, other = (site.sign_up(shift, language="zh-CN")["person_id"] for _ in range(2))
    team = make_team(site)
    for person in (english, chinese):
        member = {"person_id": person, "agreement": "入队名单"}
        site.expect(201, "POST", f"/v1/teams/{team}/members", member)
    assert whom(site, "team", team_id=team) == {english, chinese}
    assert whom(site, "team", team_id=team, language="zh") == {chinese}
    activity = {"activity_id": site.activity_of(shift)}
    assert whom(site, "activity", language="en", **activity) == {english}
    assert whom(site, "activity", language="zh", **activity) == {chinese, other}


def test_volunteers_alone_are_those_of_the_site_that_writes(site: Site, other: Site) -> None:
    phone = fresh_phone()
    told = somebody(name="林志愿", phone=phone) | {"sex": "female", "terms_consent": True}
    volunteer = site.expect(201, "POST", "/v1/volunteers", told)["person_id"]
    assert site.sign_up(site.shift())["person_id"] not in whom(site, "site", volunteers_only=True)
    assert other.sign_up(other.shift(), name="林志愿", phone=phone)["person_id"] == volunteer
    assert volunteer in whom(site, "site", volunteers_only=True)
    assert volunteer in whom(other, "site") and volunteer not in whom(other, "site", volunteers_only=True)


def test_who_refused_is_counted_as_that_and_who_refused_one_channel_is_reached_by_the_other(site: Site) -> None:
    shift = site.shift()
    both, no_mail, neither = (
        site.sign_up(shift, email=f"{uuid4().hex}@example.org", phone=fresh_phone())["person_id"] for _ in range(3)
    )
    by_phone = site.sign_up(shift, phone=fresh_phone(), email=None)["person_id"]
    refusing = {"no_mail": {site.id: [both, no_mail, by_phone]}, "no_sms": {site.id: [both], str(uuid4()): [by_phone]}}
    asked = {"activity_id": site.activity_of(shift), "phones": ["+86"], **refusing}

    def counted(**more: Any) -> tuple[int, ...]:
        found = ask(site, "activity", "/count", **(asked | more))
        return tuple(found[name] for name in ("people", "by_mail", "by_phone", "refused", "unreached"))

    assert counted() == (4, 1, 2, 1, 0)
    assert counted(phones=[]) == (4, 1, 0, 2, 1), "without SMS, refusing mail is refusing all"
    assert neither


def test_the_parts_of_a_count_have_everybody_once(site: Site) -> None:
    shift = site.shift()
    people = sorted(site.sign_up(shift)["person_id"] for _ in range(5))
    asked = {"activity_id": site.activity_of(shift)}
    bounds = [None, people[1], people[3], None]
    parts = [
        ask(site, "activity", "/count", after=after, until=until, **asked)["people"]
        for after, until in pairwise(bounds)
    ]
    assert parts == [2, 2, 1]
    none = ask(site, "activity", "/count", after=people[4], no_mail={site.id: people}, **asked)
    assert none["people"] == 0


def test_colleagues_of_an_area_are_those_who_look_after_it_or_what_it_lies_in(
    site: Site, office: Office, make_area: Callable[..., str]
) -> None:
    city, elsewhere = make_area(), make_area()
    district = make_area(city, "district")
    over, wide, beside = (office.account(("area_admin", None, one)) for one in (district, city, elsewhere))
    operator = office.account(("area_admin", None, district), ("operator", None, None))
    closed, never = (office.account(("area_admin", None, district)) for _ in range(2))
    site.sql("UPDATE staff SET disabled_at = now() WHERE id = :id", id=closed)
    site.sql("UPDATE staff SET password = NULL WHERE id = :id", id=never)

    def of(area: str) -> set[str]:
        body = {"area": area}
        found = Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/audience/colleagues", body)
        as_elsewhere = site.sql("SELECT id::text FROM staff WHERE :area IN (SELECT staff_areas(id))", area=area)
        assert set(found["staff"]) <= {row.id for row in as_elsewhere}
        return set(found["staff"]) & {over, wide, beside, operator, closed, never}

    assert of(district) == {over, wide}
    assert of(city) == {wide}


def test_colleagues_are_those_who_work_there_and_are_called_by_name(site: Site, other: Site, office: Office) -> None:
    here, elsewhere = office.account(("site_staff", site.id, None)), office.account(("site_staff", other.id, None))
    over = office.account(("area_admin", None, site.expect(200, "GET", f"/v1/sites/{site.id}")["area"]))
    service = Caller(site.app, NOTIFICATIONS_TOKEN)
    body = {"site_id": site.id, "actors": [f"staff:{here}", "system", f"staff:{uuid4()}"]}
    found = service.expect(200, "POST", "/internal/audience/colleagues", body)
    assert here in found["staff"] and elsewhere not in found["staff"] and over not in found["staff"]
    assert list(found["names"]) == [f"staff:{here}"] and found["names"][f"staff:{here}"]
    area = site.expect(200, "GET", f"/v1/sites/{site.id}")["area"]
    found = service.expect(200, "POST", "/internal/audience/colleagues", {"area": area})
    assert over in found["staff"] and here not in found["staff"]
    Caller(site.app, REPORTING_TOKEN).expect(403, "POST", "/internal/audience/colleagues", body)


def test_one_hand_with_two_accounts_is_no_colleague_of_itself(site: Site, office: Office) -> None:
    author = office.area_admin("140000", at=site.id)
    new = {"email": f"{uuid4().hex[:8]}@example.com", "name": "新同事"}
    grant = {"role": "site_staff", "site_id": site.id}
    invited = author.expect(201, "POST", "/v1/staff", new | {"grants": [grant]})["id"]
    another, over = office.account(("site_staff", site.id, None)), office.account(("area_admin", None, "140000"))
    site.sql("UPDATE staff SET password = (SELECT password FROM staff WHERE id = :from) WHERE id = :id",
             id=invited, **{"from": another})  # fmt: skip

    def may_approve(hand: str, asked_by: str) -> set[str]:
        body = {"site_id": site.id, "hands": [f"staff:{hand}"], "asked_by": asked_by}
        found = Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/audience/colleagues", body)
        return set(found["staff"]) & {author.id, invited, another, over}

    assert may_approve(author.id, over) == {another, over}, "whoever looks after the area, and acts here, may as well"
    assert may_approve(invited, author.id) == {another}
    assert may_approve(another, author.id) == {author.id, invited}
