"""People: what a sign-up says of a person, and what a site may see."""

import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, Protocol, TypeVar
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
                "zh": "不是有效的电话号码；国外号码请带国家码，如 +44…。",
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


_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _no_message(name: str) -> str:
    """Names stand in mails that the site sends: an address or a line break in one would be a stranger's own message."""
    breaks = any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") or letter in _DIRECTION for letter in name)
    plain = unicodedata.normalize("NFKC", name).casefold()
    if breaks or "://" in plain or "www." in plain:
        raise PydanticCustomError(
            "no_name",
            "must be a name",
            {
                "zh": "姓名不能含网址、换行或改变文字方向的符号，请只填姓名。",
                "en": "must be a name alone, without a web address, line breaks or marks that turn the text around.",
            },
        )
    return name


PersonName = Annotated[Name, AfterValidator(_visible), AfterValidator(_no_message)]
Phone = Annotated[str, Field(max_length=40), AfterValidator(_phone)]
Email = Annotated[str, Field(max_length=300), AfterValidator(_email)]
BirthDate = Annotated[date, AfterValidator(_lived)]


class _WithContact(Protocol):
    phone: Any
    email: Any


Told = TypeVar("Told", bound=_WithContact)


def reachable(body: Told) -> Told:
    """Refuse a body with neither a phone nor an e-mail in it."""
    if body.phone is None and body.email is None:
        raise PydanticCustomError(
            "unreachable",
            "needs a phone or an email",
            {"zh": "请填写电话（phone）或电子邮件（email）。", "en": "needs a phone or an email."},
        )
    return body


class NewPerson(Body):
    """Who signs up. The same name with the same phone or e-mail is the same person, at whichever site."""

    name: PersonName
    phone: Phone | None = None
    email: Email | None = None
    birth_date: BirthDate | None = Field(
        default=None, description="needed for volunteering, and where the shift or the site asks for an age"
    )
    language: Language | None = Field(default=None, description="of messages; the site's when left out")
    guardian_consent: bool = Field(
        default=False,
        description="needed under the site's `guardian_below`, and under 18 where the activity is volunteering",
    )

    _reachable = model_validator(mode="after")(reachable)


class PersonEdit(Body):
    """What of a person shall change; `null` removes."""

    name: PersonName = UNSET
    phone: Phone | None = None
    email: Email | None = None
    birth_date: BirthDate | None = None
    language: Language = UNSET


class OwnEdit(Body):
    """What residents correct themselves. A birth date, on which consents and ages hang, only the site corrects, and so
    it does a phone: nothing proves whose it is, and by it people are found again."""

    name: PersonName = UNSET
    email: Email | None = None


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


class GuardianContact(Answer):
    """Where a minor's guardian reads mail."""

    email: str
    language: str


class Contact(Answer):
    """How to reach a person, as they told this site."""

    person_id: UUID
    site_id: UUID
    name: str
    email: str | None
    phone: str | None
    language: str
    manage_url: str | None = Field(default=None, description="opens this person's registrations; for their mail alone")
    guardian: GuardianContact | None = Field(
        default=None, description="of a minor who reads mail: who gets copies of what they are told"
    )


class ContactsAnswer(Answer):
    """Contact details of those who are known; to be used and forgotten."""

    contacts: list[Contact]


class RepresentativeBody(Body):
    """Who speaks for a person: a minor's guardian, an elder's helper."""

    name: PersonName
    relation: Annotated[str, Field(max_length=40)] = Field(default="", description="mother, neighbour, …")
    phone: Phone | None = None
    email: Email | None = None
    language: Language | None = Field(default=None, description="of messages; the site's when left out")

    _reachable = model_validator(mode="after")(reachable)


class HelperBody(RepresentativeBody):
    """Who acts for an elder from now on, on the elder's own word."""

    agreed: Literal[True] = Field(description="the person agreed to the helper, before the site")
    how: Literal["desk", "phone", "paper"] = "desk"

    def helper(self) -> RepresentativeBody:
        """The helper alone."""
        return RepresentativeBody.model_validate(self.model_dump(exclude={"agreed", "how"}))


