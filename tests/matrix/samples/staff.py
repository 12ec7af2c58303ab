"""Accounts of staff, their grants and sessions; links."""

import uuid
from typing import Any

from services.registration.operations.staff.links import Links, issue_link
from tests.matrix.callers import HASHED, OPERATOR_STAFF, PASSWORD, STAFF, Town
from tests.matrix.filled import filled


def _own_site(town: Town) -> dict[str, str]:
    return {"role": "site_staff", "site_id": town.own.id}


def _invitation(town: Town) -> dict[str, Any]:
    return {"email": f"{uuid.uuid4().hex}@example.com", "name": "矩阵同事", "grants": [_own_site(town)]}


def _account(town: Town, made: dict[str, str]) -> str:
    """Somebody who works at the site and has not come yet."""
    return str(town.operator.expect(201, "POST", "/v1/staff", _invitation(town))["id"])


def _grant(town: Town, made: dict[str, str]) -> str:
    """What they may."""
    return str(town.operator.expect(200, "GET", f"/v1/staff/{made['staff_id']}")["grants"][0]["id"])


def _session(town: Town, made: dict[str, str]) -> str:
    """A log-in of the site's staff."""
    account, site = town.accounts[STAFF]
    town.office.session(account, site)
    rows = town.own.sql("SELECT id FROM staff_sessions WHERE staff_id = :id ORDER BY created_at DESC", id=account)
    return str(rows[0].id)


def _link(town: Town, made: dict[str, str]) -> str:
    """A link for a new member of staff to set a password."""
    with town.own.database.transaction("*") as session:
        link = issue_link(session, "staff_invitation", None, staff_id=uuid.UUID(_account(town, made)))
        return Links(town.office.data, "http://localhost").token(link.id)


def _coming(town: Town, made: dict[str, str]) -> dict[str, str]:
    """What somebody of the site types at the door."""
    account = town.office.account(("site_staff", town.own.id, None), password=HASHED)
    return {"email": town.office.session(account).email, "password": PASSWORD}


CHANGED = {"present": PASSWORD, "password": PASSWORD}

SAMPLES: dict[str, Any] = {
    "staff_id": _account,
    "grant_id": _grant,
    "session_id": _session,
    "/links/<token> token": _link,
}

BODIES: dict[str, Any] = {
    "POST /v1/staff/log-in": _coming,
    "POST /v1/staff/password-reset": lambda town, made: {"email": _coming(town, made)["email"]},
    "POST /v1/staff/me/password": CHANGED,
    "POST /v1/staff": lambda town, made: _invitation(town),
    "PATCH /v1/staff/<uuid:staff_id>": {"disabled": True},
    "POST /v1/staff/<uuid:staff_id>/grants": lambda town, made: {"role": "area_admin", "area": town.own_district},
    "POST /v1/staff/me/site": lambda town, made: {"site_id": town.own.id},
    "PATCH /v1/staff/me": {"language": "zh-CN"},
}

FORMS: dict[str, Any] = {
    "POST /staff/site": lambda town, made: {"site_id": town.own.id},
    "POST /staff/account": {"language": "zh-CN"},
    "POST /staff/colleagues/<uuid:staff_id>/grants": lambda town, made: {"over": town.own_district},
    "POST /staff/log-in": _coming,
    "POST /staff/forgotten": lambda town, made: {"email": _coming(town, made)["email"]},
    "POST /staff/account/password": CHANGED,
    "POST /links/<token>": {"password": PASSWORD},
}

FORMS |= filled(
    "/staff/colleagues/invite",
    who=OPERATOR_STAFF,
    fields=lambda town, made: {"email": f"{uuid.uuid4().hex}@example.com", "over": town.own.id},
    name="矩阵同事",
)
QUERIES = {"POST /staff/colleagues/<uuid:staff_id>/grants": "?role=area_admin"}
