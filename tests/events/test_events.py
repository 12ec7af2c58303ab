"""The events are a contract: what was once written can be read for ever, and the documentation is what is true.

A new type gets a golden file; a new field gets a default and goes into the golden files of its type only once every
service knows it. Nothing is ever taken out of one.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from services.common.events import EVENT_TYPES, PARTITIONS, Envelope
from services.common.events_doc import main, render
from tests.reporting.log import partition_of

GOLDEN = Path(__file__).parent / "golden"
DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "events.md"
PERSONAL = {"name", "phone", "email", "birth_date", "id_number", "address", "language"}


def golden(name: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def test_every_type_has_a_golden_file_and_every_file_a_type() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(EVENT_TYPES)


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_what_was_once_written_is_read_and_written_the_same(name: str) -> None:
    envelope = Envelope.model_validate(golden(name))
    event = envelope.event()
    assert event is not None
    written = json.loads(envelope.model_copy(update={"data": event.model_dump(mode="json")}).model_dump_json())
    added = {field for field in written["data"] if field not in golden(name)["data"]}
    assert golden(name) == written | {"data": {k: v for k, v in written["data"].items() if k not in added}}
    assert event.aggregate == envelope.subject


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_fields_are_only_added_and_added_ones_have_a_default(name: str) -> None:
    fields = EVENT_TYPES[name].model_fields
    removed = set(golden(name)["data"]) - set(fields)
    assert removed == set()
    without_default = {field for field, info in fields.items() if info.is_required()}
    assert without_default - set(golden(name)["data"]) == set()


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_a_reader_takes_an_event_with_fields_it_does_not_know(name: str) -> None:
    newer = golden(name)
    newer["data"]["from_the_future"] = 1
    assert Envelope.model_validate(newer).event() == Envelope.model_validate(golden(name)).event()


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_events_hold_no_personal_data(name: str) -> None:
    assert PERSONAL & set(EVENT_TYPES[name].model_fields) == set()


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_an_aggregate_has_one_partition(name: str) -> None:
    assert golden(name)["partition"] == partition_of(golden(name)["subject"]) < PARTITIONS


def test_a_type_from_a_newer_producer_is_told_apart() -> None:
    assert Envelope.model_validate(golden("hesheng.area.saved.v1") | {"type": "hesheng.new.v1"}).event() is None


def test_the_documentation_is_fresh() -> None:
    result = CliRunner().invoke(main, ["--check", str(DOCUMENT)])
    assert result.exit_code == 0, result.output


def test_stale_documentation_is_noticed(tmp_path: Path) -> None:
    stale = tmp_path / "events.md"
    stale.write_text(render() + "more\n", encoding="utf-8")
    assert CliRunner().invoke(main, ["--check", str(stale)]).exit_code == 1
    assert CliRunner().invoke(main, ["--check", str(tmp_path / "missing.md")]).exit_code == 1


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_type_and_field_is_documented(name: str) -> None:
    section = render().split(f"## {name}\n")[1].split("\n## ")[0]
    assert EVENT_TYPES[name].__doc__
    assert all(f"| `{field}` |" in section for field in EVENT_TYPES[name].model_fields)
