"""Pages and lists of a site among a million people, beside an empty route and the raw SQL of the same page.

The SQL is what the page cannot do without, written by hand in as few statements as it takes, without row-level
security and without HTTP. A page that did nothing but that, on the empty route, would take the sum of the two.
"""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from bench.asking import Asking, Request, run_asking
from bench.city import City, load_city
from bench.empty_route import empty_route
from bench.events import settings_of
from bench.generator import LoadResult
from bench.place import admin, fresh_system, start_only
from bench.report import Report, Value, percentile
from deploy.local.system import System
from services.common.auth import STAFF_COOKIE, Caller, Principal, csrf_token
from services.registration.personal_data import PersonalData

CLIENTS = (1, 8)
SECONDS = 2.0
SQL_SECONDS = 0.7

CALENDAR = """
SELECT a.*, s.* FROM shifts AS s JOIN activities AS a ON a.id = s.activity_id
WHERE s.site_id = %(site)s AND s.local_day BETWEEN current_date AND current_date + {days}
AND s.status = 'open' AND a.public AND a.status IN ('published', 'completed') ORDER BY s.starts_at, s.position
"""
PRESENT = """
SELECT r.*, p.name, e.how FROM registrations AS r
LEFT JOIN person_sites AS p ON p.person_id = r.person_id AND p.site_id = r.site_id
LEFT JOIN (SELECT registration_id, min(how) AS how FROM attendance_entries WHERE shift_id = %(crowd)s
           GROUP BY registration_id) AS e ON e.registration_id = r.id
WHERE r.shift_id = %(crowd)s AND r.status = 'confirmed'
"""
REGISTRATIONS = "SELECT * FROM registrations WHERE shift_id = %(crowd)s ORDER BY position LIMIT 201"
FOUND = """
SELECT p.*, v.volunteer_number FROM person_sites AS p LEFT JOIN volunteers AS v USING (person_id)
WHERE p.phone_index = %(phone)s AND p.site_id = %(site)s
"""
WEEK = """
SELECT * FROM bookings WHERE site_id = %(site)s AND status IN ('requested', 'confirmed')
AND ends_at > date_trunc('week', now()) AND starts_at < date_trunc('week', now()) + interval '7 days'
ORDER BY starts_at, position
"""
VOLUNTEERS = """
SELECT h.*, p.name, p.birth_date, v.volunteer_number
FROM (SELECT * FROM volunteer_sites WHERE site_id = %(site)s ORDER BY row LIMIT 101) AS h
JOIN person_sites AS p USING (person_id, site_id) JOIN volunteers AS v USING (person_id) ORDER BY h.row
"""
HOURS = """
SELECT r.* FROM service_records AS r WHERE r.person_id = %(faithful)s AND r.site_id = %(site)s
AND NOT EXISTS (SELECT FROM service_records AS later WHERE later.corrects = r.id) ORDER BY r.day, r.number
"""
PERSON = """
SELECT p.*, h.*, v.volunteer_number FROM person_sites AS p LEFT JOIN volunteer_sites AS h USING (person_id, site_id)
LEFT JOIN volunteers AS v USING (person_id) WHERE p.person_id = %(faithful)s AND p.site_id = %(site)s
"""
ACTIVITIES = """
SELECT a.*, s.shifts FROM (SELECT * FROM activities WHERE site_id = %(site)s ORDER BY number DESC LIMIT 51) AS a
LEFT JOIN LATERAL (SELECT count(*) AS shifts FROM shifts WHERE activity_id = a.id) AS s ON true
"""
SITES = "SELECT * FROM sites JOIN areas ON areas.code = sites.area WHERE sites.name_zh ILIKE '%%第1%%' LIMIT 60"


@dataclass(frozen=True)
class Page:
    """What is asked, and the SQL that it cannot do without."""

    name: str
    request: Request
    sql: str
    facts: dict[str, Any] = field(default_factory=dict)


def measure(report: Report) -> None:
    """Every page by one client and by eight, with its bounds."""
    with fresh_system(processes=False) as system:
        report.note("filling a city of a million people")
        begun = time.perf_counter()
        data = settings_of(system, "registration").personal_data()
        city = load_city(system, data)
        report.row(
            "a million people, 300 sites", "loaded and analysed", Value("took", time.perf_counter() - begun, "s")
        )
        start_only(system, "registration-api")
        with empty_route(system) as empty:
            for clients in CLIENTS:
                bound = run_asking(Asking(empty, [Request("GET", "/empty")], clients, SECONDS))
                for page in pages_of(city, data):
                    report.note(f"{page.name}, {clients} clients")
                    _measure(report, system, page, clients, bound)


