"""The tree of areas."""

from apiflask import APIBlueprint
from flask import Response, g, request
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import or_, select

from services.common.auth import Caller, allow
from services.common.conventions import answered, expected_versions, page
from services.common.database import EVERY_SITE, Database
from services.common.errors import Words, invalid, not_found
from services.common.schemas import AreaCode
from services.registration.models import Area
from services.registration.operations.sites import areas
from services.registration.operations.sites.area_table import read_table
from services.registration.schemas import page_of
from services.registration.schemas.areas import (
    AreaAnswer,
    AreaBody,
    AreaQuery,
    AreasImportAnswer,
    ImportQuery,
    PathAnswer,
)

AREA_CODE = TypeAdapter(AreaCode)


def areas_blueprint(database: Database) -> APIBlueprint:
    """The routes of areas."""
    blueprint = APIBlueprint("areas", __name__, tag="Areas and sites", url_prefix="/v1")
    _add_reading(blueprint, database)
    _add_saving(blueprint, database)
    return blueprint


def _add_reading(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/areas")
    @allow(Caller.ANYONE)
    @blueprint.input(AreaQuery, location="query", arg_name="query")
    @blueprint.output(page_of(AreaAnswer))
    def list_areas(query: AreaQuery) -> Response:
        """Areas by code; with `parent`, those directly within it; with `valid_on`, those in use on that day."""
        rows = select(Area) if query.parent is None else select(Area).where(Area.parent == query.parent)
        if query.valid_on:
            rows = rows.where(
                or_(Area.valid_from.is_(None), Area.valid_from <= query.valid_on),
                or_(Area.valid_until.is_(None), Area.valid_until > query.valid_on),
            )
        with database.transaction() as session:
            return page(session, rows, Area.code, query, lambda found: [AreaAnswer.model_validate(a) for a in found])

    @blueprint.get("/areas/<code>")
    @allow(Caller.ANYONE)
    @blueprint.output(PathAnswer)
    def show_area(code: str) -> Response:
        """An area and the areas around it, the widest first."""
        with database.transaction() as session:
            area = None if "\x00" in code else session.get(Area, code)
            if area is None:
                raise not_found("这个区划", "area")
            path = [AreaAnswer.model_validate(row) for row in areas.area_path(session, area)]
            return answered(PathAnswer(**path[-1].model_dump(), path=path))


def _add_saving(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.put("/areas/<code>")
    @allow(Caller.OPERATOR)
    @blueprint.input(AreaBody, arg_name="body")
    @blueprint.output(AreaAnswer)
    def save_area(code: str, body: AreaBody) -> Response:
        """Add an area, or change it. A code that is no longer in use stays, with the day and its successor."""
        try:
            AREA_CODE.validate_python(code)
        except ValidationError as error:
            words = Words("应为 1–20 个字母、数字或 -。", "must be 1–20 letters, digits or -.")
            raise invalid("code", words) from error
        with database.transaction(g.principal.scope) as session:
            area = areas.save_area(session, code, body, expected_versions(required=False))
            return answered(AreaAnswer.model_validate(area))

    @blueprint.post("/areas/import")
    @allow(Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(ImportQuery, location="query", arg_name="query")
    @blueprint.output(AreasImportAnswer)
    def import_areas(query: ImportQuery) -> Response:
        """Add and change areas from a table: `text/csv` with a heading, or `application/x-ndjson`.

        Columns: code, parent, level, name_zh, name_en, valid_from, valid_until, successor. With `dry_run=true` the
        answer lists every fault by row and column. Applied all or nothing; areas that the table does not name stay.
        Area admins may change and add what lies below their areas.
        """
        with database.transaction(EVERY_SITE) as session:
            within = areas.areas_kept(session, g.principal)
            rows, faults = read_table(request.get_data(), request.mimetype)
            return answered(areas.import_areas(session, rows, faults, query.dry_run, within))
