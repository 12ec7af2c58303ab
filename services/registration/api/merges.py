"""Doubles: listed, merged, separated again. By the operator, or by a site where both are wholly its own."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.schemas import ListQuery
from services.registration.api.conventions import answered, create, own_site, page
from services.registration.models import Merge
from services.registration.operations.merging.doubles import list_doubles
from services.registration.operations.merging.merge import merge, undo_merge
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.merges import DoublesAnswer, DoublesQuery, MergeAnswer, MergeBody

LISTED = 100


def site_limit() -> UUID | None:
    """The site that the caller is limited to, None for who may act across sites."""
    return None if g.principal.is_operator else own_site()


def merges_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of merges."""
    blueprint = APIBlueprint("merges", __name__, tag="Merges", url_prefix="/v1")

    @blueprint.get("/doubles")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(DoublesQuery, location="query", arg_name="query")
    @blueprint.output(DoublesAnswer)
    def show_doubles(query: DoublesQuery) -> Response:
        """Who may be one person twice, and what agrees. The same phone is often a family."""
        with database.transaction(g.principal.scope) as session:
            found = list_doubles(session, data, site_limit(), query.after, LISTED)
        last = found[-1].one.person_id if len(found) >= LISTED // 2 else None
        return answered(DoublesAnswer(items=list(found), next=last))

    @blueprint.get("/merges")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(MergeAnswer))
    def list_merges(query: ListQuery) -> Response:
        """What was merged, oldest first, and what of it was undone."""
        with database.transaction(g.principal.scope) as session:
            return page(
                session,
                select(Merge),
                Merge.position,
                query,
                lambda found: [MergeAnswer.model_validate(one) for one in found],
            )

    @blueprint.post("/merges")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(MergeBody, arg_name="body")
    @blueprint.output(MergeAnswer, status_code=201)
    def merge_people(body: MergeBody) -> Response:
        """Make two people one. Everything moves to the survivor; it can be undone."""
        limit, actor = site_limit(), g.principal.actor
        return create(database, data, body, lambda session: merge(session, body, actor, limit))

    @blueprint.post("/merges/<uuid:merge_id>/undo")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(MergeAnswer)
    def undo(merge_id: UUID) -> Response:
        """Separate them again: each gets back what was theirs. Cancelled registrations do not come back."""
        with database.transaction(g.principal.scope) as session:
            return answered(undo_merge(session, merge_id, g.principal.actor, site_limit()))

    return blueprint
