"""Who did what, when, to which record, from where. Written by the database's triggers (`services/common/audit.py`)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table


class AuditEntry(Table):
    """One thing that somebody did. Never changed, never deleted."""

    __tablename__ = "audit_log"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    address: Mapped[str | None]
    request_id: Mapped[str | None]
    site_id: Mapped[UUID | None]
    action: Mapped[str]
    kind: Mapped[str]
    record: Mapped[str]
    changed: Mapped[dict[str, Any]] = mapped_column(JSONB)
