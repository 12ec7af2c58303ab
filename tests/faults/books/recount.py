"""The participation report, figure for figure, against a recount in plain SQL on registration's own tables."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.client import Client

Rows = Callable[[str], list[dict[str, Any]]]
TOP = "140000"
FIGURES = (
    "activities", "shifts", "seats", "registrations", "confirmed", "waitlisted", "promotions", "cancellations",
    "attended", "no_shows", "service_minutes", "offered", "places", "people", "people_attended",
)  # fmt: skip
SIGN_UPS = """
SELECT {dimension} AS scope, count(*) AS registrations,
       count(*) FILTER (WHERE r.status = 'confirmed') AS confirmed,
       count(*) FILTER (WHERE r.status = 'waitlisted') AS waitlisted,
       count(*) FILTER (WHERE r.id::text IN (
           SELECT data->>'registration_id' FROM outbox WHERE type = 'hesheng.registration.promoted.v1')) AS promotions,
       count(*) FILTER (WHERE r.status = 'cancelled') AS cancellations,
       count(*) FILTER (WHERE r.outcome IN ('present', 'attended')) AS attended,
       count(*) FILTER (WHERE r.outcome = 'no_show') AS no_shows,
       coalesce(sum(r.service_minutes), 0)::bigint AS service_minutes,
       count(*) FILTER (WHERE r.status = 'offered') AS offered,
       coalesce(sum(r.party_size) FILTER (WHERE r.status = 'confirmed'), 0)::bigint AS places,
       count(DISTINCT r.person_id) FILTER (WHERE r.status <> 'cancelled') AS people,
       count(DISTINCT r.person_id) FILTER (WHERE r.outcome IN ('present', 'attended')) AS people_attended
FROM registrations AS r JOIN shifts AS s ON s.id = r.shift_id JOIN sites ON sites.id = s.site_id
JOIN areas ON areas.code = sites.area GROUP BY 1
"""
OFFERS = """
SELECT {dimension} AS scope, count(DISTINCT s.activity_id) AS activities, count(*) AS shifts,
       sum(s.capacity)::bigint AS seats
FROM shifts AS s JOIN activities ON activities.id = s.activity_id AND activities.status <> 'draft'
JOIN sites ON sites.id = s.site_id JOIN areas ON areas.code = sites.area WHERE s.status = 'open' GROUP BY 1
"""
SCOPES = {"site": "s.site_id::text", "area": f"'{TOP}'", "day": "s.local_day::text"}


@dataclass(frozen=True)
class Recount:
    """The figures of one scope: as reporting's API answers them, and as registration's tables give them."""

    scope: str
    reported: dict[str, int]
    recounted: dict[str, int]


def recount(url: str, operator_key: str, site_ids: list[str], rows: Rows) -> list[Recount]:
    """Every site, everything together, and everything day by day."""
    client = Client(url, operator_key)
    reported = {f"site {site_id}": _total(client, site=site_id) for site_id in site_ids}
    reported[f"area {TOP}"] = _total(client, area=TOP)
    reported |= {f"day {row['day']}": row for row in _ask(client, area=TOP, by="day").get("rows", [])}
    recounted: dict[str, dict[str, int]] = {}
    for name, dimension in SCOPES.items():
        for statement in (SIGN_UPS, OFFERS):
            for row in rows(statement.format(dimension=dimension)):
                recounted.setdefault(f"{name} {row.pop('scope')}", {}).update(row)
    return [
        Recount(scope, reported.get(scope, {}), recounted.get(scope, {})) for scope in sorted({*reported, *recounted})
    ]


def _ask(client: Client, **params: str) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    span = {"from": str(today - timedelta(days=2)), "to": str(today + timedelta(days=30))}
    answer = client.send("GET", "/v1/reports/participation", params=span | params)
    return answer.body if answer is not None and answer.ok else {}


def _total(client: Client, **params: str) -> dict[str, Any]:
    figures: dict[str, Any] = _ask(client, **params).get("total", {})
    return figures
