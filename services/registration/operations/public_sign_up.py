"""Sign-up by the public: by themselves, without an account, from a page or another site's script.

    public = PublicSignUps(database, data, sign_ups)
    made = public.sign_up(shift_id, body, key="…", address="192.0.2.1")
    made.status, made.registration_id

A minor who needs a guardian's consent is not signed up before it is there: the guardian is sent a link. What this
answers to a stranger who knows somebody's name and phone is what it answers to that person, so it tells nothing of
what else is known: whoever is on the shift already gets the same answer as on the first time.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.errors import IN_PROGRESS, INVALID, FieldError, FieldErrors, Problem, Words
from services.common.rates import origin
from services.registration.models import ConsentText, Hold, PersonSite, Registration, Representative
from services.registration.operations.ages import asks_age, guardian_below
from services.registration.operations.consents import newest_text, record_consent
from services.registration.operations.holds import hold_for_form, release_hold
from services.registration.operations.idempotency import Attempt
from services.registration.operations.identity import across_sites, person_now
from services.registration.operations.public import OpenActivity, OpenShift, open_shift, site_of_shift
from services.registration.operations.registrations import describe_registration
from services.registration.operations.representatives import ask_guardian, save_representative
from services.registration.operations.residents import add_resident
from services.registration.operations.sign_up import SignUps, Told
from services.registration.operations.throttle import SIGN_UPS, Throttle
from services.registration.operations.verdicts import AGE_UNKNOWN, ALREADY, too_young
from services.registration.personal_data import PersonalData, age_on
from services.registration.schemas.people import NewPerson, NewResident, RepresentativeBody
from services.registration.schemas.public import PublicSignUp
from services.registration.schemas.registrations import Channel, SignUpBody

CHANNEL: Channel = "web"
PATIENCE = 3.0
"""Seconds that the second of two clicks waits for the first one's answer."""


@dataclass(frozen=True)
class Made:
    """What became of a sign-up; `registration_id` is None while a guardian is asked."""

    site_id: UUID
    registration_id: UUID | None
    status: str
    waitlist_position: int | None


class PublicSignUps:
    """Signs up strangers. One per process."""

    def __init__(self, database: Database, data: PersonalData, sign_ups: SignUps) -> None:
        self._database = database
        self._data = data
        self.sign_ups = sign_ups
        self._throttle = Throttle(SIGN_UPS)

    def hold(self, form_id: UUID, shift_id: UUID, places: int, address: str | None) -> None:
        """Keep places while the form is filled in. Raises `Problem` where that cannot be; the form needs no hold."""
        caller = self._origin(address)
        site_of_shift(self._database, shift_id)
        with self._database.transaction(EVERY_SITE) as session:
            hold_for_form(session, form_id, shift_id, places, caller)

    def leave(self, form_id: UUID) -> None:
        """Give back what is held for a form; nothing, where it is over already."""
        with self._database.transaction(EVERY_SITE) as session:
            if session.get(Hold, form_id) is not None:
                with suppress(Problem):
                    release_hold(session, form_id)

    def sign_up(
        self, shift_id: UUID, body: PublicSignUp, key: str | None, address: str | None, form_id: UUID | None = None
    ) -> Made:
        """Confirmed, waitlisted, or a guardian is asked. The same key again gives the same answer. Raises `Problem`.

        The places held for the form `form_id` are used, if they still are.
        """
        site_id = site_of_shift(self._database, shift_id)
        with self._database.transaction(site_id) as session:
            found, shift = open_shift(session, shift_id)
        check_needed(body, found, shift)
        self._take(body.contact, address)
        agreed = self._guardian_agreed(found, body)
        if agreed is False:
            self._ask_guardian(found, body, address)
            if form_id is not None:
                self.leave(form_id)
            return Made(site_id, None, "guardian_asked", None)
        person = NewPerson(
            **body.model_dump(include={"name", "phone", "email", "birth_date", "language"}),
            guardian_consent=bool(agreed),
        )
        channel: Channel = "proxy" if body.helper else CHANNEL
        wanted = SignUpBody(person=person, party_size=body.party_size, channel=channel, hold_id=form_id)
        helper = RepresentativeBody(**body.helper.model_dump(exclude={"agreed"})) if body.helper else None
        told = Told(helper, self._origin(address))
        return self._sign_up(found, shift_id, wanted, self._attempt(site_id, shift_id, body, key), told)

    def _origin(self, address: str | None) -> str:
        """Where a form came from, as it may be kept: a keyed hash."""
        return f"web:{self._data.fingerprint('hold', origin(address)).hex()[:16]}"

    def _sign_up(
        self, found: OpenActivity, shift_id: UUID, wanted: SignUpBody, attempt: Attempt | None, told: Told
    ) -> Made:
        site_id = found.site.id
        try:
            answer = self._patiently(site_id, shift_id, wanted, attempt, told)
        except Problem as problem:
            if problem.kind is not ALREADY:
                raise public_problem(problem, guardian_below(found.site, found.activity)) from None
            answer = self._existing(site_id, UUID(str(problem.members["registration_id"])))
        return Made(site_id, UUID(str(answer["id"])), str(answer["status"]), answer["waitlist_position"])

    def _patiently(
        self, site_id: UUID, shift_id: UUID, wanted: SignUpBody, attempt: Attempt | None, told: Told
    ) -> dict[str, Any]:
        """The second of two clicks finds the first still at work, and gets the same answer."""
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                return self.sign_ups.sign_up(site_id, shift_id, wanted, attempt, told)
            except Problem as problem:
                if problem.kind is not IN_PROGRESS or time.monotonic() > give_up:
                    raise
                time.sleep(0.1)

    def _attempt(self, site_id: UUID, shift_id: UUID, body: PublicSignUp, key: str | None) -> Attempt | None:
        if key is None:
            return None
        # With what was sent in it: whoever goes back and signs up the next of the family is no repetition. A site's own
        # keys are others, however a stranger calls theirs.
        fingerprint = self._data.fingerprint(CHANNEL, str(shift_id), body.model_dump_json())
        return Attempt(str(site_id), f"web {key} {fingerprint.hex()[:16]}", fingerprint)

    def _existing(self, site_id: UUID, registration_id: UUID) -> dict[str, Any]:
        """The place that the person has already; that the terms were read is on record then as well."""
        with self._database.transaction(site_id) as session:
            registration = session.get_one(Registration, registration_id)
            record_consent(session, site_id, registration.person_id, terms(session), "person", "online", CHANNEL)
            return describe_registration(session, registration).model_dump(mode="json")

    def _take(self, contact: str, address: str | None) -> None:
        self._throttle.take(self._data.fingerprint("contact", contact.lower()).hex(), address)

    def _guardian_agreed(self, found: OpenActivity, body: PublicSignUp) -> bool | None:
        """Whether a guardian's consent is on record; None where none is needed."""
        if body.birth_date is None:
            return None
        volunteering = found.activity.volunteering
        today = datetime.now(ZoneInfo(found.site.time_zone)).date()
        if age_on(body.birth_date, today) >= guardian_below(found.site, found.activity):
            return None
        with self._database.transaction(found.site.id) as session:
            person_id = self._known(session, body)
            agreed = select(func.guardian_agreed(person_id, found.site.id, volunteering))
            return bool(person_id and session.scalar(agreed))

    def _known(self, session: Session, body: PublicSignUp) -> UUID | None:
        kind = "phone" if body.phone else "email"
        identity = self._data.identity(kind, body.contact, body.name)  # type: ignore[arg-type]
        column = PersonSite.phone_hash if body.phone else PersonSite.email_hash
        with across_sites(session):
            query = select(PersonSite.person_id).where(column == identity).order_by(PersonSite.created_at).limit(1)
            person_id = session.scalar(query)
            return person_now(session, person_id) if person_id else None

    def _ask_guardian(self, found: OpenActivity, body: PublicSignUp, address: str | None) -> None:
        """Send the guardian a link. One whom the site knows already stays: a stranger does not name another."""
        if body.guardian is None:
            raise guardian_asked_for(guardian_below(found.site, found.activity))
        site_id = found.site.id
        self._take(body.guardian.email, address)
        details = body.model_dump(include={"name", "phone", "email", "birth_date", "language"})
        with self._database.transaction(site_id) as session:
            minor = add_resident(session, self._data, site_id, NewResident(**details, how="online"), CHANNEL).id
            known = select(Representative.id).where(
                Representative.person_id == minor, Representative.site_id == site_id, Representative.kind == "guardian"
            )
            if session.scalar(known) is None:
                told = RepresentativeBody(**body.guardian.model_dump(), language=body.language)
                save_representative(session, self._data, site_id, minor, "guardian", told)
            ask_guardian(session, site_id, minor)


