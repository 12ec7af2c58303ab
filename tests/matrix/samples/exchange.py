"""Imports and exports."""

from typing import Any

from tests.matrix.callers import Town

AGREED = {"agreed": "矩阵报名表"}


def _import(town: Town, made: dict[str, str]) -> str:
    """An import that has begun."""
    return str(town.own.expect(201, "POST", "/v1/imports", {"kind": "people"})["id"])


def _export(town: Town, made: dict[str, str]) -> str:
    """An export that waits for the worker."""
    return str(town.own.expect(201, "POST", "/v1/exports", {"format": "csv"})["id"])


SAMPLES: dict[str, Any] = {
    "export_id": _export,
    "form": lambda town, made: "csv",
    "import_id": _import,
    "/v1/imports/<uuid:import_id>/parts/<number> number": lambda town, made: "1",
    "/v1/imports/templates/<kind> kind": lambda town, made: "people",
}

FORMS: dict[str, Any] = {
    "POST /staff/imports": {"kind": "people"},
    "POST /staff/imports/<uuid:import_id>/apply": AGREED,
    "POST /staff/exports": {"format": "csv"},
}

BODIES: dict[str, Any] = {
    "POST /v1/imports": lambda town, made: {"kind": "people", "site_id": town.own.id},
    "POST /v1/exports": lambda town, made: {"format": "csv", "site_id": town.own.id},
    "POST /v1/imports/<uuid:import_id>/apply": AGREED,
    "PUT /v1/imports/<uuid:import_id>/parts/<number>": {"any": "bytes"},
}

SHARED = {"GET /v1/imports/templates/<kind>": "an empty form, the same for everybody"}
