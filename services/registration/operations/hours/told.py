"""What a volunteer is mailed when something that they earned is no longer as it was: a link to what it is by now."""

from sqlalchemy.orm import Session

from services.registration.models import Certificate, ServiceRecord
from services.registration.operations.staff.links import issue_link

HOURS_CHANGED = "hours_changed"
CERTIFICATE_REVOKED = "certificate_revoked"
TOLD_HOURS = 7 * 24


def tell_of_hours(session: Session, before: ServiceRecord, now: ServiceRecord) -> None:
    """Mail whose record it is that other minutes stand by now; nothing where they are the same."""
    if before.minutes != now.minutes:
        issue_link(session, HOURS_CHANGED, now.site_id, person_id=now.person_id, subject=now.id, hours=TOLD_HOURS)


def tell_of_revocation(session: Session, certificate: Certificate) -> None:
    """Mail whose certificate it is that it no longer holds."""
    person, about = certificate.person_id, certificate.id
    issue_link(session, CERTIFICATE_REVOKED, certificate.site_id, person_id=person, subject=about, hours=TOLD_HOURS)
