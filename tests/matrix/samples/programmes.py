"""Programmes that a site keeps, and has."""

from typing import Any

from tests.matrix.callers import Town
from tests.registration.programme_world import START, a_programme, activity_template, clone

PATH = "/v1/programmes/<uuid:programme_id>"


def _programme(town: Town, made: dict[str, str]) -> str:
    """A programme of the site, which it took itself."""
    programme = a_programme(town.own, activity_template("a1"))
    clone(town.own, programme, town.own.id)
    return str(programme["id"])


SAMPLES: dict[str, Any] = {"programme_id": _programme}

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
