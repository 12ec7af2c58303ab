"""Attendance, service records, what is said and decided about them, certificates."""

import itertools
import uuid
from datetime import datetime
from typing import Any
from uuid import UUID

from itsdangerous import URLSafeTimedSerializer

from services.registration.operations.hours.certificates import Certificates
from services.registration.operations.hours.door_code import Codes
from tests.matrix.callers import RESIDENT, RESIDENT_DETAILS, Town
from tests.matrix.samples.sites import TEAM
from tests.registration.hours_world import moment, over
from tests.registration.rooms_world import SHANGHAI

_starts = itertools.count(5000, 5)
"""Nobody is in two places at once: each shift of the resident has hours of its own, beyond those of `activities`."""


def _record(town: Town, made: dict[str, str], how: str = "imported") -> str:
    """A record of the resident."""
    row = town.own.sql(
        "INSERT INTO service_records (site_id, person_id, activity, day, place, content, minutes, how, unit, in_charge,"
        " recorded_by, late)"
        " VALUES (:s, :p, '活动 ' || gen_random_uuid(), current_date, '站内', '引导', 60, :how, '站点', 'site:x',"
        " 'staff:x', true)"
        " RETURNING id",
        s=town.own.id,
        p=town.person,
        how=how,
    )
    return str(row[0].id)


def _late(town: Town, made: dict[str, str]) -> dict[str, str]:
    """The flag of a record that came late; one that was imported always does, and has none."""
    return {"kind": "late", "subject": f"{_record(town, made, 'confirmed')}#1", "reason": "核对无误"}


