"""The feed: a producer's log over HTTP, for subscribers that missed something.

`GET /events?partition=&after=&limit=` answers a page, `GET /events/heads` where the log ends. Both are for services
only. `FeedClient` is the subscriber's side.
"""

from uuid import UUID

import requests
from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.events import PARTITIONS
from services.common.outbox import PAGE_SIZE, Heads, Page, read_heads, read_page
from services.common.schemas import Query

FEED_TIMEOUT = (2, 10)


class PageQuery(Query):
    """Which events of the log."""

    partition: int = Field(ge=0, lt=PARTITIONS)
    after: int = Field(ge=0, description="sequence of the last event that the caller has")
    limit: int = Field(default=PAGE_SIZE, ge=1, le=1000)


class HeadsAnswer(BaseModel):
    """Where the log ends."""

    epoch: UUID
    heads: dict[int, int] = Field(description="last sequence of each partition")


def feed_blueprint(database: Database, producer: str) -> APIBlueprint:
    """The two routes of the feed."""
    feed = APIBlueprint("events", __name__, tag="Events")

    @feed.get("/events")
    @allow(Caller.SERVICE)
    @feed.input(PageQuery, location="query", arg_name="query")
    @feed.output(Page)
    def list_events(query: PageQuery) -> Response:
        """A page of the event log."""
        with database.snapshot() as session:
            page = read_page(session, producer, query.partition, query.after, query.limit)
        return Response(page.model_dump_json(), mimetype="application/json")

    @feed.get("/events/heads")
    @allow(Caller.SERVICE)
    @feed.output(HeadsAnswer)
    def show_heads() -> HeadsAnswer:
        """Where each partition of the log ends."""
        with database.snapshot() as session:
            heads = read_heads(session)
        return HeadsAnswer(epoch=heads.epoch, heads=heads.sequences)

    return feed


class FeedClient:
    """Reads another service's feed. Raises `requests.RequestException` when it cannot be had now."""

    def __init__(self, producer: str, base_url: str, token: str) -> None:
        self.producer = producer
        self._base_url = base_url.rstrip("/")
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {token}"

    def heads(self) -> Heads:
        """Where the producer's log ends."""
        answer = self._http.get(f"{self._base_url}/events/heads", timeout=FEED_TIMEOUT)
        answer.raise_for_status()
        body = HeadsAnswer.model_validate_json(answer.content)
        return Heads(body.epoch, body.heads)

    def page(self, partition: int, after: int, limit: int = PAGE_SIZE) -> Page:
        """The events of one partition that follow `after`."""
        answer = self._http.get(
            f"{self._base_url}/events",
            params={"partition": partition, "after": after, "limit": limit},
            timeout=FEED_TIMEOUT,
        )
        answer.raise_for_status()
        return Page.model_validate_json(answer.content)
