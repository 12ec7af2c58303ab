"""What a resident agreed to; taking it back, told before what follows; agreeing again where the text has changed."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, url_for

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, done, render
from services.registration.api.residents import resident
from services.registration.operations.people.consent_texts import newest_text
from services.registration.operations.people.own_consents import (
    can_renew,
    can_withdraw,
    own_consent,
    own_consents,
    renew_own,
    withdraw_own,
)
from services.registration.pages.data_words import CODES, CONSENT_KINDS, actor
from services.registration.pages.resident import resident_blueprint
from services.registration.personal_data import PersonalData


def own_consents_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of one's own consents."""
    blueprint = resident_blueprint("own_consents_pages", __name__, url_prefix="/my/consents")

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_consents() -> Answer:
        """What one agreed to."""
        with database.transaction(EVERY_SITE) as session:
            given = own_consents(session, data, resident())
            renewals = {one.consent.kind: newest_text(session, one.consent.kind) for one in given if can_renew(one)}
            can = {"can_withdraw": can_withdraw, "can_renew": can_renew, "renewals": renewals}
            words = {"kinds": CONSENT_KINDS, "hows": CODES["how"], "actor": actor}
            return render("mine/consents.html", given=given, **can, **words)

    @blueprint.get("/<uuid:consent_id>")
    @allow(Caller.PERSON)
    def show_withdrawing(consent_id: UUID) -> Answer:
        """What taking it back leads to."""
        with database.transaction(EVERY_SITE) as session:
            one = own_consent(session, data, resident(), consent_id)
            return render("mine/consent_withdraw.html", one=one, kinds=CONSENT_KINDS)

    @blueprint.post("/<uuid:consent_id>")
    @allow(Caller.PERSON)
    def withdraw(consent_id: UUID) -> Response:
        """Take it back."""
        with database.transaction(EVERY_SITE) as session:
            withdraw_own(session, data, resident(), consent_id)
        return done(url_for("own_consents_pages.show_consents"), "已撤回同意。", "Your consent was withdrawn.")

    @blueprint.post("/<uuid:consent_id>/renew")
    @allow(Caller.PERSON)
    def renew(consent_id: UUID) -> Response:
        """Agree to the text that counts now."""
        with database.transaction(EVERY_SITE) as session:
            renew_own(session, data, resident(), consent_id)
        return done(url_for("own_consents_pages.show_consents"), "已同意新版本。", "You agreed to the new version.")

    return blueprint