ReplaceEmail = Annotated[bool, Field(description="where another e-mail is on record, this one is right from now on")]
InsteadOf = Annotated[
    bool, Field(description="the person is here: what nobody has proven of theirs at these hours is cancelled")
]
OtherEmail = Annotated[
    bool, Field(description="another e-mail is on record, and mails go there: ask whose it is, `replace_email`")
]


class _Replacing(Protocol):
    replace_email: bool
    how: str


Replacing = TypeVar("Replacing", bound=_Replacing)


def not_replaced_online(body: Replacing) -> Replacing:
    """Refuse to replace an address by what was told online: whoever could be asked whose it is may be a stranger."""
    if body.replace_email and body.how == "online":
        raise PydanticCustomError(
            "replaced_online",
            "an e-mail on record is not replaced by what was told online",
            {
                "zh": "网上填写的邮箱不能替换已登记的邮箱（replace_email）。",
                "en": "An e-mail on record is not replaced by what was told online (replace_email).",
            },
        )
    return body


class NewResident(NewPerson):
    """Somebody whom the site comes to know without a sign-up: at the desk, by phone, through a helper."""

    guardian: RepresentativeBody | None = None
    helper: RepresentativeBody | None = Field(
        default=None, description="who acts for an elder, with the elder's agreement; messages go there without own"
    )
    helper_agreed: bool = Field(default=False, description="the elder agreed to the helper, before the site")
    how: Literal["online", "desk", "phone", "paper", "site"] = "site"
    replace_email: ReplaceEmail = False

    _not_replaced_online = model_validator(mode="after")(not_replaced_online)

    @model_validator(mode="after")
    def _helper_is_wanted(self) -> "NewResident":
        # Nobody is signed up against their will.
        if self.helper is not None and not self.helper_agreed:
            raise PydanticCustomError(
                "helper_not_agreed",
                "helper needs the person's agreement",
                {
                    "zh": "须本人同意代办（helper_agreed）。",
                    "en": "helper needs the person's agreement (helper_agreed).",
                },
            )
        return self


class PersonMade(Answer):
    """A person whom the site knows now. Without personal data: this is kept with the Idempotency-Key."""

    id: UUID
    is_new: bool = Field(description="to this site")
    guardian_asked: bool = Field(description="whether a link was sent to the guardian")
    other_email: OtherEmail = False


Rightful = Literal["guardian", "claimant"]


class ConfirmBody(Body):
    """Who the guardian is, once staff made sure."""

    rightful: Rightful = Field(
        default="guardian", description="`claimant`: not the one on record but whom another form named meanwhile"
    )


class RepresentativeAnswer(Answer):
    """A guardian or helper, for the site that was told."""

    kind: Literal["guardian", "helper"]
    name: str
    relation: str
    phone: str | None
    email: str | None
    language: str
    confirmed: bool = Field(description="false where somebody named them online and staff have not made sure")
    version: int


class SearchBody(Body):
    """Whom to find, by exactly one thing that must be known in full. In the body: addresses end up in logs."""

    phone: Phone | None = None
    email: Email | None = None
    volunteer_number: Annotated[str, Field(max_length=40)] | None = None
    id_number: Annotated[str, Field(max_length=40)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "SearchBody":
        if sum(value is not None for value in self.model_dump().values()) != 1:
            raise PydanticCustomError(
                "exactly_one",
                "needs exactly one",
                {
                    "zh": "请填写 phone、email、volunteer_number、id_number 之一。",
                    "en": "needs exactly one of phone, email, volunteer_number, id_number.",
                },
            )
        return self


class Found(Answer):
    """A person that a search found, as the site knows them; contact and birth date are on their own page."""

    id: UUID
    name: str
    volunteer_number: str | None


class SearchAnswer(Answer):
    """Whom the site knows by that."""

    people: list[Found]
