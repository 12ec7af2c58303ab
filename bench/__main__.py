"""`python -m bench [part …]`: run the parts, print the tables, and put them into bench/latest.json in place of what was
measured before."""

import argparse
import json
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import machine
from bench.report import Report

PARTS = ("signups", "events", "reminders", "announcement", "channels", "reports", "pages", "imports", "memory")
SIZED = ("reminders", "announcement", "channels", "reports", "imports")
WIDTH = 150
"""Of the printed tables, whatever the terminal says: a cut-off figure is worth less than a broken line."""

LATEST = Path(__file__).parent / "latest.json"


def run(part: str, **how: int) -> Report:
    """Run one part. A failure is noted and does not stop the others."""
    report = Report(part)
    begun = time.monotonic()
    try:
        import_module(f"bench.{part}").measure(report, **how)
    except Exception as error:
        traceback.print_exc()
        report.failure = f"{type(error).__name__}: {error}"[:500]
    report.seconds = round(time.monotonic() - begun, 1)
    return report


def keep(facts: dict[str, Any], reports: list[Report]) -> None:
    """Write down what was measured, on what and when; other parts stay as they were measured."""
    kept = json.loads(LATEST.read_text()) if LATEST.exists() else {}
    kept |= {report.part: facts | report.as_json() for report in reports}
    in_order = {part: kept[part] for part in PARTS if part in kept}
    LATEST.write_text(json.dumps(in_order, indent=1, ensure_ascii=False) + "\n")


def main() -> int:
    """Exit status 1 when a part failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--rows", type=int, help="with one of " + ", ".join(SIZED) + ": another size")
    given = parser.parse_args()
    wanted = given.parts or list(PARTS)
    if given.rows and (len(wanted) > 1 or wanted[0] not in SIZED):
        parser.error(f"--rows goes with one of {', '.join(SIZED)}")
    if unknown := [part for part in wanted if part not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)} (there are: {', '.join(PARTS)})")
    facts = machine.facts()
    reports = [run(part, **({"rows": given.rows} if given.rows else {})) for part in wanted]
    console = Console(highlight=False, width=WIDTH)
    console.print_json(json.dumps(facts))
    for report in reports:
        report.show(console)
    if not given.rows:
        keep(facts, reports)
        console.print(f"written: bench/{LATEST.name}")
    return 1 if any(report.failure for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
