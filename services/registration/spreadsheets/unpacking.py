"""Workbooks are opened in a process of their own, with bounds that the system keeps.

    for piece in unpacked(content): ...          # UTF-8 CSV

A file of a kilobyte can name a cell at the far end of a sheet, for which the library then asks for all the cells before
it: half a terabyte. The library ends the process that cannot have it, so that must not be the worker's. Nothing is
written to a disk: the file goes in through one pipe and comes out through another.
"""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from services.registration.spreadsheets.texts import Unreadable
from services.registration.spreadsheets.workbooks import as_csv

MOST_MEMORY = 1 << 30
"""Bytes of address space. 200,000 rows of six columns take 220 MB to read, the interpreter about as much again."""
MOST_SECONDS = 120
MOST_CSV = 540_000_000
"""Bytes. One long text that a million cells share comes out a million times."""
AT_ONCE = 500_000
ROOT = Path(__file__).parents[3]


def unpacked(content: bytes) -> Iterator[bytes]:
    """The workbook's first sheet as UTF-8 CSV, in pieces of any size. Raises `Unreadable`, at the end if need be."""
    command = [sys.executable, "-m", "services.registration.spreadsheets.unpacking"]
    pipe = subprocess.PIPE
    # Its environment is empty: whatever a file might make of the library, no key is there to be found.
    with subprocess.Popen(command, cwd=ROOT, env={}, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield from _talk(process, content)
        finally:
            process.kill()


def _talk(process: "subprocess.Popen[bytes]", content: bytes) -> Iterator[bytes]:
    assert process.stdin and process.stdout and process.stderr  # noqa: S101 (what mypy cannot know)
    with suppress(BrokenPipeError):
        process.stdin.write(content)
    with suppress(BrokenPipeError):
        process.stdin.close()
    left = MOST_CSV
    while piece := process.stdout.read(AT_ONCE):
        left -= len(piece)
        if left < 0:
            raise Unreadable("workbook_too_large")
        yield piece
    said = process.stderr.read().decode(errors="replace").strip()
    if process.wait() != 0:
        # Without a word it was ended: by the library for want of memory, or by the system for want of time.
        raise Unreadable(said if said in ("empty", "workbook_damaged") else "workbook_too_large")


def _open_here() -> int:
    """What the process does: a workbook comes in, CSV goes out; a word on what is wrong with it, and 1."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        for piece in as_csv(sys.stdin.buffer.read()):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    except Unreadable as error:
        sys.stderr.write(error.code)
        return 1
    except MemoryError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_open_here())
