"""What all HTTP bodies and queries have in common: nothing unknown, no NUL, no time without an offset."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

Moment = Annotated[AwareDatetime, Field(description="RFC 3339 with offset, e.g. 2026-12-01T09:00:00+08:00")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
AreaCode = Annotated[
    str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,20}$"), Field(description="GB/T 2260 where there is one")
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]


def _refuse_nul(value: Any) -> Any:
    """PostgreSQL cannot store NUL in text, and nobody means to send one."""
    found = (
        "\x00" in value if isinstance(value, str) else isinstance(value, list) and "\x00" in "".join(map(str, value))
    )
    if found:
        raise PydanticCustomError("nul_byte", "must not contain a NUL character")
    return value


class Body(BaseModel):
    """Base of every request body."""

    model_config = ConfigDict(extra="forbid", str_max_length=20_000)

    @field_validator("*", mode="before")
    @classmethod
    def _no_nul(cls, value: Any) -> Any:
        return _refuse_nul(value)


class Query(Body):
    """Base of every query string."""


class Answer(BaseModel):
    """Base of every answer; reads attributes, so that a row of a table can be given."""

    model_config = ConfigDict(from_attributes=True)


class ListQuery(Query):
    """Cursor pagination: follow `Link: rel="next"` instead of building these."""

    cursor: str | None = Field(default=None, max_length=200)
    limit: int = Field(default=50, ge=1, le=200)
