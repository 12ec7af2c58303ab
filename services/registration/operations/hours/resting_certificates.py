"""Which certificates rest on a record, and what of them stands by now.

A certificate is paper in somebody's hand: a record that is lowered or withdrawn afterwards does not change it. So the
two are kept together (`certificate_records`), whoever corrects a record is shown what rests on it, and the
verification page says what stands.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.common.events import CertificateOutdated, Event
from services.registration.models import Certificate, CertificateRecord, ServiceRecord

# A record and all that it took the place of.
_LINE = text("""
WITH RECURSIVE line (id, corrects) AS (
    SELECT id, corrects FROM service_records WHERE id = :record
    UNION ALL SELECT r.id, r.corrects FROM line JOIN service_records AS r ON r.id = line.corrects
)
SELECT DISTINCT c.certificate_id FROM line JOIN certificate_records AS c ON c.record_id = line.id
""")


def resting_on(session: Session, record_id: UUID) -> Sequence[Certificate]:
    """The certificates in force that were made from this record or from one that it took the place of."""
    ids = session.scalars(_LINE, {"record": record_id}).all()
    query = select(Certificate).where(Certificate.id.in_(ids), Certificate.revoked_at.is_(None))
    return session.scalars(query.order_by(Certificate.position)).all()


def stands(session: Session, certificates: Sequence[Certificate]) -> dict[UUID, int]:
    """The minutes that stand by now of each."""
    ids = [certificate.id for certificate in certificates]
    query = select(Certificate.id, func.certificate_stands(Certificate.id)).where(Certificate.id.in_(ids))
    return {certificate_id: int(minutes) for certificate_id, minutes in session.execute(query)}


def outdated(session: Session, record: ServiceRecord) -> list[Event]:
    """What others are to hear when a record took another's place: which certificates no longer say what stands."""
    found = resting_on(session, record.id)
    standing = stands(session, found)
    return [
        CertificateOutdated(
            certificate_id=one.id,
            site_id=one.site_id,
            person_id=one.person_id,
            minutes=one.minutes,
            period_from=one.period_from,
            period_to=one.period_to,
            standing_minutes=standing[one.id],
        )
        for one in found
        if standing[one.id] != one.minutes
    ]


def outdated_of_site(session: Session, site_id: UUID) -> Sequence[Certificate]:
    """The site's certificates in force that say other hours than stand. Only those with a corrected record are
    looked at."""
    corrected = (
        select(CertificateRecord.certificate_id)
        .join(ServiceRecord, ServiceRecord.corrects == CertificateRecord.record_id)
        .where(CertificateRecord.site_id == site_id)
    )
    query = select(Certificate).where(
        Certificate.id.in_(corrected),
        Certificate.revoked_at.is_(None),
        func.certificate_stands(Certificate.id) != Certificate.minutes,
    )
    return session.scalars(query.order_by(Certificate.position)).all()
