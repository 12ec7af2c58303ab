"""What the leader of a team does for it. The team is named by the leader's own membership."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import answered, create
from services.common.database import EVERY_SITE, Database
from services.registration.api.residents import resident
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.seats.throttle import LOG_INS, TRIALS, Throttle
from services.registration.operations.teams import leaders, led_rooms
from services.registration.operations.teams.led_sign_up import sign_up_as_leader, try_sign_up
from services.registration.personal_data import PersonalData, mailbox
from services.registration.schemas.bookings import BookingAnswer
from services.registration.schemas.leading import (
    InvitedAnswer,
    LedRoomsAnswer,
    LedRoomsQuery,
    LedRosterAnswer,
    LedSignUp,
    LedSignUpBody,
    LedVerdicts,
    RoomRequestBody,
    TeamCalled,
    TeamRollAnswer,
    TeamRollBody,
)
from services.registration.schemas.public import LinkRequest


def leading_blueprint(database: Database, data: PersonalData, sign_ups: SignUps) -> APIBlueprint:
    """The routes of leaders."""
    throttle = Throttle(LOG_INS)
    blueprint = APIBlueprint("leading", __name__, tag="Teams", url_prefix="/v1/my/teams/<uuid:member_id>")

    @blueprint.get("/roster")
    @allow(Caller.PERSON)
    @blueprint.output(LedRosterAnswer)
    def show_led_roster(member_id: UUID) -> Response:
        """Who joined the team, by name; and how many have not answered. For its leader."""
        with database.transaction(EVERY_SITE) as session:
            led = leaders.find_led(session, resident(), member_id)
            members = leaders.led_roster(session, data, led)
            return answered(LedRosterAnswer(items=members, open_invitations=leaders.open_invitations(session, led)))

    @blueprint.post("/invitations")
    @allow(Caller.PERSON)
    @blueprint.input(LinkRequest, arg_name="body")
    @blueprint.output(InvitedAnswer, status_code=201)
    def invite_as_leader(member_id: UUID, body: LinkRequest) -> Response:
        """Invite somebody whom the site knows, by name and contact. The answer does not tell whether it does."""
        throttle.take(data.fingerprint("contact", mailbox(body.contact)).hex(), request.remote_addr)

        def make(session: Session) -> InvitedAnswer:
            led = leaders.find_led(session, resident(), member_id)
            leaders.invite_as_leader(session, data, led, body)
            return InvitedAnswer()

        return create(database, data, body, make, EVERY_SITE)

    _add_rooms(blueprint, database, data)
    _add_sign_up(blueprint, database, data, sign_ups)
    _add_roll(blueprint, database, data)
    return blueprint


def _add_rooms(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/rooms")
    @allow(Caller.PERSON)
    @blueprint.input(LedRoomsQuery, location="query", arg_name="query")
    @blueprint.output(LedRoomsAnswer)
    def show_free_rooms(member_id: UUID, query: LedRoomsQuery) -> Response:
        """When the rooms for teams are free, for seven days and as far ahead as leaders may ask. Not who has them."""
        with database.transaction(EVERY_SITE) as session:
            led = leaders.find_led(session, resident(), member_id)
            return answered(LedRoomsAnswer(items=led_rooms.free_rooms(session, led, query.first)))

    @blueprint.post("/bookings")
    @allow(Caller.PERSON)
    @blueprint.input(RoomRequestBody, arg_name="body")
    @blueprint.output(BookingAnswer, status_code=201)
    def ask_for_room(member_id: UUID, body: RoomRequestBody) -> Response:
        """Ask for a room for the team. Staff decide."""

        def make(session: Session) -> BookingAnswer:
            led = leaders.find_led(session, resident(), member_id)
            return BookingAnswer.model_validate(led_rooms.ask_for_room(session, led, body))

        return create(database, data, body, make, EVERY_SITE)


def _add_sign_up(blueprint: APIBlueprint, database: Database, data: PersonalData, sign_ups: SignUps) -> None:
    throttle = Throttle(TRIALS)

    @blueprint.post("/shifts/<uuid:shift_id>/registrations/preview")
    @allow(Caller.PERSON)
    @blueprint.input(LedSignUpBody, arg_name="body")
    @blueprint.output(LedVerdicts)
    def preview_led_sign_up(member_id: UUID, shift_id: UUID, body: LedSignUpBody) -> Response:
        """What would become of each member. Nobody is signed up."""
        throttle.take(str(member_id), request.remote_addr)
        with database.transaction(EVERY_SITE) as session:
            led = leaders.find_led(session, resident(), member_id)
            return answered(LedVerdicts(members=try_sign_up(session, data, sign_ups, led, shift_id, body)))

    @blueprint.post("/shifts/<uuid:shift_id>/registrations")
    @allow(Caller.PERSON)
    @blueprint.input(LedSignUp, arg_name="body")
    @blueprint.output(LedVerdicts, status_code=201)
    def sign_up_as_leader_of_team(member_id: UUID, shift_id: UUID, body: LedSignUp) -> Response:
        """Sign members of the team up for a public shift of its site, each with a verdict."""

        def make(session: Session) -> LedVerdicts:
            led = leaders.find_led(session, resident(), member_id)
            return LedVerdicts(members=sign_up_as_leader(session, data, sign_ups, led, shift_id, body))

        return create(database, data, body, make, EVERY_SITE)


def _add_roll(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    def roll(session: Session, member_id: UUID, shift_id: UUID) -> Response:
        led = leaders.find_led(session, resident(), member_id)
        people = leaders.team_on_shift(session, data, led, shift_id)
        items = [
            TeamCalled(registration_id=one.registration.id, name=one.name, outcome=one.registration.outcome)
            for one in people
        ]
        return answered(TeamRollAnswer(items=items))

    @blueprint.get("/shifts/<uuid:shift_id>/roll-call")
    @allow(Caller.PERSON)
    @blueprint.output(TeamRollAnswer)
    def show_team_roll(member_id: UUID, shift_id: UUID) -> Response:
        """Who of the team has a place on the shift, but for the leader."""
        with database.transaction(EVERY_SITE) as session:
            return roll(session, member_id, shift_id)

    @blueprint.post("/shifts/<uuid:shift_id>/roll-call")
    @allow(Caller.PERSON)
    @blueprint.input(TeamRollBody, arg_name="body")
    @blueprint.output(TeamRollAnswer)
    def call_team_roll(member_id: UUID, shift_id: UUID, body: TeamRollBody) -> Response:
        """Say who of the team came, while the shift runs and a day after. Sending it twice changes nothing."""
        with database.transaction(EVERY_SITE) as session:
            led = leaders.find_led(session, resident(), member_id)
            leaders.call_team_roll(session, led, shift_id, body.entries)
            return roll(session, member_id, shift_id)
