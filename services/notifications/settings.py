"""Settings of the notifications service; every variable is explained in `.env.example`."""

from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from services.common.sealing import Box
from services.common.settings import CommonSettings, ServiceName

DEFAULT_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over. `scheme` is smtp, smtps (TLS from the start) or smtp+starttls."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def from_url(cls, url: str) -> "MailServer":
        """Read `scheme://user:password@host:port`. Raises ValueError with what is wrong, never with the password."""
        parts = urlsplit(url)
        if parts.scheme not in DEFAULT_PORTS:
            raise ValueError(f"must begin with one of: {', '.join(f'{scheme}://' for scheme in DEFAULT_PORTS)}")
        if not parts.hostname:
            raise ValueError("names no host")
        return cls(
            parts.scheme,
            parts.hostname,
            parts.port or DEFAULT_PORTS[parts.scheme],
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )


class Settings(CommonSettings):
    """What the notifications service needs to run."""

    service: ServiceName = "notifications"
    notifications_token: SecretStr = Field(min_length=32)
    notifications_keys: SecretStr
    smtp_url: SecretStr
    mail_from: str = Field(max_length=320, pattern=r"^[^\r\n\x00]+$")
    webhooks_loopback: bool = Field(default=False, description="for demo and tests: this machine may be a receiver")
    mail_domain: str = Field(max_length=253, pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, value: SecretStr) -> SecretStr:
        MailServer.from_url(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _has_address(cls, value: str) -> str:
        if "@" not in parseaddr(value)[1]:
            raise ValueError("must be an address, such as `Hesheng <hesheng@example.org>`")
        return value

    @model_validator(mode="after")
    def _usable(self) -> Self:
        self.box()
        return self

    def box(self) -> Box:
        """For what must be kept secret. Raises ValueError, which names the variable, when a key is malformed."""
        keys = [key.strip() for key in self.notifications_keys.get_secret_value().split(",") if key.strip()]
        if not keys:
            raise ValueError("NOTIFICATIONS_KEYS must hold a key")
        return Box("NOTIFICATIONS_KEYS", keys)

    @property
    def mail_server(self) -> MailServer:
        """SMTP_URL, taken apart."""
        return MailServer.from_url(self.smtp_url.get_secret_value())
