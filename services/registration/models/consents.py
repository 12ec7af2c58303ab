"""Consents, and the texts that people consent to."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class ConsentText(Table):
    """One version of a text, which counts from `effective_from`; a published one never changes.

    `again`: from then on consents to earlier versions are in force no longer.
    """

    __tablename__ = "consent_texts"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    kind: Mapped[str]
    number: Mapped[int]
    zh: Mapped[str]
    en: Mapped[str]
    published_at: Mapped[datetime] = made_by_database()
    effective_from: Mapped[datetime] = made_by_database()
    again: Mapped[bool] = mapped_column(default=False)


class Consent(Table):
    """Somebody's consent at a site. Only `withdrawn_at` and `withdrawn_by` are ever set later.

    Of a guardian it keeps who they were: the name as it was on file (ciphertext, until an erasure), and for good the
    keyed hash of name and contact. `registration_id` is the one sign-up that it was said with, and covers.
    """

    __tablename__ = "consents"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    person_id: Mapped[UUID]
    site_id: Mapped[UUID]
    kind: Mapped[str]
    text_id: Mapped[UUID]
    given_by: Mapped[str]
    how: Mapped[str]
    made_by: Mapped[str]
    registration_id: Mapped[UUID | None]
    representative_id: Mapped[UUID | None]
    guardian: Mapped[bytes | None]
    guardian_hash: Mapped[bytes | None]
    encrypted_with: Mapped[str | None]
    given_at: Mapped[datetime] = made_by_database()
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]


class Retention(Table):
    """For how many months a site keeps the details of residents whom it has not seen."""

    __tablename__ = "retention"
    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    months: Mapped[int]
    minors_months: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)
