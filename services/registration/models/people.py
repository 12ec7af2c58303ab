"""People, and what they told each site."""

from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Person(Table):
    """Someone who signs up, counted once."""

    __tablename__ = "people"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())


class PersonSite(Table):
    """What a person told a site. The bytes are ciphertext, but for the hashes by which they are found again."""

    __tablename__ = "person_sites"
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[bytes]
    phone: Mapped[bytes | None]
    email: Mapped[bytes | None]
    birth_date: Mapped[bytes | None]
    encrypted_with: Mapped[str]
    language: Mapped[str]
    phone_hash: Mapped[bytes | None]
    email_hash: Mapped[bytes | None]
    version: Mapped[int] = mapped_column(default=1)
