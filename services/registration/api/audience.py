"""Whom an announcement goes to, for the service that sends it: ids and counts, and what can be chosen by name."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from apiflask import APIBlueprint
from flask import Response, g, request

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.registration.api.contacts import for_notifications
from services.registration.operations.people.audience import audience_count, audience_page, choices, colleagues
from services.registration.personal_data import PersonalData
from services.registration.schemas.audience import (
    AudienceCount,
    AudienceCountBody,
    AudiencePage,
    AudiencePageBody,
    ChoicesAnswer,
    ChoicesBody,
    ColleaguesAnswer,
    ColleaguesBody,
)

View = TypeVar("View", bound=Callable[..., Any])

LARGEST_COUNT = 10_000_000
"""Bytes: a hundred thousand refusals by both channels, and as many are told at once, take eight million."""


def audience_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of audiences."""
    blueprint = APIBlueprint("audience", __name__, tag="Services", url_prefix="/internal")

    @blueprint.post("/audience")
    @allow(Caller.SERVICE)
    @blueprint.input(AudiencePageBody, arg_name="body")
    @blueprint.output(AudiencePage)
    def read_audience(body: AudiencePageBody) -> Response:
        """A page of people by ids, each once. For notifications alone."""
        for_notifications()
        with database.transaction(g.principal.scope) as session:
            return answered(audience_page(session, data, body))

    @blueprint.post("/audience/count")
    @allow(Caller.SERVICE)
    @of_size(LARGEST_COUNT)
    @blueprint.input(AudienceCountBody, arg_name="body")
    @blueprint.output(AudienceCount)
    def count_audience(body: AudienceCountBody) -> Response:
        """How many people, how many of them refused announcements, and how many no message reaches. For notifications
        alone."""
        for_notifications()
        with database.transaction(g.principal.scope) as session:
            return answered(audience_count(session, data, body))

    @blueprint.post("/audience/choices")
    @allow(Caller.SERVICE)
    @blueprint.input(ChoicesBody, arg_name="body")
    @blueprint.output(ChoicesAnswer)
    def read_choices(body: ChoicesBody) -> Response:
        """The teams and areas that somebody may choose. For notifications alone."""
        for_notifications()
        with database.transaction(g.principal.scope) as session:
            return answered(choices(session, body))

    @blueprint.post("/audience/colleagues")
    @allow(Caller.SERVICE)
    @blueprint.input(ColleaguesBody, arg_name="body")
    @blueprint.output(ColleaguesAnswer)
    def read_colleagues(body: ColleaguesBody) -> Response:
        """Who may approve an announcement, and what those are called who had to do with it. For notifications alone."""
        for_notifications()
        with database.transaction(g.principal.scope) as session:
            return answered(colleagues(session, data, body))

    return blueprint


def of_size(most: int) -> Callable[[View], View]:
    """Let a request's body be of so many bytes."""

    def decorate(view: View) -> View:
        @wraps(view)
        def sized(*args: Any, **kwargs: Any) -> Any:
            request.max_content_length = most
            return view(*args, **kwargs)

        return sized  # type: ignore[return-value]

    return decorate
