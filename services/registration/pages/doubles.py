"""Doubles, for staff: side by side, made one person, separated again, or decided to be two people."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.pages import Answer, Form, asked_position, done, in_menu, page_blueprint, read_form, render
from services.registration.api.merges import site_limit
from services.registration.models import Merge, Site, TwoPeople
from services.registration.operations.merging.doubles import pairs_shown, ranked_doubles, sides_at
from services.registration.operations.merging.merge import merge, undo_merge
from services.registration.operations.merging.two_people import keep_apart, take_back
from services.registration.operations.people.people import find_person
from services.registration.operations.people.people_search import search_for, search_people
from services.registration.personal_data import PersonalData
from services.registration.schemas.merges import DoublesQuery, MergeBody, TwoPeopleBody
from services.registration.schemas.people import SearchBody

LATEST = 50
RANKED = 1000
"""So many pairs are put in order together: more than a site has, unless a crowd shares one phone."""
ON_A_PAGE = 30


def doubles_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of doubles."""
    blueprint = page_blueprint("doubles_pages", __name__, url_prefix="/staff/doubles")
    in_menu("doubles_pages.show_doubles", "重复人员", "Doubles", 16)
    _add_list(blueprint, database, data)
    _add_undoing(blueprint, database)
    _add_same_as(blueprint, database, data)
    return blueprint


def _add_list(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    def page(form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            return render("people/doubles.html", form=form, **_pairs(session, data), **_latest(session, data))

    @blueprint.get("/")
    @allow(Caller.STAFF)
    def show_doubles() -> Answer:
        """Who may be one person twice, and what was decided lately."""
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
            _back(),
            f"已合并；取消了 {ended} 个重复的报名。可以撤销。",
            f"Merged; {ended} registrations that were there twice were cancelled. This can be undone.",
        )

    @blueprint.post("/two-people")
    @allow(Caller.STAFF)
    def decide() -> Answer:
        """They are two people: a family that shares a phone."""
        form = read_form(TwoPeopleBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            keep_apart(session, form.body.one, form.body.two, g.principal.actor, site_limit())
        if form.failed:
            return page(form), 422
        return done(
            _back(), "已记下：是两个人，不再列出。可以撤回。", "Noted: they are two people. It can be taken back."
        )


def _add_undoing(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.post("/<uuid:merge_id>/undo")
    @allow(Caller.STAFF)
    def undo(merge_id: UUID) -> Response:
        """Separate them again."""
        with database.transaction(g.principal.scope) as session:
            undo_merge(session, merge_id, g.principal.actor, site_limit())
        return done(_back(), "已撤销合并。", "They are two people again.")

    @blueprint.post("/two-people/<uuid:decision_id>/take-back")
    @allow(Caller.STAFF)
    def undecide(decision_id: UUID) -> Response:
        """Look at them again."""
        with database.transaction(g.principal.scope) as session:
            take_back(session, decision_id, site_limit())
        return done(_back(), "已撤回，重新列出。", "Taken back: they are listed again.")


def _add_same_as(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    def page(person_id: UUID, form: Form[SearchBody]) -> str:
        with database.transaction(g.principal.scope) as session:
            person, found = find_person(session, data, own_site(), person_id), None
            with form.catching():
                found = [one.id for one in search_people(session, data, own_site(), form.body) if one.id != person.id]
            sides = sides_at(session, data, own_site(), [person.id, *(found or ())])
            pairs = None if found is None else [(sides[person.id], sides[other]) for other in found]
            return render("people/same_as.html", form=form, person=person, pairs=pairs)

    @blueprint.get("/people/<uuid:person_id>")
    @allow(Caller.STAFF)
    def show_same_as(person_id: UUID) -> Answer:
        """Where the other record of a person is looked for, who shares no phone or e-mail with this one."""
        return page(person_id, Form())

    @blueprint.post("/people/<uuid:person_id>")
    @allow(Caller.STAFF)
    def find_same(person_id: UUID) -> Answer:
        """The two side by side. Posted, because addresses of pages end up in logs."""
        form: Form[SearchBody] = Form(request.form)
        form.read(SearchBody, search_for(form.value("value")))
        form.errors = {"value": next(iter(form.errors.values()))} if form.errors else {}
        return page(person_id, form), 422 if form.failed else 200


def _back() -> str:
    """The list, on the page from which somebody came."""
    at = asked_position("page")
    return url_for("doubles_pages.show_doubles", after=request.args.get("after"), page=at if at > 1 else None)


def _pairs(session: Session, data: PersonalData) -> dict[str, Any]:
    """One page of the pairs, and what leads to the next."""
    after = DoublesQuery.model_validate({"after": request.args.get("after", "")}).after
    at = asked_position("page") or 1
    found = ranked_doubles(session, data, site_limit(), after, RANKED)
    pairs = found.pairs[(at - 1) * ON_A_PAGE : at * ON_A_PAGE]
    pairs_shown(session, site_limit(), pairs)
    more = {"after": after or None, "page": at + 1} if at * ON_A_PAGE < len(found.pairs) else {"after": found.next}
    following = url_for("doubles_pages.show_doubles", **more) if any(more.values()) else None
    here = {"after": after or None, "page": at if at > 1 else None}
    return {"pairs": pairs, "next": following, "here_at": here, "total": len(found.pairs), "more": found.next}


def _latest(session: Session, data: PersonalData) -> dict[str, Any]:
    """What was decided lately, with the names that this site was told."""
    merges = session.scalars(select(Merge).order_by(Merge.position.desc()).limit(LATEST)).all()
    apart = session.scalars(select(TwoPeople).order_by(TwoPeople.position.desc()).limit(LATEST)).all()
    people = {who for one in merges for who in (one.survivor, one.merged)} | {w for t in apart for w in (t.one, t.two)}
    return {"merges": merges, "apart": apart, **_named(session, data, people)}


def _named(session: Session, data: PersonalData, people: Iterable[UUID]) -> dict[str, Any]:
    sides = sides_at(session, data, own_site(), people)
    site = session.get_one(Site, own_site())
    return {"names": {who: side.name for who, side in sides.items()}, "zone": site.time_zone}
