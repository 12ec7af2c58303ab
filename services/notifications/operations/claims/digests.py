"""Digests of a day for a site's staff: one for each of them, by mail."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.common.database import Database
from services.notifications.contacts import DayAttendance, DayShift
from services.notifications.operations.claims import CLAIM, OF_ALL, Sort, Taken, oldest, take

TOLD = f"""
    SELECT {OF_ALL}, c.staff_id, digests.day, digests.facts, NULL AS words
    FROM claimed AS c JOIN digests ON digests.id = c.digest_id LEFT JOIN sites ON sites.id = c.site_id
    ORDER BY c.number
"""  # noqa: S608 - a constant


@dataclass(frozen=True)
class ClaimedDigest(Taken):
    """A claimed digest: the day that it tells of, and what registration said of that when it was due."""

    staff_id: UUID
    day: date
    facts: dict[str, list[dict[str, object]]]

    @property
    def shifts(self) -> list[DayShift]:
        """The day's shifts, in order."""
        return [DayShift.model_validate(one) for one in self.facts["shifts"]]

    @property
    def attendance(self) -> list[DayAttendance]:
        """What the two days before left open."""
        return [DayAttendance.model_validate(one) for one in self.facts["attendance"]]


def claim_digests(database: Database, mail_domain: str, limit: int = CLAIM) -> list[ClaimedDigest]:
    """Take up to `limit`, oldest due first, and commit that they are being sent."""
    rows = take(database, oldest(Sort.DIGESTS), TOLD, {"limit": limit, "domain": mail_domain})
    return [ClaimedDigest(**row._mapping) for row in rows]
