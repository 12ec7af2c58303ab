"""Where a programme is not yet, as a list to filter, print or take along; and giving it to all of these, or some."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, g, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.errors import Words
from services.common.pages import Answer, Form, done, render
from services.registration.api.programmes import clone_result
from services.registration.models import Area, Site
from services.registration.operations.programmes import authority, coverage
from services.registration.schemas.programmes import MOST_SITES, CloneBody
from services.registration.spreadsheets.writing import MIME, Sheet, csv_text

LISTED = 200
HEADINGS = (Words("区划代码", "area code"), Words("区划", "area"), Words("站点", "site"), Words("地址", "address"))


def add_sites_page(blueprint: APIBlueprint, database: Database) -> None:
    """The page of the sites without the programme."""
    _add_list(blueprint, database)
    _add_cloning(blueprint, database)


def _add_list(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/<uuid:programme_id>/sites")
    @allow(Caller.STAFF)
    def list_sites(programme_id: UUID) -> Answer:
        """The sites without the programme, and how many have it."""
        with database.transaction(EVERY_SITE) as session:
            return _page(session, programme_id, Form())

    @blueprint.get("/<uuid:programme_id>/sites.csv")
    @allow(Caller.STAFF)
    def export_sites(programme_id: UUID) -> Response:
        """The same as a table, all of it."""
        with database.transaction(EVERY_SITE) as session:
            authority.find_programme(session, g.principal, programme_id)
            found = session.scalars(_missing(programme_id).limit(MOST_SITES * 10)).all()
            names = _names(session, [site.area for site in found])
        rows = [[site.area, names[site.area].name_zh, site.name_zh, site.address] for site in found]
        content = b"".join(csv_text(Sheet("sites", [str(one) for one in HEADINGS], rows)))
        response = Response(content, content_type=MIME["csv"])
        response.headers["Content-Disposition"] = f'attachment; filename="sites-without-{programme_id}.csv"'
        return response


def _add_cloning(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.post("/<uuid:programme_id>/sites")
    @allow(Caller.STAFF)
    def clone_programme(programme_id: UUID) -> Answer:
        """Give it to the sites that were chosen, or to all that the list shows."""
        form: Form[CloneBody] = Form(request.form)
        with database.transaction(EVERY_SITE) as session:
            authority.find_programme(session, g.principal, programme_id)
            chosen = request.form.getlist("sites")
            if request.form.get("all") == "on":
                chosen = [str(site.id) for site in session.scalars(_missing(programme_id).limit(MOST_SITES))]
            if not chosen:
                form.errors["sites"] = Words("请选择站点。", "Choose sites.")
            form.read(CloneBody, {"sites": chosen, "starts_on": form.value("starts_on")})
            mine = set() if form.failed else authority.sites_of(session, g.principal, form.body.sites)
        results = []
        if not form.failed:
            results = [clone_result(database, programme_id, one, form.body) for one in form.body.sites if one in mine]
        refused = next((one.problem for one in results if one.result == "refused"), None)
        if form.failed or refused:
            with database.transaction(EVERY_SITE) as session:
                return _page(session, programme_id, form, refused), 422
        address = url_for("programmes_pages.show_programme", programme_id=programme_id)
        count = sum(one.result == "cloned" for one in results)
        return done(address, f"已为 {count} 个站点建立草稿。", f"Drafts were made at {count} site(s).")


def _asked() -> tuple[str, str]:
    """The area and the words that the list is narrowed to."""
    return tuple(request.values.get(name, "").strip().replace("\x00", "")[:100] for name in ("area", "q"))  # type: ignore[return-value]


def _missing(programme_id: UUID) -> Any:
    query = coverage.missing(g.principal, programme_id, *_asked())
    return query.order_by(Site.area, Site.position)


def _page(session: Session, programme_id: UUID, form: Form[Any], refused: str | None = None) -> str:
    programme = authority.find_programme(session, g.principal, programme_id)
    found = session.scalars(_missing(programme_id).limit(LISTED)).all()
    area, words = _asked()
    return render(
        "programmes/sites.html",
        programme=programme,
        found=found,
        names=_names(session, [site.area for site in found]),
        count=_count(session, _missing(programme_id)),
        all_sites=_count(session, coverage.acted_for(g.principal)),
        without=_count(session, coverage.missing(g.principal, programme_id)),
        areas=coverage.areas_around(session, g.principal),
        asked={"area": area, "q": words},
        form=form,
        refused=refused,
        chosen=request.form.getlist("sites"),
        today=datetime.now(ZoneInfo("Asia/Shanghai")).date(),
    )


def _count(session: Session, query: Any) -> int:
    return session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0


def _names(session: Session, codes: list[str]) -> dict[str, Area]:
    return {area.code: area for area in session.scalars(select(Area).where(Area.code.in_(codes)))}
