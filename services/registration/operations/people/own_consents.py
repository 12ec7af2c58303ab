"""What a resident agreed to, and how they take it back by themselves. What a guardian gave, the guardian takes back."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import Consent, ConsentText, Site
from services.registration.operations.people.consents import withdraw_consent
from services.registration.operations.people.proven_sites import Resident, theirs
from services.registration.schemas.consents import Withdrawn

FOR_GOOD = "terms"
"""What nothing can be processed without: whoever takes it back asks for erasure."""


@dataclass(frozen=True)
class Given:
    """A consent with the words that were agreed to."""

    consent: Consent
    text: ConsentText
    site: Site

    @property
    def by_oneself(self) -> bool:
        """Whether the resident can withdraw it."""
        open_one = self.consent.withdrawn_at is None and self.consent.given_by == "person"
        return open_one and self.consent.kind != FOR_GOOD


def own_consents(session: Session, resident: Resident) -> list[Given]:
    """A resident's consents, newest first, those in force before those withdrawn."""
    query = (
        select(Consent, ConsentText, Site)
        .join(ConsentText, ConsentText.id == Consent.text_id)
        .join(Site, Site.id == Consent.site_id)
        .where(theirs(session, resident, Consent))
        .order_by(Consent.withdrawn_at.is_not(None), Consent.position.desc())
    )
    return [Given(*row) for row in session.execute(query)]


def own_consent(session: Session, resident: Resident, consent_id: UUID) -> Given:
    """One that they can withdraw. Raises 404 for every other."""
    found = [one for one in own_consents(session, resident) if one.consent.id == consent_id and one.by_oneself]
    if not found:
        raise not_found("您可以撤回的这项同意", "consent that you can withdraw")
    return found[0]


def withdraw_own(session: Session, resident: Resident, consent_id: UUID) -> Withdrawn:
    """Take it back, with what follows from it. Raises 404."""
    own_consent(session, resident, consent_id)
    return withdraw_consent(session, consent_id, f"person:{resident.person_id}")
