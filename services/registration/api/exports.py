"""Exports of everything a site owns, and small lists at once."""

from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, g, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, own_site, page
from services.common.database import Database
from services.common.errors import Kind, Problem, Words, not_found
from services.common.schemas import ListQuery
from services.registration.api.exchange import WHO, download, for_site
from services.registration.models import Export, Site
from services.registration.operations.exports import lists, requests
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.exchange import ExportAnswer, ExportBody
from services.registration.spreadsheets.writing import CSV, MIME, XLSX, one_table

RANGE = Kind("range", 416, Words("没有这一段", "No such range"))


def exports_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of exports."""
    blueprint = APIBlueprint("exports", __name__, tag="Exports", url_prefix="/v1")
    _add_exports(blueprint, database, data)
    _add_lists(blueprint, database, data)
    return blueprint


def _add_exports(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/exports")
    @allow(*WHO)
    @blueprint.input(ExportBody, arg_name="body")
    @blueprint.output(ExportAnswer, status_code=201)
    def begin_export(body: ExportBody) -> Response:
        """Ask for everything the site owns. Look at it again until it is done, then fetch the file."""

        def make(session: Session) -> ExportAnswer:
            site_id = for_site(session, body.site_id)
            begun = requests.begin_export(session, site_id, body.format, g.principal.actor)
            return ExportAnswer.model_validate(begun)

        return create(database, data, body, make)

    @blueprint.get("/exports")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(ExportAnswer))
    def list_exports(query: ListQuery) -> Response:
        """The exports that the caller asked for, oldest first."""
        with database.transaction(g.principal.scope) as session:
            rows = select(Export).where(Export.site_id == own_site(), Export.made_by == g.principal.actor)
            return page(
                session, rows, Export.position, query, lambda all_: [ExportAnswer.model_validate(e) for e in all_]
            )

    @blueprint.get("/exports/<uuid:export_id>")
    @allow(*WHO)
    @blueprint.output(ExportAnswer)
    def show_export(export_id: UUID) -> Response:
        """An export and how far it is."""
        with database.transaction(g.principal.scope) as session:
            found = requests.find_export(session, export_id, g.principal.actor)
            return answered(ExportAnswer.model_validate(found))

    @blueprint.get("/exports/<uuid:export_id>/file")
    @allow(*WHO)
    def fetch_export(export_id: UUID) -> Response:
        """The file, or a range of it (`Range: bytes=…`), for who asked for it, for seven days."""
        return send_export(database, data, export_id)


def send_export(database: Database, data: PersonalData, export_id: UUID) -> Response:
    """The file of an export, or the range that is asked for."""
    scope = g.principal.scope
    with database.transaction(scope) as session:
        found = requests.open_export(session, export_id, g.principal.actor)
        made = found.created_at.astimezone(ZoneInfo(session.get_one(Site, found.site_id).time_zone))
    asked = request.range
    part = asked.range_for_length(found.bytes) if asked else None
    if asked and part is None:
        raise Problem(RANGE, Words(f"文件有 {found.bytes} 字节。", f"The file has {found.bytes} bytes."))
    start, stop = part or (0, found.bytes)
    name = f"hesheng-{made:%Y%m%d}.{'zip' if found.format == CSV else 'xlsx'}"
    content = requests.read_range(database, data, scope, found.id, start, stop)
    response = download(content, MIME["zip" if found.format == CSV else XLSX], name)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Length"] = str(stop - start)
    response.set_etag(str(found.id))
    if part:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.bytes}"
    return response


def _add_lists(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/shifts/<uuid:shift_id>/roster.<form>")
    @allow(Caller.SITE, Caller.STAFF)
    def download_roster(shift_id: UUID, form: str) -> Response:
        """Who is on a shift, as `roster.csv` or `roster.xlsx`."""
        if form not in (CSV, XLSX):
            raise not_found("这种格式", "format")
        scope = g.principal.scope
        with database.transaction(scope) as session:
            shift, zone = lists.open_roster(session, shift_id)
        sheet = lists.roster(database, data, scope, shift, zone)
        return download(one_table(form, sheet), MIME[form], f"roster-{shift.local_day}.{form}")
