"""Activities, shifts, registrations."""

import itertools
from typing import Any
from uuid import uuid4

from tests.matrix.callers import RESIDENT_DETAILS, Town
from tests.matrix.filled import filled
from tests.registration.world import in_hours, somebody

FREE_HOURS = itertools.count(25000, 5)
"""When the resident's shifts start: nobody is in two places at once."""
ACTIVITY = {"kind": "class", "title_zh": "矩阵课", "place": "职工新街"}


def _registration(town: Town, made: dict[str, str]) -> str:
    """A registration of the resident."""
    shift = town.own.shift(starts=next(FREE_HOURS))
    registration = town.own.sign_up(shift, **RESIDENT_DETAILS)
    assert registration["person_id"] == town.person
    return str(registration["id"])


def _times(**fields: Any) -> dict[str, Any]:
    return {"starts_at": in_hours(40), "ends_at": in_hours(42)} | fields


def _day(hours: float = 600) -> str:
    return in_hours(hours)[:10]


def _published(town: Town, made: dict[str, str]) -> str:
    """An activity whose only shift is over."""
    activity = town.own.activity()
    town.own.move_shift(town.own.shift(activity=activity), -3, -1)
    return activity


def _beside_an_organisation(town: Town, made: dict[str, str]) -> str:
    """An activity of a site that knows an organisation."""
    town.own.expect(201, "POST", "/v1/organisations", {"name_zh": f"矩阵单位 {uuid4().hex}"})
    return town.own.activity(publish=False)


def _of_series(town: Town, made: dict[str, str]) -> str:
    """A shift that others follow."""
    body = {"rrule": "FREQ=WEEKLY;COUNT=3", "first_starts_at": in_hours(50), "minutes": 60, "roles": [{"capacity": 2}]}
    activity = town.own.activity()
    town.own.expect(201, "POST", f"/v1/activities/{activity}/shift-series", body)
    shifts = town.own.sql("SELECT id FROM shifts WHERE activity_id = :a ORDER BY starts_at", a=activity)
    return str(shifts[0].id)


SAMPLES: dict[str, Any] = {
    "activity_id": lambda town, made: town.own.activity(publish=False),
    "shift_id": lambda town, made: town.own.shift(),
    "registration_id": _registration,
    "/v1/activities/<uuid:activity_id>/complete activity_id": _published,
    "/staff/activities/<uuid:activity_id>/organisations activity_id": _beside_an_organisation,
    "/v1/shifts/<uuid:shift_id>/following shift_id": _of_series,
    "/v1/shifts/<uuid:shift_id>/following/cancel shift_id": _of_series,
}

BODIES: dict[str, Any] = {
    "POST /v1/activities": ACTIVITY,
    "PATCH /v1/activities/<uuid:activity_id>": {"place": "别处"},
    "POST /v1/activities/<uuid:activity_id>/shifts": lambda town, made: _times(capacity=5),
    "POST /v1/activities/<uuid:activity_id>/slots": lambda town, made: _times(roles=[{"capacity": 2}]),
    "POST /v1/activities/<uuid:activity_id>/shift-series": lambda town, made: {
        "rrule": "FREQ=WEEKLY;COUNT=2",
        "first_starts_at": in_hours(50),
        "minutes": 60,
        "roles": [{"capacity": 2}],
    },
    "PATCH /v1/shifts/<uuid:shift_id>": {"capacity": 7},
    "PATCH /v1/shifts/<uuid:shift_id>/following": {"capacity": 7},
    "POST /v1/shifts/<uuid:shift_id>/registrations": lambda town, made: {"person": somebody()},
}

PAGE = "/staff/activities/<uuid:activity_id>"

FORMS: dict[str, Any] = (
    filled(
        "/staff/activities/new",
        fields=lambda town, made: {"when.day": _day(), "when.time": "09:30", "when.roles.0.capacity": "8"},
        title_zh="矩阵课",
        place="职工新街",
    )
    | filled(f"{PAGE}/edit")
    | filled(f"{PAGE}/organisations")
    | filled(
        f"{PAGE}/shifts/new",
        fields=lambda town, made: {"when.day": _day(), "when.time": "09:30", "when.roles.0.capacity": "8"},
    )
    | filled("/staff/activities/shifts/<uuid:shift_id>")
)
