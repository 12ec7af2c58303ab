"""Organisations, their parts in activities, and plaques."""

from dataclasses import replace
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, Role, allow
from services.common.conventions import answered, create, expected_versions, own_site, page
from services.common.database import Database
from services.common.errors import FORBIDDEN, Problem, Words, not_found
from services.common.schemas import ListQuery
from services.registration.models import Activity, Designation, Organisation
from services.registration.operations.sites import designations, organisations
from services.registration.operations.sites.sites import find_site, local_today
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.organisations import (
    DesignationAnswer,
    DesignationBody,
    DesignationEdit,
    OrganisationAnswer,
    OrganisationBody,
    OrganisationEdit,
    OrganisationQuery,
    PartsAnswer,
    PartsBody,
    RevokeBody,
)


def organisations_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of organisations and plaques."""
    blueprint = APIBlueprint("organisations", __name__, tag="Organisations and designations", url_prefix="/v1")
    _add_organisations(blueprint, database, data)
    _add_parts(blueprint, database)
    _add_designations(blueprint, database, data)
    _add_revocation(blueprint, database)
    return blueprint


def keeps_directory() -> bool:
    """Whether the caller keeps the directory of the whole installation."""
    return bool(g.principal.is_operator or g.principal.role is Role.AREA_ADMIN)


def keep_directory() -> None:
    """Let whoever keeps the installation's directory write in it. Raises 403 for others."""
    if not keeps_directory():
        raise Problem(
            FORBIDDEN,
            Words(
                "全局单位目录由区划管理员和运维人员维护；请添加为本站单位（local）。",
                "Area admins and operators keep the directory of all; add one of your own site (`local`) instead.",
            ),
        )
    g.principal = replace(g.principal, everywhere=True)


def _add_organisations(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/organisations")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(OrganisationBody, arg_name="body")
    @blueprint.output(OrganisationAnswer, status_code=201)
    def create_organisation(body: OrganisationBody) -> Response:
        """Add an organisation: for this site, or (`local: false`) for everybody. The operator's is for everybody."""
        without_site = g.principal.is_operator and g.principal.site_id is None
        local = not without_site if body.local is None else body.local
        site_id = own_site() if local else None
        if site_id is None:
            keep_directory()
        return create(
            database,
            data,
            body,
            lambda s: OrganisationAnswer.model_validate(organisations.create_organisation(s, site_id, body)),
        )

    @blueprint.get("/organisations")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(OrganisationQuery, location="query", arg_name="query")
    @blueprint.output(page_of(OrganisationAnswer))
    def list_organisations(query: OrganisationQuery) -> Response:
        """The organisations that everybody knows, and the site's own."""
        rows = select(Organisation)
        if query.q:
            rows = rows.where(
                Organisation.name_zh.icontains(query.q, autoescape=True)
                | Organisation.name_en.icontains(query.q, autoescape=True)
            )
        with database.transaction(g.principal.scope) as session:
            return page(
                session,
                rows,
                Organisation.position,
                query,
                lambda found: [OrganisationAnswer.model_validate(o) for o in found],
            )

    @blueprint.patch("/organisations/<uuid:organisation_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(OrganisationEdit, arg_name="body")
    @blueprint.output(OrganisationAnswer)
    def edit_organisation(organisation_id: UUID, body: OrganisationEdit) -> Response:
        """Change an organisation: a site its own, area admins and operators those of everybody."""
        with database.transaction(g.principal.scope) as session:
            if organisations.find_organisation(session, organisation_id).site_id is None:
                keep_directory()
        with database.transaction(g.principal.scope) as session:
            row = organisations.edit_organisation(session, organisation_id, body, expected_versions())
            return answered(OrganisationAnswer.model_validate(row))


def _add_parts(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/activities/<uuid:activity_id>/organisations")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(PartsAnswer)
    def show_parts(activity_id: UUID) -> Response:
        """Who takes part in an activity, in which role."""
        with database.transaction(g.principal.scope) as session:
            activity = session.get(Activity, activity_id)
            if activity is None:
                raise not_found("这个活动", "activity")
            return answered(organisations.describe_parts(session, activity))

    @blueprint.put("/activities/<uuid:activity_id>/organisations")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(PartsBody, arg_name="body")
    @blueprint.output(PartsAnswer)
    def set_parts(activity_id: UUID, body: PartsBody) -> Response:
        """Say who takes part in an activity, in place of whoever was named before. If-Match is the activity's."""
        expected = expected_versions(required=False)
        with database.transaction(g.principal.scope) as session:
            return answered(organisations.set_parts(session, activity_id, body.organisations, expected))


def _add_designations(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/designations")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(DesignationBody, arg_name="body")
    @blueprint.output(DesignationAnswer, status_code=201)
    def create_designation(body: DesignationBody) -> Response:
        """Note a plaque of the site or of one of its teams."""

        def make(session: Session) -> DesignationAnswer:
            row = designations.create_designation(session, own_site(), body)
            return designations.describe_designation(row, local_today(session, find_site(session, row.site_id)))

        return create(database, data, body, make)

    @blueprint.get("/sites/<uuid:site_id>/designations")
    @allow(Caller.ANYONE)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(DesignationAnswer))
    def list_designations(site_id: UUID, query: ListQuery) -> Response:
        """The plaques of a site and its teams, those of earlier times too. Plaques hang where everybody sees them."""
        with database.transaction(site_id) as session:
            today = local_today(session, find_site(session, site_id))
            rows = select(Designation).where(Designation.site_id == site_id)
            return page(
                session,
                rows,
                Designation.position,
                query,
                lambda found: [_public(designations.describe_designation(row, today)) for row in found],
            )

    @blueprint.patch("/designations/<uuid:designation_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(DesignationEdit, arg_name="body")
    @blueprint.output(DesignationAnswer)
    def edit_designation(designation_id: UUID, body: DesignationEdit) -> Response:
        """Correct a plaque."""
        with database.transaction(g.principal.scope) as session:
            row = designations.edit_designation(session, designation_id, body, expected_versions())
            today = local_today(session, find_site(session, row.site_id))
            return answered(designations.describe_designation(row, today))


def _add_revocation(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.post("/designations/<uuid:designation_id>/revoke")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(RevokeBody, arg_name="body")
    @blueprint.output(DesignationAnswer)
    def revoke_designation(designation_id: UUID, body: RevokeBody) -> Response:
        """Take a plaque away, with the reason; it stays on record."""
        with database.transaction(g.principal.scope) as session:
            row = designations.revoke_designation(session, designation_id, body)
            today = local_today(session, find_site(session, row.site_id))
            return answered(designations.describe_designation(row, today))


def _public(answer: DesignationAnswer) -> DesignationAnswer:
    """Why a plaque was taken away is for the site itself to know."""
    own = g.principal.site_id == answer.site_id or g.principal.is_operator
    return answer if own else answer.model_copy(update={"revoke_reason": None})
