"""Sign-up at the desk: whoever stands there or calls, or who came for them.

People and helpers are entered before the sign-up, in a transaction of their own: the sign-up's mail may go to the
helper as soon as it is committed. A sign-up that is refused leaves somebody whom the site knows and who is nowhere.
"""

from typing import Any
from uuid import UUID

from services.common.database import Database
from services.common.errors import Problem, Words, invalid
from services.registration.operations.people.residents import add_resident, name_helper
from services.registration.operations.seats.instead import GIVES_WAY, any_unproven, sign_up_instead
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.seats.verdicts import OVERLAP
from services.registration.personal_data import PersonalData
from services.registration.schemas.desk import DeskChannel, DeskKnown, DeskNew
from services.registration.schemas.people import NewResident
from services.registration.schemas.registrations import RegistrationAnswer, SignUpBody

OTHER_EMAIL = Words(
    "此人登记的是另一个电子邮件，消息会发到那里。请当面核对：以现在填的为准，请勾选；仍用原来的，请清空“电子邮件”。",
    "Another e-mail is on record for this person, and messages go there. Ask them: tick this if the one given now is"
    " right, or leave the e-mail empty to keep the other.",
)


class DeskSignUps:
    """Signs people up for staff of a site."""

    def __init__(self, database: Database, data: PersonalData, sign_ups: SignUps) -> None:
        self._database = database
        self._data = data
        self._sign_ups = sign_ups

    def known(self, site_id: UUID, shift_id: UUID, body: DeskKnown, made_by: str) -> RegistrationAnswer:
        """Sign up somebody whom the site knows; a helper that is named acts for them from now on."""
        if body.helper is not None:
            with self._database.transaction(str(site_id)) as session:
                how = "phone" if body.by_phone else "desk"
                name_helper(session, self._data, site_id, body.person_id, body.helper, how, made_by)
        return self._sign_up(site_id, shift_id, body.person_id, body)

    def new(self, site_id: UUID, shift_id: UUID, body: DeskNew, made_by: str) -> RegistrationAnswer:
        """Sign up somebody new. The same name and contact again is the same person; raises 422 where the site was told
        another e-mail of them, until somebody said which is right: it may be a stranger's."""
        told = body.model_dump(exclude={"party_size", "priority", "by_phone", "how", "instead_of"})
        person = NewResident.model_validate(told | {"how": "phone" if body.by_phone else "desk"})
        with self._database.transaction(str(site_id)) as session:
            made = add_resident(session, self._data, site_id, person, made_by)
            if made.other_email:
                raise invalid("replace_email", OTHER_EMAIL)
        return self._sign_up(site_id, shift_id, made.id, body)

    def _sign_up(self, site_id: UUID, shift_id: UUID, person_id: UUID, body: DeskKnown | DeskNew) -> RegistrationAnswer:
        channel: DeskChannel = "proxy" if body.helper else "phone" if body.by_phone else "desk"
        wanted = SignUpBody(
            person_id=person_id,
            guardian_consent=body.guardian_consent,
            party_size=body.party_size,
            channel=channel,
            priority=body.priority,
        )
        if channel != "desk":
            return RegistrationAnswer.model_validate(self._sign_ups.sign_up(site_id, shift_id, wanted, None))
        return RegistrationAnswer.model_validate(self._in_person(site_id, shift_id, person_id, wanted, body.instead_of))

    def _in_person(
        self, site_id: UUID, shift_id: UUID, person_id: UUID, wanted: SignUpBody, instead_of: bool
    ) -> dict[str, Any]:
        """Whoever stands here may do away with a place that nobody has proven. Raises 422 where staff must say so."""
        if instead_of:
            with self._database.transaction(str(site_id)) as session:
                return sign_up_instead(session, self._sign_ups, site_id, shift_id, person_id, wanted)
        try:
            return self._sign_ups.sign_up(site_id, shift_id, wanted, None)
        except Problem as problem:
            if problem.kind is OVERLAP:
                with self._database.transaction(str(site_id)) as session:
                    if any_unproven(session, person_id, shift_id):
                        raise invalid("instead_of", GIVES_WAY) from None
            raise
