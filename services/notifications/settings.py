"""Settings of the notifications service; every variable is explained in `.env.example`."""

from base64 import b64decode
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parseaddr
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from services.common.sealing import Box
from services.common.settings import CommonSettings, ServiceName
from services.notifications.mail.mailbox import Mailbox
from services.notifications.sms import Provider
from services.notifications.sms.provider import providers_of

SHORTEST_TOKEN = 32
SHORTEST_SECRET = 24
DEFAULT_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over. `scheme` is smtp, smtps (TLS from the start) or smtp+starttls."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """As operators see it."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @classmethod
    def from_url(cls, url: str) -> "MailServer":
        """Read `scheme://user:password@host:port`. Raises ValueError with what is wrong, never with the password."""
        parts = urlsplit(url)
        if parts.scheme not in DEFAULT_PORTS:
            raise ValueError(f"must begin with one of: {', '.join(f'{scheme}://' for scheme in DEFAULT_PORTS)}")
        if not parts.hostname:
            raise ValueError("names no host")
        try:
            port = parts.port or DEFAULT_PORTS[parts.scheme]
        except ValueError:  # it quotes what it took for the port, which may be of the password
            raise ValueError("names no port; / in a user or password is written %2F") from None
        return cls(
            parts.scheme,
            parts.hostname,
            port,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )


def mail_servers(urls: SecretStr) -> list[MailServer]:
    """Addresses with commas between. Raises ValueError with what is wrong."""
    return [MailServer.from_url(url.strip()) for url in urls.get_secret_value().split(",")]


def _listed(values: SecretStr) -> list[str]:
    return [value.strip() for value in values.get_secret_value().split(",") if value.strip()]


class Settings(CommonSettings):
    """What the notifications service needs to run."""

    service: ServiceName = "notifications"
    notifications_token: SecretStr = Field(min_length=32)
    notifications_keys: SecretStr
    smtp_url: SecretStr
    mail_rate: int = Field(default=0, ge=0, description="mails per minute that the mail server takes; 0: any number")
    mail_from: str = Field(max_length=320, pattern=r"^[^\r\n\x00]+$")
    mail_domain: str = Field(max_length=253, pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")
    sms_url: SecretStr = SecretStr("")
    sms_templates: str = ""
    sms_rate: str = Field(
        default="0", pattern=r"^[0-9]{1,7}( *, *[0-9]{1,7})*$", description="SMS a minute; 0: any number"
    )
    sms_prefixes: str = Field(default="+86", pattern=r"^\+[0-9]{1,6}(,\+[0-9]{1,6})*$")
    sms_receipts_token: SecretStr = SecretStr("")
    sms_receipts_secrets: SecretStr = SecretStr("")
    bounces_url: SecretStr = SecretStr("")
    mail_receipts_secrets: SecretStr = SecretStr("")
    operators_chat: SecretStr = SecretStr("")
    webhooks_loopback: bool = Field(default=False, description="for demo and tests: this machine may be a receiver")

    announcement_alone: int = Field(default=200, ge=0, description="people a site writes to in a day without approval")
    sms_price: Decimal | None = Field(default=None, ge=0, max_digits=8, decimal_places=4, description="of a segment")

    @field_validator("sms_price", mode="before")
    @classmethod
    def _may_be_empty(cls, value: object) -> object:
        return value or None

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, value: SecretStr) -> SecretStr:
        mail_servers(value)
        return value

    @field_validator("operators_chat")
    @classmethod
    def _has_addresses(cls, value: SecretStr) -> SecretStr:
        for number, one in enumerate(value.get_secret_value().split(), start=1):
            if "://" not in one:
                raise ValueError(f"address {number} must be as Apprise writes it, such as wecombot://key")
        return value

    @field_validator("mail_from")
    @classmethod
    def _has_address(cls, value: str) -> str:
        if "@" not in parseaddr(value)[1]:
            raise ValueError("must be an address, such as `Hesheng <hesheng@example.org>`")
        return value

    @field_validator("bounces_url")
    @classmethod
    def _is_mailbox(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            Mailbox.from_url(value.get_secret_value())
        return value

    @field_validator("mail_receipts_secrets", "sms_receipts_secrets")
    @classmethod
    def _are_secrets(cls, value: SecretStr) -> SecretStr:
        for secret in _listed(value):
            try:
                long_enough = len(b64decode(secret.removeprefix("whsec_"), validate=True)) >= SHORTEST_SECRET
            except ValueError:
                long_enough = False
            if not (long_enough and secret.startswith("whsec_")):
                raise ValueError(f"must be whsec_ and the base64 of at least {SHORTEST_SECRET} bytes each")
        return value

    @model_validator(mode="after")
    def _usable(self) -> Self:
        self.box()
        return self

    @model_validator(mode="after")
    def _has_providers(self) -> Self:
        token = self.sms_receipts_token.get_secret_value()
        if token and len(token) < SHORTEST_TOKEN:
            raise ValueError(f"SMS_RECEIPTS_TOKEN must have at least {SHORTEST_TOKEN} characters")
        try:
            count = len(self.sms_providers)
        except ValueError as error:
            raise ValueError(f"SMS_URL or SMS_TEMPLATES: {error}") from None
        if self.sms_rate.count(",") and self.sms_rate.count(",") + 1 != count:
            raise ValueError("SMS_RATE must be one number, or one for each address in SMS_URL")
        return self

    def box(self) -> Box:
        """For what must be kept secret. Raises ValueError, which names the variable, when a key is malformed."""
        keys = [key.strip() for key in self.notifications_keys.get_secret_value().split(",") if key.strip()]
        if not keys:
            raise ValueError("NOTIFICATIONS_KEYS must hold a key")
        return Box("NOTIFICATIONS_KEYS", keys)

    @property
    def mail_servers(self) -> list[MailServer]:
        """SMTP_URL, taken apart: the first is wanted, the others are for when it fails."""
        return mail_servers(self.smtp_url)

    @property
    def returned_to(self) -> Mailbox | None:
        """BOUNCES_URL, taken apart; None where nobody reads what comes back."""
        url = self.bounces_url.get_secret_value()
        return Mailbox.from_url(url) if url else None

    @property
    def signing_secrets(self) -> list[str]:
        """MAIL_RECEIPTS_SECRETS: what a mail provider signs its call-backs with, two while one is exchanged."""
        return _listed(self.mail_receipts_secrets)

    @property
    def sms_providers(self) -> list[Provider]:
        """SMS_URL and SMS_TEMPLATES, taken apart: the first is wanted, the others are for when it fails. None where no
        SMS goes out."""
        urls = self.sms_url.get_secret_value()
        return providers_of(urls, self.sms_templates) if urls else []

    @property
    def sms_rates(self) -> dict[str, int]:
        """SMS_RATE, by the provider's name."""
        names, rates = [one.name for one in self.sms_providers], [int(rate) for rate in self.sms_rate.split(",")]
        return dict(zip(names, rates if len(rates) > 1 else rates * len(names), strict=True))

    @property
    def sms_signing_secrets(self) -> list[str]:
        """SMS_RECEIPTS_SECRETS: what gateways sign their receipts with, two while one is exchanged."""
        return _listed(self.sms_receipts_secrets)
