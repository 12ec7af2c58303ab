"""Reading the audit log of what was done here: webhooks, words, closed addresses, announcements, chats, wishes."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notifications.models import AuditEntry
from services.notifications.operations.messages import number_of
from services.notifications.schemas.audit import AuditQuery


def list_entries(session: Session, query: AuditQuery) -> tuple[Sequence[AuditEntry], str | None]:
    """A page of what the session may see, newest first, and the cursor of the next page if there is one."""
    wanted = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(query.limit + 1)
    for name, value in query.model_dump(exclude={"cursor", "limit"}, exclude_none=True).items():
        wanted = wanted.where(getattr(AuditEntry, name) == value)
    if query.cursor is not None:
        wanted = wanted.where(AuditEntry.id < number_of(query.cursor))
    found = session.scalars(wanted).all()
    page = found[: query.limit]
    return page, str(page[-1].id) if len(found) > query.limit else None
