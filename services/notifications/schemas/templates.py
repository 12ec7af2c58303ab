"""The words of messages over HTTP."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pydantic import Field

from services.common.schemas import Answer, Body
from services.notifications.operations.templates import Origin
from services.notifications.wording.variables import Channel, Language

LONGEST_TYPED = 4000


class WordingBody(Body):
    """Words. Values stand in `{{…}}`, parts that are left out where a value in them is empty in `[[…]]`."""

    subject: str = Field(default="", max_length=400, description="of a mail")
    text: str = Field(max_length=LONGEST_TYPED, description="of an SMS, or of a mail before the facts")
    note: str = Field(default="", max_length=LONGEST_TYPED, description="of a mail, after the facts; not of a link's")


class PreviewBody(WordingBody):
    """Words to look at, in a sample or in a message that was made before."""

    sample: str = Field(default="usual", max_length=40, description="the name of a sample of this kind")
    message_id: UUID | None = Field(default=None, description="a message of this kind that was made, instead")


class VariableAnswer(Answer):
    """A value that words may name, by either name."""

    name: str
    name_zh: str
    meaning_zh: str
    meaning_en: str
    example_zh: str
    example_en: str
    may_be_empty: bool = Field(description="it must stand in [[…]]")
    needed: bool = Field(description="the words must tell it")


class PlaceAnswer(Answer):
    """Whose words count for a channel and language."""

    channel: Channel
    language: Language
    origin: Origin
    version: int = Field(description="of the caller's own words; 0 where there were none")


class KindAnswer(Answer):
    """A kind of message, or of link, with what its words may say and whose count."""

    kind: str
    title_zh: str
    title_en: str
    locked: str | None = Field(description="why the words cannot be changed; null where they can")
    variables: list[VariableAnswer]
    samples: list[str]
    templates: list[PlaceAnswer]


class KindList(Answer):
    """Every kind."""

    items: list[KindAnswer]


class TemplateAnswer(Answer):
    """The words that count. `version` is that of the caller's own words, and the ETag."""

    kind: str
    channel: Channel
    language: Language
    origin: Origin
    version: int
    subject: str
    text: str
    note: str
    saved_at: datetime | None = Field(description="null for the built-in words")
    saved_by: str | None = Field(description="by id: staff:…, site:… (a key), or operator")


class VersionAnswer(Answer):
    """A version of the caller's own words. Without words: from it on there were none."""

    version: int
    subject: str | None
    text: str | None
    note: str | None
    taken_from: int | None = Field(description="the version whose words were taken up again")
    saved_at: datetime
    saved_by: str


class VersionList(Answer):
    """Every version, the newest first."""

    items: list[VersionAnswer]


class SmsAnswer(Answer):
    """An SMS with its signature."""

    text: str
    encoding: str
    characters: int
    segments: int
    cost: Decimal | None = Field(description="in the currency of the operator's SMS_PRICE; null where that is not set")


class PreviewAnswer(Answer):
    """A mail, or an SMS, as it would go out."""

    subject: str
    html: str
    text: str
    sms: SmsAnswer | None
    name_is_known: bool = Field(description="false where registration could not say whom a real message is for")
