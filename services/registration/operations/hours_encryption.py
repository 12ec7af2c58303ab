"""A new key for personal data takes over what objections and certificates hold, some rows at a time."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.registration.models import Certificate, Objection
from services.registration.operations import locked
from services.registration.personal_data import PersonalData


def any_older_hours_encryption(session: Session, data: PersonalData) -> bool:
    """Whether anything here is not encrypted with the newest key."""
    ends: list[str | None] = []
    for table in (Certificate, Objection):
        ends += session.execute(select(func.min(table.encrypted_with), func.max(table.encrypted_with))).one()
    return any(end is not None and end != data.newest_key for end in ends)


def renew_hours_encryption(session: Session, data: PersonalData, limit: int = 200) -> bool:
    """Encrypt some rows with the newest key; returns whether there were any."""
    older = select(Certificate).where(Certificate.encrypted_with != data.newest_key).order_by(Certificate.position)
    certificates = session.scalars(locked(older.limit(limit))).all()
    for certificate in certificates:
        certificate.content = data.renew(certificate.content) if certificate.content else b""
        certificate.encrypted_with = data.newest_key
    said = select(Objection).where(Objection.encrypted_with != data.newest_key).order_by(Objection.position)
    objections = session.scalars(locked(said.limit(limit))).all()
    for objection in objections:
        objection.words = data.renew(objection.words)
        objection.encrypted_with = data.newest_key
    return bool(certificates or objections)
