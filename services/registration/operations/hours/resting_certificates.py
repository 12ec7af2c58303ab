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
    resting = resting_on(session, record.id)
    standing = stands(session, resting)
    return [_told(one, standing[one.id]) for one in resting if standing[one.id] != one.minutes]


def standing_of(session: Session, people: Sequence[UUID]) -> dict[UUID, int]:
    """The minutes that stand of each certificate in force of these persons, before records become another's by a merge
    or by undoing one. Waits for the chains of the sites concerned, whose locks order their events."""
    query = select(Certificate).where(Certificate.person_id.in_(people), Certificate.revoked_at.is_(None))
    found = session.scalars(query).all()
    sites = {"sites": list({one.site_id for one in found})}
    session.execute(text("SELECT FROM record_chains WHERE site_id = ANY(:sites) ORDER BY site_id FOR UPDATE"), sites)
    return stands(session, found)


def outdated_by_moving(session: Session, before: dict[UUID, int]) -> list[Event]:
    """What others are to hear afterwards: of which of them other hours stand than `before`, or the whole again."""
    query = select(Certificate).where(Certificate.id.in_(before)).order_by(Certificate.position)
    found = session.scalars(query).all()
    standing = stands(session, found)
    return [_told(one, standing[one.id]) for one in found if standing[one.id] != before[one.id]]


def _told(one: Certificate, standing: int) -> Event:
    return CertificateOutdated(
        certificate_id=one.id,
        site_id=one.site_id,
        person_id=one.person_id,
        minutes=one.minutes,
        period_from=one.period_from,
        period_to=one.period_to,
        standing_minutes=standing,
    )


def outdated_of_site(session: Session, site_id: UUID) -> Sequence[Certificate]:
    """The site's certificates in force that say other hours than stand. Only those with a record that was corrected,
    or was written for somebody else, are looked at."""
    of_site = select(CertificateRecord.certificate_id).where(CertificateRecord.site_id == site_id)
    corrected = of_site.join(ServiceRecord, ServiceRecord.corrects == CertificateRecord.record_id)
    of_others = (
        of_site.join(ServiceRecord, ServiceRecord.id == CertificateRecord.record_id)
        .join(Certificate, Certificate.id == CertificateRecord.certificate_id)
        .where(ServiceRecord.person_id != Certificate.person_id)
    )
    query = select(Certificate).where(
        Certificate.id.in_(corrected.union(of_others)),
        Certificate.revoked_at.is_(None),
        func.certificate_stands(Certificate.id) != Certificate.minutes,
    )
    return session.scalars(query.order_by(Certificate.position)).all()
