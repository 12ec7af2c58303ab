"""How the checks report: one line for each step, and an exception for what is not as promised."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Wrong(AssertionError):
    """Something is not as promised."""


def expect(condition: object, otherwise: str) -> None:
    """Raise `Wrong` with the message unless the condition holds."""
    if not condition:
        raise Wrong(otherwise)


@contextmanager
def step(what: str) -> Iterator[Callable[[str], None]]:
    """Print one line when it ends: whether it went well, how long it took, and what was noted."""
    noted: list[str] = []
    begun = time.monotonic()
    try:
        yield noted.append
    except BaseException:
        print(f"FAIL {time.monotonic() - begun:6.1f} s  {what}", flush=True)
        raise
    note = f": {', '.join(noted)}" if noted else ""
    print(f"  ok {time.monotonic() - begun:6.1f} s  {what}{note}", flush=True)
