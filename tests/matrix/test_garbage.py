"""No form and no address of a page brings the service down, whatever stands in its fields: no input gets a 500."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import pytest
from apiflask import APIFlask

from services.common.auth import Caller as Kind
from services.registration.schemas.audit import AuditQuery
from services.registration.schemas.volunteers import VolunteersFilter
from tests.matrix.callers import OPERATOR_STAFF, RESIDENT, STAFF, Town, Who
from tests.matrix.rules import Route, fill, routes_of
from tests.matrix.test_matrix import (  # noqa: F401
    app,
    area,
    data,
    database,
    make_area,
    make_site,
    office,
    operator,
    settings,
    town,
)

SERVICE = Path(__file__).parent.parent.parent / "services"
GARBAGE = {
    "a number beyond all bounds": "9" * 5_000,
    "a number beyond the database's": "9" * 18,
    "digits of another script": "\u0661\u0662",
    "less than nothing": "-1",
    "a NUL": "a\0b",
    "half a letter": "\ud800",
    "a word": "不是日期",
    "an id of nothing": "00000000-0000-0000-0000-000000000000",
    "a time beyond the calendar": "9999-12-31T23:59",
}
NAMED = re.compile(
    r"(?:forms\.\w+\(form, |typed_id\(|typed_version\(|asked_position\(|request\.(?:args|form)\.get(?:list)?\(|name=)"
    r'"([a-z_][a-z_.0-9]*)"'
)


@cache
def fields() -> set[str]:
    """The names of all fields in all forms and queries; some queries are read by their model alone."""
    files = [path for kind in ("*.html", "*.py") for path in SERVICE.rglob(kind)]
    written = {name for path in files for name in NAMED.findall(path.read_text())}
    return written.union(AuditQuery.model_fields, VolunteersFilter.model_fields) - {"csrf_token"}


def _reader(route: Route) -> Who:
    if Kind.PERSON in route.callers:
        return RESIDENT
    return OPERATOR_STAFF if "colleagues" in route.path or "areas" in route.path else STAFF


def test_the_names_of_fields_are_found() -> None:
    assert {"version", "after", "registration_id", "site_id", "week", "until"} <= fields()


@pytest.fixture(scope="module")
def pages(app: APIFlask, town: Town) -> list[tuple[Route, str]]:
    """Every page and form, with the path of a real record."""
    outside = ("/v1", "/internal", "/events")
    found = []
    for route in routes_of(app):
        if not route.path.startswith(outside):
            town.people_are_there()
            found.append((route, fill(town, route)[0]))
    return sorted(found, key=lambda one: "erase" in one[0].path)  # whoever was erased sees nothing more


@pytest.mark.parametrize("turn", range(4))
def test_garbage_is_refused_in_words(pages: list[tuple[Route, str]], town: Town, turn: int) -> None:
    """Fields and pages take the kinds of garbage in turn, so that each kind gets to every parser somewhere."""
    broken = []
    for number, (route, path) in enumerate(pages):
        sent = _garbage(number + 4 * turn)
        form = {} if route.method == "GET" else {"form": _encoded(sent)}
        answer = town.call(_reader(route), route.method, path if form else _with(path, sent), **form)
        if answer.status_code >= 500:
            broken.append(f"{route.name}: {answer.status_code} at turn {turn}, kinds from {number + 4 * turn}")
    assert broken == []


def _garbage(first: int) -> dict[str, str]:
    """All fields, each with the next kind of garbage."""
    kinds = list(GARBAGE.values())
    return {name: kinds[(first + place) % len(kinds)] for place, name in enumerate(sorted(fields()))}


def _encoded(sent: dict[str, str]) -> bytes:
    return urlencode(sent, errors="surrogatepass").encode()


def _with(path: str, sent: dict[str, str]) -> str:
    """As much as an address holds, and what pages ask for."""
    named = [*list(sent)[:90], "after", "cursor", "since", "until", "week", "version"]
    return f"{path}?{urlencode({name: sent[name][:300].encode(errors='replace').decode() for name in named})}"
