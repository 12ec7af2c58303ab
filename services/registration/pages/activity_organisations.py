"""Staff's page of who takes part in an activity: guiding unit, hosts, organisers, partners, in the order in which they
are named."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import not_found
from services.common.pages import Answer, Form, done, render, typed_version
from services.registration.models import Activity, Organisation
from services.registration.operations.sites import organisations
from services.registration.pages.public import ROLES
from services.registration.schemas.organisations import PartsBody

EMPTY_ROWS = 3
MOST_LISTED = 500


def add_parts_page(blueprint: APIBlueprint, database: Database) -> None:
    """The page, beside those of activities."""

    @blueprint.get("/<uuid:activity_id>/organisations")
    @allow(Caller.STAFF)
    def show_parts(activity_id: UUID) -> Answer:
        """Who takes part, with rows for more."""
        with database.transaction(g.principal.scope) as session:
            activity = _find(session, activity_id)
            parts = organisations.describe_parts(session, activity).organisations
            rows = [(str(part.organisation_id), str(part.role)) for part in parts]
            return _parts_page(session, activity, rows, Form({"version": activity.version}))

    @blueprint.post("/<uuid:activity_id>/organisations")
    @allow(Caller.STAFF)
    def save_parts(activity_id: UUID) -> Answer:
        """Keep who takes part; a row without an organisation does not count."""
        form: Form[PartsBody] = Form(request.form)
        rows = [
            (one, role)
            for one, role in zip(request.form.getlist("organisation"), request.form.getlist("role"), strict=False)
            if one
        ]
        with database.transaction(g.principal.scope) as session:
            activity = _find(session, activity_id)
            form.read(PartsBody, {"organisations": [{"organisation_id": one, "role": role} for one, role in rows]})
            with form.catching(), session.begin_nested():
                organisations.set_parts(session, activity_id, form.body.organisations, typed_version())
            if form.failed:
                return _parts_page(session, activity, rows, form), 422
        address = url_for("activities_pages.show_activity", activity_id=activity_id)
        return done(address, "参与单位已保存。", "The organisations were saved.")


def _find(session: Session, activity_id: UUID) -> Activity:
    activity = session.get(Activity, activity_id)
    if activity is None or activity.site_id != own_site():
        raise not_found("这个活动", "activity")
    return activity


def _parts_page(session: Session, activity: Activity, rows: list[tuple[str, str]], form: Form[Any]) -> str:
    """The page. The newest of a long directory are listed, and whoever takes part already."""
    query = select(Organisation).order_by(Organisation.position.desc()).limit(MOST_LISTED)
    known = {str(one.id): one for one in session.scalars(query)}
    for one, _ in rows:
        if one not in known and (found := session.get(Organisation, UUID(one)) if _is_id(one) else None):
            known[one] = found
    return render(
        "activities/organisations.html",
        activity=activity,
        rows=rows + [("", "host")] * EMPTY_ROWS,
        known=sorted(known.values(), key=lambda one: one.name_zh),
        roles=ROLES,
        form=form,
    )


def _is_id(written: str) -> bool:
    try:
        UUID(written)
    except ValueError:
        return False
    return True
