"""Venues, holds, offers, teams that sign up, hand-overs and swaps."""

import itertools
from typing import Any

from tests.matrix.callers import Town
from tests.matrix.filled import filled
from tests.registration.world import somebody

_starts = itertools.count(20000, 5)
PLACE = "/staff/shifts/registrations/<uuid:registration_id>"
VENUE = {"name_zh": "礼堂", "capacity": 100}


def _transfer(town: Town, made: dict[str, str]) -> str:
    """A place that the resident is asked to take over."""
    giver = town.own.sign_up(town.own.shift(starts=next(_starts)), **somebody())
    asked = {"to_person_id": town.person}
    return str(town.own.expect(201, "POST", f"/v1/registrations/{giver['id']}/hand-over", asked)["id"])


def _members(town: Town, made: dict[str, str]) -> dict[str, Any]:
    team = {"name_zh": "矩阵合唱团", "name_en": "Choir", "kind": "choir"}
    team_id = town.own.expect(201, "POST", "/v1/teams", team)["id"]
    member = {"person_id": town.person, "agreement": "入队名单"}
    town.own.expect(201, "POST", f"/v1/teams/{team_id}/members", member)
    return {"team_id": team_id, "person_ids": [town.person]}


def _seen(town: Town, path: str, wanted: dict[str, int]) -> dict[str, Any]:
    """A change with the token of its preview."""
    return wanted | {"token": town.own.expect(200, "POST", f"{path}/preview", wanted)["token"]}


def _waiting(town: Town, made: dict[str, str]) -> str:
    """Who waits where the site says who goes first."""
    shift = town.own.shift(1, waitlist_order="priority")
    town.own.sign_up(shift)
    return str(town.own.sign_up(shift)["id"])


def _several(town: Town, made: dict[str, str]) -> str:
    """A place that may be one of several people."""
    return str(town.own.sign_up(town.own.shift(party_limit=3))["id"])


def _passing(town: Town, made: dict[str, str]) -> dict[str, str]:
    return {"to_person_id": town.own.sign_up(town.own.shift())["person_id"], "agreed": "on"}


def _with_members(town: Town, made: dict[str, str]) -> str:
    return str(_members(town, made)["team_id"])


def _swap(town: Town, made: dict[str, str]) -> dict[str, Any]:
    return {"other_registration_id": town.own.sign_up(town.own.shift())["id"]}


SAMPLES: dict[str, Any] = {
    "venue_id": lambda town, made: town.own.expect(201, "POST", "/v1/venues", VENUE)["id"],
    "hold_id": lambda town, made: town.own.expect(201, "POST", f"/v1/shifts/{town.own.shift()}/holds")["id"],
    "transfer_id": _transfer,
    f"{PLACE}/priority registration_id": _waiting,
    f"{PLACE}/size registration_id": _several,
    "/staff/shifts/<uuid:shift_id>/teams/<uuid:team_id> team_id": _with_members,
}

FORMS: dict[str, Any] = {
    "POST /staff/venues/new": VENUE,
    "POST /staff/activities/shifts/<uuid:shift_id>/private-note": {"note": "王奶奶，三单元", "version": "0"},
    "POST /staff/venues/<uuid:venue_id>": {"name_zh": "大礼堂", "version": "1"},
    "POST /staff/venues/<uuid:venue_id>/cap": {"capacity": "50", "percent": "50"},
}

BODIES: dict[str, Any] = {
    "POST /v1/venues": VENUE,
    "PATCH /v1/venues/<uuid:venue_id>": {"name_zh": "大礼堂"},
    "POST /v1/venues/<uuid:venue_id>/cap/preview": {"capacity": 50, "percent": 50},
    "POST /v1/venues/<uuid:venue_id>/cap": lambda town, made: _seen(
        town, f"/v1/venues/{made['venue_id']}/cap", {"capacity": 50, "percent": 50}
    ),
    "POST /v1/shifts/<uuid:shift_id>/capacity/preview": {"capacity": 5},
    "POST /v1/shifts/<uuid:shift_id>/capacity": lambda town, made: _seen(
        town, f"/v1/shifts/{made['shift_id']}/capacity", {"capacity": 5}
    ),
    "PUT /v1/shifts/<uuid:shift_id>/private-note": {"note": "王奶奶，三单元"},
    "PUT /v1/activities/<uuid:activity_id>/venue": {"venue_id": None},
    "PATCH /v1/registrations/<uuid:registration_id>": {"party_size": 1},
    "POST /v1/shifts/<uuid:shift_id>/team-registrations": _members,
    "POST /v1/registrations/<uuid:registration_id>/hand-over": lambda town, made: {
        "to_person_id": town.own.sign_up(town.own.shift())["person_id"]
    },
    "POST /v1/registrations/<uuid:registration_id>/swap": _swap,
}


def _call(town: Town, made: dict[str, str]) -> str:
    """Somebody with a phone alone, whose turn came."""
    shift = town.own.shift(1)
    first, second = town.own.sign_up(shift), town.own.sign_up(shift)
    town.own.cancel(first["id"])
    return str(town.own.sql("SELECT id FROM calls WHERE registration_id = :id", id=second["id"])[0].id)


SAMPLES["call_id"] = _call

FORMS |= (
    filled(f"{PLACE}/priority", page=PLACE, priority="7")
    | filled(f"{PLACE}/size", page=PLACE, party_size="2")
    | filled(f"{PLACE}/find", page=PLACE, value="matrix@example.com")
    | filled("/staff/shifts/<uuid:shift_id>/teams/<uuid:team_id>")
)
FORMS[f"POST {PLACE}/pass-on"] = _passing
