"""One throw-away compose project: its own name, secrets, ports, image tag and volumes, all gone at the end.

with Project() as project:
    project.compose("up", "-d", "--wait")
    project.kill("reporting-pump")
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.local.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
# What a shell may hand to the build. Everything else that .env.example knows comes from the project's own .env:
# a shell's variables would win over it.
FROM_THE_SHELL = re.compile(r"\w+_IMAGE|PIP_INDEX_URL|BUILD_\w+|HTTPS?_PROXY|NO_PROXY")


class CommandFailed(RuntimeError):
    """A command of the engine ended with an error; the message holds the end of what it said."""


def run(*words: str, env: dict[str, str], cwd: Path = ROOT, limit: float = 900) -> str:
    """Run a command and return what it printed. Raises `CommandFailed`."""
    done = subprocess.run(words, env=env, cwd=cwd, capture_output=True, text=True, timeout=limit, check=False)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
        raise CommandFailed(f"{' '.join(words)} ended with {done.returncode}:\n{said}")
    return done.stdout


class Project:
    """A compose project of the checkout's compose.yaml."""

    def __init__(self) -> None:
        self.name = f"hesheng-test-{secrets.token_hex(3)}"
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.env_file = self.folder / ".env"
        known = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
        self.env = {
            name: value for name, value in os.environ.items() if name not in known or FROM_THE_SHELL.fullmatch(name)
        }
        self.values: dict[str, str] = {}
        self._write_env()

    def _write_env(self) -> None:
        run(str(HERE / "make-env"), "--demo", str(self.env_file), env=self.env)
        ports: set[int] = set()
        while len(ports) < 3:
            ports.add(free_port(ports))
        gateway, tls, mail = sorted(ports)
        own = {
            "GATEWAY_PORT": str(gateway),
            "GATEWAY_TLS_PORT": str(tls),
            "MAIL_PORT": str(mail),
            "PUBLIC_URL": f"http://localhost:{gateway}/registration",
            "IMAGE_PREFIX": "hesheng-test",
            "IMAGE_TAG": self.name,
        }
        with self.env_file.open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in own.items())
        self.values = dict(re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", self.env_file.read_text(), re.MULTILINE))
        self.gateway = f"http://127.0.0.1:{gateway}"
        self.mails = f"http://localhost:{mail}"  # the sink answers to no other name

    @property
    def secrets(self) -> dict[str, str]:
        """What nobody may ever read anywhere."""
        return {name: value for name, value in self.values.items() if re.search("KEY|TOKEN|PASSWORD", name)}

    # -- life ----------------------------------------------------------------------------------------------------

    def __enter__(self) -> "Project":
        return self

    def __exit__(self, *_: object) -> None:
        """Containers, networks, volumes, images and secrets of this project, and nothing else."""
        with contextlib.suppress(CommandFailed, subprocess.TimeoutExpired):
            self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5", "--rmi", "local")
        with contextlib.suppress(CommandFailed, subprocess.TimeoutExpired):
            images = self.docker("images", "--quiet", "--filter", f"reference=hesheng-test-*:{self.name}").split()
            if images:
                self.docker("image", "rm", "--force", *images)
        shutil.rmtree(self.folder, ignore_errors=True)

    def left_over(self) -> list[str]:
        """What of this project still exists on the engine."""
        label = f"label=com.docker.compose.project={self.name}"
        return [
            *self.docker("ps", "--all", "--quiet", "--filter", label).split(),
            *self.docker("volume", "ls", "--quiet", "--filter", label).split(),
            *self.docker("network", "ls", "--quiet", "--filter", label).split(),
            *self.docker("images", "--quiet", "--filter", f"reference=hesheng-test-*:{self.name}").split(),
        ]

    # -- commands ------------------------------------------------------------------------------------------------

    def docker(self, *words: str) -> str:
        """`docker …`"""
        return run("docker", *words, env=self.env)

    def compose(self, *words: str, env_file: Path | None = None) -> str:
        """`docker compose …` of this project."""
        given = ("--env-file", str(env_file or self.env_file), "--ansi", "never", "--progress", "plain")
        return run("docker", "compose", "--project-name", self.name, *given, *words, env=self.env)

    def inside(self, service: str, *words: str) -> str:
        """Run a command inside a container."""
        return self.compose("exec", "--no-TTY", service, *words)

    def container(self, service: str) -> str:
        """A service's container id, running or not."""
        found = self.compose("ps", "--all", "--quiet", service).split()
        if len(found) != 1:
            raise CommandFailed(f"{service} has {len(found)} containers")
        return found[0]

    def inspect(self, service: str) -> dict[str, Any]:
        """All that the engine knows of a service's container."""
        (found,) = json.loads(self.docker("inspect", self.container(service)))
        assert isinstance(found, dict)  # noqa: S101 - for mypy
        return found

    # -- breaking ------------------------------------------------------------------------------------------------

    def kill(self, service: str) -> str:
        """SIGKILL a container's processes and have it running again; says how.

        From outside, as the kernel would when memory runs out: then the restart policy must bring it back by itself.
        `docker kill` counts as the operator's own wish and the policy stands aside, so it is only used where the
        processes cannot be reached (an engine in a virtual machine, no root), and is followed by a start.
        """
        before = self.inspect(service)
        try:
            os.kill(_main_process(before), signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self.docker("kill", before["Id"])
            self.docker("start", before["Id"])
            return "docker kill, docker start"
        restarted = wait_until(lambda: self.inspect(service)["RestartCount"] > before["RestartCount"], 30)
        if not restarted:
            raise CommandFailed(f"{service} was killed and its restart policy did not bring it back")
        return "SIGKILL, came back by itself"

    def healthy(self, service: str) -> bool:
        """Whether its health check says so."""
        return bool(self.inspect(service)["State"].get("Health", {}).get("Status") == "healthy")


def _main_process(container: dict[str, Any]) -> int:
    """The host's number of a container's first process, only if it certainly is that container's."""
    number = int(container["State"]["Pid"])
    try:
        groups = Path(f"/proc/{number}/cgroup").read_text()
    except OSError as error:
        raise ProcessLookupError from error
    if number <= 1 or container["Id"] not in groups:
        raise ProcessLookupError
    return number


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.5) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
