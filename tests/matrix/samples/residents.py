"""What residents and other web pages open: public activities, links of mails, origins."""

import uuid
from typing import Any

from itsdangerous import URLSafeTimedSerializer

from services.registration.operations.staff.links import Links
from tests.matrix.callers import ANYONE, Town
from tests.matrix.filled import filled
from tests.registration.world import fresh_phone


def _public(town: Town, made: dict[str, str]) -> str:
    """A published activity with a shift."""
    activity = town.own.activity()
    town.own.shift(activity=activity)
    return activity


def _mine(town: Town, made: dict[str, str]) -> str:
    """The link in each mail to the resident."""
    url = Links(town.office.data, "").manage_url(uuid.UUID(town.person), uuid.UUID(town.own.id), "matrix@example.com")
    return url.rpartition("/")[2]


def _done(town: Town, made: dict[str, str]) -> str:
    """The page after a sign-up."""
    signer = URLSafeTimedSerializer(town.office.data.key_for("sign-up result"))
    return str(signer.dumps([uuid.UUID(town.own.shift()).hex, "", "phone", ""]))


SAMPLES: dict[str, Any] = {
    "/activities/<uuid:activity_id> activity_id": _public,
    "/v1/public/activities/<uuid:activity_id> activity_id": _public,
    "/links/mine/<token> token": _mine,
    "/links/done/<token> token": _done,
    "/embed/links/done/<token> token": _done,
}

BODIES: dict[str, Any] = {
    "PUT /v1/embed-origins": {"origins": ["https://www.example.org"]},
    "POST /internal/links": {"links": []},
    "POST /internal/notices": {"notices": []},
    "POST /internal/staff": {"staff": []},
    "POST /internal/digest": {"digests": []},
    "POST /internal/told": {"told": []},
    "POST /internal/audience": {"to": "site"},
    "POST /internal/audience/count": {"to": "site"},
}


def _signing_up(town: Town, made: dict[str, str]) -> dict[str, str]:
    return {"name": "矩阵来客", "contact": fresh_phone(), "agreed": "on"}


SIGN_UP, IN_FRAME = "/shifts/<uuid:shift_id>/sign-up", "/embed/shifts/<uuid:shift_id>"

FORMS: dict[str, Any] = {
    route: fill for path in (SIGN_UP, IN_FRAME) for route, fill in filled(path, who=ANYONE, fields=_signing_up).items()
}
BODIES["POST /v1/public/shifts/<uuid:shift_id>/registrations"] = lambda town, made: {
    "name": "矩阵来客",
    "phone": fresh_phone(),
    "agreed": True,
}
QUERIES = {"GET /events": "?partition=0&after=0"}
