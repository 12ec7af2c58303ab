"""Consents, and the texts that people consent to."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, own_site, page
from services.common.database import EVERY_SITE, Database
from services.common.schemas import ListQuery
from services.registration.api.residents import resident
from services.registration.models import Consent, ConsentText
from services.registration.operations.people import consent_texts, consents
from services.registration.operations.people.consents_shown import (
    answer_of,
    describe_consents,
    describe_withdrawal,
)
from services.registration.operations.people.own_consents import own_consents, renew_own, withdraw_own
from services.registration.operations.people.people import told_by
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.consents import (
    ConsentAnswer,
    ConsentTextAnswer,
    ConsentTextsQuery,
    NewConsent,
    NewConsentText,
    OwnConsents,
    Withdrawn,
)


def consents_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of consents."""
    blueprint = APIBlueprint("consents", __name__, tag="Consents", url_prefix="/v1")
    _add_texts(blueprint, database, data)
    _add_consents(blueprint, database, data)
    _add_own(blueprint, database, data)
    return blueprint


def _add_texts(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/consent-texts")
    @allow(Caller.ANYONE)
    @blueprint.input(ConsentTextsQuery, location="query", arg_name="query")
    @blueprint.output(page_of(ConsentTextAnswer))
    def list_texts(query: ConsentTextsQuery) -> Response:
        """Every version of every text, oldest first; of a kind the last one that is in effect counts now."""
        rows = select(ConsentText)
        if query.kind:
            rows = rows.where(ConsentText.kind == query.kind)
        with database.transaction("") as session:
            return page(
                session,
                rows,
                ConsentText.position,
                query,
                lambda found: [ConsentTextAnswer.model_validate(one) for one in found],
            )

    @blueprint.post("/consent-texts")
    @allow(Caller.OPERATOR)
    @blueprint.input(NewConsentText, arg_name="body")
    @blueprint.output(ConsentTextAnswer, status_code=201)
    def publish_text(body: NewConsentText) -> Response:
        """Publish a new version of a text, from when it counts, and whether people must agree again."""
        return create(
            database,
            data,
            body,
            lambda session: ConsentTextAnswer.model_validate(consent_texts.publish_text(session, body)),
        )


def _add_consents(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/people/<uuid:person_id>/consents")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(ConsentAnswer))
    def list_consents(person_id: UUID, query: ListQuery) -> Response:
        """What a person, or their guardian, consented to at the site, and what was withdrawn."""
        with database.transaction(g.principal.scope) as session:
            person_id = told_by(session, own_site(), person_id).person_id
            rows = select(Consent).where(Consent.person_id == person_id, Consent.site_id == own_site())
            return page(
                session,
                rows,
                Consent.position,
                query,
                lambda found: describe_consents(session, data, found),
            )

    @blueprint.post("/people/<uuid:person_id>/consents")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(NewConsent, arg_name="body")
    @blueprint.output(ConsentAnswer, status_code=201)
    def give_consent(person_id: UUID, body: NewConsent) -> Response:
        """Put on record a consent that the site was given. A guardian's needs a guardian on file: 409."""
        site_id, actor = own_site(), g.principal.actor
        return create(
            database,
            data,
            body,
            lambda session: describe_consents(
                session, data, [consents.give_consent(session, site_id, person_id, body, actor)]
            )[0],
        )

    @blueprint.post("/consents/<uuid:consent_id>/withdraw")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(Withdrawn)
    def withdraw_consent(consent_id: UUID) -> Response:
        """Withdraw a consent on the person's or guardian's word. The answer says what that led to."""
        with database.transaction(g.principal.scope) as session:
            led_to = consents.withdraw_consent(session, consent_id, g.principal.actor)
            return answered(describe_withdrawal(session, data, led_to))


def _add_own(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/my/consents")
    @allow(Caller.PERSON)
    @blueprint.output(OwnConsents)
    def list_own_consents() -> Response:
        """What the resident agreed to, and what was withdrawn."""
        with database.transaction(EVERY_SITE) as session:
            return answered(OwnConsents(items=[answer_of(one) for one in own_consents(session, data, resident())]))

    @blueprint.post("/my/consents/<uuid:consent_id>/withdraw")
    @allow(Caller.PERSON)
    @blueprint.output(Withdrawn)
    def withdraw_own_consent(consent_id: UUID) -> Response:
        """Withdraw one's own consent. The answer says what that led to."""
        with database.transaction(EVERY_SITE) as session:
            return answered(describe_withdrawal(session, data, withdraw_own(session, data, resident(), consent_id)))

    @blueprint.post("/my/consents/<uuid:consent_id>/renew")
    @allow(Caller.PERSON)
    @blueprint.output(ConsentAnswer)
    def renew_own_consent(consent_id: UUID) -> Response:
        """Agree to the text that counts now, where the one that was agreed to counts no more."""
        with database.transaction(EVERY_SITE) as session:
            made = renew_own(session, data, resident(), consent_id)
            return answered(describe_consents(session, data, [made])[0])
