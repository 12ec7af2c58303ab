"""Events of one-time links."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.common.events.envelope import Event


class LinkIssued(Event):
    """Somebody shall get a link by mail. The link itself is asked for when the mail is sent, and is kept nowhere."""

    type = "hesheng.link.issued.v1"
    link_id: UUID
    purpose: str = Field(description="what it opens: my_registrations, guardian_consent, staff_invitation, …")
    site_id: UUID | None = Field(description="in whose name the mail goes out")
    person_id: UUID | None
    expires_at: datetime

    @property
    def aggregate(self) -> str:
        return str(self.link_id)
