"""Rooms and bookings as the tests make them: times are hours after a Monday's midnight in the site's zone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.test import TestResponse

from tests.registration.world import Site

SHANGHAI = ZoneInfo("Asia/Shanghai")


def next_monday() -> date:
    """A Monday that begins in one to two weeks."""
    today = datetime.now(UTC).date()
    return today + timedelta(days=14 - today.weekday())


def at(hours: float, zone: ZoneInfo = SHANGHAI, monday: date | None = None) -> datetime:
    """The moment so many hours after that Monday's midnight."""
    midnight = datetime.combine(monday or next_monday(), datetime.min.time())
    return (midnight + timedelta(hours=hours)).replace(tzinfo=zone)


def make_room(site: Site, **fields: Any) -> str:
    """Id of a new room."""
    body = {"name_zh": "排练厅", "name_en": "Hall", "capacity": 40} | fields
    return site.expect(201, "POST", "/v1/rooms", body)["id"]


def make_team(site: Site, name: str = "暖阳合唱团") -> str:
    """Id of a new team."""
    return site.expect(201, "POST", "/v1/teams", {"name_zh": name, "name_en": name, "kind": "choir"})["id"]


def body_of(room: str, begins: float, ends: float, **fields: Any) -> dict[str, Any]:
    """A booking's body."""
    what = {} if fields.keys() & {"team_id", "title"} else {"title": "排练"}
    return {"room_id": room, "starts_at": at(begins).isoformat(), "ends_at": at(ends).isoformat()} | what | fields


def try_book(site: Site, room: str, begins: float, ends: float, **fields: Any) -> TestResponse:
    """Book, whatever becomes of it."""
    return site.call("POST", "/v1/bookings", body_of(room, begins, ends, **fields))


def book(site: Site, room: str, begins: float, ends: float, **fields: Any) -> dict[str, Any]:
    """A new booking."""
    return site.expect(201, "POST", "/v1/bookings", body_of(room, begins, ends, **fields))


def set_up(site: Site, **settings: Any) -> None:
    """Change the site's settings."""
    site.expect(200, "PATCH", f"/v1/sites/{site.id}/settings", settings, If_Match="*")
