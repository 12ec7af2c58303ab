"""The audit log over HTTP."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from services.common.schemas import Answer, ListQuery
from services.registration.schemas import Time


class AuditQuery(ListQuery):
    """Which entries, the newest first. `site_id` narrows what several sites see."""

    record: str | None = Field(default=None, max_length=100, description="id of what was changed or read")
    actor: str | None = Field(default=None, max_length=100, description="staff:<id>, site:<key id>, person:<id>, …")
    kind: str | None = Field(default=None, max_length=100, description="the kind of record, such as activities")
    action: str | None = Field(default=None, max_length=100, description="insert, update, delete, read, log_in, …")
    since: Time | None = None
    until: Time | None = None
    site_id: UUID | None = None


class AuditAnswer(Answer):
    """Who did what, when, to which record, from where."""

    id: int
    at: datetime
    actor: str
    actor_name: str | None = Field(description="of staff who acted at one's sites, or a key's label")
    address: str | None
    request_id: str | None
    site_id: UUID | None
    site_zh: str | None = Field(description="the site's names")
    site_en: str | None
    action: str
    kind: str
    record: str
    changed: dict[str, Any] = Field(description='by column: [before, after], or "*" for what is personal')
