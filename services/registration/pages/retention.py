"""Staff: for how long the details of residents are kept whom the site has not seen."""

from apiflask import APIBlueprint
from flask import g, url_for

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.registration.operations.people.retention import find_retention, save_retention
from services.registration.schemas.erasure import RetentionBody


def retention_pages(database: Database) -> APIBlueprint:
    """The page with the two periods."""
    blueprint = page_blueprint("retention_pages", __name__, url_prefix="/staff/retention")
    in_menu("retention_pages.show_retention", "资料保存期限", "How long data is kept", 21)

    @blueprint.get("")
    @allow(Caller.STAFF)
    def show_retention() -> Answer:
        """The periods that hold now."""
        with database.transaction(g.principal.scope) as session:
            kept = find_retention(session, own_site())
        return render("staff/retention.html", form=Form({key: str(value) for key, value in kept.model_dump().items()}))

    @blueprint.post("")
    @allow(Caller.STAFF)
    def save() -> Answer:
        """These from now on."""
        form = read_form(RetentionBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            save_retention(session, own_site(), form.body)
        if form.failed:
            return render("staff/retention.html", form=form), 422
        return done(url_for("retention_pages.show_retention"), "已保存。", "Saved.")

    return blueprint
