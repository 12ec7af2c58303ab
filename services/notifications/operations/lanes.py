"""Lanes: what somebody waits for goes before what many get, and never waits behind it.

    for lane in LANES:                       # every look at what is due takes some of each, so none starves
        deliver_lane(postman, lane)          # one that is not urgent stops as soon as an urgent message is due

A message's lane follows from its kind (`messages.lane`, made by the database).
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

    @property
    def gives_way(self) -> bool:
        """Whether a batch of it stops for what is more urgent."""
        return self > Lane.ANSWER


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

LOOK_SECONDS = 1.0
"""How often a batch that gives way looks whether it must."""


def lane_of(kind: Kind) -> Lane:
    """The lane of a kind of message, as the database has it."""
    return Lane.LINK if kind is Kind.LINK else Lane.ANSWER if kind in ANSWERS else Lane.NEWS


def urgent_waits(database: Database) -> bool:
    """Whether something is due that must not wait for a batch which gives way."""
    urgent = f"SELECT EXISTS (SELECT FROM messages WHERE lane <= :last AND {CLAIMABLE})"  # noqa: S608 - a constant
    with database.transaction(EVERY_SITE) as session:
        return bool(session.scalar(text(urgent), {"last": Lane.ANSWER}))
