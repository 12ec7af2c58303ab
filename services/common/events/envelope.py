"""What all events have in common, and how they travel."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

SPEC_VERSION = "1.0"
PARTITIONS = 16

EVENT_TYPES: dict[str, "type[Event]"] = {}
"""Every event type by its name on the wire; each class adds itself."""


class Event(BaseModel):
    """Base of every event: `type` names it on the wire, `aggregate` says what it is ordered within."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    type: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        if "type" in vars(cls):
            EVENT_TYPES[cls.type] = cls

    @property
    def aggregate(self) -> str:
        """Id of the thing whose events keep their order."""
        raise NotImplementedError


class Envelope(BaseModel):
    """An event on the wire: CloudEvents 1.0 in JSON, with four extension attributes.

    `partition` and `sequence` are its place in the producer's log, `aggregate` is what it is ordered within, and
    `requestid` names the HTTP request that caused it.
    """

    model_config = ConfigDict(extra="ignore")
    specversion: str = SPEC_VERSION
    id: UUID
    source: str = Field(description="/hesheng/<service>")
    type: str
    subject: str = Field(description="the aggregate's id")
    time: datetime
    datacontenttype: str = "application/json"
    partition: int
    sequence: int
    requestid: str | None = None
    data: dict[str, Any]

    def event(self) -> Event | None:
        """The typed event, or None for a type that this code does not know (a newer producer)."""
        model = EVENT_TYPES.get(self.type)
        return model.model_validate(self.data) if model else None


@dataclass(frozen=True)
class Received:
    """A typed event as a handler gets it, with what it may want to know of the envelope."""

    event_id: UUID
    time: datetime
    request_id: str | None
    data: Any
