"""Staff: lists of people come in from a spreadsheet, and everything goes out again.

A file is one form, of whatever size the API takes in parts; it is kept in such parts as it comes.
"""

from itertools import chain
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.big_files import file_pieces, leave_file, takes_file
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import Words
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.registration.models import Export, Import, ImportFault, Site
from services.registration.operations.exports import requests
from services.registration.operations.imports import uploads
from services.registration.operations.imports.faults import describe_faults
from services.registration.operations.imports.preview import preview
from services.registration.pages.home import Box, Line, box
from services.registration.personal_data import PersonalData
from services.registration.schemas.exchange import ApplyBody, ExportBody, ImportBody
from services.registration.spreadsheets.kinds import COLUMNS

LATEST = 20
FAULTS_SHOWN = 100
PAST_SHOWN = tuple(column.field for column in COLUMNS["records"])
TITLES = {column.field: column.title for columns in COLUMNS.values() for column in columns}


@box
def past_to_approve(session: Session, site_id: UUID) -> Box | None:
    """Past service that a colleague brought, and that waits for a second person."""
    waiting = select(Import).where(
        Import.site_id == site_id,
        Import.kind == "records",
        Import.state == "checked",
        Import.faulty_rows < Import.rows,
        Import.made_by != g.principal.actor,
    )
    lines = [
        Line(
            f"{one.rows - one.faulty_rows} 行过去的服务记录",
            f"{one.rows - one.faulty_rows} row(s) of past service",
            url_for("exchange_pages.show_import", import_id=one.id),
        )
        for one in session.scalars(waiting.order_by(Import.position).limit(LATEST))
    ]
    return Box("待第二人核对的导入", "Imports that wait for a second person", lines) if lines else None


def exchange_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of imports and exports."""
    blueprint = page_blueprint("exchange_pages", __name__, url_prefix="/staff")
    in_menu("exchange_pages.list_imports", "导入", "Import", 14)
    in_menu("exchange_pages.list_exports", "导出", "Export", 15)
    _add_uploads(blueprint, database, data)
    _add_imports(blueprint, database, data)
    _add_exports(blueprint, database)
    return blueprint


def _add_uploads(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    def page(form: Form[ImportBody]) -> str:
        with database.transaction(g.principal.scope) as session:
            query = select(Import).where(Import.site_id == own_site()).order_by(Import.position.desc()).limit(LATEST)
            latest = session.scalars(query).all()
            return render(
                "exchange/imports.html", form=form, latest=latest, zone=_zone(database), most=uploads.LARGEST_FILE
            )

    @blueprint.get("/imports")
    @allow(Caller.STAFF)
    def list_imports() -> str:
        """The latest imports, and a form for another."""
        return page(Form())

    @blueprint.post("/imports")
    @takes_file(uploads.LARGEST_FILE)
    @allow(Caller.STAFF)
    def upload() -> Answer:
        """Take a file and have it checked."""
        form = read_form(ImportBody)
        pieces = file_pieces(uploads.LARGEST_PART)
        first = next(pieces, b"")
        if not first:
            form.errors["file"] = Words("请选择文件。", "Choose a file.")
        if not form.failed:
            with form.catching():
                begun = uploads.keep_file(
                    database, data, own_site(), form.body.kind, g.principal.actor, chain([first], pieces)
                )
        if form.failed:
            leave_file()
            return page(form), 422
        address = url_for("exchange_pages.show_import", import_id=begun)
        return done(
            address,
            "文件已收到，正在检查。什么都还没有改变。",
            "The file is here and is being checked. Nothing has changed.",
        )


def _add_imports(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    def page(import_id: UUID, form: Form[ApplyBody]) -> str:
        with database.transaction(g.principal.scope) as session:
            stored = uploads.find_import(session, import_id)
            query = select(ImportFault).where(ImportFault.import_id == import_id)
            faults = session.scalars(query.order_by(ImportFault.row, ImportFault.id).limit(FAULTS_SHOWN)).all()
            told = {"faults": describe_faults(faults), "titles": TITLES, "columns": PAST_SHOWN}
            told |= _to_approve(session, data, stored)
            return render("exchange/import.html", form=form, found=uploads.describe(session, stored), **told)

    @blueprint.get("/imports/<uuid:import_id>")
    @allow(Caller.STAFF)
    def show_import(import_id: UUID) -> str:
        """How far it is, what is wrong with it, and what can be done next."""
        return page(import_id, Form())

    @blueprint.post("/imports/<uuid:import_id>/apply")
    @allow(Caller.STAFF)
    def apply_import(import_id: UUID) -> Answer:
        """Bring in what was checked."""
        form = read_form(ApplyBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            uploads.begin_apply(session, import_id, form.body)
        if form.failed:
            return page(import_id, form), 422
        address = url_for("exchange_pages.show_import", import_id=import_id)
        return done(address, "正在导入。可以离开本页。", "It is being brought in. You can leave this page.")

    @blueprint.post("/imports/<uuid:import_id>/cancel")
    @allow(Caller.STAFF)
    def cancel_import(import_id: UUID) -> Answer:
        """Stop, and forget the file."""
        with database.transaction(g.principal.scope) as session:
            uploads.cancel_import(session, import_id)
        return done(
            url_for("exchange_pages.list_imports"),
            "导入已取消，文件已删除。",
            "The import was cancelled and the file deleted.",
        )


def _to_approve(session: Session, data: PersonalData, found: Import) -> dict[str, Any]:
    """Past service: who brought it waits for a second person, who sees the first rows."""
    own = found.kind == "records" and found.made_by == g.principal.actor
    return {"own": own, "rows": preview(session, data, found) if found.kind == "records" and not own else []}


def _add_exports(blueprint: APIBlueprint, database: Database) -> None:
    def page(form: Form[ExportBody]) -> str:
        mine = select(Export).where(Export.site_id == own_site(), Export.made_by == g.principal.actor)
        with database.transaction(g.principal.scope) as session:
            latest = session.scalars(mine.order_by(Export.position.desc()).limit(LATEST)).all()
        return render("exchange/exports.html", form=form, latest=latest, zone=_zone(database))

    @blueprint.get("/exports")
    @allow(Caller.STAFF)
    def list_exports() -> str:
        """The latest exports that one asked for, and a form for another."""
        return page(Form())

    @blueprint.post("/exports")
    @allow(Caller.STAFF)
    def begin_export() -> Answer:
        """Ask for everything."""
        form = read_form(ExportBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            requests.begin_export(session, own_site(), form.body.format, g.principal.actor)
        if form.failed:
            return page(form), 422
        return done(
            url_for("exchange_pages.list_exports"),
            "正在准备文件，完成后可在此下载。",
            "The file is being made. It can be fetched here when it is ready.",
        )


def _zone(database: Database) -> str:
    with database.transaction(g.principal.scope) as session:
        return session.get_one(Site, own_site()).time_zone
