"""Generates the system's secrets once, and reads them again at every later start."""

import base64
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

from deploy.local.servers import SERVICES


def _token() -> str:
    return secrets.token_urlsafe(32)


MAKERS = {
    "OPERATOR_KEY": _token,
    "NOTIFICATIONS_TOKEN": _token,
    "REPORTING_TOKEN": _token,
    "PERSONAL_DATA_KEYS": lambda: Fernet.generate_key().decode(),
    "NOTIFICATIONS_KEYS": lambda: Fernet.generate_key().decode(),
    "BLIND_INDEX_KEY": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
} | {f"DATABASE_PASSWORD_{service.upper()}": _token for service in SERVICES}


def load(file: Path) -> dict[str, str]:
    """The secrets in the file; those that it lacks are made and added. Only the owner may read it."""
    known = _read(file) if file.exists() else {}
    missing = {name: make() for name, make in MAKERS.items() if name not in known}
    if missing:
        write_private(file, "".join(f"{name}={value}\n" for name, value in (known | missing).items()))
    return known | missing


def _read(file: Path) -> dict[str, str]:
    file.chmod(0o600)
    lines = [line.strip() for line in file.read_text().splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name: value for name, _, value in pairs}


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    temporary = file.with_name(f"{file.name}.new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
