"""The site's volunteers, for staff: who can help with what, page by page, or as a file."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, request, url_for

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.pages import Answer, Form, asked_position, in_menu, page_blueprint, render
from services.registration.api.exchange import download
from services.registration.codes import CATEGORIES, PROFESSIONS, SKILLS
from services.registration.models import VolunteerSite
from services.registration.operations.people import volunteers
from services.registration.operations.people.volunteer_search import matching, volunteers_file
from services.registration.personal_data import PersonalData
from services.registration.schemas.volunteers import VolunteersFilter
from services.registration.spreadsheets.writing import CSV, MIME, one_table

ON_A_PAGE = 50
LISTS = {"skills": SKILLS, "professions": PROFESSIONS, "categories": CATEGORIES}
FIELDS = tuple(VolunteersFilter.model_fields)


def volunteers_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The page of volunteers, and its file."""
    blueprint = page_blueprint("volunteers_pages", __name__, url_prefix="/staff/volunteers")
    in_menu("volunteers_pages.list_volunteers", "志愿者", "Volunteers", 10)

    @blueprint.get("/")
    @allow(Caller.STAFF)
    def list_volunteers() -> Answer:
        """Who can help. What is asked for is no personal data, so that the address can be kept and sent."""
        form = _asked()
        if form.failed:
            return render("people/volunteers.html", form=form, lists=LISTS, volunteers=[], asked={}, next=None), 422
        after = asked_position("after")
        query = matching(own_site(), form.body).where(VolunteerSite.row > after).order_by(VolunteerSite.row)
        with database.transaction(g.principal.scope) as session:
            rows = session.scalars(query.limit(ON_A_PAGE + 1)).all()
            listed = volunteers.list_volunteers(session, data, rows[:ON_A_PAGE])
            last = rows[ON_A_PAGE - 1].row if len(rows) > ON_A_PAGE else None
        asked = form.body.model_dump(exclude_none=True)
        following = url_for("volunteers_pages.list_volunteers", **asked, after=last) if last else None
        context = {"volunteers": listed, "asked": asked, "next": following}
        return render(
            "people/volunteers.html", form=form, lists=LISTS, codes=SKILLS | PROFESSIONS | CATEGORIES, **context
        )

    @blueprint.get("/volunteers.csv")
    @allow(Caller.STAFF)
    def fetch_volunteers() -> Response:
        """The same as a table, with how to reach them."""
        asked = VolunteersFilter.model_validate(_typed())
        sheet = volunteers_file(database, data, g.principal.scope, own_site(), asked)
        return download(one_table(CSV, sheet), MIME[CSV], "volunteers.csv")

    return blueprint


def _typed() -> dict[str, Any]:
    """What is asked for; an empty field asks for nothing."""
    return {name: value for name in FIELDS if (value := request.args.get(name, "").strip())}


def _asked() -> Form[VolunteersFilter]:
    form: Form[VolunteersFilter] = Form(request.args)
    form.read(VolunteersFilter, _typed())
    return form