def pages_of(city: City, data: PersonalData) -> list[Page]:
    """The pages and lists that staff and residents open most."""
    facts = {"site": city.site, "crowd": city.crowd, "faithful": city.faithful}
    phone = City.phone(7)
    token = csrf_token(Principal(Caller.STAFF, "", session=city.cookie))
    cookie = {"Cookie": f"{STAFF_COOKIE}={city.cookie}", "X-CSRF-Token": token}
    key = {"Authorization": f"Bearer {city.key}", "Content-Type": "application/json"}
    form = cookie | {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    typed, asked = f"by=phone&value=%2B{phone[1:]}", f'{{"phone":"{phone}"}}'
    searched = facts | {"phone": data.contact_index("phone", phone)}

    def page(name: str, path: str, sql: str) -> Page:
        return Page(name, Request("GET", path, cookie if path.startswith("/staff") else key), sql, facts)

    crowd = f"/v1/shifts/{city.crowd}"
    return [
        page("sites by name, page", "/?q=%E7%AC%AC1", SITES),
        page("calendar, week's page", f"/sites/{city.site}", CALENDAR.format(days=6)),
        page("calendar, month's page", f"/sites/{city.site}?view=month", CALENDAR.format(days=30)),
        page("calendar, month by API", f"/v1/public/sites/{city.site}/calendar", CALENDAR.format(days=30)),
        page("activities, page", "/staff/activities", ACTIVITIES),
        page("check-in desk, page of 200", f"/staff/check-in/{city.crowd}", PRESENT),
        page("roll call, page of 200", f"/staff/check-in/{city.crowd}/roll", PRESENT),
        page("roster of 200 by API", f"{crowd}/attendance", PRESENT),
        page("registrations, 200 by API", f"{crowd}/registrations?limit=200", REGISTRATIONS),
        Page("search by phone, page", Request("POST", "/staff/people/", form, typed), FOUND, searched),
        Page("search by phone, API", Request("POST", "/v1/people/search", key, asked), FOUND, searched),
        page("a person's page", f"/staff/people/{city.faithful}", PERSON),
        page("volunteers, 100 by API", "/v1/volunteers?limit=100", VOLUNTEERS),
        page("a volunteer's hours, page of 200", f"/staff/hours/people/{city.faithful}", HOURS),
        page("rooms, a week's page", "/staff/rooms/", WEEK),
    ]  # fmt: skip


def _measure(report: Report, system: System, page: Page, clients: int, empty: LoadResult) -> None:
    result = run_asking(Asking(system.urls["registration"], [page.request], clients, SECONDS))
    if result.refused:
        raise RuntimeError(f"{page.name}: {result.statuses} {result.first_problem}")
    times = _by_sql(system, page, clients)
    sql = {share: percentile(times, share) for share in (0.5, 0.99)}
    report.row(
        f"{clients} client{'s' if clients > 1 else ''}",
        page.name,
        Value("answers", result.rate, "1/s"),
        Value("p50", result.p50, "ms"),
        Value("p95", result.p95, "ms"),
        Value("p99", result.p99, "ms"),
        Value("(a) p50", empty.p50, "ms"),
        Value("(a) p99", empty.p99, "ms"),
        Value("(b) p50", sql[0.5], "ms"),
        Value("(b) p99", sql[0.99], "ms"),
        Value("p50/(a+b)", result.p50 / (empty.p50 + sql[0.5]), "times"),
        Value("p99/(a+b)", result.p99 / (empty.p99 + sql[0.99]), "times"),
        Value("answer", result.size / 1000, "KB"),
    )


def _by_sql(system: System, page: Page, clients: int) -> list[float]:
    """Milliseconds of the page's SQL, by so many connections at once."""
    times: list[float] = []
    failures: list[Exception] = []

    def ask() -> None:
        try:
            with admin(system, "registration") as database:
                database.prepare_threshold = 0
                query = page.sql.encode()
                database.execute(query, page.facts)
                until = time.perf_counter() + SQL_SECONDS
                while (begun := time.perf_counter()) < until:
                    database.execute(query, page.facts).fetchall()
                    times.append((time.perf_counter() - begun) * 1000)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return times
