"""What a resident was asked to take over or to swap: seen on their own page, and answered there as by the mail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import url_for
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, Form, done, render
from services.registration.api.residents import resident
from services.registration.models import Activity, Registration, Shift, Site, Transfer
from services.registration.operations.people.proven_sites import Resident
from services.registration.operations.seats.own_transfers import asked_of, check_asked, decide_own
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.seats.transfers import ANSWERED_WITHIN
from services.registration.pages.resident import add_box, resident_blueprint


@dataclass(frozen=True)
class Asked:
    """A question with what would change hands: what one would get, and of a swap what one would give."""

    transfer: Transfer
    shifts: list[tuple[Activity, Shift]]
    places: int
    site: Site

    @property
    def until(self) -> datetime:
        """When it is over."""
        return min(self.transfer.created_at + ANSWERED_WITHIN, self.shifts[0][1].starts_at)


def asked_with_facts(session: Session, transfer: Transfer) -> Asked:
    """The question as it is shown."""
    ids = [transfer.registration_id, *filter(None, [transfer.other_registration_id])]
    given = [session.get_one(Registration, one) for one in ids]
    shifts = [session.get_one(Shift, one.shift_id) for one in given]
    facts = [(session.get_one(Activity, shift.activity_id), shift) for shift in shifts]
    return Asked(transfer, facts, given[0].party_size, session.get_one(Site, transfer.site_id))


def own_transfers_pages(database: Database, sign_ups: SignUps) -> APIBlueprint:
    """The page of what one was asked."""
    blueprint = resident_blueprint("own_transfers_pages", __name__, url_prefix="/my/transfers")
    add_box("mine/transfers_box.html", _box)

    def page(form: Form[Any]) -> str:
        with database.transaction(EVERY_SITE) as session:
            asked = [asked_with_facts(session, one) for one in asked_of(session, resident())]
            return render("mine/transfers.html", asked=asked, form=form)

    def decide(transfer_id: UUID, accept: bool, zh: str, en: str) -> Answer:
        form: Form[Any] = Form()
        with database.transaction(EVERY_SITE) as session:
            check_asked(session, resident(), transfer_id)
        with form.catching(), database.transaction(EVERY_SITE) as session:
            decide_own(session, sign_ups, resident(), transfer_id, accept)
        if form.failed:
            form.problem, form.errors = form.problem or next(iter(form.errors.values())), {}
            return page(form), 422
        return done(url_for("my_pages.show_mine"), zh, en)

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_asked() -> Answer:
        """What waits for an answer."""
        return page(Form())

    @blueprint.post("/<uuid:transfer_id>/accept")
    @allow(Caller.PERSON)
    def accept(transfer_id: UUID) -> Answer:
        """Take the place over, or swap."""
        return decide(transfer_id, True, "名额已转给您。", "The place is yours now.")

    @blueprint.post("/<uuid:transfer_id>/decline")
    @allow(Caller.PERSON)
    def decline(transfer_id: UUID) -> Answer:
        """Leave things as they are."""
        return decide(transfer_id, False, "已回绝，什么都没有改变。", "You declined; nothing was changed.")

    return blueprint


def _box(session: Session, person: Resident) -> dict[str, Any]:
    return {"asked": len(asked_of(session, person))}
