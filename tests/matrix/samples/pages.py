"""What pages do step by step."""

from typing import Any

STEPS = {
    "/staff/activities/<uuid:activity_id>/<step>": "publish",
    "/staff/rooms/bookings/<uuid:booking_id>/<step>": "confirm",
    "/staff/shifts/registrations/<uuid:registration_id>/<step>": "cancel",
    "/staff/teams/members/<uuid:member_id>/<step>": "end",
}

SAMPLES: dict[str, Any] = {f"{path} step": lambda town, made, step=step: step for path, step in STEPS.items()}

SAMPLES["/staff/shifts/<uuid:shift_id>/from/<came_from> came_from"] = lambda town, made: "web:0123456789abcdef"
