"""Staff's pages of programmes: made of activities, cloned to sites, how ready each is, and what is offered."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from babel.dates import get_day_names
from flask import g, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.auth import OVER_AREAS, Caller, allow
from services.common.conventions import own_site
from services.common.database import EVERY_SITE, Database
from services.common.errors import called, language
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render, typed_version
from services.registration.models import Activity, Area, Programme, ProgrammeClone, Site
from services.registration.operations.programmes import authority, changes, coverage, decisions, templates
from services.registration.operations.programmes.readiness import clones_described
from services.registration.pages.activity_forms import STATUSES
from services.registration.pages.home import Box, Line, box
from services.registration.pages.programme_sites import add_sites_page
from services.registration.pages.programme_template import add_template_page
from services.registration.pages.programme_words import FIELDS, ChangeWords, field_names
from services.registration.schemas.programmes import MOST_SITES, OfferDecisionBody, ProgrammeBody

LISTED = 100
READINESS = {
    "place": ("地点", "Place"),
    "room": ("房间", "Room"),
    "organiser": ("承办单位", "Organiser"),
    "risks": ("风险告知", "Risks told"),
    "staff": ("工作人员", "Staff"),
    "published": ("已发布", "Published"),
    "first_sign_up": ("有人报名", "First sign-up"),
}


def programmes_pages(database: Database) -> APIBlueprint:
    """The pages of programmes."""
    blueprint = page_blueprint("programmes_pages", __name__, url_prefix="/staff/programmes")
    in_menu("programmes_pages.list_programmes", "项目", "Programmes", 13, without_site=OVER_AREAS)
    blueprint.app_context_processor(lambda: {"area_choices": _area_choices, "weekday_name": _weekday_name})
    _add_list(blueprint, database)
    _add_new(blueprint, database)
    _add_one(blueprint, database)
    _add_changes(blueprint, database)
    add_sites_page(blueprint, database)
    add_template_page(blueprint, database)
    return blueprint


def _add_list(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("")
    @allow(Caller.STAFF)
    def list_programmes() -> Answer:
        """The programmes that the site may have, and those that it has."""
        here = g.principal.site_id if g.principal.role in OVER_AREAS else own_site()
        with database.transaction(EVERY_SITE) as session:
            rows = session.execute(
                select(Programme, ProgrammeClone)
                .outerjoin(
                    ProgrammeClone,
                    (ProgrammeClone.programme_id == Programme.id) & (ProgrammeClone.site_id == here),
                )
                .where(authority.readable(session, g.principal))
                .order_by(Programme.position.desc())
                .limit(LISTED)
            ).all()
            found = changes.offers_at(session, here) if here else {}
            offers = {programme_id: len(some) for programme_id, some in found.items()}
            return render("programmes/list.html", rows=rows, offers=offers)


def _add_new(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/new")
    @allow(Caller.STAFF)
    def new_programme() -> Answer:
        """The form of a programme that is made of the site's activities."""
        with database.transaction(EVERY_SITE) as session:
            return _new_page(session, Form())

    @blueprint.post("/new")
    @allow(Caller.STAFF)
    def create_programme() -> Answer:
        """Keep the programme."""
        form = read_form(ProgrammeBody, lists=("from_activities",))
        with database.transaction(EVERY_SITE) as session:
            programme = None
            with form.catching(), session.begin_nested():
                programme = templates.create_programme(session, g.principal, form.body)
            if programme is None:
                return _new_page(session, form), 422
            address = url_for("programmes_pages.show_programme", programme_id=programme.id)
        return done(address, "项目已建立。", "The programme is there.")


def _new_page(session: Session, form: Form[Any]) -> str:
    mine = select(Activity).where(Activity.site_id == own_site(), Activity.status != "cancelled")
    areas = select(Area).where(Area.code.in_(authority.areas_of(session, g.principal))).order_by(Area.code)
    return render(
        "programmes/new.html",
        form=form,
        chosen=request.form.getlist("from_activities"),
        activities=session.scalars(mine.order_by(Activity.number.desc()).limit(LISTED)).all(),
        areas=session.scalars(areas).all(),
        statuses=STATUSES,
    )


