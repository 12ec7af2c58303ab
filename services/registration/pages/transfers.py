"""The link by which a person decides whether to take over a place, or to swap."""

from typing import Any

from flask import Response, request, url_for
from sqlalchemy.orm import Session

from services.common.pages import done
from services.registration.models import Activity, Link, Registration, Shift, Site, Transfer
from services.registration.operations.links import use
from services.registration.operations.sign_up import SignUps
from services.registration.operations.transfers import decide
from services.registration.pages.links import PURPOSES, Purpose


def open_transfer_links(sign_ups: SignUps) -> None:
    """Let the links of hand-overs and swaps be opened."""

    def act(session: Session, link: Link) -> Response:
        transfer, accept = session.get_one(Transfer, link.subject), request.form.get("decision") == "accept"
        consent = request.form.get("guardian_consent") == "on"
        decide(session, sign_ups, transfer.id, accept, f"person:{transfer.to_person_id}", consent=consent)
        use(link)
        if accept:
            return done(url_for("public_pages.start"), "已接受,名额是您的了。", "Accepted. The place is yours.")
        return done(url_for("public_pages.start"), "已谢绝,什么都没有改变。", "Declined. Nothing has changed.")

    PURPOSES["hand_over"] = Purpose(show=_show, act=act)


def _show(session: Session, link: Link) -> dict[str, Any]:
    transfer = session.get_one(Transfer, link.subject)
    other = transfer.other_registration_id
    return {
        "transfer": transfer,
        "site": session.get_one(Site, transfer.site_id),
        "offered": _place(session, session.get_one(Registration, transfer.registration_id)),
        "given": _place(session, session.get_one(Registration, other)) if other else None,
    }


def _place(session: Session, registration: Registration) -> dict[str, Any]:
    shift = session.get_one(Shift, registration.shift_id)
    return {"activity": session.get_one(Activity, shift.activity_id), "shift": shift, "party": registration.party_size}
