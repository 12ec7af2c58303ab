"""Real records of the first site, by the name of the path parameter that names them; and good bodies.

    SAMPLES["room_id"] = lambda town, made: town.own.expect(201, "POST", "/v1/rooms", ROOM)["id"]
    BODIES["POST /v1/rooms"] = ROOM

`made` holds what was made for the same path before: a grant is one of the account that stands to its left. Where a
name means different things in different paths, the key is the whole path. A body that must be new each time, or names
a record, is a function of `town` and `made` too.
"""

import uuid
from collections.abc import Callable
from typing import Any

from services.registration.operations.links import Links, issue_link
from tests.matrix.callers import STAFF, Town
from tests.registration.world import in_hours, somebody

Made = dict[str, str]
Maker = Callable[[Town, Made], str]
Body = Any | Callable[[Town, Made], Any]

ROOM = {"name_zh": "矩阵室", "name_en": "Matrix room", "capacity": 20}
TEAM = {"name_zh": "矩阵队", "name_en": "Matrix team", "kind": "choir"}
ACTIVITY = {"kind": "class", "title_zh": "矩阵课", "place": "职工新街"}


def _registration(town: Town, made: Made) -> str:
    """A registration of the resident."""
    person = {"name": "矩阵居民", "email": "matrix@example.com"}
    shift = town.own.shift(starts=24 * (1 + uuid.uuid4().int % 300))
    registration = town.own.sign_up(shift, **person, phone=None)
    assert registration["person_id"] == town.person
    return str(registration["id"])


def _key(town: Town, made: Made) -> str:
    """A site key that nobody uses."""
    return str(town.operator.expect(201, "POST", f"/v1/sites/{town.own.id}/keys", {"label": "矩阵"})["id"])


def _account(town: Town, made: Made) -> str:
    """Somebody who works at the site and has not come yet."""
    body = {"email": f"{uuid.uuid4().hex}@example.com", "name": "矩阵同事", "grants": [_own_site(town, made)]}
    return str(town.operator.expect(201, "POST", "/v1/staff", body)["id"])


def _own_site(town: Town, made: Made) -> dict[str, str]:
    return {"role": "site_staff", "site_id": town.own.id}


def _session(town: Town, made: Made) -> str:
    """A log-in of the site's staff."""
    account, site = town.accounts[STAFF]
    town.office.session(account, site)
    rows = town.own.sql("SELECT id FROM staff_sessions WHERE staff_id = :id ORDER BY created_at DESC", id=account)
    return str(rows[0].id)


def _link(town: Town, made: Made) -> str:
    """A link for a new member of staff to set a password."""
    with town.own.database.transaction("*") as session:
        link = issue_link(session, "staff_invitation", None, staff_id=uuid.UUID(_account(town, made)))
        return Links(town.office.data, "http://localhost").token(link.id)


SAMPLES: dict[str, Maker] = {
    "code": lambda town, made: town.own_city,
    "site_id": lambda town, made: town.own.id,
    "key_id": _key,
    "activity_id": lambda town, made: town.own.activity(publish=False),
    "shift_id": lambda town, made: town.own.shift(),
    "registration_id": _registration,
    "person_id": lambda town, made: town.person,
    "staff_id": _account,
    "grant_id": lambda town, made: town.operator.expect(200, "GET", f"/v1/staff/{made['staff_id']}")["grants"][0]["id"],
    "session_id": _session,
    "/links/<token>": _link,
    "aggregate": lambda town, made: "nothing",
}

BODIES: dict[str, Body] = {
    "PUT /v1/areas/<code>": {"parent": "140000", "level": "city", "name_zh": "区划", "name_en": "Area"},
    "POST /v1/sites": lambda town, made: {"area": town.own_city, "name_zh": "新站", "name_en": "New site"},
    "PATCH /v1/sites/<uuid:site_id>": {"address": "矩阵街 1 号"},
    "POST /v1/sites/<uuid:site_id>/keys": {"label": "矩阵"},
    "POST /v1/teams": TEAM,
    "POST /v1/rooms": ROOM,
    "POST /v1/activities": ACTIVITY,
    "PATCH /v1/activities/<uuid:activity_id>": {"place": "别处"},
    "POST /v1/activities/<uuid:activity_id>/shifts": lambda town, made: {
        "starts_at": in_hours(30),
        "ends_at": in_hours(32),
        "capacity": 5,
    },
    "POST /v1/activities/<uuid:activity_id>/slots": lambda town, made: {
        "starts_at": in_hours(40),
        "ends_at": in_hours(42),
        "roles": [{"role_zh": "引导", "capacity": 2}],
    },
    "PATCH /v1/shifts/<uuid:shift_id>": {"capacity": 7},
    "POST /v1/shifts/<uuid:shift_id>/registrations": lambda town, made: {"person": somebody()},
    "PATCH /v1/people/<uuid:person_id>": {"language": "en"},
    "POST /internal/contacts": lambda town, made: {"people": [{"person_id": town.person, "site_id": town.own.id}]},
    "POST /v1/staff": lambda town, made: {
        "email": f"{uuid.uuid4().hex}@example.com",
        "name": "矩阵同事",
        "grants": [_own_site(town, made)],
    },
    "PATCH /v1/staff/<uuid:staff_id>": {"disabled": True},
    "POST /v1/staff/<uuid:staff_id>/grants": lambda town, made: {"role": "area_admin", "area": town.own_district},
    "POST /v1/staff/me/site": lambda town, made: {"site_id": town.own.id},
    "PATCH /v1/staff/me": {"language": "zh-CN"},
}