def terms(session: Session) -> ConsentText:
    """What whoever signs up agrees to."""
    return newest_text(session, "terms")


def needs_birth_date(found: OpenActivity, shift: OpenShift) -> bool:
    """Whether this shift asks for the age of whoever signs up, beyond what children need."""
    return asks_age(found.site, found.activity, shift.shift)


def check_needed(body: PublicSignUp, found: OpenActivity, shift: OpenShift) -> None:
    """Raise what is missing for this shift."""
    errors = FieldErrors()
    if body.birth_date is None and needs_birth_date(found, shift):
        errors.add("birth_date", AGE_UNKNOWN)
    minimum = found.site.minimum_age
    if body.birth_date is not None and age_on(body.birth_date, shift.shift.local_day) < minimum:
        errors.add("birth_date", too_young(minimum))
    if body.birth_date is None and body.guardian is not None:
        errors.add(
            "birth_date", Words("填写监护人时，请填写参加者的出生日期。", "is needed where a guardian is named.")
        )
    if body.party_size > found.activity.party_limit:
        most = found.activity.party_limit
        errors.add("party_size", Words(f"每次最多 {most} 人。", f"must be at most {most} for this activity."))
    errors.raise_any()


def guardian_asked_for(limit: int) -> Problem:
    """A minor may not take part before the guardian agreed."""
    words = Words(
        f"未满 {limit} 周岁参加此活动，须经监护人同意。"
        "请填写监护人的姓名和电子邮箱，我们会发邮件征求同意；"
        "也可请监护人到站点或打电话办理。",
        f"Below {limit} years of age a guardian must agree to this activity. Give the guardian's name and e-mail, and"
        " we will ask them; or the guardian comes to the site or calls.",
    )
    return Problem(INVALID, words, [FieldError("guardian.name", words)])


def public_problem(problem: Problem, guardian_limit: int) -> Problem:
    """The same without what leads to other registrations, and with the fields of the public form."""
    fields = {"person.guardian_consent": "guardian.name"}
    errors = [
        FieldError(fields.get(error.field, error.field.removeprefix("person.")), error.message)
        for error in problem.errors
    ]
    if any(error.field == "guardian.name" for error in errors):
        return guardian_asked_for(guardian_limit)
    if "registration_id" in problem.members:
        return Problem(
            problem.kind,
            Words(
                "这段时间您已有别的报名。请先取消那一个。",
                "You have another place at these hours. Cancel that one first.",
            ),
        )
    members = {name: value for name, value in problem.members.items() if name in ("opens_at", "closes_at", "unmet")}
    return Problem(problem.kind, problem.detail, errors, **members)
