"""Imports and exports."""

import io
from typing import Any

from services.common.database import ACTING, Acting
from services.registration.operations.exports.steps import write_exports
from tests.matrix.callers import Town
from tests.registration.exchange.files import Importer, as_csv, upload
from tests.registration.world import fresh_phone

AGREED = {"agreed": "矩阵报名表"}


def _import(town: Town, made: dict[str, str]) -> str:
    """An import that has begun."""
    return str(town.own.expect(201, "POST", "/v1/imports", {"kind": "people"})["id"])


def _list() -> bytes:
    return as_csv(("矩阵新人", fresh_phone(), "", "1990-05-17"))


def _sent(town: Town, made: dict[str, str]) -> str:
    """An import whose file is there."""
    return upload(town.own, _list())


def _checked(town: Town, made: dict[str, str]) -> str:
    """An import that was looked through."""
    return str(Importer(town.own.database, town.office.data).check(town.own, _list())["id"])


def _written(town: Town, made: dict[str, str]) -> str:
    """An export that is ready."""
    export = _export(town, made)
    ACTING.set(Acting())
    write_exports(town.own.database, town.office.data)
    return export


def _export(town: Town, made: dict[str, str]) -> str:
    """An export that waits for the worker."""
    return str(town.own.expect(201, "POST", "/v1/exports", {"format": "csv"})["id"])


SAMPLES: dict[str, Any] = {
    "export_id": _export,
    "form": lambda town, made: "csv",
    "import_id": _import,
    "/v1/imports/<uuid:import_id>/check import_id": _sent,
    "/v1/imports/<uuid:import_id>/apply import_id": _checked,
    "/staff/imports/<uuid:import_id>/apply import_id": _checked,
    "/v1/exports/<uuid:export_id>/file export_id": _written,
    "/v1/imports/<uuid:import_id>/parts/<number> number": lambda town, made: "1",
    "/v1/imports/templates/<kind> kind": lambda town, made: "people",
}

FORMS: dict[str, Any] = {
    "POST /staff/imports": lambda town, made: {"kind": "people", "file": (io.BytesIO(_list()), "people.csv")},
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
