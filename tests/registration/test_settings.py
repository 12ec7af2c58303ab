"""Settings: a secret that is missing, short or malformed stops the service at start, and is not shown."""

import os
from base64 import b64encode

import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError

from services.registration.settings import Settings

FERNET = Fernet.generate_key().decode()
SHORT_FERNET = b64encode(b"secretsecretsecret").decode()
INDEX = b64encode(os.urandom(32)).decode()


def start(settings: Settings, **changes: str) -> Settings:
    """The settings under test, with these secrets."""
    secrets = {
        name: getattr(settings, name).get_secret_value()
        for name in settings.model_dump()
        if hasattr(getattr(settings, name), "get_secret_value")
    }
    return Settings(**settings.model_dump() | secrets | changes)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (f"{service}_token", token)
            for service in ("notifications", "reporting")
            for token in ("", " " * 40, "s" * 31)
        ),
        ("operator_key", ""),
        ("blind_index_key", ""),
        ("blind_index_key", "not base64: secret"),
        *(("blind_index_key", b64encode(b"s" * length).decode()) for length in (31, 33)),
        ("personal_data_keys", ""),
        ("personal_data_keys", " , "),
        ("personal_data_keys", SHORT_FERNET),
        pytest.param("personal_data_keys", f"{FERNET},{SHORT_FERNET}", id="second key too short"),
        pytest.param("personal_data_keys", f"{FERNET}，密钥", id="second key no key"),
    ],
)
def test_a_bad_secret_is_refused_by_name_and_not_shown(settings: Settings, name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        start(settings, **{name: value})
    assert name in str(refused.value).lower()
    assert not value.strip(" ,") or value not in str(refused.value)
    assert FERNET not in str(refused.value) and SHORT_FERNET not in str(refused.value)


def test_one_token_is_not_two_callers(settings: Settings) -> None:
    token = "t" * 32
    with pytest.raises(ValidationError, match="must differ"):
        start(settings, notifications_token=token, reporting_token=token)


def test_good_secrets_are_taken(settings: Settings) -> None:
    other = Fernet.generate_key().decode()
    data = start(settings, personal_data_keys=f"{FERNET}, {other},", blind_index_key=INDEX).personal_data()
    assert data.decrypt(data.encrypt("x")) == "x"
