"""Settings that every service has; each service adds its own in its `settings.py`.

Everything comes from the environment and is explained in `.env.example`. A missing or malformed variable stops
the process at start with its name, never later in the middle of a request.
"""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ServiceName = Literal["registration", "notifications", "reporting"]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+", strip_whitespace=True)]


class CommonSettings(BaseSettings):
    """What every service needs to run."""

    # A refused value may be a password: the error names the variable and not what was in it.
    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    service: ServiceName
    database_url: SecretStr
    broker_url: SecretStr
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=1, le=65535)
    api_threads: int = Field(default=64, ge=1, le=512)
    registration_url: HttpUrl
    notifications_url: HttpUrl
    reporting_url: HttpUrl
    public_url: HttpUrl | None = Field(default=None, description="where people find registration's pages")
    notifications_public_url: HttpUrl | None = Field(default=None, description="and those of notifications")
    reporting_public_url: HttpUrl | None = Field(default=None, description="and those of reporting")
    operator_key: SecretStr = Field(min_length=32)
    rate_limit: int = Field(default=30_000, ge=1, description="requests per minute and caller")
    trusted_proxies: int = Field(default=0, ge=0, le=3)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    heartbeat_file: str | None = None

    @field_validator("public_url", "notifications_public_url", "reporting_public_url", mode="before")
    @classmethod
    def _none_is_the_api(cls, value: str | None) -> str | None:
        return value or None

    @property
    def pages_of(self) -> dict[str, str]:
        """Where people find each service's pages, without a slash at the end."""
        addresses = {
            "registration": self.public_url or self.registration_url,
            "notifications": self.notifications_public_url or self.notifications_url,
            "reporting": self.reporting_public_url or self.reporting_url,
        }
        return {service: address.rstrip("/") for service, address in addresses.items()}

    @property
    def database_dsn(self) -> str:
        """The database as psycopg understands it (`postgresql://…`)."""
        return self.database_url.get_secret_value()
