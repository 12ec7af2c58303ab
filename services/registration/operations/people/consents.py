"""Consents: given to a version of a text, on record for good, withdrawn with consequences.

A guardian's consent says which guardian gave it, and is put on record only where the site knows one.

What withdrawing leads to, at the site that it was given to:

- `guardian_signup`, `guardian_volunteering`: registrations of the minor that need it and have not begun are cancelled;
- `sensitive_id_number`: the ID number is deleted;
- `helper`: the helper's details are deleted;
- `photo`, `health`, `terms`: it holds for what comes; whoever wants to be forgotten asks for erasure.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Select, delete, func, literal, or_, select, true
from sqlalchemy.orm import Session

from services.common.errors import FieldError, Problem, Words, invalid, not_found
from services.common.events import CancelReason, ConsentWithdrawn
from services.common.outbox import add_events
from services.registration.models import Activity, Consent, ConsentText, Person, Registration, Representative, Shift
from services.registration.operations import alone, conflict, locked
from services.registration.operations.people.consent_texts import newest_text
from services.registration.operations.people.people import told_by
from services.registration.operations.people.volunteer_ids import drop_id_number
from services.registration.operations.seats.registrations import cancel_together
from services.registration.operations.seats.seats import lock_people, lock_shifts
from services.registration.operations.seats.verdicts import ADD_GUARDIAN, GUARDIAN_MISSING
from services.registration.schemas.consents import NewConsent

GUARDIANS = ("guardian_signup", "guardian_volunteering")


def give_consent(session: Session, site_id: UUID, person_id: UUID, body: NewConsent, made_by: str) -> Consent:
    """Put a consent on record. The same one again, while it is in force, is the one that there is.

    Raises 404, 422, and 409 for a guardian's where none is on file.
    """
    if body.kind in GUARDIANS and body.given_by != "guardian":
        raise invalid("given_by", Words("应为 guardian。", "must be guardian for this kind."))
    person_id = told_by(session, site_id, person_id).person_id
    shown_text = _text(session, body)
    return record_consent(session, site_id, person_id, shown_text, body.given_by, body.how, made_by)


def record_consent(
    session: Session, site_id: UUID, person_id: UUID, to: ConsentText, given_by: str, how: str, made_by: str
) -> Consent:
    """The record itself; two at once make one. Raises 409 for a guardian's where none is on file."""
    alone(session, f"consent {person_id} {site_id} {to.id}")
    guardian = _guardian(session, site_id, person_id) if given_by == "guardian" else None
    query = select(Consent).where(
        Consent.person_id == person_id,
        Consent.site_id == site_id,
        Consent.text_id == to.id,
        Consent.how == how,
        Consent.withdrawn_at.is_(None),
        Consent.guardian_hash.is_not_distinct_from(guardian.identity_hash if guardian else None),
    )
    found = session.scalars(query).one_or_none()
    if found is not None:
        return found
    consent = Consent(
        person_id=person_id,
        site_id=site_id,
        kind=to.kind,
        text_id=to.id,
        given_by=given_by,
        how=how,
        made_by=made_by,
    )
    if guardian is not None:
        consent.representative_id, consent.guardian = guardian.id, guardian.name
        consent.guardian_hash, consent.encrypted_with = guardian.identity_hash, guardian.encrypted_with
    session.add(consent)
    session.flush()
    return consent


def _guardian(session: Session, site_id: UUID, person_id: UUID) -> Representative:
    """Who speaks for the minor now."""
    of_person = Representative.person_id == person_id, Representative.site_id == site_id
    found = session.scalars(select(Representative).where(*of_person, Representative.kind == "guardian")).one_or_none()
    if found is None:
        raise Problem(GUARDIAN_MISSING, ADD_GUARDIAN, [FieldError("given_by", ADD_GUARDIAN)])
    return found


def _text(session: Session, body: NewConsent) -> ConsentText:
    if body.text_id is None:
        return newest_text(session, body.kind)
    found = session.get(ConsentText, body.text_id)
    if found is None or found.kind != body.kind:
        raise invalid("text_id", Words("没有这个版本的文本。", "is no version of this kind's text."))
    return found


