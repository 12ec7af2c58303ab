"""The faults and the books themselves: a healthy system passes, and each broken build is seen for what it is."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.guard import CHECKOUT
from tests.faults.chaos import PROCESSES, draw
from tests.faults.run import Plan, Verdict, free_folder, run
from tests.faults.summary import complaints, last_line

LAST_LINE = re.compile(
    r"acked=[1-9]\d* events=[1-9]\d* lost=0 duplicated=0 out_of_order=0 oversold=0 unsent=0 recovery_s=\d+\.\d"
)


@pytest.fixture(scope="module")
def healthy() -> Iterator["subprocess.Popen[str]"]:
    """The command itself. It begins first and is looked at last: it waits longest, for mails of killed workers."""
    command = [sys.executable, "-m", "tests.faults", "--seconds", "15", "--seed", "3"]
    child = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield child
    child.terminate()
    child.communicate(timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder, emptied even of what PostgreSQL keeps elsewhere."""
    yield tmp_path / "system"
    free_folder(tmp_path / "system")


def sabotaged(name: str, folder: Path, seconds: float, patience: float) -> Verdict:
    verdict = run(Plan(seconds, 5, name, patience), folder)
    assert not verdict.ok
    print(complaints(verdict))
    return verdict


@pytest.mark.usefixtures("healthy")
def test_marking_before_sending_is_seen_as_lost_events(folder: Path) -> None:
    verdict = sabotaged("mark_before_send", folder, 12, 8)
    assert verdict.count("lost") > 0
    assert not re.search(r" lost=0 ", last_line(verdict))


@pytest.mark.usefixtures("healthy")
def test_a_subscriber_that_forgets_its_cursor_is_seen_as_duplicated_events(folder: Path) -> None:
    verdict = sabotaged("forgetful_cursor", folder, 12, 6)
    assert any(finding.kind == "duplicated" and "was applied again" in finding.text for finding in verdict.findings)


@pytest.mark.usefixtures("healthy")
def test_ignoring_capacity_is_seen_as_oversold_shifts(folder: Path) -> None:
    assert sabotaged("ignore_capacity", folder, 5, 4).count("oversold") > 0


@pytest.mark.usefixtures("healthy")
def test_a_new_message_id_at_each_attempt_is_seen_as_duplicated_mails(folder: Path) -> None:
    verdict = sabotaged("resend_with_new_id", folder, 6, 6)
    assert any(finding.kind == "duplicated" and finding.text.startswith("mail ") for finding in verdict.findings)


@pytest.mark.usefixtures("healthy")
def test_a_careless_messenger_is_seen_as_such(folder: Path) -> None:
    verdict = sabotaged("careless_messenger", folder, 6, 10)
    told = [(finding.kind, finding.text.split()[0]) for finding in verdict.findings]
    assert ("duplicated", "message") in told, "an SMS went out again as another"
    assert ("duplicated", "webhook-id") in told
    assert any(kind == "unsent" and text.startswith("NoticeRow") for kind, text in told)
    assert any(finding.kind == "unsent" and "does not exist" in finding.text for finding in verdict.findings)


def test_a_healthy_system_comes_through_with_clean_books(healthy: "subprocess.Popen[str]") -> None:
    output, progress = healthy.communicate(timeout=240)
    assert healthy.returncode == 0, output + progress
    assert LAST_LINE.fullmatch(output.splitlines()[-1])


def test_the_same_seed_gives_the_same_faults() -> None:
    assert draw(60, 7) == draw(60, 7)
    assert draw(60, 7) != draw(60, 8)


def test_a_minute_of_faults_meets_every_process_and_every_kind_of_fault() -> None:
    for seed in range(20):
        steps = draw(60, seed)
        assert {step.target for step in steps if step.what.startswith(("kill", "freeze"))} >= set(PROCESSES)
        kinds = {step.what for step in steps}
        assert kinds >= {"redis kill", "redis freeze", "redis flush", "postgres kill", "sink kill", "freeze"}
        assert sum(step.what == "postgres kill" for step in steps) == 2
