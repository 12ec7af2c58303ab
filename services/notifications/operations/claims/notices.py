"""Messages to leaders and staff. There is one for each recipient and moment, and no crowd."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.common.database import Database
from services.notifications.operations.claims import CLAIM, OF_ALL, OF_SHIFT, Sort, TakenOfShift, oldest, take

SHIFTS = """(
    SELECT jsonb_agg(one || jsonb_build_object('title_zh', a.title_zh, 'title_en', a.title_en,
                                               'starts_at', s.starts_at) ORDER BY s.starts_at, s.id)
    FROM jsonb_array_elements(c.details -> 'shifts') AS one
    JOIN shifts AS s ON s.id = (one ->> 'shift_id')::uuid JOIN activities AS a ON a.id = s.activity_id)
"""
"""The shifts that a notice `c` is of."""

TOLD = f"""
    SELECT {OF_ALL}, {OF_SHIFT}, notices.kind AS audience, c.person_id, c.staff_id, c.shift_id, NULL AS words,
           {SHIFTS} AS shifts
    FROM claimed AS c JOIN notices ON notices.id = c.notice_id JOIN shifts ON shifts.id = c.shift_id
    JOIN activities ON activities.id = shifts.activity_id LEFT JOIN sites ON sites.id = c.site_id
    ORDER BY c.number
"""  # noqa: S608 - a constant


@dataclass(frozen=True)
class ClaimedNotice(TakenOfShift):
    """A claimed message to a leader or a member of staff: of one shift, or of the hours of several (`shifts`)."""

    audience: str
    person_id: UUID | None
    staff_id: UUID | None
    shift_id: UUID
    shifts: list[dict[str, Any]]


def claim_notices(database: Database, mail_domain: str, limit: int = CLAIM) -> list[ClaimedNotice]:
    """Take up to `limit`, oldest due first, and commit that they are being sent."""
    rows = take(database, oldest(Sort.NOTICES), TOLD, {"limit": limit, "domain": mail_domain})
    return [ClaimedNotice(**row._mapping) for row in rows]
