"""Rules of reminding: kept by the activity, carried by programmes, said in words; who they concern; who will come."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.common.events import ActivityPublished, RegistrationComing
from services.registration.personal_data import PersonalData
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.hours_world import earn, over
from tests.registration.office import Office
from tests.registration.own_world import resident_of
from tests.registration.programme_world import a_programme, activity_template, clone, drafts, shift_template
from tests.registration.test_leading import Choir
from tests.registration.test_public import fresh_mail
from tests.registration.world import Caller, Site

EVENING = {"to": "leaders", "days_before": 1, "at": "19:00"}
ASKING = {"to": "participants", "days_before": 2, "at": "09:00", "only_unconfirmed": True, "late": "skip"}
FULL = {"minutes_before": None, "days_before": None, "at": None, "only_unconfirmed": False, "late": "latest"}


def test_an_activity_keeps_its_rules_and_tells_them(site: Site) -> None:
    activity = site.activity(reminder_rules=[EVENING, ASKING])
    seen = site.expect(200, "GET", f"/v1/activities/{activity}")["reminder_rules"]
    assert seen == [FULL | EVENING, FULL | ASKING]
    [published] = [event for event in site.events(activity) if isinstance(event, ActivityPublished)]
    assert [rule.name for rule in published.reminder_rules] == ["1d19:00", "2d09:00/unconfirmed"]
    site.expect(200, "PATCH", f"/v1/activities/{activity}", {"reminder_rules": []}, If_Match="*")
    site.expect(200, "PATCH", f"/v1/activities/{activity}", {"reminder_rules": []}, If_Match="*")
    assert len(site.events(activity)) == 2
    assert site.expect(200, "GET", f"/v1/activities/{activity}")["reminder_rules"] == []


@pytest.mark.parametrize("rules", [
    [{"to": "leaders"}], [{"to": "leaders", "minutes_before": 5, "at": "09:00"}], [{"to": "staff", "days_before": 1}],
    [EVENING | {"only_unconfirmed": True}], [EVENING, EVENING], [EVENING | {"at": "24:00"}], [EVENING | {"by": "fax"}],
])  # fmt: skip
def test_a_rule_that_says_no_one_time_is_refused(site: Site, rules: list[dict[str, Any]]) -> None:
    body = {"kind": "class", "title_zh": "课堂", "place": "大厅", "reminder_rules": rules}
    refused = site.expect(422, "POST", "/v1/activities", body)
    assert refused["errors"][0]["field"].startswith("reminder_rules")


def test_a_programme_carries_them_to_its_sites(site: Site) -> None:
    programme = a_programme(site, activity_template("a1", shift_template("s1"), reminder_rules=[EVENING]))
    clone(site, programme, site.id)
    (activity,) = drafts(site).values()
    assert activity["reminder_rules"] == [FULL | EVENING]


def test_staff_fill_them_in_and_read_them_in_words(site: Site, office: Office) -> None:
    staff, activity = office.site_staff(site.id), site.activity(reminder_minutes=[120])
    path = f"/staff/activities/{activity}"
    form = {
        "kind": "class", "title_zh": "课堂", "place": "大厅", "reminder_minutes": "120", "version": "2",
        "risks_zh": "无。", "reminder_rules.1.to": "staff", "reminder_rules.1.days_before": "1",
        "reminder_rules.1.at": "10:00", "reminder_rules.2.to": "participants",
        "reminder_rules.2.minutes_before": "60", "reminder_rules.2.only_unconfirmed": "on",
        "reminder_rules.2.late": "skip",
    }  # fmt: skip
    wrong = staff.call("POST", f"{path}/edit", form=form | {"reminder_rules.1.at": ""})
    assert wrong.status_code == 422 and "needs either minutes_before" in wrong.get_data(as_text=True)
    assert staff.call("POST", f"{path}/edit", form=form).status_code == 303
    page = staff.call("GET", path).get_data(as_text=True)
    assert "the day before at 10:00, to the site&#39;s staff" in page
    assert "only who has not said that they will come, if late not sent" in page
    chinese = staff.call("GET", path, Accept_Language="zh").get_data(as_text=True)
    assert "前一天 10:00，站点工作人员" in chinese and "提前 2 小时，参与者" in chinese
    edited = staff.call("GET", f"{path}/edit").get_data(as_text=True)
    assert 'name="reminder_rules.2.to"' in edited and 'value="10:00"' in edited


def test_who_comes_says_so_once_and_the_roster_shows_it_until_the_shift_moves(
    site: Site, office: Office, data: PersonalData
) -> None:
    shift = site.shift()
    place = site.sign_up(shift, email=fresh_mail())
    person, staff = resident_of(site, data, place["person_id"]), office.site_staff(site.id)
    path = f"/my/registrations/{place['id']}"
    assert "I will come" in person.call("GET", path).get_data(as_text=True)
    for _ in range(2):
        assert person.call("POST", f"{path}/coming", form={}).status_code == 303
    told = [event for event in site.events(site.activity_of(shift)) if isinstance(event, RegistrationComing)]
    assert [event.version for event in told] == [2]
    assert "and the site knows" in person.call("GET", path).get_data(as_text=True)
    assert "will come</span>" in staff.call("GET", f"/staff/shifts/{shift}").get_data(as_text=True)
    site.expect(200, "PATCH", f"/v1/shifts/{shift}", {"capacity": 7}, If_Match="*")
    assert site.expect(200, "GET", f"/v1/registrations/{place['id']}")["coming_at"]
    ends = datetime.fromisoformat(site.expect(200, "GET", f"/v1/shifts/{shift}")["ends_at"])
    later = {"ends_at": (ends + timedelta(minutes=30)).isoformat()}
    site.expect(200, "PATCH", f"/v1/shifts/{shift}", later, If_Match="*")
    assert site.expect(200, "GET", f"/v1/registrations/{place['id']}")["coming_at"] is None


def test_only_who_has_a_place_on_a_shift_that_lies_ahead_can_say_so(site: Site, data: PersonalData) -> None:
    shift = site.shift(capacity=1)
    place, waiting = site.sign_up(shift, email=fresh_mail()), site.sign_up(shift)
    site.expect(409, "POST", f"/v1/registrations/{waiting['id']}/coming")
    other = resident_of(site, data, waiting["person_id"])
    assert other.call("POST", f"/v1/my/registrations/{place['id']}/coming").status_code == 404
    assert site.expect(200, "POST", f"/v1/registrations/{place['id']}/coming")["coming_at"]
    site.move_shift(shift, -1, 1)
    site.expect(409, "POST", f"/v1/registrations/{place['id']}/coming")


def whom(site: Site, shift: str, kind: str) -> dict[str, Any]:
    """What is answered to the service that sends mail."""
    asked = {"notices": [{"shift_id": shift, "kind": kind}]}
    [answer] = Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/notices", asked)["notices"]
    return answer


def test_leaders_and_staff_are_those_of_now_and_reached_by_their_own_address(
    site: Site, office: Office, data: PersonalData
) -> None:
    choir, shift = Choir(site, data), site.shift()
    site.expect(200, "PATCH", f"/v1/activities/{site.activity_of(shift)}", {"team_id": choir.id}, If_Match="*")
    works = office.account(("site_staff", site.id, None))
    invited = office.account(("site_staff", site.id, None))
    site.sql("UPDATE staff SET password = NULL WHERE id = :id", id=invited)
    office.operator()
    assert whom(site, shift, "leaders") == {
        "shift_id": shift, "kind": "leaders", "needed": True, "people": [choir.people[0]], "staff": []}  # fmt: skip
    assert whom(site, shift, "staff")["staff"] == [works]
    service = Caller(site.app, NOTIFICATIONS_TOKEN)
    [reached] = service.expect(200, "POST", "/internal/staff", {"staff": [works]})["staff"]
    assert reached["email"] and reached["shifts_url"].endswith("/staff/shifts/")
    site.sql("UPDATE staff SET disabled_at = now() WHERE id = :id", id=works)
    assert service.expect(200, "POST", "/internal/staff", {"staff": [works]})["staff"] == []
    assert whom(site, shift, "staff")["staff"] == []
    site.expect(200, "POST", f"/v1/shifts/{shift}/cancel")
    assert whom(site, shift, "leaders")["needed"] is False


def test_hours_are_needed_until_everybody_is_recorded(site: Site) -> None:
    shift, people = over(site, people=1)
    assert whom(site, shift, "hours_due")["needed"] is True
    earn(site, people[0])
    assert whom(site, shift, "hours_over")["needed"] is False
