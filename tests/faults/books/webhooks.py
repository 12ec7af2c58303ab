"""Each site was told of each of its events, by its own receiver's word, under one webhook-id."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta

from tests.faults.books.material import Finding, LogEntry, Material

KEPT_BACK = ("link.issued", "site_key.issued", "site_key.revoked")
"""What lets somebody in is told to nobody (docs/webhooks.md)."""

IN_DOUBT = ("interrupted", "unanswered")
"""Attempts of which the sender does not know whether they were taken: a sender that is slow or frozen finds the
answer late."""

SILENT = ("drop", "hang")
"""What a receiver does that takes nothing and says nothing."""

SLACK = timedelta(seconds=60)
"""An event from shortly before an endpoint was made may be told to it as well."""


def every_event_has_its_delivery(material: Material) -> Iterator[Finding]:
    """Each event of a site from the making of its endpoint on, once; and nothing that is not in the log."""
    entries = {entry.event_id: entry for entry in material.log}
    rows = Counter((row.endpoint_id, row.event_id) for row in material.webhooks)
    for endpoint in material.endpoints:
        for entry in material.log:
            told = rows[endpoint.id, entry.event_id]
            if told > 1:
                yield Finding("duplicated", f"{entry} has {told} deliveries to {endpoint.id}")
            if not told and _is_of(entry, endpoint.site_id) and entry.occurred_at > endpoint.created_at:
                yield Finding("unsent", f"{entry} has no delivery to {endpoint.id}")
    sites = {endpoint.id: endpoint for endpoint in material.endpoints}
    for endpoint_id, event_id in rows:
        known, endpoint = entries.get(event_id), sites[endpoint_id]
        if known is None or not _is_of(known, endpoint.site_id) or known.occurred_at < endpoint.created_at - SLACK:
            yield Finding("effects", f"the delivery of {event_id} to {endpoint_id} is of no event that goes there")


def _is_of(entry: LogEntry, site_id: str) -> bool:
    return entry.data.get("site_id") == site_id and entry.name not in KEPT_BACK


def every_delivery_ended(material: Material) -> Iterator[Finding]:
    """Each is delivered, and was taken by the receiver: none of these fails for so long that it would be given up."""
    taken = {
        request.webhook_id
        for requests in material.world.requests.values()
        for request in requests
        if request.answer == "204"
    }
    for row in material.webhooks:
        if row.state != "delivered":
            yield Finding("unsent", f"webhook {row.id} is {row.state}: {row.error}")
        elif row.id not in taken:
            yield Finding("unsent", f"webhook {row.id} is marked delivered, its receiver never took it")


def no_event_under_two_ids(material: Material) -> Iterator[Finding]:
    """A receiver tells repetitions by the webhook-id: an event has one, which its delivery has; and one that was taken
    comes again only where its sender was interrupted or saw no answer."""
    rows = {row.id: row for row in material.webhooks}
    for endpoint_id, requests in material.world.requests.items():
        ids: dict[str, set[str]] = defaultdict(set)
        for request in requests:
            ids[request.event_id].add(request.webhook_id)
            row = rows.get(request.webhook_id)
            if row is None or (row.endpoint_id, row.event_id) != (endpoint_id, request.event_id):
                yield Finding("duplicated", f"webhook-id {request.webhook_id} came, which is of no such delivery")
        for event_id, its in ids.items():
            if len(its) > 1:
                yield Finding("duplicated", f"event {event_id} came to {endpoint_id} under {len(its)} webhook-ids")
        taken = Counter(request.webhook_id for request in requests if request.answer == "204")
        silent = Counter(request.webhook_id for request in requests if request.answer in SILENT)
        for webhook_id, count in taken.items():
            tries = rows[webhook_id].tries if webhook_id in rows else []
            if count > 1 + sum(outcome in IN_DOUBT for outcome in tries) - silent[webhook_id]:
                yield Finding("duplicated", f"webhook {webhook_id} was taken {count} times, and came again")