@dataclass(frozen=True)
class Withdrawal:
    """What withdrawing a consent led to: ids of registrations that were cancelled, what was deleted."""

    consent: Consent
    cancelled: list[UUID]
    deleted: list[str]


def withdraw_consent(session: Session, consent_id: UUID, by: str) -> Withdrawal:
    """Withdraw a consent, with what follows from it. Withdrawing twice changes nothing. Raises 404, 409 for terms."""
    consent = session.get(Consent, consent_id)
    if consent is None:
        raise not_found("这项同意", "consent")
    if consent.withdrawn_at is not None:
        return Withdrawal(consent, [], [])
    if consent.kind == "terms":
        raise conflict(
            "服务条款是处理信息的基础；如不再同意，请申请删除个人信息。",
            "Without the terms nothing can be processed: ask for erasure instead.",
        )
    cancelled: list[UUID] = []
    if consent.kind in GUARDIANS:
        cancelled = _lock_what_rests_on(session, consent)
        cancel_together(session, cancelled, CancelReason.PERSON)
    in_force = session.scalars(locked(_same_in_force(consent).order_by(Consent.position))).all()
    if not in_force:  # somebody else was first
        session.refresh(consent)
        return Withdrawal(consent, [], [])
    for one in in_force:
        one.withdrawn_at, one.withdrawn_by = datetime.now(UTC), by
    session.flush()
    add_events(session, [_withdrawn(session, consent)])
    return Withdrawal(consent, cancelled, _delete_what_it_allowed(session, consent))


def _lock_what_rests_on(session: Session, consent: Consent) -> list[UUID]:
    """The registrations, read again under the locks of a sign-up, in its order: shifts, the person, and only then
    consents. Whoever is just signing up on this consent is among them."""
    of_these = Registration.id.in_(rests_on(session, consent))
    lock_shifts(session, *session.scalars(select(Registration.shift_id).where(of_these)))
    lock_people(session, [consent.person_id])
    return rests_on(session, consent)


def _same_in_force(consent: Consent) -> Select[Consent]:
    """Every version of the same kind goes: nobody withdraws the newest wording and keeps an older one."""
    return select(Consent).where(
        Consent.person_id == consent.person_id,
        Consent.site_id == consent.site_id,
        Consent.kind == consent.kind,
        Consent.withdrawn_at.is_(None),
    )


def _delete_what_it_allowed(session: Session, consent: Consent) -> list[str]:
    if consent.kind == "sensitive_id_number":
        return ["id_number"] if drop_id_number(session, consent.site_id, consent.person_id) else []
    if consent.kind == "helper":
        helper = delete(Representative).where(
            Representative.person_id == consent.person_id,
            Representative.site_id == consent.site_id,
            Representative.kind == "helper",
        )
        return ["helper"] if session.execute(helper).rowcount else []  # type: ignore[attr-defined]
    return []


def _withdrawn(session: Session, consent: Consent) -> ConsentWithdrawn:
    return ConsentWithdrawn(
        person_id=consent.person_id,
        person_number=session.scalars(select(Person.number).where(Person.id == consent.person_id)).one(),
        site_id=consent.site_id,
        kind=consent.kind,
        given_by=consent.given_by,
    )


def rests_on(session: Session, consent: Consent) -> list[UUID]:
    """Registrations of the minor that rest on this consent and have not begun, in the order of their shifts."""
    whose = Registration.person_id, Registration.site_id
    # The other kind may cover what this one did.
    covered = func.guardian_agreed(*whose, Activity.volunteering, Registration.id, consent.kind)
    covers = Activity.volunteering.is_(False) if consent.kind == "guardian_signup" else true()
    query = (
        select(Registration.id)
        .join(Shift, Shift.id == Registration.shift_id)
        .join(Activity, Activity.id == Registration.activity_id)
        .where(
            Registration.person_id == consent.person_id,
            Registration.site_id == consent.site_id,
            Registration.status != "cancelled",
            Registration.outcome.is_(None),
            or_(Registration.age_band == "under_14", Activity.volunteering & (Registration.age_band == "14_17")),
            literal(datetime.now(UTC)) < Shift.starts_at,
            covers,
            ~covered,
        )
        .order_by(Shift.id)
    )
    return list(session.scalars(query))
