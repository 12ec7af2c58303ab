"""Staff: who works at sites, with which role, and their sessions; one-time links for everybody else."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Staff(Table):
    """Somebody who works with the system. Name and e-mail are ciphertext."""

    __tablename__ = "staff"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    email: Mapped[bytes]
    email_hash: Mapped[bytes]
    name: Mapped[bytes]
    encrypted_with: Mapped[str]
    password: Mapped[bytes | None]
    oidc_subject: Mapped[str | None]
    language: Mapped[str] = mapped_column(default="zh-CN")
    disabled_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = made_by_database()


class StaffGrant(Table):
    """A role over a site, an area and everything under it, or everything."""

    __tablename__ = "staff_grants"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    staff_id: Mapped[UUID]
    role: Mapped[str]
    site_id: Mapped[UUID | None]
    area: Mapped[str | None]
    granted_at: Mapped[datetime] = made_by_database()


class StaffSession(Table):
    """A log-in. Only the hash of its cookie is kept; `site_id` is where its owner works just now.

    `device` is what its owner recognises it by, such as `Firefox · Android`.
    """

    __tablename__ = "staff_sessions"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    sha256: Mapped[str]
    staff_id: Mapped[UUID]
    site_id: Mapped[UUID | None]
    device: Mapped[str] = mapped_column(default="")
    came_by: Mapped[str] = mapped_column(default="password")
    created_at: Mapped[datetime] = made_by_database()
    used_at: Mapped[datetime] = made_by_database()
    expires_at: Mapped[datetime]


class Link(Table):
    """What a signed link in a message opens: about its `subject`, mailed to the address of `address_index`; a
    guardian's with the activity that the sign-up was for.

    `address` is ciphertext: where it is mailed, where that stands on no record any more.
    """

    __tablename__ = "links"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    purpose: Mapped[str]
    site_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None]
    staff_id: Mapped[UUID | None]
    subject: Mapped[UUID | None]
    address_index: Mapped[bytes | None]
    activity_id: Mapped[UUID | None]
    address: Mapped[bytes | None]
    created_at: Mapped[datetime] = made_by_database()
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
