"""People, and what they told each site."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Person(Table):
    """Someone who signs up, counted once."""

    __tablename__ = "people"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    merged_into: Mapped[UUID | None]
    erased_at: Mapped[datetime | None]


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
    phone_index: Mapped[bytes | None]
    email_index: Mapped[bytes | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = made_by_database()


class Volunteer(Table):
    """A person who is registered as a volunteer: the number and the ID number's hash hold for every site."""

    __tablename__ = "volunteers"
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    volunteer_number: Mapped[str]
    id_number_hash: Mapped[bytes | None]
    created_at: Mapped[datetime] = made_by_database()


class VolunteerSite(Table):
    """What a volunteer told a site beyond `PersonSite`. Sex and ID number are ciphertext."""

    __tablename__ = "volunteer_sites"
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    sex: Mapped[bytes]
    id_number: Mapped[bytes | None]
    encrypted_with: Mapped[str]
    area: Mapped[str | None]
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text))
    professions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    categories: Mapped[list[str]] = mapped_column(ARRAY(Text))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = made_by_database()


class Representative(Table):
    """Who speaks for a person at a site: the guardian of a minor, the helper of an elder. Details are ciphertext.

    Not `confirmed` is whom a stranger may have named: somebody, online. With `email_proven` they agreed by the link
    that was mailed to this address: they get copies of the messages, and open nothing by that. Of kind `claimant` is
    whom another form named as the guardian meanwhile: staff say who it is.
    """

    __tablename__ = "representatives"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    person_id: Mapped[UUID]
    site_id: Mapped[UUID]
    kind: Mapped[str]
    relation: Mapped[str]
    name: Mapped[bytes]
    phone: Mapped[bytes | None]
    email: Mapped[bytes | None]
    email_index: Mapped[bytes | None]
    identity_hash: Mapped[bytes | None]
    confirmed: Mapped[bool]
    email_proven: Mapped[bool] = mapped_column(default=False)
    encrypted_with: Mapped[str]
    language: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
