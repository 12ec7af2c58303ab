"""What a resident agreed to, and taking it back: what follows is told before, a button acts."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, url_for

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, done, render
from services.registration.api.conventions import resident
from services.registration.operations.people.own_consents import own_consent, own_consents, withdraw_own
from services.registration.pages.data_words import CONSENT_KINDS
from services.registration.pages.resident import resident_blueprint


def own_consents_pages(database: Database) -> APIBlueprint:
    """The pages of one's own consents."""
    blueprint = resident_blueprint("own_consents_pages", __name__, url_prefix="/my/consents")

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_consents() -> Answer:
        """What one agreed to."""
        with database.transaction(EVERY_SITE) as session:
            return render("mine/consents.html", given=own_consents(session, resident()), kinds=CONSENT_KINDS)

    @blueprint.get("/<uuid:consent_id>")
    @allow(Caller.PERSON)
    def show_withdrawing(consent_id: UUID) -> Answer:
        """What taking it back leads to."""
        with database.transaction(EVERY_SITE) as session:
            one = own_consent(session, resident(), consent_id)
            return render("mine/consent_withdraw.html", one=one, kinds=CONSENT_KINDS)

    @blueprint.post("/<uuid:consent_id>")
    @allow(Caller.PERSON)
    def withdraw(consent_id: UUID) -> Response:
        """Take it back."""
        with database.transaction(EVERY_SITE) as session:
            withdraw_own(session, resident(), consent_id)
        return done(url_for("own_consents_pages.show_consents"), "已撤回同意。", "Your consent was withdrawn.")

    return blueprint
