"""Programmes: kept as templates, cloned to sites, changed later with the sites' consent.

They are read and written in the scope of every site, for a programme reaches across sites; each operation is told
who calls and asks `operations/programmes/authority.py`.
"""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions, own_site, page
from services.common.database import EVERY_SITE, Database
from services.common.errors import Problem, Words
from services.common.schemas import ListQuery
from services.registration.models import Programme, ProgrammeClone, Site
from services.registration.operations.programmes import authority, changes, decisions, templates
from services.registration.operations.programmes.clones import clone_to_site
from services.registration.operations.programmes.coverage import missing
from services.registration.operations.programmes.readiness import clones_described
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.programmes import (
    CloneAnswer,
    CloneBody,
    CloneResult,
    ClonesAnswer,
    MissingQuery,
    OfferAnswer,
    OfferDecisionBody,
    ProgrammeAnswer,
    ProgrammeBody,
    ProgrammeEdit,
    ProgrammeQuery,
)
from services.registration.schemas.sites import SiteAnswer

REFUSED = Words("没有这个站点，或您不能代表它。", "There is no such site, or you may not act for it.")


def programmes_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of programmes."""
    blueprint = APIBlueprint("programmes", __name__, tag="Programmes", url_prefix="/v1/programmes")
    _add_templates(blueprint, database, data)
    _add_clones(blueprint, database)
    _add_coverage(blueprint, database)
    _add_offers(blueprint, database)
    return blueprint


def _add_templates(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(ProgrammeBody, arg_name="body")
    @blueprint.output(ProgrammeAnswer, status_code=201)
    def create_programme(body: ProgrammeBody) -> Response:
        """Keep a programme, written out or made of activities."""
        return create(
            database,
            data,
            body,
            lambda s: templates.described(templates.create_programme(s, g.principal, body)),
            scope=EVERY_SITE,
        )

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(ProgrammeQuery, location="query", arg_name="query")
    @blueprint.output(page_of(ProgrammeAnswer))
    def list_programmes(query: ProgrammeQuery) -> Response:
        """The programmes that the caller may clone, or has."""
        with database.transaction(EVERY_SITE) as session:
            rows = select(Programme).where(authority.readable(session, g.principal))
            return page(
                session, rows, Programme.position, query, lambda found: [templates.described(one) for one in found]
            )

    @blueprint.get("/<uuid:programme_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(ProgrammeAnswer)
    def show_programme(programme_id: UUID) -> Response:
        """A programme with its template."""
        with database.transaction(EVERY_SITE) as session:
            return answered(templates.described(authority.find_programme(session, g.principal, programme_id)))

    @blueprint.patch("/<uuid:programme_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(ProgrammeEdit, arg_name="body")
    @blueprint.output(ProgrammeAnswer)
    def edit_programme(programme_id: UUID, body: ProgrammeEdit) -> Response:
        """Change a programme. Sites that have it are offered what changed; nothing changes there by itself."""
        with database.transaction(EVERY_SITE) as session:
            programme = templates.edit_programme(session, g.principal, programme_id, body, expected_versions())
            return answered(templates.described(programme))


def _add_clones(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.post("/<uuid:programme_id>/clones")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(CloneBody, arg_name="body")
    @blueprint.output(ClonesAnswer)
    def clone_programme(programme_id: UUID, body: CloneBody) -> Response:
        """Give the programme to sites, as drafts. Each site succeeds or fails for itself; whoever has it keeps what
        they have, so that the request can be sent again."""
        wanted = list(dict.fromkeys(body.sites))
        with database.transaction(EVERY_SITE) as session:
            authority.find_programme(session, g.principal, programme_id)
            mine = authority.sites_of(session, g.principal, wanted)
        results = [
            clone_result(database, programme_id, site_id, body)
            if site_id in mine
            else CloneResult(site_id=site_id, result="refused", problem=str(REFUSED))
            for site_id in wanted
        ]
        return answered(ClonesAnswer(results=results, cloned=sum(one.result == "cloned" for one in results)))

    @blueprint.get("/<uuid:programme_id>/clones")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(CloneAnswer))
    def list_clones(programme_id: UUID, query: ListQuery) -> Response:
        """The sites that have the programme, as far as the caller may act for them, and how ready each is."""
        with database.transaction(EVERY_SITE) as session:
            programme = authority.find_programme(session, g.principal, programme_id)
            rows = select(ProgrammeClone).where(ProgrammeClone.programme_id == programme_id)
            if not g.principal.is_operator:
                there = session.scalars(select(Site.id).join(ProgrammeClone, ProgrammeClone.site_id == Site.id))
                rows = rows.where(ProgrammeClone.site_id.in_(authority.sites_of(session, g.principal, there.all())))
            return page(
                session, rows, ProgrammeClone.position, query, lambda found: clones_described(session, programme, found)
            )


def _add_coverage(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/<uuid:programme_id>/missing-sites")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(MissingQuery, location="query", arg_name="query")
    @blueprint.output(page_of(SiteAnswer))
    def list_missing(programme_id: UUID, query: MissingQuery) -> Response:
        """The open sites that do not have the programme, as far as the caller may act for them."""
        with database.transaction(EVERY_SITE) as session:
            authority.find_programme(session, g.principal, programme_id)
            rows = missing(g.principal, programme_id, query.area)
            return page(
                session, rows, Site.position, query, lambda found: [SiteAnswer.model_validate(one) for one in found]
            )


def clone_result(database: Database, programme_id: UUID, site_id: UUID, body: CloneBody) -> CloneResult:
    """What becomes of one site: a transaction of its own, so that one site's fault is nobody else's."""
    try:
        with database.transaction(EVERY_SITE) as session:
            return clone_to_site(session, programme_id, site_id, body.starts_on_at.get(site_id, body.starts_on))
    except Problem as problem:
        return CloneResult(site_id=site_id, result="refused", problem=str(problem.detail))


def _add_offers(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/<uuid:programme_id>/changes")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(OfferAnswer)
    def list_changes(programme_id: UUID) -> Response:
        """What changed in the programme since the site took it, and the site has not decided on."""
        with database.transaction(EVERY_SITE) as session:
            programme = authority.find_programme(session, g.principal, programme_id)
            return answered(changes.offered(session, programme, own_site()))

    @blueprint.post("/<uuid:programme_id>/decisions")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(OfferDecisionBody, arg_name="body")
    @blueprint.output(OfferAnswer)
    def decide(programme_id: UUID, body: OfferDecisionBody) -> Response:
        """Accept and decline offered changes at the site, all that are named or none; answers what is still offered."""
        with database.transaction(EVERY_SITE) as session:
            authority.find_programme(session, g.principal, programme_id)
            return answered(decisions.decide(session, programme_id, own_site(), body))
