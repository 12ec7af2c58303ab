"""deploy/compose/make-env: a .env that works at once, that nobody else can read, and that is never overwritten."""

import base64
import re
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

ROOT = Path(__file__).parents[2]
MAKE_ENV = ROOT / "deploy" / "compose" / "make-env"


def make(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MAKE_ENV, *words], capture_output=True, text=True, check=False)


def values(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", file.read_text(), re.MULTILINE))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    file = tmp_path / ".env"
    assert make("--demo", file).returncode == 0
    return file


def test_it_is_complete_and_readable_by_its_owner_alone(written: Path) -> None:
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert [name for name, value in values(written).items() if not value] == []


def test_its_keys_are_of_the_kind_that_the_services_take(written: Path) -> None:
    found = values(written)
    Fernet(found["PERSONAL_DATA_KEYS"])
    assert len(base64.b64decode(found["BLIND_INDEX_KEY"], validate=True)) == 32
    assert len(found["OPERATOR_KEY"]) >= 32
    inside_urls = [value for name, value in found.items() if name.endswith("_PASSWORD")]
    assert len(inside_urls) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32,}", value) for value in inside_urls)


def test_every_secret_is_its_own_and_fresh_each_time(written: Path, tmp_path: Path) -> None:
    another = tmp_path / "another"
    make("--demo", another)
    secrets = [
        value
        for file in (written, another)
        for name, value in values(file).items()
        if re.search(r"KEY|TOKEN|PASSWORD", name)
    ]
    assert len(secrets) == len(set(secrets)) == 22


def test_an_existing_file_is_left_alone_and_the_caller_is_told(written: Path) -> None:
    before = written.read_bytes()
    second = make("--demo", written)
    assert second.returncode == 1
    assert "exists" in second.stderr
    assert written.read_bytes() == before


def test_outside_the_demo_the_mail_server_is_left_to_the_operator(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    told = make(file)
    assert "SMTP_URL" in told.stdout
    found = values(file)
    assert [name for name, value in found.items() if not value] == ["SMTP_URL", "MAIL_FROM", "MAIL_DOMAIN"]
    assert "COMPOSE_PROFILES" not in found


def test_an_unknown_option_is_refused() -> None:
    refused = make("--demmo")
    assert refused.returncode == 2
    assert "--demmo" in refused.stderr
