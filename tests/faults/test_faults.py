"""The faults and the books themselves: a healthy system passes, and each broken build is seen for what it is."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.guard import CHECKOUT
from tests.faults.books.material import Finding
from tests.faults.chaos import PROCESSES, draw
from tests.faults.run import Plan, free_folder, run
from tests.faults.summary import complaints, last_line

LAST_LINE = re.compile(
    r"acked=[1-9]\d* events=[1-9]\d* lost=0 duplicated=0 out_of_order=0 oversold=0 unsent=0 recovery_s=\d+\.\d"
)


ENOUGH = 200
"""Sign-ups that every break needs to be met, the crowding of a shift most."""


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


def sabotaged(name: str, folder: Path, seconds: float, seen: Callable[[list[Finding]], bool]) -> None:
    verdict = run(Plan(seconds, 5, name, 90, ENOUGH, seen), folder)
    print(complaints(verdict))
    assert not verdict.ok and seen(verdict.findings)


def doubled(findings: list[Finding], beginning: str = "", within: str = "") -> bool:
    texts = [finding.text for finding in findings if finding.kind == "duplicated"]
    return any(text.startswith(beginning) and within in text for text in texts)


@pytest.mark.usefixtures("healthy")
def test_marking_before_sending_is_seen_as_lost_events(folder: Path) -> None:
    verdict = run(Plan(12, 5, "mark_before_send", 8, ENOUGH), folder)
    print(complaints(verdict))
    assert verdict.count("lost") > 0
    assert not re.search(r" lost=0 ", last_line(verdict))


@pytest.mark.usefixtures("healthy")
def test_a_subscriber_that_forgets_its_cursor_is_seen_as_duplicated_events(folder: Path) -> None:
    sabotaged("forgetful_cursor", folder, 12, lambda findings: doubled(findings, within="was applied again"))


@pytest.mark.usefixtures("healthy")
def test_ignoring_capacity_is_seen_as_oversold_shifts(folder: Path) -> None:
    sabotaged("ignore_capacity", folder, 5, lambda findings: any(one.kind == "oversold" for one in findings))


@pytest.mark.usefixtures("healthy")
def test_a_new_message_id_at_each_attempt_is_seen_as_duplicated_mails(folder: Path) -> None:
    sabotaged("resend_with_new_id", folder, 6, lambda findings: doubled(findings, "mail "))


def carelessness(findings: list[Finding]) -> bool:
    """An SMS that went out again as another, an event under two ids, a notice to nobody, and no reminder."""
    unsent = [finding.text for finding in findings if finding.kind == "unsent"]
    return (
        doubled(findings, "message ")
        and doubled(findings, "webhook-id ")
        and any(text.startswith("NoticeRow") for text in unsent)
        and any("does not exist" in text for text in unsent)
    )


@pytest.mark.usefixtures("healthy")
def test_a_careless_messenger_is_seen_as_such(folder: Path) -> None:
    sabotaged("careless_messenger", folder, 6, carelessness)


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
