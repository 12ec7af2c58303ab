"""One-time links as the service that sends mail asks for them."""

from uuid import UUID

from pydantic import Field

from services.common.schemas import Answer, Body


class LinksBody(Body):
    """Which links are to be mailed now."""

    links: list[UUID] = Field(max_length=1000)


class AddressedLink(Answer):
    """Where a link leads and whom it is for."""

    link_id: UUID
    url: str
    name: str
    email: str | None
    phone: str | None
    language: str
    about_zh: str = Field(description="what it concerns, such as a team's name; may be empty")
    about_en: str


class LinksAnswer(Answer):
    """Links that are still good and for somebody; to be used and forgotten."""

    links: list[AddressedLink]
