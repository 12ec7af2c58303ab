"""Sign-up by the public: by themselves, without an account, from a page or another site's script.

    public = PublicSignUps(database, data, sign_ups)
    made = public.sign_up(shift_id, body, key="…", address="192.0.2.1")
    made.status, made.registration_id

A minor who needs a guardian's consent is not signed up before it is there: the guardian is sent a link. Neighbours know
a name and a phone number, so for somebody whom the site knows this form changes nothing on record: it fills no gaps and
names neither guardian nor helper. What it answers tells nothing of what else is known: whoever is on the shift already
gets the same answer as on the first time, and every refusal that rests on what is on record has the same words.
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
from services.common.errors import CONFLICT, IN_PROGRESS, INVALID, FieldError, FieldErrors, Problem, Words
from services.common.idempotency import Attempt
from services.common.rates import origin
from services.registration.models import ConsentText, Hold, PersonSite, Registration
from services.registration.operations.people.consent_texts import newest_text
from services.registration.operations.people.consents import record_consent
from services.registration.operations.people.guardian_claims import is_rival, note_claim
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.own_registrations import LINK_HOURS, PURPOSE
from services.registration.operations.people.representatives import ask_guardian_by_mail
from services.registration.operations.people.residents import add_resident
from services.registration.operations.seats.ages import asks_age, guardian_below
from services.registration.operations.seats.holds import hold_for_form, release_hold
from services.registration.operations.seats.registrations import describe_registration
from services.registration.operations.seats.sign_up import SignUps, Told
from services.registration.operations.seats.throttle import SIGN_UPS, Throttle
from services.registration.operations.seats.verdicts import AGE_UNKNOWN, ALREADY, LIMIT, OVERLAP, too_young
from services.registration.operations.sites.public import OpenActivity, OpenShift, open_shift, site_of_shift
from services.registration.operations.staff.links import issue_link
from services.registration.personal_data import PersonalData, age_on, mailbox
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
        known = self._known_here(site_id, body)
        if self._lacks_consent(found, body, known):
            self._ask_guardian(found, body, known, address)
            if form_id is not None:
                self.leave(form_id)
            return Made(site_id, None, "guardian_asked", None)
        details = body.model_dump(include={"name", "phone", "email", "birth_date", "language"})
        who = {"person": NewPerson(**details)} if known is None else {"person_id": known}
        channel: Channel = "proxy" if body.helper else CHANNEL
        wanted = SignUpBody(**who, party_size=body.party_size, channel=channel, hold_id=form_id)
        named = body.helper if known is None else None
        helper = RepresentativeBody(**named.model_dump(exclude={"agreed"})) if named else None
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
                self._mail_link(site_id, wanted.person_id)
                raise public_problem(problem, guardian_below(found.site, found.activity)) from None
            answer = self._existing(site_id, UUID(str(problem.members["registration_id"])))
        return Made(site_id, UUID(str(answer["id"])), str(answer["status"]), answer["waitlist_position"])

    def _mail_link(self, site_id: UUID, person_id: UUID | None) -> None:
        """To whom the site knows, what is on record is told by mail, and on the page to nobody."""
        if person_id is not None:
            with self._database.transaction(site_id) as session:
                issue_link(session, PURPOSE, site_id, person_id=person_id, hours=LINK_HOURS)

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
        self._throttle.take(self._data.fingerprint("contact", mailbox(contact)).hex(), address)

    def _lacks_consent(self, found: OpenActivity, body: PublicSignUp, known: UUID | None) -> bool:
        """Whether by the birth date in the form a guardian's consent is needed that is not on record."""
        if body.birth_date is None:
            return False
        today = datetime.now(ZoneInfo(found.site.time_zone)).date()
        if age_on(body.birth_date, today) >= guardian_below(found.site, found.activity):
            return False
        with self._database.transaction(found.site.id) as session:
            agreed = select(func.guardian_agreed(known, found.site.id, found.activity.volunteering))
            return known is None or self._names_another(session, found, body, known) or not session.scalar(agreed)

    def _names_another(self, session: Session, found: OpenActivity, body: PublicSignUp, known: UUID) -> bool:
        """Whether the form names another guardian than the one on record, for whom nobody answers."""
        named = body.guardian
        return named is not None and is_rival(session, self._data, found.site.id, known, named.email)

    def _known_here(self, site_id: UUID, body: PublicSignUp) -> UUID | None:
        """Who this is, where the site knows them already."""
        kind = "phone" if body.phone else "email"
        identity = self._data.identity(kind, body.contact, body.name)  # type: ignore[arg-type]
        column = PersonSite.phone_hash if body.phone else PersonSite.email_hash
        with self._database.transaction(EVERY_SITE) as session:
            query = select(PersonSite.person_id).where(column == identity).order_by(PersonSite.created_at).limit(1)
            found = session.scalar(query)
            person_id = person_now(session, found) if found else None
            return person_id if person_id and session.get(PersonSite, (person_id, site_id)) else None

    def _ask_guardian(self, found: OpenActivity, body: PublicSignUp, known: UUID | None, address: str | None) -> None:
        """Send the guardian a link: the one in the form for a child who is new here, else the one on record. Where the
        form names another, and nobody has confirmed either, staff say who it is."""
        if body.guardian is None:
            raise guardian_asked_for(guardian_below(found.site, found.activity))
        site_id = found.site.id
        self._take(body.guardian.email, address)
        told = RepresentativeBody(**body.guardian.model_dump(), language=body.language)
        with self._database.transaction(site_id) as session:
            if known is None:
                details = body.model_dump(include={"name", "phone", "email", "birth_date", "language"})
                child = NewResident(**details, guardian=told, how="online")
                add_resident(session, self._data, site_id, child, CHANNEL, found.activity.id)
            elif self._names_another(session, found, body, known):
                note_claim(session, self._data, site_id, known, told)
            else:
                ask_guardian_by_mail(session, site_id, known, found.activity.id)


ASK_THE_SITE = Words(
    "这次不能在网上报名：同一时间已有别的报名、参加次数已满，或站点需要先核对资料。"
    "留过电子邮箱的，请查收站点刚发的邮件；没有的，请联系站点。",
    "This cannot be done online: there is another place at these hours, no more places are allowed, or the site has to"
    " check details first. Whoever left an e-mail address finds a mail from the site; else please ask the site.",
)
"""Every refusal that rests on what is on record, so that it tells a stranger nothing."""


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
    if problem.kind in (OVERLAP, LIMIT) or any(error.field == "person_id" for error in errors):
        return Problem(CONFLICT, ASK_THE_SITE)
    members = {name: value for name, value in problem.members.items() if name in ("opens_at", "closes_at", "unmet")}
    return Problem(problem.kind, problem.detail, errors, **members)
