"""Staff's pages of organisations: those that everybody knows, and the site's own."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.pages import Answer, Form, done, read_form, render, typed_version
from services.registration.api.organisations import keep_directory, keeps_directory
from services.registration.models import Organisation
from services.registration.operations.sites import organisations
from services.registration.schemas.organisations import OrganisationBody, OrganisationEdit

KINDS = {
    "government": ("政府部门", "Government"),
    "association": ("协会", "Association"),
    "enterprise": ("企业", "Enterprise"),
    "school": ("学校", "School"),
    "hospital": ("医院", "Hospital"),
    "media": ("媒体", "Media"),
    "other": ("其他", "Other"),
}
EDITED = ("name_zh", "name_en", "kind", "credit_code", "version")


def add_organisations(blueprint: APIBlueprint, database: Database) -> None:
    """The pages of organisations."""
    _add_list(blueprint, database)
    _add_one(blueprint, database)


def _add_list(blueprint: APIBlueprint, database: Database) -> None:
    def show(form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            context = {"found": _known(session), "q": request.args.get("q", ""), "kinds_of_body": KINDS}
            return render("centre/organisations.html", form=form, directory=keeps_directory(), **context)

    @blueprint.get("/organisations")
    @allow(Caller.STAFF)
    def list_organisations() -> Answer:
        """The organisations that everybody knows, and the site's own."""
        return show(Form())

    @blueprint.post("/organisations")
    @allow(Caller.STAFF)
    def add_organisation() -> Answer:
        """Add one of the site's own, or, for who keeps the directory, one for everybody."""
        form = read_form(OrganisationBody, left_out=("everybody",))
        for_everybody = request.form.get("everybody") == "on"
        site_id = None if for_everybody else own_site()
        if for_everybody:
            keep_directory()
        with form.catching(), database.transaction(g.principal.scope) as session:
            organisations.create_organisation(session, site_id, form.body)
        if form.failed:
            return show(form), 422
        return done(url_for("centre_pages.list_organisations"), "单位已添加。", "The organisation was added.")


def _add_one(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/organisations/<uuid:organisation_id>")
    @allow(Caller.STAFF)
    def show_organisation(organisation_id: UUID) -> Answer:
        """What is known of an organisation, to be corrected."""
        row = _to_edit(database, organisation_id)
        return _page(Form({name: getattr(row, name) for name in EDITED}), row)

    @blueprint.post("/organisations/<uuid:organisation_id>")
    @allow(Caller.STAFF)
    def edit_organisation(organisation_id: UUID) -> Answer:
        """Correct an organisation."""
        row = _to_edit(database, organisation_id)
        form: Form[OrganisationEdit] = Form(request.form)
        typed = {name: form.value(name).strip() for name in EDITED if name != "version"}
        form.read(OrganisationEdit, typed | {"credit_code": typed["credit_code"] or None})
        with form.catching(), database.transaction(g.principal.scope) as session:
            organisations.edit_organisation(session, organisation_id, form.body, typed_version())
        if form.failed:
            return _page(form, row), 422
        return done(url_for("centre_pages.list_organisations"), "单位已更正。", "The organisation was corrected.")


def _to_edit(database: Database, organisation_id: UUID) -> Organisation:
    """The organisation, which the caller must be allowed to change. Raises 403 and 404."""
    with database.transaction(g.principal.scope) as session:
        row = organisations.find_organisation(session, organisation_id)
    if row.site_id is None:
        keep_directory()
    return row


def _page(form: Form[Any], row: Organisation) -> str:
    return render("centre/organisation.html", form=form, row=row, kinds_of_body=KINDS)


def _known(session: Session) -> list[Organisation]:
    wanted = request.args.get("q", "").strip()[:100]
    query = select(Organisation).order_by(Organisation.position.desc()).limit(100)
    if wanted:
        query = query.where(
            Organisation.name_zh.icontains(wanted, autoescape=True)
            | Organisation.name_en.icontains(wanted, autoescape=True)
        )
    return list(session.scalars(query))
