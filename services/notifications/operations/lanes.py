"""Lanes: what somebody waits for goes before what many get, and never waits behind it.

Which sorts go out in which order is in `deliver.ROUNDS`; a batch of a lane that gives way stops as soon as something
more urgent is due. A message's lane follows from its kind (`messages.lane`, made by the database).
"""

from enum import IntEnum

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.notifications.models import Kind
from services.notifications.operations.claims import CLAIMABLE


class Lane(IntEnum):
    """From what somebody looks at their phone for to what may take its time."""

    LINK = 0
    ANSWER = 1
    NEWS = 2
    BULK = 3

    @property
    def gives_way(self) -> bool:
        """Whether a batch of it stops for what is more urgent."""
        return self > Lane.ANSWER

    @property
    def leaves(self) -> float:
        """The part of what a provider takes at once that it leaves for what is more urgent."""
        return FOR_OTHERS.get(self, 0.0)


FOR_OTHERS = {Lane.NEWS: 0.2, Lane.BULK: 0.4}

ANSWERS = (
    Kind.CONFIRMATION,
    Kind.WAITLISTED,
    Kind.PROMOTION,
    Kind.OFFER,
    Kind.MOVED_BACK,
    Kind.TRANSFER_DECLINED,
    Kind.TRANSFER_EXPIRED,
    Kind.CANCELLATION,
)
"""What became of what one person did or asked for."""

LOOK_SECONDS = 0.25
"""How often a batch that gives way looks whether it must: an index is asked, and so long an answer waits at most."""


def lane_of(kind: Kind) -> Lane:
    """The lane of a kind of message, as the database has it."""
    if kind is Kind.LINK:
        return Lane.LINK
    if kind is Kind.ANNOUNCEMENT:
        return Lane.BULK
    return Lane.ANSWER if kind in ANSWERS else Lane.NEWS


def waits_before(database: Database, lane: Lane) -> bool:
    """Whether something of a more urgent lane is due."""
    urgent = f"SELECT EXISTS (SELECT FROM messages WHERE lane < :lane AND {CLAIMABLE})"  # noqa: S608 - a constant
    with database.transaction(EVERY_SITE) as session:
        return bool(session.scalar(text(urgent), {"lane": lane}))
