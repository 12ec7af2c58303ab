"""`hesheng`, the operator's command, over HTTP: the first member of staff, and what it says when something is wrong."""

import threading
import uuid
from collections.abc import Iterator

import pytest
from apiflask import APIFlask
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

from services.common.cli import main
from services.registration.personal_data import PersonalData
from tests.conftest import OPERATOR_KEY
from tests.registration.world import Site


@pytest.fixture(scope="module")
def url(app: APIFlask) -> Iterator[str]:
    """Where the service answers."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def hesheng(url: str, *words: str, **environment: str | None) -> Result:
    """Run the command against one service; the others are down."""
    nobody = "http://127.0.0.1:1"
    addresses = {"REGISTRATION_URL": url, "NOTIFICATIONS_URL": nobody, "REPORTING_URL": nobody}
    return CliRunner().invoke(main, words, env=addresses | {"OPERATOR_KEY": OPERATOR_KEY} | environment)


def test_the_first_member_of_staff_is_invited_and_gets_a_link(url: str, site: Site, data: PersonalData) -> None:
    email = f"{uuid.uuid4().hex[:8]}@example.com"
    told = hesheng(url, "invite", email, "值班员")
    assert told.exit_code == 0, told.output
    assert "邀请已发往" in told.output and "The invitation goes to" in told.output
    (made,) = site.sql("SELECT id FROM staff WHERE email_hash = :hash", hash=data.account(email))
    (grant,) = site.sql("SELECT role FROM staff_grants WHERE staff_id = :id", id=made.id)
    assert grant.role == "operator"
    assert len(site.sql("SELECT FROM links WHERE staff_id = :id", id=made.id)) == 1


def test_what_is_wrong_is_said_and_the_exit_status_tells(url: str) -> None:
    told = hesheng(url, "invite", "no address", "值班员")
    assert told.exit_code == 1 and "422" in told.output and "email" in told.output
    told = hesheng(url, "invite", "a@example.com", "值班员", OPERATOR_KEY="x" * 40)
    assert told.exit_code == 1 and "401" in told.output
    told = hesheng(url, "invite", "a@example.com", "值班员", OPERATOR_KEY=None)
    assert told.exit_code == 1 and "请先设置" in told.output and "first" in told.output
    told = hesheng("http://127.0.0.1:1", "invite", "a@example.com", "值班员")
    assert told.exit_code == 1 and "没有应答" in told.output and "does not answer" in told.output
    told = hesheng(url, "status")
    assert told.exit_code == 1 and "Connection" in told.output


def test_every_command_helps_in_both_languages() -> None:
    for name, command in main.commands.items():
        words = CliRunner().invoke(main, [name, "--help"]).output
        assert not words.isascii() and command.help and any(word.isascii() for word in command.help.split()), name
