"""Runs of events of one type, as columns for one statement."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.common.events import Received


def last_events_of(events: Iterable[Received], *keys: str) -> list[Received]:
    """The last event per key, which may be of several fields, in the order in which the keys came."""
    return list({tuple(getattr(event.data, key) for key in keys): event for event in events}.values())


def last_of(events: Iterable[Received], key: str) -> list[Any]:
    """The data of the last event per key, in the order in which the keys came."""
    return [event.data for event in last_events_of(events, key)]


def columns_of(data: Sequence[Any], *names: str) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in data] for name in names}


def times_of(events: Iterable[Received]) -> list[Any]:
    """When each of them happened, by the producer's clock."""
    return [event.time for event in events]


def expect_all(data: Sequence[Any], found: int | None, otherwise: str) -> None:
    if found != len(data):
        raise LookupError(f"{len(data) - (found or 0)} of {len(data)} events are about {otherwise}")
