"""What a resident agreed to, and how they take it back by themselves, or agree again where the text has changed.

What a guardian gave, the guardian takes back, or gives again.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import Consent
from services.registration.operations.people.consent_texts import newest_text
from services.registration.operations.people.consents import Withdrawal, record_consent, withdraw_consent
from services.registration.operations.people.consents_shown import Shown, show_consents
from services.registration.operations.people.proven_sites import Resident, theirs
from services.registration.personal_data import PersonalData

FOR_GOOD = "terms"
"""What nothing can be processed without: whoever takes it back asks for erasure."""


def own_consents(session: Session, data: PersonalData, resident: Resident) -> list[Shown]:
    """A resident's consents, newest first, those in force before those withdrawn."""
    query = (
        select(Consent)
        .where(theirs(session, resident, Consent))
        .order_by(Consent.withdrawn_at.is_not(None), Consent.position.desc())
    )
    return show_consents(session, data, session.scalars(query).all())


def can_withdraw(one: Shown) -> bool:
    """Whether the resident can withdraw it by themselves."""
    of_theirs = one.consent.given_by == "person" and one.consent.kind != FOR_GOOD
    return of_theirs and one.state in ("in_force", "agree_again")


def can_renew(one: Shown) -> bool:
    """Whether the resident is asked to agree to the text that counts now."""
    return one.state == "agree_again" and one.consent.given_by == "person"


def own_consent(session: Session, data: PersonalData, resident: Resident, consent_id: UUID) -> Shown:
    """One that they can withdraw. Raises 404 for every other."""
    found = [one for one in own_consents(session, data, resident) if one.consent.id == consent_id and can_withdraw(one)]
    if not found:
        raise not_found("您可以撤回的这项同意", "consent that you can withdraw")
    return found[0]


def withdraw_own(session: Session, data: PersonalData, resident: Resident, consent_id: UUID) -> Withdrawal:
    """Take it back, with what follows from it. Raises 404."""
    own_consent(session, data, resident, consent_id)
    return withdraw_consent(session, consent_id, f"person:{resident.person_id}")


def renew_own(session: Session, data: PersonalData, resident: Resident, consent_id: UUID) -> Consent:
    """Agree to the text that counts now, where an earlier one was agreed to. Raises 404."""
    for one in own_consents(session, data, resident):
        if one.consent.id == consent_id and can_renew(one):
            whose, by = (one.consent.site_id, one.consent.person_id), f"person:{resident.person_id}"
            return record_consent(session, *whose, newest_text(session, one.consent.kind), "person", "online", by)
    raise not_found("您需要重新同意的这项", "consent that you are asked for again")
