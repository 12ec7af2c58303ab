"""Real records of the first site, by the name of the path parameter that names them; and good bodies, by route.

A file per subject, each with (any of) these:

    SAMPLES = {
        "room_id": lambda town, made: town.own.expect(201, "POST", "/v1/rooms", ROOM)["id"],
        "/links/<token> token": …,                    # for one path only, where a name means different things
    }
    BODIES = {"POST /v1/rooms": ROOM}                 # JSON
    FORMS = {"POST /staff/rooms/new": {"name_zh": "室"}}  # what a page posts
    FORMS = filled("/staff/teams/<uuid:team_id>/edit")    # as the page has it, see tests/matrix/filled.py
    QUERIES = {"GET /events": "?partition=0&after=0"}     # where a path alone asks for nothing
    SHARED = {"GET /v1/…": "why strangers may call it with that record"}

`made` holds what was made for the same path before: a grant is one of the account to its left in the path. A body that
must be new each time, or names a record, is a function of `town` and `made` as well.
"""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

from tests.matrix.callers import Town

Made = dict[str, str]
Maker = Callable[[Town, Made], str]

SAMPLES: dict[str, Maker] = {}
BODIES: dict[str, Any] = {}
FORMS: dict[str, Any] = {}
QUERIES: dict[str, Any] = {}
SHARED: dict[str, str] = {}

for _module in pkgutil.iter_modules(__path__):
    _subject = importlib.import_module(f"{__name__}.{_module.name}")
    for _name in ("SAMPLES", "BODIES", "FORMS", "QUERIES", "SHARED"):
        _all, _own = globals()[_name], getattr(_subject, _name, {})
        assert not set(_own) & set(_all), f"{_module.name} repeats {set(_own) & set(_all)}"
        _all.update(_own)
