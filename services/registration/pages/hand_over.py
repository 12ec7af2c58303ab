"""What the link of a hand-over or a swap opens: what would change, and two buttons."""

from typing import Any

from flask import Response, request, url_for
from sqlalchemy.orm import Session

from services.common.pages import done
from services.registration.models import Link, Transfer
from services.registration.operations.seats.own_transfers import decide_to_taker
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.staff.links import over, use
from services.registration.pages.links import PURPOSES, Purpose
from services.registration.pages.own_transfers import asked_with_facts
from services.registration.pages.resident import check_own_page


def add_hand_over(sign_ups: SignUps) -> None:
    """Let the link decide."""

    def act(session: Session, link: Link) -> Response:
        """Take the place over, or not: nobody is signed up against their will."""
        check_own_page()
        accept = request.form.get("decision") == "accept"
        transfer = _asked(session, link)
        decide_to_taker(session, sign_ups, transfer.id, accept, f"person:{link.person_id}")
        use(link)
        address = url_for("public_pages.show_site", site_id=transfer.site_id)
        if accept:
            return done(address, "名额已转给您。", "The place is yours now.")
        return done(address, "已回绝，什么都没有改变。", "You declined; nothing was changed.")

    PURPOSES["hand_over"] = Purpose(show=_show, act=act)


def _asked(session: Session, link: Link) -> Transfer:
    transfer = session.get(Transfer, link.subject) if link.subject else None
    if transfer is None or transfer.status != "asked":
        raise over()
    return transfer


def _show(session: Session, link: Link) -> dict[str, Any]:
    transfer = _asked(session, link)
    asked = asked_with_facts(session, transfer)
    return {"transfer": transfer, "places": asked.places, "shifts": asked.shifts, "site": asked.site}
