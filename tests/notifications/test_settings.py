"""A wrong setting stops the process at start, with the setting's name and without its secret."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from services.notifications.settings import MailServer, Settings


@pytest.mark.parametrize(("url", "server"), [
    ("smtp://localhost", MailServer("smtp", "localhost", 25)),
    ("smtps://me%40x:p%3A%2F@mail.example", MailServer("smtps", "mail.example", 465, "me@x", "p:/")),
    ("smtp+starttls://mail.example:2525", MailServer("smtp+starttls", "mail.example", 2525))])  # fmt: skip
def test_a_mail_server_is_one_address(url: str, server: MailServer) -> None:
    assert MailServer.from_url(url) == server


def test_a_second_mail_server_is_for_when_the_first_fails(settings: Settings) -> None:
    both = settings.model_copy(update={"smtp_url": SecretStr("smtp://first.example, smtps://u:a%2Cb@second.example")})
    assert [server.name for server in both.mail_servers] == ["smtp://first.example:25", "smtps://second.example:465"]
    assert both.mail_servers[1].password == "a,b"


@pytest.mark.parametrize(("name", "value"), [
    ("smtp_url", "smtp://a.example,http://user:pa55word@b"),
    ("smtp_url", "smtp://user:pa55word/rest@mail:25"), ("sms_prefixes", "86"),
    ("smtp_url", "http://user:pa55word@mail"), ("smtp_url", "smtp://"), ("mail_from", "Hesheng"),
    ("mail_from", "a@b\r\nBcc: c@d"), ("mail_domain", "exa mple.org"), ("notifications_token", "short"),
    ("notifications_keys", ""), ("notifications_keys", "pa55word")])  # fmt: skip
def test_a_wrong_setting_is_named_and_its_secret_is_not(name: str, value: str, settings: Settings) -> None:
    given: dict[str, Any] = {key: getattr(v, "get_secret_value", lambda v=v: v)() for key, v in settings}
    with pytest.raises(ValidationError) as error:
        Settings(**given | {name: value})
    assert name in str(error.value).lower()
    assert "pa55word" not in str(error.value)
