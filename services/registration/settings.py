"""Settings of the registration service: the only one that holds personal data, so the only one with its keys."""

from base64 import b64decode

from pydantic import SecretStr, field_validator

from services.common.settings import CommonSettings, ServiceName
from services.registration.personal_data import PersonalData

SUBSCRIBERS = ("notifications", "reporting")


class Settings(CommonSettings):
    """What registration needs to run."""

    service: ServiceName = "registration"
    personal_data_keys: SecretStr
    blind_index_key: SecretStr
    notifications_token: SecretStr
    reporting_token: SecretStr

    @field_validator("personal_data_keys", "blind_index_key")
    @classmethod
    def _usable(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().strip():
            raise ValueError("must not be empty")
        return value

    def personal_data(self) -> PersonalData:
        """The cipher and the blind index. Raises ValueError when a key is malformed."""
        return PersonalData(
            [key.strip() for key in self.personal_data_keys.get_secret_value().split(",") if key.strip()],
            b64decode(self.blind_index_key.get_secret_value(), validate=True),
        )

    @property
    def service_tokens(self) -> dict[str, str]:
        """Which token belongs to which service."""
        return {
            "notifications": self.notifications_token.get_secret_value(),
            "reporting": self.reporting_token.get_secret_value(),
        }
