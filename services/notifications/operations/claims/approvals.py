"""Mails that ask colleagues to approve an announcement."""

from dataclasses import dataclass
from uuid import UUID

from services.common.database import Database
from services.notifications.operations.announcements.approval import FEW
from services.notifications.operations.claims import CLAIM, OF_ALL, Sort, Taken, oldest, take

TOLD = f"""
    SELECT {OF_ALL}, c.staff_id, c.approval_of AS announcement_id, a.state = 'waiting' AS is_needed, NULL AS words,
           a.subject_zh, a.text_zh, a.subject_en, a.text_en, a.about_zh, a.about_en, coalesce(a.people, 0) AS people,
           coalesce(a.alone, 0) AS alone, a.grown, a.audience ->> 'ages' IS NOT NULL AND a.people < {FEW} AS few
    FROM claimed AS c JOIN announcements AS a ON a.id = c.approval_of LEFT JOIN sites ON sites.id = c.site_id
    ORDER BY c.number
"""  # noqa: S608 - a constant


@dataclass(frozen=True)
class ClaimedApproval(Taken):
    """A claimed message to a colleague. `is_needed`: nobody has decided yet; `about` is what the audience is called;
    `alone`: to so many people it could have gone without approval; `grown`: it came to more people than were confirmed;
    `few`: nobody is told how many they are.
    """

    staff_id: UUID
    announcement_id: UUID
    is_needed: bool
    subject_zh: str
    text_zh: str
    subject_en: str
    text_en: str
    about_zh: str
    about_en: str
    people: int
    alone: int
    grown: bool
    few: bool


def claim_approvals(database: Database, mail_domain: str, limit: int = CLAIM) -> list[ClaimedApproval]:
    """Take up to `limit`, oldest due first, and commit that they are being sent."""
    rows = take(database, oldest(Sort.APPROVALS), TOLD, {"limit": limit, "domain": mail_domain})
    return [ClaimedApproval(**row._mapping) for row in rows]
