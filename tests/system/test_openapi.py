"""Schemathesis over the OpenAPI documents of the running services: whatever is sent, no answer is a 5xx."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.local.system import System
from tests.conftest import ROOT
from tests.system.conftest import Api, new_shift

EXAMPLES = "12"
ALL = "examples,coverage,fuzzing"
# Registration has 250 routes: random bodies for all of them would take most of the time of all tests together.
SYSTEMATIC = "examples,coverage"
# With two workers an operation now and then failed within Schemathesis itself; with one a run can be repeated.
WORKERS = "1"


ROUTE = re.compile(r"\| registration \| `(\w+ /[^`]*)` \| (.*) \|")


def _operations(may: set[str], but: frozenset[str] | set[str] = frozenset()) -> list[str]:
    """Registration's operations that such callers may call; who may not is refused before anything is read."""
    found = [
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", name), set(callers.split(", ")))
        for name, callers in ROUTE.findall((ROOT / "docs" / "routes.md").read_text())
    ]
    return [name for name, callers in found if callers & may and not callers & but]


def _exercise(
    url: str, key: str, folder: Path, ids: dict[str, str], phases: str = ALL, only: Sequence[str] = ()
) -> int:
    """Let Schemathesis loose with real ids in the paths; returns the number of cases, all without a 5xx."""
    config = folder / "schemathesis.toml"
    config.write_text("[parameters]\n" + "".join(f'"path.{name}" = "{value}"\n' for name, value in ids.items()))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "--no-color"),
        *("run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {key}"),
        *("--checks", "not_a_server_error", "--phases", phases, "--mode", "all", "--workers", WORKERS),
        *("--max-examples", EXAMPLES, "--seed", "1", "--generation-database", "none"),
        *(part for name in only for part in ("--include-name", name)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=900)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    cases = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert cases, done.stdout[-2000:]
    return int(cases[2])


@pytest.mark.parametrize(("service", "least"), [("notifications", 50), ("reporting", 30)])
def test_no_input_from_an_operator_is_answered_with_a_5xx(
    system: System, service: str, least: int, tmp_path: Path
) -> None:
    assert _exercise(system.urls[service], system.operator_key, tmp_path, {}) > least


def test_no_input_to_registration_is_answered_with_a_5xx(
    system: System, operator: Api, site: Api, tmp_path: Path
) -> None:
    """As a site, on things that exist; and what only the operator may, as the operator."""
    shift = new_shift(site, capacity=1000)
    registration = site.post(
        f"/v1/shifts/{shift['id']}/registrations", {"person": {"name": "X", "phone": "13800000000"}}
    )
    ids = {
        "shift_id": shift["id"],
        "activity_id": shift["activity_id"],
        "registration_id": registration["id"],
        "person_id": registration["person_id"],
    }
    url, sites = system.urls["registration"], {"site", "anyone", "link"}
    assert _exercise(url, site.key, tmp_path, ids, SYSTEMATIC, _operations(sites)) > 2000
    assert _exercise(url, operator.key, tmp_path, {}, SYSTEMATIC, _operations({"operator"}, sites)) > 100
