"""What residents and other web pages open: public activities, links of mails, origins."""

import uuid
from typing import Any

from itsdangerous import URLSafeTimedSerializer

from services.registration.operations.staff.links import Links
from tests.matrix.callers import Town


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
    return str(signer.dumps([uuid.UUID(town.own.shift()).hex, ""]))


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
}