def _add_one(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/<uuid:programme_id>")
    @allow(Caller.STAFF)
    def show_programme(programme_id: UUID) -> Answer:
        """A programme, its clones and how ready they are, and where else it could go."""
        with database.transaction(EVERY_SITE) as session:
            return _one_page(session, programme_id)


def _one_page(session: Session, programme_id: UUID) -> str:
    programme = authority.find_programme(session, g.principal, programme_id)
    mine = coverage.acted_for(g.principal).with_only_columns(Site.id)
    clones = session.scalars(
        select(ProgrammeClone)
        .where(ProgrammeClone.programme_id == programme_id, ProgrammeClone.site_id.in_(mine))
        .order_by(ProgrammeClone.position)
        .limit(MOST_SITES)
    ).all()
    free = coverage.missing(g.principal, programme_id).subquery()
    return render(
        "programmes/one.html",
        programme=templates.described(programme),
        clones=clones_described(session, programme, clones),
        free=session.scalar(select(func.count()).select_from(free)),
        here=g.principal.site_id,
        kept=authority.keeps(session, g.principal, programme.site_id, programme.area),
        readiness=READINESS,
    )


def _area_choices(areas: Sequence[Area]) -> list[tuple[str, str]]:
    return [(one.code, str(called(one))) for one in areas]


def _weekday_name(number: int) -> str:
    return str(get_day_names(locale="zh_CN" if language() == "zh" else "en_GB")[number - 1])


def _add_changes(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/<uuid:programme_id>/changes")
    @allow(Caller.STAFF)
    def show_changes(programme_id: UUID) -> Answer:
        """What the programme offers the site where the reader works."""
        with database.transaction(EVERY_SITE) as session:
            return _changes_page(session, programme_id, Form())

    @blueprint.post("/<uuid:programme_id>/changes")
    @allow(Caller.STAFF)
    def decide(programme_id: UUID) -> Answer:
        """Accept and decline what was chosen."""
        chosen = {name[7:]: value for name, value in request.form.items() if name.startswith("change.")}
        form: Form[Any] = Form(request.form)
        body = OfferDecisionBody(
            programme_version=next(iter(typed_version("programme_version")), 0),
            accept=[path for path, value in chosen.items() if value == "accept"],
            decline=[path for path, value in chosen.items() if value == "decline"],
        )
        with database.transaction(EVERY_SITE) as session:
            authority.find_programme(session, g.principal, programme_id)
            with form.catching(), session.begin_nested():
                decisions.decide(session, programme_id, own_site(), body)
            if form.failed:
                return _changes_page(session, programme_id, form), 422
        address = url_for("programmes_pages.show_changes", programme_id=programme_id)
        taken, left = len(body.accept), len(body.decline)
        return done(address, f"采纳 {taken} 项，不采纳 {left} 项。", f"{taken} accepted, {left} declined.")


def _changes_page(session: Session, programme_id: UUID, form: Form[Any]) -> str:
    programme = authority.find_programme(session, g.principal, programme_id)
    offer = changes.offered(session, programme, own_site())
    words = ChangeWords(session, session.get_one(Site, own_site()))
    context = {"words": words, "fields": FIELDS, "field_names": field_names}
    return render("programmes/changes.html", programme=programme, offer=offer, form=form, **context)


@box
def offered_changes(session: Session, site_id: UUID) -> Box | None:
    """Changes of programmes that the site has not decided on. None where there are none."""
    found = changes.offers_at(session, site_id)
    named = {one.id: one for one in session.scalars(select(Programme).where(Programme.id.in_(found)))}
    lines = [
        Line(
            f"{called(named[programme_id], 'title').zh}：{len(some)} 项改动",
            f"{called(named[programme_id], 'title').en}: {len(some)} change(s)",
            url_for("programmes_pages.show_changes", programme_id=programme_id),
        )
        for programme_id, some in found.items()
    ]
    return Box("项目的改动等您决定", "Changes of programmes to decide on", lines) if lines else None
