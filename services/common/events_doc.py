"""The documentation of every event, written from the models themselves.

python -m services.common.events_doc > docs/events.md          # after a change of an event
python -m services.common.events_doc --check docs/events.md    # exit status 1 when it is stale
"""

import re
import sys
from datetime import date, datetime
from enum import StrEnum
from inspect import getdoc, isclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin
from uuid import UUID

import click
from pydantic import BaseModel

from services.common import events
from services.common.events import (
    EVENT_TYPES,
    PARTITIONS,
    Envelope,
    Event,
)

CHOICES = tuple(kind for kind in vars(events).values() if isclass(kind) and issubclass(kind, StrEnum))

WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    bool: "true or false",
    UUID: "UUID",
    date: "date, YYYY-MM-DD",
    datetime: "RFC 3339 time, UTC",
    dict: "object",
}

HEAD = f"""# Events

Generated from `services/common/events/`: change that, then `python -m services.common.events_doc > docs/events.md`.

Every event is a CloudEvents 1.0 envelope in JSON. Events of one aggregate keep their order; the log has {PARTITIONS}
partitions, and an aggregate is always in the same one. Fields are only ever added, with a default; what would break
a reader is a new version beside the old one. Events hold ids and facts, never names, contact details or birth dates.
An example of each is in `tests/events/golden/`.
"""


def render() -> str:
    """The Markdown."""
    parts = [HEAD, "## Envelope\n", _paragraphs(Envelope), _fields(Envelope)]
    for name, model in EVENT_TYPES.items():
        parts += [f"## {name}\n", f"{_paragraphs(model)}\nAggregate: {_aggregate(model)}.\n", _fields(model)]
    parts += ["## Values\n", *map(_choice, CHOICES)]
    return "\n".join(parts)


def _paragraphs(model: type) -> str:
    return re.sub(r"(?<!\n)\n(?!\n)", " ", getdoc(model) or "") + "\n"


def _aggregate(model: type[Event]) -> str:
    """The field that `aggregate` reads, found by looking at a stand-in."""

    class Names:
        def __getattr__(self, name: str) -> str:
            return name

    return f"`{model.aggregate.fget(Names())}`"  # type: ignore[attr-defined]


def _fields(model: type) -> str:
    rows = [
        f"| `{name}` | {_type(field.annotation)} | {_cell(field.description)} |"
        for name, field in model.model_fields.items()  # type: ignore[attr-defined]
    ]
    return "\n".join(["| field | type | meaning |", "| --- | --- | --- |", *rows, ""])


def _cell(content: str | None) -> str:
    return (content or "").replace("<", "&lt;").replace("|", "\\|")


def _type(annotation: Any) -> str:
    if annotation in CHOICES:
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    arguments = get_args(annotation)
    if get_origin(annotation) is UnionType:
        kinds = [_type(argument) for argument in arguments if argument is not NoneType]
        return " or ".join([*kinds, "null"])
    if get_origin(annotation) is list:
        return f"list of {_type(arguments[0])}s"
    if isclass(annotation) and issubclass(annotation, BaseModel):
        parts = [f"`{name}` ({_type(field.annotation)})" for name, field in annotation.model_fields.items()]
        return f"object of {', '.join(parts)}"
    return WORDS[get_origin(annotation) or annotation]


def _choice(choice: Any) -> str:
    values = ", ".join(f"`{value}`" for value in choice)
    return f"### {choice.__name__}\n\n{_paragraphs(choice)}\n{values}\n"


@click.command(help=__doc__)
@click.option("--check", "file", type=click.Path(path_type=Path, dir_okay=False), help="compare with this file")
def main(file: Path | None) -> None:
    """Print the documentation, or compare a file with it."""
    if file is None:
        click.echo(render(), nl=False)
    elif not file.exists() or file.read_text(encoding="utf-8") != render():
        click.echo(f"{file} is stale: python -m services.common.events_doc > {file}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
