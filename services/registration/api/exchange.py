"""Imports: a file in parts, its check, its faults, its applying."""

import re
from collections.abc import Iterator
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, own_site, page
from services.common.database import Database
from services.common.errors import FORBIDDEN, Problem, Words, invalid, not_found
from services.common.schemas import ListQuery
from services.registration.models import Import, ImportFault, Site
from services.registration.operations.imports import uploads
from services.registration.operations.imports.faults import describe_faults, fault_sheet
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.exchange import ApplyBody, FaultAnswer, ImportAnswer, ImportBody
from services.registration.spreadsheets.kinds import COLUMNS
from services.registration.spreadsheets.template import template
from services.registration.spreadsheets.writing import MIME, csv_text

WHO = (Caller.SITE, Caller.STAFF, Caller.OPERATOR)


def imports_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of imports."""
    blueprint = APIBlueprint("imports", __name__, tag="Imports", url_prefix="/v1/imports")
    _add_uploads(blueprint, database, data)
    _add_work(blueprint, database, data)
    _add_reading(blueprint, database)
    return blueprint


def _add_uploads(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("")
    @allow(*WHO)
    @blueprint.input(ImportBody, arg_name="body")
    @blueprint.output(ImportAnswer, status_code=201)
    def begin_import(body: ImportBody) -> Response:
        """Begin an import. Then send the file in parts, ask for the check, look at the faults, and apply it."""

        def make(session: Session) -> ImportAnswer:
            site_id = for_site(session, body.site_id)
            begun = uploads.begin_import(session, site_id, body.kind, g.principal.actor)
            return uploads.describe(session, begun)

        return create(database, data, body, make)

    @blueprint.put("/<uuid:import_id>/parts/<number>")
    @allow(*WHO)
    @blueprint.output(ImportAnswer)
    def put_part(import_id: UUID, number: str) -> Response:
        """Send a part of the file as it is: at most 900,000 bytes, numbered from 1, cut anywhere. Sent again, it
        replaces itself; `missing_parts` of the import tells what an upload that broke off still needs."""
        if not re.fullmatch(r"[0-9]{1,4}", number):
            raise invalid("number", Words("应为 1 起的整数。", "must be a whole number from 1."))
        content = request.get_data(cache=False)
        with database.transaction(g.principal.scope) as session:
            found = uploads.put_part(session, data, import_id, int(number), content)
            return answered(uploads.describe(session, found))


def _add_work(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/<uuid:import_id>/check")
    @allow(*WHO)
    @blueprint.output(ImportAnswer)
    def check_import(import_id: UUID) -> Response:
        """All parts are sent: find every fault, and change nothing. Ask again after a check that failed."""
        with database.transaction(g.principal.scope) as session:
            found = uploads.find_import(session, import_id)
            if found.state == "failed":
                found = uploads.retry_check(session, import_id)
            else:
                found = uploads.begin_check(session, data, import_id)
            return answered(uploads.describe(session, found))

    @blueprint.post("/<uuid:import_id>/apply")
    @allow(*WHO)
    @blueprint.input(ApplyBody, arg_name="body")
    @blueprint.output(ImportAnswer)
    def apply_import(import_id: UUID, body: ApplyBody) -> Response:
        """Bring in what was checked."""
        with database.transaction(g.principal.scope) as session:
            return answered(uploads.describe(session, uploads.begin_apply(session, import_id, body)))

    @blueprint.post("/<uuid:import_id>/cancel")
    @allow(*WHO)
    @blueprint.output(ImportAnswer)
    def cancel_import(import_id: UUID) -> Response:
        """Stop, and forget the file. What was applied already stays."""
        with database.transaction(g.principal.scope) as session:
            return answered(uploads.describe(session, uploads.cancel_import(session, import_id)))


def _add_reading(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(ImportAnswer))
    def list_imports(query: ListQuery) -> Response:
        """The site's imports, oldest first."""
        with database.transaction(g.principal.scope) as session:
            rows = select(Import).where(Import.site_id == own_site())
            return page(
                session, rows, Import.position, query, lambda found: [uploads.describe(session, one) for one in found]
            )

    @blueprint.get("/<uuid:import_id>")
    @allow(*WHO)
    @blueprint.output(ImportAnswer)
    def show_import(import_id: UUID) -> Response:
        """An import and how far it is."""
        with database.transaction(g.principal.scope) as session:
            return answered(uploads.describe(session, uploads.find_import(session, import_id)))

    @blueprint.get("/<uuid:import_id>/faults")
    @allow(*WHO)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(FaultAnswer))
    def list_faults(import_id: UUID, query: ListQuery) -> Response:
        """What is wrong with the file, in the order in which it was found."""
        with database.transaction(g.principal.scope) as session:
            uploads.find_import(session, import_id)
            rows = select(ImportFault).where(ImportFault.import_id == import_id)
            return page(session, rows, ImportFault.id, query, describe_faults)

    @blueprint.get("/<uuid:import_id>/faults.csv")
    @allow(*WHO)
    def download_faults(import_id: UUID) -> Response:
        """Everything that is wrong with the file, as CSV by row."""
        scope = g.principal.scope
        with database.transaction(scope) as session:
            uploads.find_import(session, import_id)
        return download(csv_text(fault_sheet(database, scope, import_id)), MIME["csv"], "faults.csv")

    @blueprint.get("/templates/<kind>")
    @allow(*WHO)
    def download_template(kind: str) -> Response:
        """An XLSX to fill in, for one of the kinds of import."""
        if kind not in COLUMNS:
            raise not_found("这种模板", "template")
        return download(iter([template(kind)]), MIME["xlsx"], f"{kind}.xlsx")


def for_site(session: Session, named: UUID | None) -> UUID:
    """The site that is meant: the operator's choice, or the caller's own. Raises 403, 422."""
    if named is None or named == g.principal.site_id:
        return own_site()
    if not g.principal.is_operator:
        raise Problem(FORBIDDEN, Words("只能为自己的站点操作。", "This can be done for your own site only."))
    if session.get(Site, named) is None:
        raise invalid("site_id", Words("没有这个站点。", "is no site."))
    return named


def download(content: Iterator[bytes], mime: str, name: str) -> Response:
    """A file to keep."""
    response = Response(content, mimetype=mime)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
