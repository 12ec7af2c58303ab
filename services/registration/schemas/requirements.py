"""What a shift asks of who signs up. The sign-up checks it; here it is only well formed."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.common.schemas import Body

Code = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$"), Field(description="small letters, digits and _")
]
Codes = Annotated[
    list[Code],
    Field(max_length=10),
    AfterValidator(lambda codes: list(dict.fromkeys(codes))),
]
Age = Annotated[int, Field(ge=0, le=120)]


class Requirements(Body):
    """Everything named here must hold of a person; an empty one asks nothing."""

    min_age: Age | None = Field(default=None, description="full years on the day of the shift, at least")
    max_age: Age | None = Field(default=None, description="at most")
    skills: Codes = Field(default_factory=list)
    training: Codes = Field(default_factory=list)
    consents: Codes = Field(default_factory=list, description="kinds of consent that must be in force")
    professions: Codes = Field(default_factory=list)

    @model_validator(mode="after")
    def _ages_in_order(self) -> "Requirements":
        if self.min_age is not None and self.max_age is not None and self.max_age < self.min_age:
            raise PydanticCustomError(
                "ages_in_order",
                "max_age must not be below min_age",
                {"zh": "最大年龄不能小于最小年龄。", "en": "max_age must not be below min_age."},
            )
        return self

    def stored(self) -> dict[str, Any]:
        """As it is kept: only what is asked."""
        return {name: value for name, value in self.model_dump().items() if value not in (None, [])}
