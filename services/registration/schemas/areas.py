"""The tree of areas, and its table as a file."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from services.common.schemas import Answer, AreaCode, Body, ListQuery, Name, Query

Level = Literal["province", "city", "district", "subdistrict", "community"]
LEVELS: tuple[Level, ...] = ("province", "city", "district", "subdistrict", "community")
"""From the widest to the narrowest."""


class AreaBody(Body):
    """An area as it shall be."""

    parent: AreaCode | None = Field(default=None, description="code of the next wider area; none for a province")
    level: Level
    name_zh: Name
    name_en: Name
    valid_from: date | None = Field(default=None, description="first day of the code")
    valid_until: date | None = Field(default=None, description="first day on which the code is no longer in use")
    successor: AreaCode | None = Field(default=None, description="code that takes its place")

    @model_validator(mode="after")
    def _in_order(self) -> "AreaBody":
        if self.valid_from and self.valid_until and self.valid_until <= self.valid_from:
            raise PydanticCustomError(
                "ends_before_it_begins",
                "valid_until must be later than valid_from",
                {"zh": "valid_until 应晚于 valid_from。", "en": "valid_until must be later than valid_from."},
            )
        if self.successor and not self.valid_until:
            raise PydanticCustomError(
                "successor_of_the_living",
                "a successor needs valid_until",
                {"zh": "有 successor 时须填 valid_until。", "en": "a successor needs valid_until."},
            )
        return self


def _none_if_blank(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


Blank = BeforeValidator(_none_if_blank)


class AreaRow(AreaBody):
    """A row of the table; an empty cell of a file is nothing."""

    code: AreaCode
    parent: Annotated[AreaCode | None, Blank] = None
    valid_from: Annotated[date | None, Blank] = None
    valid_until: Annotated[date | None, Blank] = None
    successor: Annotated[AreaCode | None, Blank] = None


class AreaAnswer(Answer):
    """An area."""

    code: str
    parent: str | None
    level: Level
    name_zh: str
    name_en: str
    valid_from: date | None
    valid_until: date | None
    successor: str | None
    version: int


class PathAnswer(AreaAnswer):
    """An area with those around it, the widest first."""

    path: list[AreaAnswer]


class AreaQuery(ListQuery):
    """Which areas."""

    parent: AreaCode | None = None
    valid_on: date | None = Field(default=None, description="only codes in use on that day")


class ImportQuery(Query):
    """Whether to try only."""

    dry_run: bool = Field(default=False, description="say what would happen, with every fault, and change nothing")


class Fault(Answer):
    """Something wrong in a file: where, and what. The heading is row 1."""

    row: int
    column: str
    zh: str
    en: str


class AreaMove(Answer):
    """What moves to an abolished area's successor, on the first day on which the code is no longer in use."""

    code: str
    successor: str
    on: date
    sites: int
    areas: int = Field(description="directly within it, and in use that day")


class AreasImportAnswer(Answer):
    """What an import did, or would do."""

    rows: int
    added: int
    changed: int
    unchanged: int
    applied: bool
    moves: list[AreaMove]
    faults: list[Fault]
