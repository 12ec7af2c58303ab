"""Events of places that somebody would pass on, and of swaps: what became of the question that was asked."""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from services.common.events.envelope import Event


class TransferKind(StrEnum):
    """What somebody was asked: to take a place over, or to exchange two."""

    HAND_OVER = "hand_over"
    SWAP = "swap"


class TransferEvent(Event):
    """Somebody was asked to take a place over, or to swap. That they agreed is told by what became of the places."""

    transfer_id: UUID
    kind: TransferKind
    registration_id: UUID = Field(description="the place, which stays with whoever has it")
    shift_id: UUID
    activity_id: UUID
    site_id: UUID
    person_id: UUID = Field(description="who has the place, and asked or had somebody asked")

    @property
    def aggregate(self) -> str:
        return str(self.activity_id)


class TransferDeclined(TransferEvent):
    """Whoever was asked said no."""

    type = "hesheng.transfer.declined.v1"


class TransferExpired(TransferEvent):
    """Nobody answered in time. It says nothing of whether somebody was there to answer."""

    type = "hesheng.transfer.expired.v1"
