"""The audit log over HTTP."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from services.common.schemas import Answer, ListQuery


class AuditQuery(ListQuery):
    """Which entries, the newest first."""

    record: str | None = Field(default=None, max_length=100, description="id of what was changed or read")
    actor: str | None = Field(default=None, max_length=100, description="staff:<id>, site:<key id>, person:<id>, …")
    kind: str | None = Field(default=None, max_length=100, description="the kind of record, such as templates")
    action: str | None = Field(default=None, max_length=100, description="insert, update, delete, read, …")


class AuditAnswer(Answer):
    """Who did what, when, to which record, from where. Everybody is an id here; registration knows the names."""

    id: int
    at: datetime
    actor: str
    address: str | None
    request_id: str | None
    site_id: UUID | None
    action: str
    kind: str
    record: str
    changed: dict[str, Any] = Field(description='by column: [before, after], or "*" for what is personal')


class AuditList(Answer):
    """Entries, the newest first; the next page is in the `Link` header."""

    items: list[AuditAnswer]
