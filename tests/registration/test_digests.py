"""What staff are told of tomorrow: numbers and titles of their own site, and nobody's name."""

import json
from datetime import date, timedelta
from typing import Any

from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.hours_world import earn, over
from tests.registration.office import Office
from tests.registration.world import Caller, Site, somebody


def asked(site: Site, day: date, *sites: str) -> list[dict[str, Any]]:
    """What is answered to the service that sends mail."""
    body = {"digests": [{"site_id": one, "day": day.isoformat()} for one in sites or (site.id,)]}
    return Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/digest", body)["digests"]


def day_of(site: Site, shift: str) -> date:
    return site.sql("SELECT local_day FROM shifts WHERE id = :id", id=shift)[0].local_day


def test_a_days_shifts_are_told_with_their_numbers_and_who_lacks_a_consent(
    site: Site, other: Site, office: Office
) -> None:
    works = office.account(("site_staff", site.id, None))
    room = site.expect(201, "POST", "/v1/rooms", {"name_zh": "二楼排练厅", "name_en": "Hall", "capacity": 30})["id"]
    shift = site.shift(capacity=2, room_id=room)
    kept = [site.sign_up(shift, name="从不写进摘要的名字") for _ in range(3)]
    child = somebody(birth_date="2016-05-01", guardian_consent=True)
    lone = site.shift(activity=site.activity_of(shift), starts=30)
    young = site.expect(201, "POST", f"/v1/shifts/{lone}/registrations", {"person": child})
    site.sql("UPDATE shifts SET requirements = cast(:r AS jsonb) WHERE id = :id", id=shift,
             r=json.dumps({"consents": ["photo"]}))  # fmt: skip
    agreed = {"kind": "photo", "given_by": "person", "how": "paper"}
    site.expect(201, "POST", f"/v1/people/{kept[0]['person_id']}/consents", agreed)
    [answer] = asked(site, day_of(site, shift))
    told = {one["shift_id"]: one for one in answer["shifts"]}[shift]
    numbers = {name: told[name] for name in ("places", "confirmed", "waitlisted", "offered", "without_consent")}
    assert numbers == {"places": 2, "confirmed": 2, "waitlisted": 1, "offered": 0, "without_consent": 1}
    assert (told["title_zh"], told["where_zh"], told["where_en"]) == ("指尖科普课堂", "二楼排练厅", "Hall")
    assert answer["staff"] == [works] and "从不写进摘要的名字" not in json.dumps(answer, ensure_ascii=False)

    def without() -> int:
        [of_day] = asked(site, day_of(site, lone))
        return {one["shift_id"]: one["without_consent"] for one in of_day["shifts"]}[lone]

    assert without() == 0, "the guardian's consent came with this sign-up"
    site.sql(
        "UPDATE consents SET withdrawn_at = now(), withdrawn_by = 'test' WHERE registration_id = :id", id=young["id"]
    )
    assert without() == 1
    [elsewhere] = asked(other, day_of(site, shift))
    assert elsewhere["shifts"] == [] and elsewhere["staff"] == []


def test_what_the_days_before_left_open_is_told_until_it_is_recorded(site: Site) -> None:
    shift, (came, absent, unknown) = over(site, people=3)
    tomorrow = day_of(site, shift) + timedelta(days=1)
    earn(site, came)
    site.expect(200, "POST", f"/v1/registrations/{absent}/no-show")
    for ahead in (0, 1):
        [answer] = asked(site, tomorrow + timedelta(days=ahead))
        assert [(one["absent"], one["open"]) for one in answer["attendance"]] == [(1, 1)]
    earn(site, unknown)
    assert [(one["absent"], one["open"]) for one in asked(site, tomorrow)[0]["attendance"]] == [(1, 0)]
    assert asked(site, tomorrow + timedelta(days=2))[0]["attendance"] == []


def test_a_closed_site_has_no_day_and_nobody_else_may_ask(site: Site) -> None:
    site.sql("UPDATE sites SET status = 'closed' WHERE id = :id", id=site.id)
    assert asked(site, date(2026, 12, 1)) == []
    site.sql("UPDATE sites SET status = 'open' WHERE id = :id", id=site.id)
    site.expect(403, "POST", "/internal/digest", {"digests": []})
