"""Hours that were given and not recorded are seen, and closed in one step, whoever came and whoever did not."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.common.working_days import working_days_after
from tests.registration.hours_world import earn, moment, over, records_of, second_person
from tests.registration.office import Office
from tests.registration.world import Site


def open_ones(site: Site) -> list[dict[str, Any]]:
    return site.expect(200, "GET", "/v1/open-attendance")["items"]


def test_shifts_that_are_over_with_open_attendance_are_listed_the_oldest_first(site: Site) -> None:
    recent, [left, stays] = over(site, people=2)
    earn(site, left)
    site.expect(200, "POST", f"/v1/registrations/{stays}/check-in", {"at": moment(-2)})
    old, _ = over(site, people=3, ago=24 * 20)
    over(site, ago=-1)  # runs still
    _, [somebody] = over(site)
    site.expect(200, "POST", f"/v1/registrations/{somebody}/no-show")
    rehearsal = site.shift(volunteering=False)
    site.sign_up(rehearsal)
    site.move_shift(rehearsal, -5, -3)
    found = open_ones(site)
    assert [(one["shift_id"], one["people"], one["present"], one["by_one"]) for one in found] == [
        (old, 3, 0, False),
        (recent, 1, 1, True),
    ]
    ended = datetime.fromisoformat(moment(-24 * 20)).astimezone(ZoneInfo("Asia/Shanghai")).date()
    assert found[0]["due_on"] == working_days_after(ended, 10).isoformat()


def test_a_late_list_is_entered_and_approved_whole(site: Site, office: Office) -> None:
    shift, [came, missing, unknown] = over(site, people=3, ago=48)
    first, second = office.site_staff(site.id), second_person(office, site)
    form = {
        "checked_in_at": local(moment(-50)),
        "checked_out_at": local(moment(-48)),
        "reason": "纸质签到表",
        f"outcome.{came}": "attended",
        f"outcome.{missing}": "no_show",
    }
    path = f"/staff/check-in/{shift}/later"
    assert first.call("POST", path, form=form).status_code == 303
    refused = first.call("POST", path, form=form)  # what waits already is said at its line
    assert refused.status_code == 422 and f'href="#outcome.{came}"' in refused.get_data(as_text=True)
    assert [one["people"] for one in open_ones(site)] == [1]
    decision = {"decide": "approve", "reason": "核对无误"}
    decide = f"/staff/hours/shifts/{shift}/later-entries"
    assert first.call("POST", decide, form=decision).status_code == 422  # their own
    assert records_of(site, came) == []
    assert second.call("POST", decide, form=decision).status_code == 303
    assert [(r.minutes, r.how) for r in records_of(site, came)] == [(120, "entered_later")]
    outcomes = [site.expect(200, "GET", f"/v1/registrations/{r}")["outcome"] for r in (came, missing, unknown)]
    assert outcomes == ["attended", "no_show", None]


def test_an_approved_absence_takes_hours_away_and_what_is_said_again_gives_them_back(
    site: Site, office: Office
) -> None:
    shift, [registration] = over(site)
    earn(site, registration)
    site.move_shift(shift, -50, -48)
    path = f"/v1/registrations/{registration}/later-entries"
    second = second_person(office, site)
    body = {"checked_in_at": moment(-50), "checked_out_at": moment(-48), "reason": "纸质签到表"}
    site.expect(422, "POST", path, body | {"absent": True})
    site.expect(422, "POST", path, {"reason": "纸质签到表"})
    for said, outcome, minutes in (({"absent": True, "reason": "认错人了"}, "no_show", 0), (body, "attended", 119)):
        entry = site.expect(201, "POST", path, said)
        second.expect(200, "POST", f"/v1/later-entries/{entry['id']}/approve", {"reason": "属实"})
        now = site.expect(200, "GET", f"/v1/registrations/{registration}")
        assert now["outcome"] == outcome and now["service_minutes"] in (minutes, minutes + 1)


def local(at: str) -> str:
    """A moment as a field of local date and time takes it."""
    return datetime.fromisoformat(at).astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%dT%H:%M")
