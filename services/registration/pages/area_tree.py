"""The tree of areas, for its keepers: looked through, searched, and changed one area at a time."""

from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.errors import Words, invalid
from services.common.pages import Answer, Form, done, read_form, render, typed_version
from services.registration.models import Area
from services.registration.operations.sites import area_tree, areas
from services.registration.schemas.areas import LEVELS, AreaRow

LEVEL_WORDS = {
    "province": ("省", "Province"),
    "city": ("市", "City"),
    "district": ("区县", "District"),
    "subdistrict": ("街道", "Subdistrict"),
    "community": ("社区", "Community"),
}


def add_tree(blueprint: APIBlueprint, database: Database) -> None:
    """The pages of the tree."""
    blueprint.app_context_processor(lambda: {"level_words": LEVEL_WORDS})
    _add_reading(blueprint, database)
    _add_saving(blueprint, database)


def _add_reading(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("")
    @allow(Caller.STAFF)
    def show_tree() -> Answer:
        """Where the tree begins; or what is found by words."""
        words = request.args.get("q", "").strip().replace("\x00", "")[:100]
        with database.transaction(EVERY_SITE) as session:
            kept = areas.areas_kept(session, g.principal)
            found = area_tree.find_areas(session, kept, words) if words else area_tree.tops(session, kept)
            sites = area_tree.find_sites(session, kept, words) if words else []
            return render(
                "areas/tree.html", words=words, sites=sites, most=area_tree.MOST_FOUND, **_listed(session, found)
            )

    @blueprint.get("/at/<code>")
    @allow(Caller.STAFF)
    def show_area(code: str) -> Answer:
        """One area: where it lies, what lies in it, its sites."""
        with database.transaction(EVERY_SITE) as session:
            kept = areas.areas_kept(session, g.principal)
            area = area_tree.find_kept(session, kept, code)
            context = {
                "area": area,
                "path": areas.area_path(session, area)[:-1],
                "kept": kept,
                "may_edit": kept is None or area.parent in kept,
                "sites": area_tree.sites_in(session, code),
                "successor": session.get(Area, area.successor) if area.successor else None,
            }
            return render("areas/area.html", **context, **_listed(session, area_tree.within(session, [code])[code]))


def _listed(session: Session, found: Any) -> dict[str, Any]:
    """Areas with what a list says of each: what lies directly within, and how many sites below."""
    codes = [area.code for area in found]
    return {
        "areas": found,
        "within": area_tree.within(session, codes),
        "below": area_tree.sites_below(session, codes),
        "today": datetime.now(UTC).date(),
    }


def _add_saving(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/new")
    @allow(Caller.STAFF)
    def new_area() -> Answer:
        """The form of a new area, below another where one is named."""
        with database.transaction(EVERY_SITE) as session:
            areas.areas_kept(session, g.principal)
            parent = session.get(Area, request.args.get("parent", "").replace("\x00", ""))
        narrower = LEVELS[LEVELS.index(parent.level) + 1 :] if parent else LEVELS
        start = {"parent": parent.code if parent else "", "level": next(iter(narrower), LEVELS[-1])}
        return _form_page(Form(start), None)

    @blueprint.post("/new")
    @allow(Caller.STAFF)
    def add_area() -> Answer:
        """Add an area."""
        form = read_form(AreaRow)
        with database.transaction(EVERY_SITE) as session:
            kept = areas.areas_kept(session, g.principal)
        with form.catching(), database.transaction(EVERY_SITE) as session:
            if session.get(Area, form.body.code):
                raise invalid("code", Words("已有这个代码的区划。", "is the code of an area that is there already."))
            areas.save_area(session, form.body.code, form.body, None, kept)
        if form.failed:
            return _form_page(form, None), 422
        return done(url_for(".show_area", code=form.body.code), "区划已添加。", "The area was added.")

    @blueprint.get("/at/<code>/edit")
    @allow(Caller.STAFF)
    def show_edit(code: str) -> Answer:
        """The form of an area."""
        with database.transaction(EVERY_SITE) as session:
            area = area_tree.find_kept(session, areas.areas_kept(session, g.principal), code)
            return _form_page(Form({name: getattr(area, name) for name in (*AreaRow.model_fields, "version")}), area)

    @blueprint.post("/at/<code>/edit")
    @allow(Caller.STAFF)
    def edit_area(code: str) -> Answer:
        """Change an area."""
        form = read_form(AreaRow, left_out=("version",), code=code)
        with database.transaction(EVERY_SITE) as session:
            kept = areas.areas_kept(session, g.principal)
            area = area_tree.find_kept(session, kept, code)
        with form.catching(), database.transaction(EVERY_SITE) as session:
            areas.save_area(session, code, form.body, typed_version(), kept)
        if form.failed:
            return _form_page(form, area), 422
        return done(url_for(".show_area", code=code), "区划已保存。", "The area was saved.")


def _form_page(form: Form[Any], area: Area | None) -> str:
    return render("areas/form.html", form=form, area=area, levels=LEVELS)
