"""Staff's pages of plaques: noted, corrected, taken away with a reason from a day on."""

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
from services.registration.models import Designation, Organisation, Team
from services.registration.operations.sites import designations, sites
from services.registration.schemas.organisations import DesignationBody, DesignationEdit, RevokeBody

CORRECTED = ("name_zh", "name_en", "organisation_id", "granted_by", "valid_from", "valid_until", "version")
MOST_CHOICES = 500


def add_plaques(blueprint: APIBlueprint, database: Database) -> None:
    """The pages of plaques."""
    _add_list(blueprint, database)
    _add_correction(blueprint, database)
    _add_revocation(blueprint, database)


def _add_list(blueprint: APIBlueprint, database: Database) -> None:
    def show(form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            site = sites.find_site(session, own_site())
            today = sites.local_today(session, site)
            query = select(Designation).where(Designation.site_id == site.id).order_by(Designation.position).limit(500)
            found = [designations.describe_designation(row, today) for row in session.scalars(query)]
            teams = {team.id: team for team in session.scalars(select(Team).where(Team.site_id == site.id).limit(500))}
            granters = _granters(session)
            return render("centre/designations.html", form=form, found=found, teams=teams, granters=granters)

    @blueprint.get("/designations")
    @allow(Caller.STAFF)
    def list_designations() -> Answer:
        """The plaques of the site and its teams."""
        return show(Form())

    @blueprint.post("/designations")
    @allow(Caller.STAFF)
    def add_designation() -> Answer:
        """Note a plaque."""
        form = read_form(DesignationBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            designations.create_designation(session, own_site(), form.body)
        if form.failed:
            return show(form), 422
        return done(url_for("centre_pages.list_designations"), "已登记。", "It was noted.")


def _add_correction(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/designations/<uuid:designation_id>")
    @allow(Caller.STAFF)
    def show_designation(designation_id: UUID) -> Answer:
        """What is noted of a plaque, to be corrected."""
        with database.transaction(g.principal.scope) as session:
            row = designations.find_designation(session, designation_id)
            return _correct_page(session, row, Form({name: getattr(row, name) for name in CORRECTED}))

    @blueprint.post("/designations/<uuid:designation_id>")
    @allow(Caller.STAFF)
    def correct_designation(designation_id: UUID) -> Answer:
        """Correct a plaque."""
        form: Form[DesignationEdit] = Form(request.form)
        typed = {name: form.value(name).strip() for name in CORRECTED if name != "version"}
        form.read(DesignationEdit, typed | {name: typed[name] or None for name in ("organisation_id", "valid_until")})
        with database.transaction(g.principal.scope) as session:
            row = designations.find_designation(session, designation_id)
        with form.catching(), database.transaction(g.principal.scope) as session:
            designations.edit_designation(session, designation_id, form.body, typed_version())
        if form.failed:
            with database.transaction(g.principal.scope) as session:
                return _correct_page(session, row, form), 422
        return done(url_for("centre_pages.list_designations"), "已更正。", "It was corrected.")


def _correct_page(session: Session, row: Designation, form: Form[Any]) -> str:
    return render("centre/designation.html", form=form, row=row, granters=_granters(session))


def _granters(session: Session) -> list[Organisation]:
    """Organisations that may have granted one: those that everybody knows, and the site's own."""
    return list(session.scalars(select(Organisation).order_by(Organisation.name_zh).limit(MOST_CHOICES)))


def _add_revocation(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/designations/<uuid:designation_id>/revoke")
    @allow(Caller.STAFF)
    def show_revoke(designation_id: UUID) -> Answer:
        """Whether a plaque shall be taken away, from when on, and why."""
        with database.transaction(g.principal.scope) as session:
            row = designations.find_designation(session, designation_id)
            today = sites.local_today(session, sites.find_site(session, own_site()))
            return render("centre/revoke.html", form=Form({"on": today}), row=row)

    @blueprint.post("/designations/<uuid:designation_id>/revoke")
    @allow(Caller.STAFF)
    def revoke(designation_id: UUID) -> Answer:
        """Take a plaque away."""
        form = read_form(RevokeBody)
        with database.transaction(g.principal.scope) as session:
            row = designations.find_designation(session, designation_id)
        with form.catching(), database.transaction(g.principal.scope) as session:
            designations.revoke_designation(session, designation_id, form.body)
        if form.failed:
            return render("centre/revoke.html", form=form, row=row), 422
        return done(url_for("centre_pages.list_designations"), "已撤销。", "It was revoked.")
