"""Settings of the reporting service."""

from pydantic import Field, SecretStr

from services.common.settings import CommonSettings, ServiceName


class Settings(CommonSettings):
    """What reporting needs besides what every service needs."""

    service: ServiceName = "reporting"
    reporting_token: SecretStr = Field(min_length=32)
