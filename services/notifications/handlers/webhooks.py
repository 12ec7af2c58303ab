"""Events of a site become deliveries to its endpoints, in the transaction that applies them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Envelope
from services.notifications.webhooks.types import kind_of, told_types

# Locked until the commit, so that none is deleted between the look and the rows that name it.
WHO_LISTENS = text("SELECT site_id FROM webhook_endpoints WHERE site_id = ANY(:sites) FOR KEY SHARE")

# An endpoint is told of what happens from its making on, by the time of the event and not of its arrival: whoever
# reads years of log anew sends nobody anything. Two databases' clocks may differ by a little (`slack`, seconds).
NOTE = text("""
    INSERT INTO webhook_deliveries (id, endpoint_id, site_id, event_id, type, occurred_at, request_id, body, state,
                                    expires_at)
    SELECT md5(endpoint.id::text || fresh.event_id::text)::uuid, endpoint.id, endpoint.site_id, fresh.event_id,
           fresh.type, fresh.at, fresh.request_id, fresh.body,
           CASE WHEN endpoint.disabled_at IS NULL THEN 'pending' ELSE 'skipped' END,
           now() + make_interval(days => :days)
    FROM unnest(
        cast(:event_ids AS uuid[]), cast(:sites AS uuid[]), cast(:types AS text[]), cast(:kinds AS text[]),
        cast(:times AS timestamptz[]), cast(:request_ids AS text[]), cast(:bodies AS text[])
    ) WITH ORDINALITY AS fresh (event_id, site_id, type, kind, at, request_id, body, place)
    JOIN webhook_endpoints AS endpoint ON endpoint.site_id = fresh.site_id
        AND (endpoint.types = '{}' OR endpoint.types && ARRAY[fresh.type, fresh.kind])
        AND fresh.at > endpoint.created_at - make_interval(secs => :slack)
    ORDER BY fresh.place, endpoint.number
    ON CONFLICT DO NOTHING
""")

SLACK = 60
EXPIRES_DAYS = 5
"""Until then a delivery is tried; a bit longer than its last retry takes (`BACKOFF`), for whoever asks us to wait."""


def note_deliveries(session: Session, envelopes: Sequence[Envelope]) -> None:
    """One row for each endpoint that asks for the event: `skipped` where it is disabled."""
    told = [one for one in envelopes if one.type in told_types() and one.data.get("site_id")]
    sites = list({UUID(one.data["site_id"]) for one in told})
    listening = set(session.scalars(WHO_LISTENS, {"sites": sites})) if sites else set()
    told = [one for one in told if UUID(one.data["site_id"]) in listening]
    if told:
        session.execute(
            NOTE,
            {
                "event_ids": [one.id for one in told],
                "sites": [UUID(one.data["site_id"]) for one in told],
                "types": [one.type for one in told],
                "kinds": [kind_of(one.type) for one in told],
                "times": [one.time for one in told],
                "request_ids": [one.requestid for one in told],
                "bodies": [cloud_event(one) for one in told],
                "days": EXPIRES_DAYS,
                "slack": SLACK,
            },
        )


def cloud_event(envelope: Envelope) -> str:
    """The event as it is sent: an attribute that has no value is left out, as CloudEvents has it; and what tells of a
    person's places at other sites."""
    told = envelope.model_copy(update={"data": {key: one for key, one in envelope.data.items() if key != "clashes"}})
    return told.model_dump_json(exclude={"requestid"} if envelope.requestid is None else None)
