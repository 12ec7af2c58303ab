"""What a guardian does by the link in their mail: agrees, sees what they agreed to, takes it back.

The link acts for whoever is the guardian on record now and reads the address that it was mailed to (`Links.open`). Once
they agreed it stays open, so that the mail that they have is where they withdraw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid
from services.registration.models import (
    Activity,
    Consent,
    ConsentText,
    Link,
    PersonSite,
    Registration,
    Representative,
    Shift,
    Site,
)
from services.registration.operations import locked
from services.registration.operations.people.consent_texts import newest_text
from services.registration.operations.people.consents import (
    GUARDIANS,
    Withdrawal,
    record_consent,
    rests_on,
    withdraw_consent,
)
from services.registration.operations.people.consents_shown import Shown, show_consents
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.recipients import NO_GUARDIAN
from services.registration.operations.staff.links import over
from services.registration.personal_data import PersonalData

STAYS_OPEN = timedelta(days=18 * 366)
"""After they agreed: by then the child is of age."""

Place = tuple[Registration, Shift, Activity]


@dataclass(frozen=True)
class Asked:
    """The child and the guardian, at a site; and the activity of the sign-up that asked, where one did."""

    child: PersonSite
    guardian: Representative
    site: Site
    activity: Activity | None


@dataclass(frozen=True)
class Given:
    """What was agreed to, and the places that would be lost with it."""

    shown: Shown
    rests: Sequence[Place]


def asked_by(session: Session, link: Link) -> Asked:
    """Whom the link is about. Raises 410 where nobody is asked any more."""
    found = None
    if link.person_id is not None and link.subject is not None:
        child = session.get(PersonSite, (person_now(session, link.person_id), link.site_id))
        guardian = session.get(Representative, link.subject)
        if child is not None and guardian is not None:
            activity = session.get(Activity, link.activity_id) if link.activity_id else None
            found = Asked(child, guardian, session.get_one(Site, child.site_id), activity)
    if found is None:
        raise over()
    return found


def given(session: Session, data: PersonalData, asked: Asked) -> list[Given]:
    """What a guardian agreed to for this child here, each kind once, newest first."""
    rows = session.scalars(
        select(Consent)
        .where(
            Consent.person_id == asked.child.person_id,
            Consent.site_id == asked.child.site_id,
            Consent.kind.in_(GUARDIANS),
            Consent.withdrawn_at.is_(None),
        )
        # What was said with one sign-up comes first: the others cover more.
        .order_by(Consent.how != "sign_up", Consent.position)
    )
    newest = {one.kind: one for one in rows}
    return [
        Given(shown, places(session, rests_on(session, shown.consent)))
        for shown in show_consents(session, data, [newest[kind] for kind in GUARDIANS if kind in newest])
    ]


def to_agree(session: Session, known: Sequence[Given]) -> list[ConsentText]:
    """What they are asked for: kinds that they have not agreed to, or whose text has changed, or that cover one
    sign-up alone."""
    agreed = {
        one.shown.consent.kind for one in known if one.shown.state == "in_force" and one.shown.consent.how != "sign_up"
    }
    return [newest_text(session, kind) for kind in GUARDIANS if kind not in agreed]


def agree(session: Session, link: Link, kinds: Sequence[str]) -> None:
    """Put the guardian's yes on record, and that they read mail at their address. Raises 422 where nothing is chosen,
    410."""
    asked = asked_by(session, link)
    _lock_guardian(session, link, asked.guardian)
    chosen = [kind for kind in GUARDIANS if kind in kinds]
    if not chosen:
        raise invalid("consent", Words("请至少勾选一项。", "tick at least one of them."))
    whose = asked.child.site_id, asked.child.person_id
    for kind in chosen:
        record_consent(session, *whose, newest_text(session, kind), "guardian", "link", f"link:{link.id}")
    asked.guardian.email_proven |= link.address_index is not None
    link.expires_at = max(link.expires_at, link.created_at + STAYS_OPEN)


def _lock_guardian(session: Session, link: Link, guardian: Representative) -> None:
    """Lock who is on record. Raises 410 where that is somebody else than when the link was opened."""
    query = select(Representative).where(Representative.id == guardian.id)
    now = session.scalars(locked(query)).one_or_none()
    if now is None or link.address_index not in (None, now.email_index):
        raise over(NO_GUARDIAN)


def take_back(session: Session, data: PersonalData, link: Link, kind: str) -> Withdrawal:
    """Withdraw what was agreed to, with what follows from it. Raises 422 where it was not agreed to, 410."""
    for one in given(session, data, asked_by(session, link)):
        if one.shown.consent.kind == kind:
            return withdraw_consent(session, one.shown.consent.id, f"link:{link.id}")
    raise invalid("withdraw", Words("这一项没有同意过，或已撤回。", "was not agreed to, or is withdrawn already."))


def places(session: Session, ids: Sequence[object]) -> Sequence[Place]:
    """These registrations with what they are for, soonest first."""
    query = (
        select(Registration, Shift, Activity)
        .join(Shift, Shift.id == Registration.shift_id)
        .join(Activity, Activity.id == Registration.activity_id)
        .where(Registration.id.in_(ids))
        .order_by(Shift.starts_at)
    )
    return [(row[0], row[1], row[2]) for row in session.execute(query)] if ids else []
