"""What links about hours and certificates open: a page that tells what changed. It lets nobody in."""

from typing import Any

from sqlalchemy.orm import Session

from services.registration.models import Certificate, Link, ServiceRecord, Site
from services.registration.operations.hours.records import standing_for
from services.registration.operations.hours.told import CERTIFICATE_REVOKED, HOURS_CHANGED
from services.registration.operations.staff.links import over
from services.registration.pages.links import PURPOSES, Purpose, only_told


def add_hours_links() -> None:
    """Open links of these purposes."""
    PURPOSES[HOURS_CHANGED] = Purpose(_show_hours, only_told)
    PURPOSES[CERTIFICATE_REVOKED] = Purpose(_show_certificate, only_told)


def _show_hours(session: Session, link: Link) -> dict[str, Any]:
    record = session.get(ServiceRecord, link.subject) if link.subject else None
    before = session.get(ServiceRecord, record.corrects) if record and record.corrects else None
    if record is None or before is None:
        raise over()
    now = standing_for(session, record)
    return {"record": record, "before": before, "now": now, "site": session.get_one(Site, record.site_id)}


def _show_certificate(session: Session, link: Link) -> dict[str, Any]:
    certificate = session.get(Certificate, link.subject) if link.subject else None
    if certificate is None:
        raise over()
    return {"certificate": certificate, "site": session.get_one(Site, certificate.site_id)}
