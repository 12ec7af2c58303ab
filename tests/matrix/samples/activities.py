"""Activities, shifts, registrations."""

import itertools
from typing import Any

from tests.matrix.callers import RESIDENT_DETAILS, Town
from tests.registration.world import in_hours, somebody

FREE_HOURS = itertools.count(400, 3)
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


SAMPLES: dict[str, Any] = {
    "activity_id": lambda town, made: town.own.activity(publish=False),
    "shift_id": lambda town, made: town.own.shift(),
    "registration_id": _registration,
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
