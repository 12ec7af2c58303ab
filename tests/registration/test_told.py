"""What volunteers are mailed when their hours or a certificate are no longer as they were: once, and no more."""

from typing import Any

from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.hours_world import earn, moment, over, person_of, records_of, second_person
from tests.registration.office import Office
from tests.registration.test_certificates import YEARS
from tests.registration.test_mail_links import path_of
from tests.registration.world import Caller, Site


def told(site: Site, purpose: str) -> list[Any]:
    """The site's mails with such a link, oldest first."""
    rows = site.sql(
        "SELECT id FROM links WHERE site_id = :s AND purpose = :p ORDER BY created_at", s=site.id, p=purpose
    )
    asked = {"links": [str(row.id) for row in rows]}
    return list(Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/links", asked)["links"])


def page_of(site: Site, mail: Any) -> str:
    answer = site.app.test_client().get(path_of(mail["url"]), headers={"Accept-Language": "en"})
    assert answer.status_code == 200 and "Set-Cookie" not in answer.headers
    return str(answer.get_data(as_text=True))


def test_every_change_of_minutes_is_told_and_nothing_else_is(site: Site, office: Office) -> None:
    _, [registration] = over(site, title_zh="健康建档", ago=2)
    earn(site, registration, came=-4, left=-2)
    [record] = records_of(site, registration)
    assert told(site, "hours_changed") == [], "hours that are recorded are no change"
    path = f"/v1/service-records/{record.id}/corrections"
    site.expect(201, "POST", path, {"minutes": 30, "reason": "中途离开"})
    [lower] = told(site, "hours_changed")
    assert lower["about_zh"].endswith("健康建档：2 小时 → 30 分钟") and lower["about_en"].endswith("2 h → 30 min")
    assert "30 min" in page_of(site, lower) and "中途离开" not in page_of(site, lower)
    body = {"checked_in_at": moment(-4), "checked_out_at": moment(-2), "reason": "纸质签到表"}
    entry = site.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", body)
    assert len(told(site, "hours_changed")) == 1, "nothing counts yet"
    second_person(office, site).expect(200, "POST", f"/v1/later-entries/{entry['id']}/approve", {"reason": "核对无误"})
    assert [one["about_en"].partition(": ")[2] for one in told(site, "hours_changed")] == [
        "2 h → 30 min",
        "30 min → 2 h",
    ]
    [once_changed, _] = told(site, "hours_changed")
    page = page_of(site, once_changed)
    seen = [page.partition(word)[2].partition("</dd>")[0] for word in (">Before<", ">Changed to<", ">Now<")]
    minutes = ("2 h", "30 min", "2 h (changed again since)")
    assert all(one.endswith(f"<dd>{wanted}") for one, wanted in zip(seen, minutes, strict=True)), seen
    standing = records_of(site, registration)[-1].id
    site.expect(201, "POST", f"/v1/service-records/{standing}/corrections", {"minutes": 0, "reason": "误记"})
    assert "withdrawn: no hours" in page_of(site, told(site, "hours_changed")[-1])


def test_whose_certificate_is_revoked_hears_of_it_once_with_the_reason(site: Site) -> None:
    _, [registration] = over(site)
    earn(site, registration)
    made = site.expect(201, "POST", f"/v1/people/{person_of(site, registration)}/certificates", YEARS)
    for reason in ("记录有误", "再说一次"):
        site.expect(200, "POST", f"/v1/certificates/{made['id']}/revoke", {"reason": reason})
    [mail] = told(site, "certificate_revoked")
    assert mail["about_zh"] == f"编号 {made['number']}，原因：记录有误"
    page = page_of(site, mail)
    assert made["number"] in page and "记录有误" in page
