"""A resident's own data: seen, corrected, taken along, erased."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, url_for
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, Form, done, read_form, render
from services.registration.api.residents import resident
from services.registration.models import Site
from services.registration.operations.people.own_data import own_data
from services.registration.operations.people.own_details import edit_own
from services.registration.operations.people.own_erasure import erase_own, plan_own
from services.registration.operations.people.proven_sites import proven_sites, reaches
from services.registration.pages.data_words import READ, spoken
from services.registration.pages.hours import catching
from services.registration.pages.resident import in_resident_menu, let_out, resident_blueprint
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import OwnEdit


def my_data_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of one's own data."""
    blueprint = resident_blueprint("my_data_pages", __name__, url_prefix="/my/data")
    in_resident_menu("my_data_pages.show_data", "我的资料", "My data")

    def page(form: Form[OwnEdit], wrong_at: UUID | None = None) -> str:
        with database.transaction(EVERY_SITE) as session:
            sites = proven_sites(session, resident())
            found = own_data(session, data, resident().person_id, sites)
            at = session.scalars(select(Site).where(Site.id.in_([site.site_id for site in found.sites])))
            shown = {"zones": {site.id: site.time_zone for site in at}, "spoken": spoken, "read": READ}
            return render("my/data.html", found=found, form=form, wrong_at=wrong_at, empty=Form(), **shown)

    @blueprint.get("/")
    @allow(Caller.PERSON)
    def show_data() -> Answer:
        """Everything that is known about the resident."""
        return page(Form())

    @blueprint.post("/<uuid:site_id>")
    @allow(Caller.PERSON)
    def correct(site_id: UUID) -> Answer:
        """Correct what a site was told."""
        form = read_form(OwnEdit)
        with catching(form), database.transaction(EVERY_SITE) as session:
            edit_own(session, data, resident(), site_id, form.body)
            reached = reaches(session, resident(), site_id)
        if form.failed:
            return page(form, site_id), 422
        if not reached:
            return done(
                url_for("my_log_in_pages.ask_for_link"),
                "资料已更正。请打开我们刚发到新邮箱的链接，再继续。",
                "Your details were corrected. To go on, open the link that we have just sent to the new address.",
            )
        return done(url_for("my_data_pages.show_data"), "资料已更正。", "Your details were corrected.")

    @blueprint.get("/erase")
    @allow(Caller.PERSON)
    def show_erasing() -> Answer:
        """What erasing oneself would do."""
        with database.transaction(EVERY_SITE) as session:
            return render("my/erase.html", plan=plan_own(session, resident()), form=Form())

    @blueprint.post("/erase")
    @allow(Caller.PERSON)
    def erase() -> Answer:
        """Erase oneself."""
        form: Form[OwnEdit] = Form()
        with form.catching(), database.transaction(EVERY_SITE) as session:
            erase_own(session, resident())
        if form.failed:
            with database.transaction(EVERY_SITE) as session:
                plan = plan_own(session, resident())
                return render("my/erase.html", plan=plan, form=form), 422
        return let_out(Response(render("my/erased.html", logged_out=True)))

    return blueprint
