"""People: what a sign-up says of a person, and what a site may see."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from services.common.schemas import Answer, Body, Name
from services.registration.personal_data import normal_email, normal_phone, plain_name
from services.registration.schemas import UNSET

Language = Literal["zh-CN", "en"]


def _visible(name: str) -> str:
    if not plain_name(name):
        raise PydanticCustomError(
            "invisible_name",
            "must have a visible character",
            {"zh": "应含有可见的字符。", "en": "must have a visible character."},
        )
    return name


def _phone(written: str) -> str:
    number = normal_phone(written)
    if number is None:
        raise PydanticCustomError(
            "not_a_phone",
            "is not a phone number",
            {
                "zh": "不是有效的电话号码;国外号码请带国家码,如 +44…。",
                "en": "is not a valid phone number; one from outside China needs its country code, such as +44….",
            },
        )
    return number


def _email(written: str) -> str:
    address = normal_email(written)
    if address is None:
        raise PydanticCustomError(
            "not_an_email",
            "is not an e-mail address",
            {"zh": "不是有效的电子邮件地址。", "en": "is not a valid e-mail address."},
        )
    return address


def _lived(day: date) -> date:
    # Tomorrow in UTC is today somewhere.
    if not date(1900, 1, 1) <= day <= datetime.now(UTC).date() + timedelta(days=1):
        raise PydanticCustomError(
            "implausible_birth_date",
            "must lie between 1900 and today",
            {"zh": "应在 1900 年至今天之间。", "en": "must lie between 1900 and today."},
        )
    return day


PersonName = Annotated[Name, AfterValidator(_visible)]
Phone = Annotated[str, Field(max_length=40), AfterValidator(_phone)]
Email = Annotated[str, Field(max_length=300), AfterValidator(_email)]
BirthDate = Annotated[date, AfterValidator(_lived)]


class NewPerson(Body):
    """Who signs up. The same name with the same phone or e-mail is the same person, at whichever site."""

    name: PersonName
    phone: Phone | None = None
    email: Email | None = None
    birth_date: BirthDate | None = None
    language: Language = "zh-CN"
    guardian_consent: bool = Field(
        default=False, description="needed under 14, and under 18 where the activity is volunteering"
    )

    @model_validator(mode="after")
    def _reachable(self) -> "NewPerson":
        if self.phone is None and self.email is None:
            raise PydanticCustomError(
                "unreachable",
                "needs a phone or an email",
                {"zh": "请填写电话(phone)或电子邮件(email)。", "en": "needs a phone or an email."},
            )
        return self


class PersonEdit(Body):
    """What of a person shall change; `null` removes."""

    name: PersonName = UNSET
    phone: Phone | None = None
    email: Email | None = None
    birth_date: BirthDate | None = None
    language: Language = UNSET


class PersonAnswer(Answer):
    """A person, for the sites that they signed up with."""

    id: UUID
    number: int
    name: str
    phone: str | None
    email: str | None
    birth_date: date | None
    language: str
    version: int


class Known(Body):
    """A person as a site knows them."""

    person_id: UUID
    site_id: UUID


class ContactsBody(Body):
    """Whose contact details are needed now, and for which site's mail."""

    people: list[Known] = Field(max_length=1000)


class Contact(Answer):
    """How to reach a person, as they told this site."""

    person_id: UUID
    site_id: UUID
    name: str
    email: str | None
    phone: str | None
    language: str
    manage_url: str | None = Field(default=None, description="opens this person's registrations; for their mail alone")


class ContactsAnswer(Answer):
    """Contact details of those who are known; to be used and forgotten."""

    contacts: list[Contact]
