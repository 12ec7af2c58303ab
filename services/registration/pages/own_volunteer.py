"""Becoming a volunteer by oneself: the sites that one may volunteer with, and the form of each."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, Form, done, read_form, render
from services.registration.api.residents import resident
from services.registration.codes import CATEGORIES, PROFESSIONS, SKILLS
from services.registration.models import Site
from services.registration.operations.people.consent_texts import newest_text
from services.registration.operations.people.own_volunteer import areas_near, own_volunteer, register_own
from services.registration.operations.people.proven_sites import Resident, proven_sites
from services.registration.operations.seats.throttle import LOG_INS, Throttle
from services.registration.pages.certificates import catching
from services.registration.pages.resident import add_box, resident_blueprint
from services.registration.personal_data import PersonalData
from services.registration.schemas.own_volunteer import OwnVolunteerBody, OwnVolunteerMade

LISTS = {"skills": SKILLS, "professions": PROFESSIONS, "categories": CATEGORIES}


def own_volunteer_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of becoming a volunteer."""
    blueprint = resident_blueprint("own_volunteer_pages", __name__, url_prefix="/my/volunteer")
    add_box("mine/volunteer_box.html", lambda session, whose: {"at": _everywhere(session, data, whose)})
    throttle = Throttle(LOG_INS)

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_sites() -> Answer:
        """Where one is a volunteer, and where one may become one."""
        with database.transaction(EVERY_SITE) as session:
            return render("mine/volunteer_sites.html", at=_everywhere(session, data, resident()))

    @blueprint.get("/<uuid:site_id>")
    @allow(Caller.PERSON)
    def show_form(site_id: UUID) -> Answer:
        """The form."""
        return page(site_id, Form())

    @blueprint.post("/<uuid:site_id>")
    @allow(Caller.PERSON)
    def register(site_id: UUID) -> Answer:
        """Become a volunteer of the site."""
        form = read_form(OwnVolunteerBody, lists=tuple(LISTS))
        made = None
        with catching(form):
            body = form.body
            if body.id_number or body.guardian:
                throttle.take(data.fingerprint("volunteer", str(resident().person_id)).hex(), request.remote_addr)
            with database.transaction(EVERY_SITE) as session:
                made = register_own(session, data, resident(), site_id, body)
        return (page(site_id, form), 422) if made is None else done(url_for("my_pages.show_mine"), *_said(made))

    def page(site_id: UUID, form: Form[Any]) -> str:
        with database.transaction(EVERY_SITE) as session:
            known = own_volunteer(session, data, resident(), site_id)
            texts = {kind: newest_text(session, kind) for kind in ("terms", "sensitive_id_number")}
            areas, site = areas_near(session, site_id), session.get(Site, site_id)
            return render(
                "mine/volunteer.html", form=form, known=known, areas=areas, texts=texts, lists=LISTS, site=site
            )

    return blueprint


def _everywhere(session: Session, data: PersonalData, whose: Resident) -> list[Any]:
    """Each site that the session reaches, with what it knows of them as a volunteer."""
    sites = session.scalars(select(Site).where(Site.id.in_(proven_sites(session, whose))).order_by(Site.position))
    return [(site, own_volunteer(session, data, whose, site.id)) for site in sites]


def _said(made: OwnVolunteerMade) -> tuple[str, str]:
    if made.outcome == "guardian_first" and made.guardian_asked:
        return (
            "还没有登记。我们已发邮件请监护人同意；监护人同意以后，请再来登记。",
            "You are not registered yet. Your guardian was asked by mail: come again once they agreed.",
        )
    if made.outcome == "guardian_first":
        return (
            "还没有登记。请监护人到站点或打电话办理。",
            "You are not registered yet. Please have your guardian come to the site or call.",
        )
    zh, en = f"登记成功，志愿者编号 {made.volunteer_number}。", f"You are volunteer {made.volunteer_number}."
    if made.guardian_asked:
        return (
            f"{zh}我们已发邮件请监护人同意，同意以后就可以报名志愿活动。",
            f"{en} Your guardian was asked by mail; once they agree you can sign up to volunteer.",
        )
    return zh, en
