"""Programmes that a site keeps, and has."""

from typing import Any

from tests.matrix.callers import Town
from tests.matrix.filled import filled
from tests.registration.programme_world import START, a_programme, activity_template, change, clone

PATH = "/v1/programmes/<uuid:programme_id>"


def _programme(town: Town, made: dict[str, str]) -> str:
    """A programme of the site, which it took itself."""
    programme = a_programme(town.own, activity_template("a1"))
    clone(town.own, programme, town.own.id)
    return str(programme["id"])


def _changed(town: Town, made: dict[str, str]) -> str:
    """A programme that was changed after the site took it."""
    programme = a_programme(town.own, activity_template("a1"))
    clone(town.own, programme, town.own.id)
    change(town.own, programme, activity_template("a1", place="别处"))
    return str(programme["id"])


PAGE = "/staff/programmes/<uuid:programme_id>"

SAMPLES: dict[str, Any] = {"programme_id": _programme, f"{PAGE}/changes programme_id": _changed}

BODIES: dict[str, Any] = {
    "POST /v1/programmes": lambda town, made: {
        "area": town.own_district,
        "title_zh": "矩阵项目",
        "activities": [activity_template("a1")],
    },
    f"PATCH {PATH}": {"title_zh": "矩阵项目二"},
    f"POST {PATH}/clones": lambda town, made: {"sites": [town.own.id], "starts_on": str(START)},
    f"POST {PATH}/decisions": {"programme_version": 1},
}

FORMS: dict[str, Any] = {
    "POST /staff/programmes/<uuid:programme_id>/sites": lambda town, made: {
        "sites": town.own.id,
        "starts_on": str(START),
    },
}

FORMS |= (
    filled(
        "/staff/programmes/new",
        fields=lambda town, made: {"from_activities": town.own.activity_of(town.own.shift())},
        title_zh="矩阵项目",
    )
    | filled(f"{PAGE}/edit")
    | filled(f"{PAGE}/changes")
)
