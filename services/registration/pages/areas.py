"""Areas and their sites, for operators, and for area admins within their areas.

The tree and the sites are looked through and changed one by one; a table is tried first, with faults by row.
"""

from typing import Any

from apiflask import APIBlueprint
from flask import g, request, url_for

from services.common.auth import OVER_AREAS, Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.errors import Words, invalid
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, render
from services.registration.operations.sites.area_table import KNOWN, decoded, read_table
from services.registration.operations.sites.areas import areas_kept, import_areas
from services.registration.pages.area_tree import add_tree
from services.registration.pages.sites import add_sites
from services.registration.personal_data import PersonalData
from services.registration.schemas.areas import AreasImportAnswer

FAULTS_SHOWN = 200
LONGEST_KEPT = 200_000
"""How long a table may be to come back in the form: what a browser sends in a field is bounded to 500 kB."""


def areas_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of areas and their sites."""
    blueprint = page_blueprint("areas_pages", __name__, url_prefix="/staff/areas")
    in_menu("areas_pages.show_tree", "区划与站点", "Areas and sites", 24, without_site=OVER_AREAS, only=OVER_AREAS)
    add_tree(blueprint, database)
    add_sites(blueprint, database, data)

    @blueprint.get("/import")
    @allow(Caller.STAFF)
    def show_import() -> Answer:
        """The form, and what the table's columns are."""
        with database.transaction(EVERY_SITE) as session:
            areas_kept(session, g.principal)
        return _page(Form(), None)

    @blueprint.post("/import")
    @allow(Caller.STAFF)
    def run_import() -> Answer:
        """Try the table, or import it: all or nothing."""
        dry, form, seen = request.form.get("step") != "apply", Form[Any](request.form), None
        file = request.files.get("file")
        raw = (file.stream.read() if file else b"") or request.form.get("table", "").encode()
        with database.transaction(EVERY_SITE) as session:
            within = areas_kept(session, g.principal)
            with form.catching():
                if not raw.strip():
                    raise invalid("file", Words("请选择文件，或粘贴表格。", "Choose a file, or paste a table."))
                rows, faults = read_table(raw, "text/csv")
                seen = import_areas(session, rows, faults, dry=True, within=within)
                if not dry and not seen.faults:
                    seen = import_areas(session, rows, [], dry=False, within=within)
        if form.failed or seen is None:
            return _page(form, None), 422
        if not seen.applied:
            form.values = {"table": decoded(raw)} if len(raw) <= LONGEST_KEPT else {}
            return _page(form, seen), 422 if seen.faults else 200
        changed = seen.added + seen.changed
        return done(
            url_for("areas_pages.show_tree"),
            f"已导入，改动 {changed} 个区划。",
            f"Imported: {changed} area(s) changed.",
        )

    return blueprint


def _page(form: Form[Any], seen: AreasImportAnswer | None) -> str:
    return render("areas/import.html", form=form, seen=seen, columns=KNOWN, most=FAULTS_SHOWN)
