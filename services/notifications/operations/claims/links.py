"""Messages that carry a link. How many of these go out is bounded where links are issued."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.common.database import Database
from services.notifications.operations.claims import CLAIM, OF_ALL, Sort, Taken, oldest, take

TOLD = f"""
    SELECT {OF_ALL}, c.link_id, c.purpose, c.expires_at, words_of(c.site_id, c.purpose) AS words
    FROM claimed AS c LEFT JOIN sites ON sites.id = c.site_id ORDER BY c.number
"""  # noqa: S608 - a constant


@dataclass(frozen=True)
class ClaimedLink(Taken):
    """A claimed message that carries a link."""

    link_id: UUID
    purpose: str
    expires_at: datetime


def claim_links(database: Database, mail_domain: str, limit: int = CLAIM) -> list[ClaimedLink]:
    """Take up to `limit`, oldest due first, and commit that they are being sent."""
    rows = take(database, oldest(Sort.LINKS), TOLD, {"limit": limit, "domain": mail_domain})
    return [ClaimedLink(**row._mapping) for row in rows]
