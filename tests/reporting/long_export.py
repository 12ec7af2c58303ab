"""Writes a long export and says what it took, in a process of its own.

python -m tests.reporting.long_export xlsx 1000000

Prints JSON: seconds, CPU seconds, peak memory and size of the file in MB.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.common.errors import Words
from services.reporting.exports.csv_table import csv_table
from services.reporting.exports.workbook import write_workbook
from services.reporting.operations.answer import Answer, Column
from tests.reporting.answers import AREA, AREA_NAME, FIGURES, MONTH, answer

COUNTS = tuple(Column(f"count_{n}", Words(f"计数{n}", f"Count {n}"), "count") for n in range(5))


def long_answer(rows: int) -> Answer:
    """Twelve columns; every ninth row has a figure withheld."""

    def each() -> Iterator[dict[str, Any]]:
        for n in range(rows):
            name = Words(f"职工新街第{n % 758}社区", f"Community {n % 758}")
            counts = {column.name: n for column in COUNTS}
            figures = {"registrations": n, "service_minutes": n, "no_show_share": 0.25}
            people = None if n % 9 == 0 else n
            yield {"month": "2026-01", "area": f"{n:012d}", "area_name": name, "people": people} | counts | figures

    return answer([MONTH, AREA, AREA_NAME, *FIGURES, *COUNTS], each(), total={"registrations": rows})


def _peak() -> int:
    """Kilobytes. (The one of getrusage begins with what the process that started this one had.)"""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def main(form: str, rows: int) -> None:
    """Write it and say what it took."""
    began = time.monotonic()
    with tempfile.NamedTemporaryFile() as file:
        if form == "csv":
            file.writelines(csv_table(long_answer(rows), "zh"))
        else:
            write_workbook([long_answer(rows)], "zh", file)  # type: ignore[arg-type]
        file.flush()
        size = Path(file.name).stat().st_size
    took = {
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(time.process_time(), 1),
        "peak_mb": _peak() // 1024,
        "file_mb": round(size / 1e6, 1),
    }
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