def _entry(town: Town, made: dict[str, str]) -> str:
    _, [registration] = over(town.own, ago=48)
    return str(town.own.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", _later())["id"])


def _entered_shift(town: Town, made: dict[str, str]) -> str:
    """The shift of a later entry."""
    return str(town.own.sql("SELECT shift_id FROM later_entries WHERE id = :i", i=_entry(town, made))[0].shift_id)


def _attended_registration(town: Town, made: dict[str, str]) -> str:
    _, [registration] = over(town.own)
    town.own.expect(200, "POST", f"/v1/registrations/{registration}/check-in", {})
    return registration


def _later(hours: float = 48) -> dict[str, str]:
    return {"checked_in_at": moment(-hours - 2), "checked_out_at": moment(-hours), "reason": "纸质签到表"}


def _later_here() -> dict[str, str]:
    """As a form shows times: by the site's clock."""
    came, left = (datetime.fromisoformat(moment(hours)).astimezone(SHANGHAI) for hours in (-3, -1))
    return {
        "checked_in_at": f"{came:%Y-%m-%dT%H:%M}",
        "checked_out_at": f"{left:%Y-%m-%dT%H:%M}",
        "reason": "纸质签到表",
    }


def _objection(town: Town, made: dict[str, str]) -> str:
    path = f"/v1/my/service-records/{_record(town, made)}/objections"
    answer = town.call(RESIDENT, "POST", path, body={"words": "时长有误"})
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return str(answer.get_json()["id"])


def _own_shift(town: Town, made: dict[str, str]) -> str:
    """The shift of the resident that is running: there is never more than one."""
    running = town.own.sql(
        "SELECT s.id FROM registrations AS r JOIN shifts AS s ON s.id = r.shift_id"
        " WHERE r.person_id = :person AND r.during @> now()",
        person=town.person,
    )
    if running:
        return str(running[0].id)
    shift = town.own.shift(starts=next(_starts), volunteering=True)
    town.own.sign_up(shift, **RESIDENT_DETAILS)
    town.own.move_shift(shift, -0.1, 1)
    return shift


def _gone_home(town: Town, made: dict[str, str]) -> dict[str, Any]:
    """Nothing to say; the resident is on no shift that runs."""
    ago = next(_starts)
    town.own.move_shift(_own_shift(town, made), -ago, -ago + 1)
    return {}


def _past_registration(town: Town, made: dict[str, str]) -> str:
    return over(town.own, ago=48)[1][0]


def _attended(town: Town, made: dict[str, str]) -> dict[str, Any]:
    return {"entries": [{"registration_id": _of(town, made["shift_id"]), "outcome": "attended"}]}


def _taps(town: Town, made: dict[str, str]) -> dict[str, Any]:
    registration = _of(town, made["shift_id"])
    return {"taps": [{"id": f"matrix-{registration}", "registration_id": registration, "what": "in", "at": moment(-2)}]}


def _of(town: Town, shift: str) -> str:
    return str(town.own.sql("SELECT id FROM registrations WHERE shift_id = :s", s=shift)[0].id)


def _registered(town: Town, shift: str) -> str:
    """A registration for the shift, or a made-up one where there is none."""
    rows = town.own.sql("SELECT id FROM registrations WHERE shift_id = :s", s=shift)
    return str(rows[0].id) if rows else str(uuid.uuid4())


def _past_shift(town: Town, made: dict[str, str]) -> str:
    return over(town.own)[0]


def _certificate(town: Town, made: dict[str, str]) -> str:
    _record(town, made)
    return str(town.own.expect(201, "POST", f"/v1/people/{town.person}/certificates", YEARS)["id"])


def _proof(town: Town, made: dict[str, str]) -> dict[str, str]:
    """The number of a certificate and its code."""
    _record(town, made)
    issued = town.own.expect(201, "POST", f"/v1/people/{town.person}/certificates", YEARS)
    return {"number": issued["number"], "k": Certificates(town.office.data, "").code(issued["number"])}


def _batch(town: Town, made: dict[str, str]) -> str:
    _record(town, made)
    return str(town.own.expect(201, "POST", "/v1/certificate-batches", YEARS | {"person_ids": [town.person]})["id"])


def _with_hours(town: Town, made: dict[str, str]) -> str:
    _record(town, made)
    return town.person


def _team_with_hours(town: Town, made: dict[str, str]) -> str:
    """The resident's team."""
    _record(town, made)
    team = str(town.own.expect(201, "POST", "/v1/teams", TEAM)["id"])
    member = {"person_id": town.person, "agreement": "签署入队名单"}
    town.own.expect(201, "POST", f"/v1/teams/{team}/members", member)
    return team


def _running(town: Town, made: dict[str, str]) -> str:
    """A registration for a shift that runs."""
    shift = town.own.shift()
    registration = str(town.own.sign_up(shift)["id"])
    town.own.move_shift(shift, -0.5, 1)
    return registration


def _running_shift(town: Town, made: dict[str, str]) -> str:
    return str(town.own.sql("SELECT shift_id FROM registrations WHERE id = :id", id=_running(town, made))[0].shift_id)


def _came(town: Town, made: dict[str, str]) -> str:
    """A registration whose person is there."""
    registration = _running(town, made)
    town.own.expect(200, "POST", f"/v1/registrations/{registration}/check-in", {})
    return registration


YEARS = {"period_from": "2026-01-01", "period_to": "2099-01-01"}


def _ticket(town: Town, made: dict[str, str]) -> dict[str, Any]:
    signer = URLSafeTimedSerializer(town.office.data.key_for("scan ticket"))
    return {"ticket": signer.dumps([made["shift_id"], town.person]), "what": "in"}


SAMPLES: dict[str, Any] = {
    "/my/hours/<uuid:record_id>/objections record_id": _record,
    "/staff/hours/people/<uuid:person_id>/certificates person_id": _with_hours,
    "/scan/<uuid:shift_id> shift_id": _own_shift,
    "/staff/check-in/<uuid:shift_id> shift_id": _running_shift,
    "/staff/check-in/<uuid:shift_id>/later shift_id": _past_shift,
    "/staff/hours/teams/<uuid:team_id> team_id": _team_with_hours,
    "/v1/registrations/<uuid:registration_id>/check-in registration_id": _running,
    "/v1/registrations/<uuid:registration_id>/check-out registration_id": _came,
    "/v1/registrations/<uuid:registration_id>/no-show registration_id": _running,
    "/staff/hours/shifts/<uuid:shift_id>/later-entries shift_id": _entered_shift,
    "/v1/registrations/<uuid:registration_id>/undo-attendance registration_id": _attended_registration,
    "certificate_id": _certificate,
    "batch_id": _batch,
    "/v1/people/<uuid:person_id>/certificates person_id": _with_hours,
    "number": lambda town, made: "{}?k={}".format(*_proof(town, made).values()),
    "entry_id": _entry,
    "objection_id": _objection,
    "/v1/service-records/<uuid:record_id>/corrections record_id": _record,
    "/v1/service-records/<uuid:record_id>/certificates record_id": _record,
    "/staff/hours/records/<uuid:record_id>/corrections record_id": _record,
    "/v1/my/service-records/<uuid:record_id>/objections record_id": _record,
    "/v1/my/shifts/<uuid:shift_id>/scan shift_id": _own_shift,
    "/v1/shifts/<uuid:shift_id>/roll-call shift_id": _past_shift,
    "/v1/shifts/<uuid:shift_id>/attendance/batch shift_id": _past_shift,
    "/v1/registrations/<uuid:registration_id>/later-entries registration_id": _past_registration,
}

FORMS: dict[str, Any] = {
    "POST /verify": lambda town, made: _proof(town, made),
    "POST /scan/<uuid:shift_id>": _ticket,
    "POST /my/hours/<uuid:record_id>/objections": {"words": "时长有误"},
    "POST /my/hours/certificates": YEARS,
    "POST /staff/check-in/<uuid:shift_id>": lambda town, made: {
        "registration_id": _registered(town, made["shift_id"]),
        "what": "in",
    },
    "POST /staff/check-in/<uuid:shift_id>/roll": {},
    "POST /staff/check-in/<uuid:shift_id>/later": lambda town, made: {
        f"outcome.{_registered(town, made['shift_id'])}": "attended",
        **_later_here(),
    },
    "POST /staff/hours/shifts/<uuid:shift_id>/later-entries": {"decide": "approve", "reason": "核对无误"},
    "POST /staff/hours/later-entries/<uuid:entry_id>": {"decide": "approve", "reason": "核对无误"},
    "POST /staff/hours/objections/<uuid:objection_id>": {"decide": "reject", "reason": "核对无误"},
    "POST /staff/hours/flags": _late,
    "POST /staff/hours/people/<uuid:person_id>/certificates": YEARS,
    "POST /staff/hours/records/<uuid:record_id>/corrections": {"minutes": "30", "reason": "核对无误"},
    "POST /staff/hours/teams/<uuid:team_id>": YEARS,
    "POST /staff/hours/certificates/<uuid:certificate_id>/revoke": {"reason": "核对无误"},
}

DECISION = {"reason": "核对无误"}

BODIES: dict[str, Any] = {
    "POST /v1/my/erasure": _gone_home,
    "POST /v1/people/<uuid:person_id>/certificates": YEARS,
    "POST /v1/my/certificates": YEARS,
    "POST /v1/certificate-batches": lambda town, made: YEARS | {"person_ids": [town.person]},
    "POST /v1/certificates/<uuid:certificate_id>/revoke": {"reason": "核对无误"},
    "POST /v1/hour-flags/clear": _late,
    "POST /v1/later-entries/<uuid:entry_id>/approve": DECISION,
    "POST /v1/later-entries/<uuid:entry_id>/reject": DECISION,
    "POST /v1/objections/<uuid:objection_id>/decision": DECISION | {"upheld": False},
    "POST /v1/service-records/<uuid:record_id>/corrections": DECISION | {"minutes": 30},
    "POST /v1/my/service-records/<uuid:record_id>/objections": {"words": "时长有误"},
    "POST /v1/my/shifts/<uuid:shift_id>/scan": lambda town, made: {
        "token": Codes(town.office.data).now(UUID(made["shift_id"]))[0]
    },
    "POST /v1/registrations/<uuid:registration_id>/later-entries": lambda town, made: _later(),
    "POST /v1/shifts/<uuid:shift_id>/roll-call": _attended,
    "POST /v1/shifts/<uuid:shift_id>/attendance/batch": _taps,
}

QUERIES = {
    "GET /scan/<uuid:shift_id>": lambda town, made: f"?t={Codes(town.office.data).now(UUID(made['shift_id']))[0]}"
}
