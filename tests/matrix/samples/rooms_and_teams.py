"""Bookings of rooms, members of teams, organisations, designations."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tests.matrix.callers import RESIDENT_DETAILS, Town
from tests.matrix.filled import filled
from tests.matrix.samples.sites import ROOM, TEAM
from tests.registration.world import in_hours

BOOKING = "/v1/bookings/<uuid:booking_id>"
ORGANISATION = {"name_zh": "矩阵单位", "name_en": "Matrix body"}


def _room(town: Town, **fields: Any) -> str:
    return str(town.own.expect(201, "POST", "/v1/rooms", ROOM | fields)["id"])


def _at(**fields: Any) -> dict[str, Any]:
    return {"starts_at": in_hours(60), "ends_at": in_hours(61), "title": "矩阵排练"} | fields


def _booking(town: Town, made: dict[str, str]) -> str:
    """A request for a room, which the site has not confirmed yet."""
    body = _at(room_id=_room(town, approval=True))
    return str(town.own.expect(201, "POST", "/v1/bookings", body)["id"])


def _series(town: Town) -> dict[str, Any]:
    day = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    times = {"first_day": day, "from_time": "10:00", "to_time": "11:00", "rrule": "FREQ=WEEKLY;COUNT=2"}
    return times | {"room_id": _room(town), "title": "矩阵排练"}


def _team(town: Town) -> str:
    return str(town.own.expect(201, "POST", "/v1/teams", TEAM)["id"])


def _member(town: Town, made: dict[str, str]) -> str:
    """The resident, invited to a team."""
    path = f"/v1/teams/{_team(town)}/members"
    return str(town.own.expect(201, "POST", path, {"person_id": town.person})["id"])


def _organisation(town: Town, made: dict[str, str]) -> str:
    body = ORGANISATION | {"name_zh": f"矩阵单位 {uuid.uuid4().hex}"}
    return str(town.own.expect(201, "POST", "/v1/organisations", body)["id"])


def _designation(town: Town, made: dict[str, str]) -> str:
    return str(town.own.expect(201, "POST", "/v1/designations", DESIGNATION)["id"])


DESIGNATION = {"name_zh": "矩阵基地", "granted_by": "矩阵单位", "valid_from": "2026-01-05"}

SAMPLES: dict[str, Any] = {
    "booking_id": _booking,
    "/staff/rooms/series/<uuid:series_id> series_id": lambda town, made: town.own.expect(
        201, "POST", "/v1/bookings/series", _series(town)
    )["series_id"],
    "/v1/bookings/series/<uuid:series_id>/cancel series_id": lambda town, made: town.own.expect(
        201, "POST", "/v1/bookings/series", _series(town)
    )["series_id"],
    "member_id": _member,
    "organisation_id": _organisation,
    "designation_id": _designation,
}

BODIES: dict[str, Any] = {
    "POST /v1/bookings": lambda town, made: _at(room_id=_room(town)),
    f"PATCH {BOOKING}": {"title": "矩阵"},
    "POST /v1/bookings/series": lambda town, made: _series(town),
    "POST /v1/bookings/series/preview": lambda town, made: _series(town),
    "PATCH /v1/rooms/<uuid:room_id>": {"capacity": 21},
    "PATCH /v1/teams/<uuid:team_id>": {"name_zh": "矩阵队二"},
    "POST /v1/teams/<uuid:team_id>/members": lambda town, made: {"person_id": town.person},
    "POST /v1/teams/<uuid:team_id>/volunteers": lambda town, made: {
        "members": [{"person_id": town.person, "sex": "female", "terms_consent": True}]
    },
    "PUT /v1/teams/<uuid:team_id>/leader": lambda town, made: {"person_id": town.person},
    "POST /v1/organisations": lambda town, made: ORGANISATION | {"name_zh": f"矩阵单位 {uuid.uuid4().hex}"},
    "PATCH /v1/organisations/<uuid:organisation_id>": {"name_en": "Matrix"},
    "PUT /v1/activities/<uuid:activity_id>/organisations": {"organisations": []},
    "POST /v1/designations": DESIGNATION,
    "PATCH /v1/designations/<uuid:designation_id>": {"name_zh": "矩阵基地二"},
    "POST /v1/designations/<uuid:designation_id>/revoke": {"reason": "到期"},
}


def _when(day: int = 60) -> dict[str, str]:
    return {"first_day": in_hours(24 * day)[:10], "from_time": "10:00", "to_time": "11:00"}


def _moved(town: Town, made: dict[str, str]) -> dict[str, str]:
    """To one day, also where the booking that is moved went over midnight."""
    return _when(61) | {"last_day": _when(61)["first_day"]}


FORMS: dict[str, Any] = (
    filled("/staff/rooms/book", fields=lambda town, made: _when() | {"room_id": _room(town)}, title="矩阵排练")
    | filled(
        "/staff/rooms/bookings/<uuid:booking_id>/move",
        fields=lambda town, made: _when(61) | {"last_day": _when(61)["first_day"]},
    )
    | filled("/staff/rooms/new", name_zh="矩阵室", name_en="Matrix room", capacity="20")
    | filled("/staff/teams/new", name_zh="矩阵队", name_en="Matrix team")
    | filled("/staff/teams/<uuid:team_id>/edit")
    | filled(
        "/staff/teams/<uuid:team_id>",
        fields=lambda town, made: {"person_name": RESIDENT_DETAILS["name"], "contact": RESIDENT_DETAILS["email"]},
    )
    | filled("/staff/centre/organisations", name_zh="矩阵单位")
    | filled("/staff/centre/designations", **DESIGNATION)
    | filled("/staff/centre/designations/<uuid:designation_id>/revoke", reason="到期", on=in_hours(0)[:10])
)
QUERIES = {
    "GET /v1/rooms/free": lambda town, made: "?" + urlencode({"from": in_hours(60), "to": in_hours(61)}),
}
