"""Schemathesis over the OpenAPI documents of the running services: whatever is sent, no answer is a 5xx."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.system import System
from tests.system.conftest import Api

EXAMPLES = "15"


def _exercise(url: str, key: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
        *("--header", f"Authorization: Bearer {key}"),
        *("--checks", "not_a_server_error", "--phases", "examples,coverage,fuzzing", "--mode", "all"),
        *("--max-examples", EXAMPLES, "--seed", "1", "--no-color", "--generation-database", "none"),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=600)


@pytest.mark.parametrize("service", ["registration", "notifications", "reporting"])
def test_no_input_from_an_operator_is_answered_with_a_5xx(system: System, service: str, tmp_path: Path) -> None:
    done = _exercise(system.urls[service], system.operator_key, tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_no_input_from_a_site_is_answered_with_a_5xx(system: System, site: Api, tmp_path: Path) -> None:
    done = _exercise(system.urls["registration"], site.key, tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
