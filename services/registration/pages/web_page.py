"""Staff: which other web pages may show the site's sign-up, and what to put into them."""

from apiflask import APIBlueprint
from flask import g, request, url_for

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, render
from services.registration.operations.sites.origins import allow_origins, allowed_origins
from services.registration.schemas.public import OriginsBody


def web_page_pages(database: Database) -> APIBlueprint:
    """The page with the origins and the code."""
    blueprint = page_blueprint("web_page_pages", __name__, url_prefix="/staff/web-page")
    in_menu("web_page_pages.show_origins", "网页嵌入", "Web page", 20)

    def page(form: Form[OriginsBody]) -> str:
        script = url_for("embed_pages.embed_script", _external=True)
        frame = url_for("embed_pages.show_site", site_id=own_site(), _external=True)
        return render("staff/web_page.html", form=form, script=script, frame=frame, site_id=own_site())

    @blueprint.get("")
    @allow(Caller.STAFF)
    def show_origins() -> str:
        """The origins."""
        with database.transaction(g.principal.scope) as session:
            return page(Form({"origins": "\n".join(allowed_origins(session, own_site()))}))

    @blueprint.post("")
    @allow(Caller.STAFF)
    def save_origins() -> Answer:
        """These and no others."""
        site_id = own_site()
        form: Form[OriginsBody] = Form(request.form)
        form.read(OriginsBody, {"origins": form.value("origins").split()})
        with form.catching(), database.transaction(g.principal.scope) as session:
            allow_origins(session, site_id, form.body.origins)
        if form.failed:
            form.errors = {"origins": next(iter(form.errors.values()))}
            return page(form), 422
        return done(url_for("web_page_pages.show_origins"), "已保存。", "Saved.")

    return blueprint
