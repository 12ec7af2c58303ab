"""Settings of the registration service: the only one that holds personal data, so the only one with its keys.

Every secret is checked at start. What is wrong is said of the variable's name; its value appears nowhere.
"""

from base64 import b64decode
from typing import Self
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator, model_validator

from services.common.settings import CommonSettings, HttpUrl, ServiceName
from services.registration.personal_data import PersonalData

SUBSCRIBERS = ("notifications", "reporting")

SHORTEST_TOKEN = 32


class Settings(CommonSettings):
    """What registration needs to run."""

    service: ServiceName = "registration"
    personal_data_keys: SecretStr
    blind_index_key: SecretStr
    notifications_token: SecretStr
    reporting_token: SecretStr
    oidc_issuer: HttpUrl | None = None
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")

    @field_validator("oidc_issuer", mode="before")
    @classmethod
    def _blank_is_none(cls, value: str | None) -> str | None:
        return value or None

    @field_validator("notifications_token", "reporting_token")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        # A blank or guessable token would open everybody's contact details.
        if len(value.get_secret_value().strip()) < SHORTEST_TOKEN:
            raise ValueError(f"must have at least {SHORTEST_TOKEN} characters")
        return value

    @model_validator(mode="after")
    def _usable(self) -> Self:
        tokens = [self.operator_key, self.notifications_token, self.reporting_token]
        if len({token.get_secret_value() for token in tokens}) < len(tokens):
            raise ValueError("OPERATOR_KEY, NOTIFICATIONS_TOKEN and REPORTING_TOKEN must differ from each other")
        if self.oidc_issuer is not None:
            self._check_oidc(self.oidc_issuer)
        self.personal_data()
        return self

    def _check_oidc(self, issuer: str) -> None:
        if not self.oidc_client_id or not self.oidc_client_secret.get_secret_value():
            raise ValueError("OIDC_ISSUER needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET")
        parts = urlsplit(issuer)
        if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
            raise ValueError("OIDC_ISSUER must be an https address: who logs in is what it says")

    def personal_data(self) -> PersonalData:
        """The cipher and the blind index. Raises ValueError, which names the variable, when a key is malformed."""
        keys = [key.strip() for key in self.personal_data_keys.get_secret_value().split(",") if key.strip()]
        try:
            index_key = b64decode(self.blind_index_key.get_secret_value(), validate=True)
        except ValueError:
            index_key = b""
        return PersonalData(keys, index_key)

    @property
    def service_tokens(self) -> dict[str, str]:
        """Which token belongs to which service."""
        return {
            "notifications": self.notifications_token.get_secret_value(),
            "reporting": self.reporting_token.get_secret_value(),
        }
