"""People, volunteers and their records, consents."""

import itertools
from typing import Any

from tests.matrix.callers import RESIDENT_DETAILS, Town
from tests.matrix.filled import filled
from tests.matrix.samples.sites import TEAM
from tests.registration.test_volunteers import id_number, register
from tests.registration.world import somebody

_numbers = itertools.count()
_starts = itertools.count(10000, 5)
GUARDIAN = {"name": "矩阵监护人", "email": "guardian@example.com"}
TRAINING = {"name": "急救", "minutes": 60, "provider": "红十字会", "day": "2026-01-05"}
AWARD = {"name": "优秀志愿者", "grantor": "街道办事处", "day": "2026-01-05"}
EVALUATION = {"quality": "good", "evaluator": "服务中心", "day": "2026-01-05"}
RECORDS = {"trainings": TRAINING, "awards": AWARD, "evaluations": EVALUATION}
VOLUNTEERS = "/v1/volunteers/<uuid:person_id>"
PAGE = "/staff/people/<uuid:person_id>"


def _consent(town: Town, made: dict[str, str]) -> str:
    """A consent of the resident."""
    return str(town.own.expect(201, "POST", f"/v1/people/{town.person}/consents", {"kind": "photo"})["id"])


def _doubles(town: Town) -> dict[str, str]:
    """The same person, entered twice at the site."""
    name, shift = somebody()["name"], town.own.shift()
    ids = [town.own.sign_up(shift, name=name)["person_id"] for _ in range(2)]
    return {"survivor": ids[0], "merged": ids[1], "reason": "entered_twice"}


def _merge(town: Town, made: dict[str, str]) -> str:
    """Two who became one."""
    return str(town.own.expect(201, "POST", "/v1/merges", _doubles(town))["id"])


def _decision(town: Town, made: dict[str, str]) -> str:
    """Two who are two people."""
    pair = _doubles(town)
    body = {"one": pair["survivor"], "two": pair["merged"]}
    return str(town.own.expect(201, "POST", "/v1/two-people", body)["id"])


def _record(kind: str) -> Any:
    path = f"/v1/volunteers/{{}}/{kind}"
    return lambda town, made: town.own.expect(201, "POST", path.format(town.person), RECORDS[kind])["id"]


def _unknown(town: Town, made: dict[str, str]) -> dict[str, str]:
    """Somebody new, as a form takes them."""
    return {name: somebody()[name] for name in ("name", "phone", "birth_date")}


def _two(town: Town, made: dict[str, str]) -> dict[str, str]:
    pair = _doubles(town)
    return {"one": pair["survivor"], "two": pair["merged"]}


def _attended_by_resident(town: Town, made: dict[str, str]) -> str:
    """A shift with the resident on it."""
    shift = town.own.shift(starts=next(_starts))
    town.own.sign_up(shift, **RESIDENT_DETAILS)
    return shift


def _team_of(town: Town, person: str) -> str:
    team = str(town.own.expect(201, "POST", "/v1/teams", TEAM)["id"])
    member = {"person_id": person, "agreement": "签署入队名单"}
    town.own.expect(201, "POST", f"/v1/teams/{team}/members", member)
    return team


def _resident_team(town: Town, made: dict[str, str]) -> str:
    """A team of the resident alone."""
    return _team_of(town, town.person)


def _child(town: Town, made: dict[str, str]) -> str:
    """A minor whose guardian is on file."""
    child = town.own.sign_up(town.own.shift(), birth_date="2016-05-17", guardian_consent=True)["person_id"]
    town.own.expect(200, "PUT", f"/v1/people/{child}/guardian", GUARDIAN)
    return str(child)


def _with_number(town: Town, made: dict[str, str]) -> str:
    """A volunteer whose ID number the site knows."""
    born, number = "1990-05-18", id_number("19900518", order=next(_numbers))
    return str(register(town.own, birth_date=born, id_number=number, id_number_consent=True)["person_id"])


def _unchecked(town: Town, made: dict[str, str]) -> str:
    """A volunteer who told their ID number online: nobody at the site saw the document."""
    person = _with_number(town, made)
    town.own.sql("UPDATE volunteers SET id_number_hash = NULL WHERE person_id = :p", p=person)
    return person


def _newcomers(town: Town, made: dict[str, str]) -> str:
    """A team of somebody who is no volunteer yet."""
    return _team_of(town, str(town.own.sign_up(town.own.shift())["person_id"]))


def _chosen(town: Town, made: dict[str, str]) -> dict[str, str]:
    members = town.own.sql("SELECT person_id FROM team_members WHERE team_id = :t", t=made["team_id"])
    return {"chosen": str(members[0].person_id), f"{members[0].person_id}.sex": "female"}


