"""Offers, holds, parties, teams, hand-overs and swaps."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions, json_body, own_site, page
from services.common.database import EVERY_SITE, Database
from services.common.schemas import ListQuery
from services.registration.api.residents import resident
from services.registration.models import Transfer
from services.registration.operations.people import own_registrations
from services.registration.operations.seats import coming, holds, offers, own_transfers, transfers
from services.registration.operations.seats.registrations import describe_registration
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.teams.team_sign_up import sign_up_team
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.registrations import RegistrationAnswer
from services.registration.schemas.seats import (
    AcceptBody,
    HandOverBody,
    HoldAnswer,
    HoldBody,
    OwnTransfers,
    RegistrationEdit,
    SwapBody,
    TeamSignUpAnswer,
    TeamSignUpBody,
    TransferAnswer,
    TransferDecisionBody,
)


def seats_blueprint(database: Database, data: PersonalData, sign_ups: SignUps) -> APIBlueprint:
    """The routes by which places are kept and passed on."""
    blueprint = APIBlueprint("seats", __name__, tag="Registrations", url_prefix="/v1")
    _add_offers(blueprint, database, data)
    _add_holds(blueprint, database, data)
    _add_teams(blueprint, database, data, sign_ups)
    _add_transfers(blueprint, database, data)
    _add_decisions(blueprint, database, sign_ups)
    _add_own(blueprint, database, data)
    _add_own_transfers(blueprint, database, sign_ups)
    return blueprint


def _add_offers(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/accept")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(AcceptBody, optional=True)
    @blueprint.output(RegistrationAnswer)
    def accept_offer(registration_id: UUID, body: AcceptBody) -> Response:
        """Take the place that was offered."""
        with database.transaction(g.principal.scope) as session:
            accepted = offers.accept_offer(session, data, registration_id, body.instead_of)
            return answered(describe_registration(session, accepted))

    @blueprint.post("/registrations/<uuid:registration_id>/decline")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(RegistrationAnswer)
    def decline_offer(registration_id: UUID) -> Response:
        """Leave the place that was offered to who is next."""
        with database.transaction(g.principal.scope) as session:
            return answered(describe_registration(session, offers.decline_offer(session, registration_id)))

    @blueprint.patch("/registrations/<uuid:registration_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(RegistrationEdit)
    @blueprint.output(RegistrationAnswer)
    def edit_registration(registration_id: UUID, body: RegistrationEdit) -> Response:
        """Change how many come (more need free places for which nobody waits), or the priority of who waits."""
        expected = expected_versions()
        with database.transaction(g.principal.scope) as session:
            if body.priority is not None:
                edited = offers.set_priority(session, registration_id, body.priority, expected)
            else:
                edited = offers.resize_party(session, registration_id, body.party_size or 1, expected)
            return answered(describe_registration(session, edited))


def _add_holds(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/shifts/<uuid:shift_id>/holds")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(HoldBody, optional=True)
    @blueprint.output(HoldAnswer, status_code=201)
    def hold_places(shift_id: UUID, body: HoldBody) -> Response:
        """Keep places for ten minutes while a form is filled in."""

        def make(session: Session) -> HoldAnswer:
            return HoldAnswer.model_validate(vars(holds.hold_places(session, shift_id, body.places, g.principal.actor)))

        return create(database, data, body, make)

    @blueprint.delete("/holds/<uuid:hold_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output({}, status_code=204)
    def release_hold(hold_id: UUID) -> tuple[str, int]:
        """Give held places back."""
        with database.transaction(g.principal.scope) as session:
            holds.release_hold(session, hold_id)
        return "", 204


def _add_teams(blueprint: APIBlueprint, database: Database, data: PersonalData, sign_ups: SignUps) -> None:
    @blueprint.post("/shifts/<uuid:shift_id>/team-registrations")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(TeamSignUpBody)
    @blueprint.output(TeamSignUpAnswer, status_code=201)
    def sign_up_members(shift_id: UUID, body: TeamSignUpBody) -> Response:
        """Sign members of a team up, each with a registration and a verdict of their own."""
        site_id = own_site()
        return create(database, data, body, lambda session: sign_up_team(session, sign_ups, site_id, shift_id, body))


def _add_transfers(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/hand-over")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(HandOverBody)
    @blueprint.output(TransferAnswer, status_code=201)
    def ask_hand_over(registration_id: UUID, body: HandOverBody) -> Response:
        """Ask a person whether they take over a place; nothing changes until they accept."""

        def make(session: Session) -> TransferAnswer:
            asked = transfers.ask_hand_over(session, registration_id, body.to_person_id, g.principal.actor)
            return _described(session, asked)

        return create(database, data, body, make)

    @blueprint.post("/registrations/<uuid:registration_id>/swap")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(SwapBody)
    @blueprint.output(TransferAnswer, status_code=201)
    def ask_swap(registration_id: UUID, body: SwapBody) -> Response:
        """Ask whether two people exchange their places; nothing changes until the other one accepts."""

        def make(session: Session) -> TransferAnswer:
            asked = transfers.ask_swap(session, registration_id, body.other_registration_id, g.principal.actor)
            return _described(session, asked)

        return create(database, data, body, make)

    @blueprint.get("/transfers")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(TransferAnswer))
    def list_transfers(query: ListQuery) -> Response:
        """Hand-overs and swaps, in the order in which they were asked for."""
        with database.transaction(g.principal.scope) as session:
            return page(
                session,
                select(Transfer),
                Transfer.position,
                query,
                lambda found: [TransferAnswer.model_validate(vars(one)) for one in found],
            )


def _add_decisions(blueprint: APIBlueprint, database: Database, sign_ups: SignUps) -> None:
    @blueprint.post("/transfers/<uuid:transfer_id>/accept")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(TransferDecisionBody, optional=True)
    @blueprint.output(TransferAnswer)
    def accept_transfer(transfer_id: UUID, body: TransferDecisionBody) -> Response:
        """Accept on behalf of the person asked; it is recorded who did."""
        with database.transaction(g.principal.scope) as session:
            decided = transfers.decide(
                session, sign_ups, transfer_id, True, g.principal.actor, consent=body.guardian_consent
            )
            return answered(_described(session, decided))

    @blueprint.post("/transfers/<uuid:transfer_id>/decline")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(TransferAnswer)
    def decline_transfer(transfer_id: UUID) -> Response:
        """Decline on behalf of the person asked."""
        with database.transaction(g.principal.scope) as session:
            decided = transfers.decide(session, sign_ups, transfer_id, False, g.principal.actor, consent=False)
            return answered(_described(session, decided))

    @blueprint.post("/transfers/<uuid:transfer_id>/withdraw")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(TransferAnswer)
    def withdraw_transfer(transfer_id: UUID) -> Response:
        """Take back what was asked."""
        with database.transaction(g.principal.scope) as session:
            return answered(_described(session, transfers.withdraw(session, transfer_id, g.principal.actor)))


def _add_own(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/my/registrations/<uuid:registration_id>/cancel")
    @allow(Caller.PERSON)
    @blueprint.output(RegistrationAnswer)
    def cancel_own(registration_id: UUID) -> Response:
        """Give one's own place back."""
        with database.transaction(EVERY_SITE) as session:
            return answered(
                describe_registration(
                    session, own_registrations.cancel_own(session, resident(by_mail=True), registration_id)
                )
            )

    @blueprint.post("/my/registrations/<uuid:registration_id>/coming")
    @allow(Caller.PERSON)
    @blueprint.output(RegistrationAnswer)
    def say_own_coming(registration_id: UUID) -> Response:
        """Say that one will come. Void once the shift is at another time."""
        with database.transaction(EVERY_SITE) as session:
            said = coming.say_own_coming(session, resident(by_mail=True), registration_id)
            return answered(describe_registration(session, said))

    @blueprint.post("/my/registrations/<uuid:registration_id>/accept")
    @allow(Caller.PERSON)
    @json_body(AcceptBody, optional=True)
    @blueprint.output(RegistrationAnswer)
    def accept_own_offer(registration_id: UUID, body: AcceptBody) -> Response:
        """Take the place that one was offered."""
        with database.transaction(EVERY_SITE) as session:
            accepted = own_registrations.accept_own(
                session, data, resident(by_mail=True), registration_id, body.instead_of
            )
            return answered(describe_registration(session, accepted))

    @blueprint.post("/my/registrations/<uuid:registration_id>/decline")
    @allow(Caller.PERSON)
    @blueprint.output(RegistrationAnswer)
    def decline_own_offer(registration_id: UUID) -> Response:
        """Leave the place that one was offered to who is next."""
        with database.transaction(EVERY_SITE) as session:
            return answered(
                describe_registration(
                    session, own_registrations.decline_own(session, resident(by_mail=True), registration_id)
                )
            )


