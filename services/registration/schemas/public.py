"""Sign-up by the public: little data, one way to be reached."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from services.common.events import ActivityKind
from services.common.schemas import Answer, Body
from services.registration.schemas.calendar import SignUp
from services.registration.schemas.people import BirthDate, Email, Language, PersonName, Phone

# Nothing in it can end a header or a directive of a content security policy.
ORIGIN = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(:[0-9]{1,5})?|http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?")


class PublicGuardian(Body):
    """Who is asked by mail whether a minor may take part."""

    name: PersonName
    email: Email


class PublicHelper(Body):
    """Who signs somebody else up: a relative, a neighbour.

    By phone only: mail goes to the person. With an address of their own, whoever knows an elder's name and number could
    have the elder's mails.
    """

    name: PersonName
    relation: Annotated[str, Field(max_length=40)] = Field(default="", description="daughter, neighbour, …")
    phone: Phone
    agreed: Literal[True] = Field(description="the person asked for it")


class _OneContact(Body):
    """A name with one way to be reached, by which a person is found."""

    name: PersonName
    phone: Phone | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _one_contact(self) -> Self:
        if (self.phone is None) == (self.email is None):
            raise PydanticCustomError(
                "one_contact",
                "needs either a phone or an email",
                {"zh": "请填写手机号或电子邮箱之一。", "en": "needs either a phone or an email."},
            )
        return self

    @property
    def contact(self) -> str:
        """How to reach them."""
        return self.phone or self.email or ""


class LinkRequest(_OneContact):
    """Who wants to see their registrations."""


class SwapRequest(_OneContact):
    """With whom a place shall be exchanged, for theirs on which shift."""

    shift_id: UUID


class PartyBody(Body):
    """How many come."""

    party_size: int = Field(ge=1, le=20)


class PublicSignUp(_OneContact):
    """Who signs up, by themselves.

    One of `phone` and `email`, not both: nobody can then tie a stranger's phone to an address of their own and read
    the stranger's mail.
    """

    birth_date: BirthDate | None = Field(
        default=None, description="needed under 14, for volunteering, and where the shift or the site asks for an age"
    )
    guardian: PublicGuardian | None = Field(
        default=None, description="of who is under `guardian_below`, or under 18 for volunteering: is asked by mail"
    )
    helper: PublicHelper | None = Field(default=None, description="who signs the person up, where it is not themselves")
    party_size: int = Field(default=1, ge=1, le=20, description="places, the person's own included")
    language: Language | None = Field(default=None, description="of messages; the site's when left out")
    agreed: Literal[True] = Field(description="the person agrees to the terms (GET /v1/public/sites/{site_id}/terms)")


class PublicSignUpAnswer(Answer):
    """What became of it. Nothing in it leads to the person."""

    shift_id: UUID
    status: Literal["confirmed", "waitlisted", "offered", "guardian_asked"]
    waitlist_position: int | None = Field(description="1 is the next to get a place")


class TermsAnswer(Answer):
    """What whoever signs up agrees to."""

    number: int
    zh: str
    en: str


def _origin(written: str) -> str:
    """Scheme, host and port, as browsers send them."""
    origin = written.strip().lower().removesuffix("/")
    if not ORIGIN.fullmatch(origin):
        raise PydanticCustomError(
            "not_an_origin",
            "is not an origin",
            {
                "zh": "应如 https://www.example.org，不带路径（本机试用可写 http://localhost:端口）。",
                "en": "must look like https://www.example.org, without a path (http://localhost:port to try it out).",
            },
        )
    return origin


class OriginsBody(Body):
    """Which other web pages may show the site's sign-up and ask its public API."""

    origins: list[Annotated[str, Field(max_length=200), AfterValidator(_origin)]] = Field(max_length=20)


class OriginsAnswer(Answer):
    """The origins that the site allows."""

    origins: list[str]


class PublicActivity(Answer):
    """A public activity with the shifts that are not over."""

    id: UUID
    site_id: UUID
    kind: ActivityKind
    title_zh: str
    title_en: str
    description_zh: str
    description_en: str
    risks_zh: str
    risks_en: str
    place: str
    volunteering: bool
    party_limit: int
    shifts: list["PublicShift"]


class PublicShift(Answer):
    """A shift as everybody may know of it."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    role_zh: str
    role_en: str
    capacity: int
    free: int = Field(description="places that the next sign-up gets; 0 while somebody waits")
    waiting: int
    sign_up: SignUp
    requirements: dict[str, Any]
