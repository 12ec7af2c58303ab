"""Sites, for the keepers of their areas: added, moved, closed; and the keys by which their programs act."""

import secrets
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import owner_of
from services.common.database import EVERY_SITE, Database
from services.common.errors import FORBIDDEN, Problem
from services.common.idempotency import Attempt
from services.common.pages import Answer, Form, done, read_form, render, typed_version
from services.registration.api.sites import FOR_THE_OPERATOR, issue_once
from services.registration.models import Area, Site, SiteKey
from services.registration.operations.sites import area_tree, areas, sites
from services.registration.personal_data import PersonalData
from services.registration.schemas.sites import KeyBody, SiteBody, SiteEdit

FIELDS = ("name_zh", "name_en", "address", "time_zone", "area", "status", "version")


def add_sites(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    """The pages of sites."""
    _add_new(blueprint, database)
    _add_one(blueprint, database)
    _add_keys(blueprint, database, data)


def _add_new(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/at/<code>/add-site")
    @allow(Caller.OPERATOR)
    def new_site(code: str) -> Answer:
        """The form of a new site in an area."""
        with database.transaction(EVERY_SITE) as session:
            area = area_tree.find_kept(session, None, code)
        return render("areas/new_site.html", form=Form({"time_zone": "Asia/Shanghai"}), area=area)

    @blueprint.post("/at/<code>/add-site")
    @allow(Caller.OPERATOR)
    def add_site(code: str) -> Answer:
        """Add a site."""
        form = read_form(SiteBody, area=code)
        with database.transaction(EVERY_SITE) as session:
            area = area_tree.find_kept(session, None, code)
            with form.catching():
                site = sites.create_site(session, form.body)
        if form.failed:
            return render("areas/new_site.html", form=form, area=area), 422
        return done(url_for(".show_site", site_id=site.id), "站点已添加。", "The site was added.")


def _add_one(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/sites/<uuid:site_id>")
    @allow(Caller.STAFF)
    def show_site(site_id: UUID) -> Answer:
        """A site: what it is called, where it lies and lay, its keys."""
        with database.transaction(EVERY_SITE) as session:
            site = kept_site(session, site_id)
            return _site_page(session, site, Form({name: getattr(site, name) for name in FIELDS}))

    @blueprint.post("/sites/<uuid:site_id>")
    @allow(Caller.STAFF)
    def edit_site(site_id: UUID) -> Answer:
        """Change a site. Where it lies, and whether it is closed, is for operators."""
        form = _read_edit()
        with form.catching(), database.transaction(EVERY_SITE) as session:
            kept_site(session, site_id)
            if not g.principal.is_operator and {"area", "status"} & form.body.model_fields_set:
                raise Problem(FORBIDDEN, FOR_THE_OPERATOR)
            sites.edit_site(session, site_id, form.body, typed_version())
        if form.failed:
            with database.transaction(EVERY_SITE) as session:
                return _site_page(session, kept_site(session, site_id), form), 422
        return done(url_for(".show_site", site_id=site_id), "站点已保存。", "The site was saved.")


def _add_keys(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/sites/<uuid:site_id>/keys")
    @allow(Caller.OPERATOR)
    def issue_key(site_id: UUID) -> Answer:
        """Make a key and show it, this once: sent again, the form makes no second one."""
        form = read_form(KeyBody, left_out=("once",))
        once = request.form.get("once", "")[:100] or secrets.token_urlsafe()
        with form.catching(), database.transaction(EVERY_SITE) as session:
            site = kept_site(session, site_id)
            attempt = Attempt(owner_of(g.principal), once, data.fingerprint(request.path, form.body.label))
            made = issue_once(session, site_id, form.body.label, attempt)
            return render("areas/key.html", site=site, made=made)
        with database.transaction(EVERY_SITE) as session:
            site = kept_site(session, site_id)
            shown = Form({name: getattr(site, name) for name in FIELDS})
            shown.errors, shown.problem = form.errors, form.problem
            return _site_page(session, site, shown), 422

    @blueprint.post("/sites/<uuid:site_id>/keys/<uuid:key_id>/revoke")
    @allow(Caller.STAFF)
    def revoke_key(site_id: UUID, key_id: UUID) -> Answer:
        """Make a key useless."""
        with database.transaction(EVERY_SITE) as session:
            kept_site(session, site_id)
            sites.revoke_key(session, site_id, key_id)
        return done(url_for(".show_site", site_id=site_id), "密钥已吊销。", "The key was revoked.")


def _read_edit() -> Form[SiteEdit]:
    """The posted form: what it shows as it stands, a day only where one was filled in."""
    form: Form[SiteEdit] = Form(request.form)
    shown = {name: request.form[name].strip() for name in FIELDS if name in request.form and name != "version"}
    since = request.form.get("area_since", "")
    form.read(SiteEdit, shown | ({"area_since": since} if since else {}))
    return form


def kept_site(session: Session, site_id: UUID) -> Site:
    """The site, which must lie where the caller keeps the tree. Raises 403 and 404."""
    kept = areas.areas_kept(session, g.principal)
    return area_tree.check_kept_site(kept, session.get(Site, site_id))


def _site_page(session: Session, site: Site, form: Form[Any]) -> str:
    lay = sites.areas_of_site(session, site.id)
    names = {one.code: one for one in session.scalars(select(Area).where(Area.code.in_([row.area for row in lay])))}
    keys = session.scalars(select(SiteKey).where(SiteKey.site_id == site.id).order_by(SiteKey.position.desc())).all()
    area = session.get_one(Area, site.area)
    context = {"site": site, "lay": lay, "names": names, "keys": keys, "once": secrets.token_urlsafe()}
    return render("areas/site.html", form=form, path=areas.area_path(session, area), **context)