def _add_own_transfers(blueprint: APIBlueprint, database: Database, sign_ups: SignUps) -> None:
    def decide(transfer_id: UUID, accept: bool) -> Response:
        with database.transaction(EVERY_SITE) as session:
            decided = own_transfers.decide_own(session, sign_ups, resident(), transfer_id, accept)
            return answered(_described(session, decided))

    @blueprint.get("/my/transfers")
    @allow(Caller.PERSON)
    @blueprint.output(OwnTransfers)
    def list_own_transfers() -> Response:
        """What the resident was asked to take over or swap, and has not answered."""
        with database.transaction(EVERY_SITE) as session:
            asked = own_transfers.asked_of(session, resident())
            return answered(OwnTransfers(items=[TransferAnswer.model_validate(one) for one in asked]))

    @blueprint.post("/my/transfers/<uuid:transfer_id>/accept")
    @allow(Caller.PERSON)
    @blueprint.output(TransferAnswer)
    def accept_own_transfer(transfer_id: UUID) -> Response:
        """Take over the place that one was asked to take, or swap."""
        return decide(transfer_id, True)

    @blueprint.post("/my/transfers/<uuid:transfer_id>/decline")
    @allow(Caller.PERSON)
    @blueprint.output(TransferAnswer)
    def decline_own_transfer(transfer_id: UUID) -> Response:
        """Leave things as they are."""
        return decide(transfer_id, False)


def _described(session: Session, transfer: Transfer) -> TransferAnswer:
    session.flush()
    session.refresh(transfer)
    return TransferAnswer.model_validate(vars(transfer))
