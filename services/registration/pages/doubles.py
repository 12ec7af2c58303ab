"""Doubles, for staff: side by side, made one person, separated again."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request, url_for
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.registration.api.merges import LISTED, site_limit
from services.registration.models import Merge
from services.registration.operations.merging.doubles import list_doubles
from services.registration.operations.merging.merge import merge, undo_merge
from services.registration.personal_data import PersonalData
from services.registration.schemas.merges import MergeBody

LATEST = 50


def doubles_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of doubles."""
    blueprint = page_blueprint("doubles_pages", __name__, url_prefix="/staff/doubles")
    in_menu("doubles_pages.show_doubles", "重复人员", "Doubles", 16)

    def page(form: Form[MergeBody]) -> str:
        with database.transaction(g.principal.scope) as session:
            limit = site_limit()
            after = request.args.get("after", type=UUID) or UUID(int=0)
            pairs = list_doubles(session, data, limit, after, LISTED)
            # What agrees most comes first: a family shares a phone and nothing else.
            pairs = sorted(pairs, key=lambda pair: -len(pair.agrees))
            newest = select(Merge).order_by(Merge.position.desc()).limit(LATEST)
            return render("people/doubles.html", pairs=pairs, merges=session.scalars(newest).all(), form=form)

    @blueprint.get("/")
    @allow(Caller.STAFF)
    def show_doubles() -> Answer:
        """Who may be one person twice, and what was merged lately."""
        return page(Form())

    @blueprint.post("/")
    @allow(Caller.STAFF)
    def merge_pair() -> Answer:
        """Make two one person."""
        form = read_form(MergeBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            made = merge(session, form.body, g.principal.actor, site_limit())
        if form.failed:
            return page(form), 422
        ended = len(made.cancelled)
        return done(
            url_for("doubles_pages.show_doubles"),
            f"已合并；取消了 {ended} 个重复的报名。可以撤销。",
            f"Merged; {ended} registrations that were there twice were cancelled. This can be undone.",
        )

    @blueprint.post("/<uuid:merge_id>/undo")
    @allow(Caller.STAFF)
    def undo(merge_id: UUID) -> Response:
        """Separate them again."""
        with database.transaction(g.principal.scope) as session:
            undo_merge(session, merge_id, g.principal.actor, site_limit())
        return done(url_for("doubles_pages.show_doubles"), "已撤销合并。", "They are two people again.")

    return blueprint
