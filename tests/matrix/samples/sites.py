"""Areas, sites and their keys, rooms, teams."""

import io
from typing import Any
from uuid import UUID, uuid4

from services.registration.operations.sites.logos import set_logo
from tests.matrix.callers import Town
from tests.matrix.filled import filled
from tests.registration.test_site_settings import png

ROOM = {"name_zh": "矩阵室", "name_en": "Matrix room", "capacity": 20}
TEAM = {"name_zh": "矩阵队", "name_en": "Matrix team", "kind": "choir"}


def _key(town: Town, made: dict[str, str]) -> str:
    """A site key that nobody uses."""
    return str(town.operator.expect(201, "POST", f"/v1/sites/{town.own.id}/keys", {"label": "矩阵"})["id"])


def _with_logo(town: Town, made: dict[str, str]) -> str:
    """The site, which has a logo."""
    with town.own.database.transaction(town.own.id) as session:
        set_logo(session, UUID(town.own.id), png(8, 8))
    return town.own.id


SAMPLES: dict[str, Any] = {
    "/v1/sites/<uuid:site_id>/logo site_id": _with_logo,
    "code": lambda town, made: town.own_city,
    "site_id": lambda town, made: town.own.id,
    "key_id": _key,
    "/staff/consent-texts/<string:kind> kind": lambda town, made: "photo",
    "room_id": lambda town, made: town.own.expect(201, "POST", "/v1/rooms", ROOM)["id"],
    "team_id": lambda town, made: town.own.expect(201, "POST", "/v1/teams", TEAM)["id"],
}

BODIES: dict[str, Any] = {
    "PUT /v1/areas/<code>": {"parent": "140000", "level": "city", "name_zh": "区划", "name_en": "Area"},
    "POST /v1/sites": lambda town, made: {"area": town.own_city, "name_zh": "新站", "name_en": "New site"},
    "PATCH /v1/sites/<uuid:site_id>": {"address": "矩阵街 1 号"},
    "POST /v1/sites/<uuid:site_id>/keys": {"label": "矩阵"},
    "POST /v1/sites/<uuid:site_id>/settings/preview": {"opening_hours": {}},
    "POST /v1/teams": TEAM,
    "POST /v1/rooms": ROOM,
}

_AREA = {"level": "district", "name_zh": "矩阵区", "name_en": "Matrix district"}

_TABLE = "code,parent,level,name_zh,name_en\n{},{},district,矩阵区,Matrix district\n"


def _table(town: Town, made: dict[str, str]) -> str:
    return _TABLE.format(f"M{uuid4().hex[:12]}", town.own_city)


FORMS: dict[str, Any] = {
    "POST /staff/areas/import": lambda town, made: {"table": _table(town, made), "step": "try"},
    "POST /v1/areas/import": lambda town, made: _table(town, made).encode(),
    "POST /staff/centre/logo": lambda town, made: {"logo": (io.BytesIO(png(8, 8)), "logo.png")},
    "PUT /v1/sites/<uuid:site_id>/logo": lambda town, made: png(8, 8),
    "POST /staff/areas/new": lambda town, made: _AREA | {"code": f"M{uuid4().hex[:12]}", "parent": town.own_city},
    "POST /staff/areas/at/<code>/edit": {
        "level": "city",
        "name_zh": "区划",
        "name_en": "Area",
        "parent": "140000",
        "version": "1",
    },
    "POST /staff/areas/at/<code>/add-site": {"name_zh": "新站", "name_en": "New site", "time_zone": "Asia/Shanghai"},
    "POST /staff/areas/sites/<uuid:site_id>": {"address": "矩阵街 1 号", "version": "1"},
    "POST /staff/areas/sites/<uuid:site_id>/keys": {"label": "矩阵"},
    "POST /staff/centre/designations/<uuid:designation_id>": {
        "name_zh": "矩阵牌",
        "granted_by": "协会",
        "valid_from": "2022-06-29",
        "version": "1",
    },
    "POST /staff/centre/organisations/<uuid:organisation_id>": {"name_zh": "矩阵单位", "kind": "other", "version": "1"},
    "POST /staff/consent-texts": {"kind": "photo", "zh": "可能拍照。", "en": "Photos may be taken."},
}

FORMS |= filled("/staff/centre/settings")
