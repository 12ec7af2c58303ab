"""What pages do step by step."""

from typing import Any

STEPS = {
    "/staff/activities/<uuid:activity_id>/<step>": "publish",
    "/staff/rooms/bookings/<uuid:booking_id>/<step>": "confirm",
    "/staff/teams/members/<uuid:member_id>/<step>": "end",
}

SAMPLES: dict[str, Any] = {f"{path} step": lambda town, made, step=step: step for path, step in STEPS.items()}
