"""Runs of events of one type, as columns for one statement."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.common.events import Received


def last_of(events: Iterable[Received], key: str) -> list[Any]:
    """The data of the last event per key, in the order in which the keys came."""
    return list({getattr(event.data, key): event.data for event in events}.values())


def columns_of(data: Sequence[Any], *names: str) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in data] for name in names}


def expect_all(data: Sequence[Any], found: int | None, otherwise: str) -> None:
    if found != len(data):
        raise LookupError(f"{len(data) - (found or 0)} of {len(data)} events are about {otherwise}")
