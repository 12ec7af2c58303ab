"""Service records and certificates.

A record is never changed. One that corrects another says so, and the other counts no longer: `standing_records`.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, expect_all, last_of, times_of

SAVE_RECORDS = text("""
INSERT INTO service_records (record_id, site_id, person_id, registration_id, activity_id, shift_id, day, minutes, how,
                             late, corrects)
SELECT * FROM unnest(cast(:record_id AS uuid[]), cast(:site_id AS uuid[]), cast(:person_id AS uuid[]),
                     cast(:registration_id AS uuid[]), cast(:activity_id AS uuid[]), cast(:shift_id AS uuid[]),
                     cast(:day AS date[]), cast(:minutes AS int[]), cast(:how AS text[]), cast(:late AS boolean[]),
                     cast(:corrects AS uuid[]))
ON CONFLICT (record_id) DO NOTHING
""")

SAVE_CERTIFICATES = text("""
INSERT INTO certificates (certificate_id, site_id, person_id, minutes, period_from, period_to, issued_at)
SELECT * FROM unnest(cast(:certificate_id AS uuid[]), cast(:site_id AS uuid[]), cast(:person_id AS uuid[]),
                     cast(:minutes AS int[]), cast(:period_from AS date[]), cast(:period_to AS date[]),
                     cast(:at AS timestamptz[]))
ON CONFLICT (certificate_id) DO NOTHING
""")

REVOKE_CERTIFICATES = text("""
WITH revoked AS (
    UPDATE certificates SET revoked = true WHERE certificate_id = ANY(cast(:certificate_id AS uuid[])) RETURNING 1
)
SELECT count(*) FROM revoked
""")

RECORD_COLUMNS = (
    "record_id",
    "site_id",
    "person_id",
    "registration_id",
    "activity_id",
    "shift_id",
    "day",
    "minutes",
    "how",
    "late",
)
CERTIFICATE_COLUMNS = ("certificate_id", "site_id", "person_id", "minutes", "period_from", "period_to")


def on_hours_recorded(session: Session, events: Sequence[Received]) -> None:
    """Hours of service were recorded, or recorded anew in place of an earlier record."""
    data = [event.data for event in events]
    corrects = [getattr(record, "corrects", None) for record in data]
    session.execute(SAVE_RECORDS, {**columns_of(data, *RECORD_COLUMNS), "corrects": corrects})


def on_certificates_issued(session: Session, events: Sequence[Received]) -> None:
    """Certificates were made."""
    columns = columns_of([event.data for event in events], *CERTIFICATE_COLUMNS)
    session.execute(SAVE_CERTIFICATES, {**columns, "at": times_of(events)})


def on_certificates_revoked(session: Session, events: Sequence[Received]) -> None:
    """Certificates no longer hold."""
    last = last_of(events, "certificate_id")
    found = session.scalar(REVOKE_CERTIFICATES, columns_of(last, "certificate_id"))
    expect_all(last, found, "a certificate that was never issued")
