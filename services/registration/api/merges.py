"""Doubles: listed, merged and separated again, or decided to be two people.

By the operator; by a site where both are wholly its own.
"""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, own_site, page
from services.common.database import Database
from services.common.schemas import ListQuery
from services.registration.models import Merge, TwoPeople
from services.registration.operations.merging.doubles import list_doubles, pairs_shown
from services.registration.operations.merging.merge import merge, undo_merge
from services.registration.operations.merging.two_people import keep_apart, take_back
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.merges import (
    DoublesAnswer,
    DoublesQuery,
    MergeAnswer,
    MergeBody,
    TwoPeopleAnswer,
    TwoPeopleBody,
)

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
            pairs_shown(session, site_limit(), found.pairs)
            return answered(DoublesAnswer(items=found.pairs, next=found.next))

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

    _add_decisions(blueprint, database, data)
    return blueprint


def _add_decisions(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/two-people")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(TwoPeopleAnswer))
    def list_decisions(query: ListQuery) -> Response:
        """Pairs of which it was decided that they are two people, oldest first."""
        with database.transaction(g.principal.scope) as session:
            return page(
                session,
                select(TwoPeople),
                TwoPeople.position,
                query,
                lambda found: [TwoPeopleAnswer.model_validate(one) for one in found],
            )

    @blueprint.post("/two-people")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(TwoPeopleBody, arg_name="body")
    @blueprint.output(TwoPeopleAnswer, status_code=201)
    def decide(body: TwoPeopleBody) -> Response:
        """They are two people: they are no longer listed as doubles."""
        limit, actor = site_limit(), g.principal.actor
        return create(
            database,
            data,
            body,
            lambda session: TwoPeopleAnswer.model_validate(keep_apart(session, body.one, body.two, actor, limit)),
        )

    @blueprint.delete("/two-people/<uuid:decision_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output({}, status_code=204)
    def undecide(decision_id: UUID) -> tuple[str, int]:
        """Take the decision back: they are listed again."""
        with database.transaction(g.principal.scope) as session:
            take_back(session, decision_id, site_limit())
        return "", 204
