"""What HTTP accepts and answers, one file per subject."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from services.common.schemas import Moment

INT32 = 2_147_483_647

UNSET: Any = None
"""Default of a field that an edit may leave out. It is not validated, so that an explicit `null` is refused."""

Count = Annotated[int, Field(ge=1, le=100_000)]


def _plausible(moment: datetime) -> datetime:
    if not 2000 <= moment.year < 2100:
        raise PydanticCustomError(
            "implausible_time",
            "must lie between 2000 and 2099",
            {"zh": "应在 2000 年至 2099 年之间。", "en": "must lie between 2000 and 2099."},
        )
    return moment.astimezone(UTC)


Time = Annotated[Moment, AfterValidator(_plausible)]


class Page(BaseModel):
    """A list; the `Link` header with `rel="next"` leads to what follows."""


def page_of(item: type[BaseModel]) -> type[BaseModel]:
    """The page schema of one kind of item."""
    return type(f"{item.__name__}Page", (Page,), {"__annotations__": {"items": list[item]}, "__doc__": Page.__doc__})  # type: ignore[valid-type]
