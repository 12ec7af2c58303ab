"""Webhooks: where a site is told of its events, and what became of that."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints
from pydantic_core import PydanticCustomError

from services.common.schemas import Answer, Body, ListQuery
from services.notifications.models import WebhookState
from services.notifications.webhooks.addresses import LONGEST_URL
from services.notifications.webhooks.types import kinds, told_types

UNSET: Any = None
OLD_SECRET_HOURS = 24
LONGEST_OLD_SECRET_HOURS = 168


def _known(name: str) -> str:
    if name not in told_types() and name not in kinds():
        raise PydanticCustomError(
            "unknown_event_type",
            "is not an event type",
            {
                "zh": "没有这类事件。应如 hesheng.shift.opened.v1 或 hesheng.shift.*。",
                "en": "is no event that sites are told of. Write hesheng.shift.opened.v1, or hesheng.shift.* for all.",
            },
        )
    return name


Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_URL),
    Field(description="https://…, at port 443 or 8443 of a public host"),
]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Types = Annotated[
    list[Annotated[str, AfterValidator(_known)]],
    Field(max_length=100, description="types of events, or hesheng.<kind>.* for all of a kind; empty for everything"),
    AfterValidator(lambda names: list(dict.fromkeys(names))),
]


class WebhookBody(Body):
    """A new endpoint."""

    url: Url
    description: Description = ""
    types: Types = Field(default_factory=list)


class WebhookEdit(Body):
    """What of an endpoint shall change. Another address, or enabling it, has it tried anew at once."""

    url: Url = UNSET
    description: Description = UNSET
    types: Types = UNSET
    enabled: bool = UNSET


class RotateBody(Body):
    """How long the old secret goes on beside the new one."""

    keep_old_hours: int = Field(
        default=OLD_SECRET_HOURS, ge=0, le=LONGEST_OLD_SECRET_HOURS, description="0 ends every older secret at once"
    )


class WebhookTest(Body):
    """Nothing need be said."""


class RedeliverBody(Body):
    """What shall be sent again."""

    since: AwareDatetime = Field(description="events from then on that failed, or were skipped")


class WebhookAnswer(Answer):
    """An endpoint, and how it goes."""

    id: UUID
    site_id: UUID
    url: str
    description: str
    types: list[str]
    enabled: bool
    disabled_at: datetime | None
    disabled_why: str | None = Field(description="staff, failing (nothing but failure for five days) or gone (410)")
    failures: int = Field(description="in a row; 0 while all is well")
    failing_since: datetime | None
    resting_until: datetime | None = Field(description="nothing is tried before then")
    error: str | None = Field(description="of the last failure")
    delivered_at: datetime | None = Field(description="when something was last taken")
    old_secret_until: datetime | None = Field(description="until then signatures by the old secret are sent as well")
    created_at: datetime
    version: int


class WebhookWithSecret(WebhookAnswer):
    """An endpoint with its secret, which is shown this once."""

    secret: str = Field(description="whsec_…")


class WebhooksQuery(ListQuery):
    """Which endpoints."""

    given_up: bool = Field(default=False, description="only those that were disabled because nothing arrived")


class WebhookList(Answer):
    """A page of endpoints; the next one is in the `Link` header."""

    items: list[WebhookAnswer]


class WebhookDeliveriesQuery(ListQuery):
    """Which deliveries; newest first."""

    state: WebhookState | None = None
    type: str | None = Field(default=None, max_length=200)


class WebhookAttemptAnswer(Answer):
    """One request to the receiver."""

    started_at: datetime
    ended_at: datetime
    outcome: str = Field(description="delivered, refused, redirected, gone, unanswered, forbidden or interrupted")
    status: int | None = Field(description="of the answer, where one came")
    reply: str | None = Field(description="the beginning of an answer that was no success, or why there was none")


class WebhookDeliveryAnswer(Answer):
    """One event on its way to one endpoint."""

    id: UUID = Field(description="the webhook-id")
    endpoint_id: UUID
    event_id: UUID
    type: str
    state: WebhookState
    attempts: int
    next_attempt_at: datetime
    occurred_at: datetime
    created_at: datetime
    ended_at: datetime | None
    request_id: str | None
    error: str | None


class WebhookDeliveryWithTries(WebhookDeliveryAnswer):
    """A delivery with what was sent, and every attempt."""

    body: str = Field(description="the CloudEvent, as it was signed")
    tries: list[WebhookAttemptAnswer]


class WebhookDeliveryList(Answer):
    """A page of deliveries; the next one is in the `Link` header."""

    items: list[WebhookDeliveryAnswer]


class RedeliveredAnswer(Answer):
    """How many are sent again."""

    count: int
    more: bool = Field(description="whether there were more than are taken at once: ask again")
