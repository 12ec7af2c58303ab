"""The page behind a guardian's link: what they are asked, and their yes on record."""

from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid
from services.common.pages import render
from services.registration.models import Link, PersonSite, Representative, Site
from services.registration.operations.people.consents import GUARDIANS, newest_text, record_consent
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.representatives import CONSENT_PURPOSE
from services.registration.operations.staff.links import use
from services.registration.pages.links import PURPOSES, Purpose
from services.registration.personal_data import PersonalData


def add_guardian_page(data: PersonalData) -> None:
    """Open links of this purpose."""

    def show(session: Session, link: Link) -> dict[str, Any]:
        child, guardian = _both(session, link)
        return {
            "child": data.shown(child.name) if child else "",
            "guardian": data.shown(guardian.name) if guardian else "",
            "site": session.get(Site, link.site_id),
            "texts": [newest_text(session, kind) for kind in GUARDIANS],
        }

    def act(session: Session, link: Link) -> Response:
        child, _ = _both(session, link)
        chosen = [kind for kind in GUARDIANS if kind in request.form.getlist("consent")]
        if child is None or not chosen:
            raise invalid("consent", Words("请至少勾选一项。", "tick at least one of them."))
        for kind in chosen:
            text = newest_text(session, kind)
            record_consent(session, child.site_id, child.person_id, text, "guardian", "link", f"link:{link.id}")
        use(link)
        return Response(render("links/guardian_thanks.html", site=session.get(Site, link.site_id)))

    PURPOSES[CONSENT_PURPOSE] = Purpose(show, act)


def _both(session: Session, link: Link) -> tuple[PersonSite | None, Representative | None]:
    if link.person_id is None or link.subject is None:
        return None, None
    person_id = person_now(session, link.person_id)
    return session.get(PersonSite, (person_id, link.site_id)), session.get(Representative, link.subject)
