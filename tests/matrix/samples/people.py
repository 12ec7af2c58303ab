"""People, volunteers and their records, consents."""

from typing import Any

from tests.matrix.callers import Town
from tests.registration.world import somebody

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


SAMPLES: dict[str, Any] = {
    "person_id": lambda town, made: town.person,
    "consent_id": _consent,
    "merge_id": _merge,
    "decision_id": _decision,
    "/v1/people/<uuid:person_id>/erasure person_id": lambda town, made: town.own.sign_up(town.own.shift())["person_id"],
    f"{PAGE}/records/<kind> kind": lambda town, made: "awards",
    f"{PAGE}/records/<kind>/<uuid:record_id>/remove kind": lambda town, made: "awards",
    f"{PAGE}/records/<kind>/<uuid:record_id>/remove record_id": _record("awards"),
} | {f"{VOLUNTEERS}/{kind}/<uuid:record_id> record_id": _record(kind) for kind in RECORDS}

BODIES: dict[str, Any] = {
    "PATCH /v1/people/<uuid:person_id>": {"language": "en"},
    "POST /internal/contacts": lambda town, made: {"people": [{"person_id": town.person, "site_id": town.own.id}]},
    "POST /v1/people": lambda town, made: somebody(),
    "POST /v1/people/search": {"email": "matrix@example.com"},
    "PUT /v1/people/<uuid:person_id>/guardian": GUARDIAN,
    "PUT /v1/people/<uuid:person_id>/helper": GUARDIAN,
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

DESK = "/staff/desk/<uuid:shift_id>"

FORMS: dict[str, Any] = {
    f"POST {PAGE}/guardian": GUARDIAN,
    f"POST {PAGE}/helper": GUARDIAN | {"agreed": "on"},
    f"POST {PAGE}/records/<kind>": AWARD,
    "POST /staff/doubles/people/<uuid:person_id>": {"value": "matrix@example.com"},
    f"POST {DESK}": {"value": "matrix@example.com"},
    "POST /staff/teams/<uuid:team_id>/volunteers": lambda town, made: {
        "chosen": town.person,
        f"{town.person}.sex": "female",
        f"{town.person}.birth_date": "1990-01-01",
    },
    f"POST {DESK}/new": lambda town, made: {name: somebody()[name] for name in ("name", "phone")},
}

BODIES["POST /v1/volunteers/trainings"] = lambda town, made: TRAINING | {"people": [town.person]}