SAMPLES: dict[str, Any] = {
    "person_id": lambda town, made: town.person,
    "consent_id": _consent,
    "merge_id": _merge,
    f"{PAGE}/id-number person_id": _with_number,
    f"{VOLUNTEERS}/id-number person_id": _with_number,
    f"{PAGE}/id-number/checked person_id": _unchecked,
    f"{VOLUNTEERS}/id-number/checked person_id": _unchecked,
    f"{PAGE}/guardian/ask person_id": _child,
    "/v1/people/<uuid:person_id>/guardian/ask person_id": _child,
    f"{PAGE}/erase person_id": lambda town, made: town.own.sign_up(town.own.shift())["person_id"],
    "/staff/teams/<uuid:team_id>/volunteers team_id": _newcomers,
    "/staff/trainings/teams/<uuid:team_id> team_id": _resident_team,
    "/v1/teams/<uuid:team_id>/leader team_id": _resident_team,
    "decision_id": _decision,
    "/v1/people/<uuid:person_id>/erasure person_id": lambda town, made: town.own.sign_up(town.own.shift())["person_id"],
    f"{PAGE}/records/<kind> kind": lambda town, made: "awards",
    f"{PAGE}/records/<kind>/<uuid:record_id>/remove kind": lambda town, made: "awards",
    f"{PAGE}/records/<kind>/<uuid:record_id>/remove record_id": _record("awards"),
} | {f"{VOLUNTEERS}/{kind}/<uuid:record_id> record_id": _record(kind) for kind in RECORDS}

BODIES: dict[str, Any] = {
    "PATCH /v1/people/<uuid:person_id>": {"language": "en"},
    "POST /internal/contacts": lambda town, made: {"people": [{"person_id": town.person, "site_id": town.own.id}]},
    "POST /internal/reach": lambda town, made: {"person_id": town.person, "address": "ab"},
    "POST /v1/people": lambda town, made: somebody(),
    "POST /v1/people/search": {"email": "matrix@example.com"},
    "PUT /v1/people/<uuid:person_id>/guardian": GUARDIAN,
    "PUT /v1/people/<uuid:person_id>/helper": GUARDIAN | {"agreed": True},
    "POST /v1/people/<uuid:person_id>/consents": {"kind": "photo"},
    "POST /v1/people/<uuid:person_id>/erasure": {"reason": "person_asked"},
    "POST /v1/erasures/repeat": {"items": []},
    "PUT /v1/retention": {"months": 24, "minors_months": 12},
    "POST /v1/consent-texts": {"kind": "photo", "zh": "可以拍照。" * 5, "en": "Photos may be taken of me."},
    "POST /v1/volunteers": lambda town, made: somebody() | {"sex": "female", "terms_consent": True},
    "POST /v1/merges": lambda town, made: _doubles(town),
    "POST /v1/two-people": lambda town, made: {
        {"survivor": "one", "merged": "two"}[name]: who for name, who in _doubles(town).items() if name != "reason"
    },
    f"PATCH {VOLUNTEERS}": {"sex": "female"},
    f"POST {VOLUNTEERS}/id-number": {"reason": "insurance"},
} | {f"POST {VOLUNTEERS}/{kind}": body for kind, body in RECORDS.items()}


def _taught(town: Town, made: dict[str, str]) -> dict[str, str]:
    return {name: str(value) for name, value in TRAINING.items()} | {"people": town.person}


DESK = "/staff/desk/<uuid:shift_id>"

FORMS: dict[str, Any] = {
    f"POST {PAGE}/guardian": GUARDIAN,
    f"POST {PAGE}/helper": GUARDIAN | {"agreed": "on"},
    f"POST {PAGE}/records/<kind>": AWARD,
    "POST /staff/doubles/people/<uuid:person_id>": {"value": "matrix@example.com"},
    f"POST {DESK}": {"value": "matrix@example.com"},
    "POST /staff/people/": {"by": "email", "value": "matrix@example.com"},
    "POST /staff/doubles/": lambda town, made: _doubles(town),
    "POST /staff/doubles/two-people": _two,
    "POST /staff/teams/<uuid:team_id>/volunteers": lambda town, made: _chosen(town, made) | {"how": "paper"},
    f"POST {PAGE}/erase": {"reason": "person_asked"},
    f"POST {PAGE}/id-number": {"reason": "insurance"},
    f"POST {PAGE}/consents": {"kind": "photo", "how": "desk"},
    "POST /staff/trainings/shifts/<uuid:shift_id>": _taught,
    "POST /staff/trainings/teams/<uuid:team_id>": _taught,
    f"POST {DESK}/new": lambda town, made: {name: somebody()[name] for name in ("name", "phone")},
}

BODIES["POST /v1/volunteers/trainings"] = lambda town, made: TRAINING | {"people": [town.person]}

FORMS |= (
    filled("/staff/people/new", fields=_unknown, terms_consent="on", sex="female")
    | filled(f"{PAGE}/edit")
    | filled("/staff/retention")
)
SAMPLES["/staff/trainings/shifts/<uuid:shift_id> shift_id"] = _attended_by_resident
