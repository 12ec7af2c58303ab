"""Series of shifts: made by a rule, changed and called off from one of them on, each with a preview."""

from collections.abc import Callable
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions
from services.common.database import Database
from services.registration.operations.activities import following_shifts, series
from services.registration.personal_data import PersonalData
from services.registration.schemas.series import (
    FollowingAnswer,
    FollowingEdit,
    PreviewBody,
    ShiftSeriesAnswer,
    ShiftSeriesBody,
)


def series_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of series."""
    blueprint = APIBlueprint("series", __name__, tag="Activities and shifts", url_prefix="/v1")

    @blueprint.post("/activities/<uuid:activity_id>/shift-series")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ShiftSeriesBody, arg_name="body")
    @blueprint.output(ShiftSeriesAnswer, status_code=201)
    def create_series(activity_id: UUID, body: ShiftSeriesBody) -> Response:
        """Add shifts that recur, at most 400. With `preview`, list them and their clashes, and add nothing (200)."""
        if body.preview:
            with database.transaction(g.principal.scope) as session:
                return answered(series.create_series(session, activity_id, body))
        return create(database, data, body, lambda s: series.create_series(s, activity_id, body))

    @blueprint.patch("/shifts/<uuid:shift_id>/following")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(FollowingEdit, arg_name="body")
    @blueprint.output(FollowingAnswer)
    def edit_following(shift_id: UUID, body: FollowingEdit) -> Response:
        """Change a shift of a series and all that follow it. With `preview`, tell what would change, and change
        nothing."""
        versions = expected_versions()
        with database.transaction(g.principal.scope) as session:
            return _tried(
                session, body.preview, lambda: following_shifts.edit_following(session, shift_id, body, versions)
            )

    @blueprint.post("/shifts/<uuid:shift_id>/following/cancel")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(PreviewBody, arg_name="body")
    @blueprint.output(FollowingAnswer)
    def cancel_following(shift_id: UUID, body: PreviewBody) -> Response:
        """Call off a shift of a series and all that follow it. With `preview`, tell which, and call off nothing."""
        with database.transaction(g.principal.scope) as session:
            return _tried(session, body.preview, lambda: following_shifts.cancel_following(session, shift_id))

    return blueprint


def _tried(session: Session, preview: bool, act: Callable[[], FollowingAnswer]) -> Response:
    """The answer of an operation, which a preview takes back: what it tells is what would really become of it."""
    with session.begin_nested() as attempt:
        answer = act()
        if preview:
            attempt.rollback()
    return answered(answer)
