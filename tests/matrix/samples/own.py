"""What residents do for themselves: volunteer, claim missing hours, lead a team."""

import itertools
from typing import Any

from tests.matrix.callers import RESIDENT_DETAILS, Town
from tests.matrix.samples.sites import ROOM, TEAM
from tests.registration.world import fresh_phone, in_hours, somebody

_starts = itertools.count(15000, 5)
_requests = itertools.count(100, 3)
MEMBER = "<uuid:member_id>"
LED = f"/v1/my/teams/{MEMBER}"
PAGE = f"/my/teams/{MEMBER}"


def _lost(town: Town, made: dict[str, str]) -> str:
    """The resident's registration for a shift of which nobody recorded hours."""
    start = next(_starts)
    shift = town.own.shift(starts=start, volunteering=True)
    registration = str(town.own.sign_up(shift, **RESIDENT_DETAILS)["id"])
    town.own.move_shift(shift, -start, -start + 2)
    return registration


def _led(town: Town, made: dict[str, str]) -> str:
    """The resident's membership of a team that they lead."""
    team = town.own.expect(201, "POST", "/v1/teams", TEAM)["id"]
    body = {"person_id": town.person, "agreement": "签署入队名单"}
    member = town.own.expect(201, "POST", f"/v1/teams/{team}/members", body)["id"]
    town.own.expect(200, "PUT", f"/v1/teams/{team}/leader", {"person_id": town.person})
    return str(member)


def _team(town: Town, made: dict[str, str]) -> str:
    return str(town.own.sql("SELECT team_id FROM team_members WHERE id = :m", m=made["member_id"])[0].team_id)


def _asked(town: Town, made: dict[str, str]) -> str:
    """A room that their team asked for."""
    wanted = _request(town, made) | {"team_id": _team(town, made)}
    return str(town.own.expect(201, "POST", "/v1/bookings", wanted)["id"])


def _request(town: Town, made: dict[str, str]) -> dict[str, Any]:
    room = town.own.expect(201, "POST", "/v1/rooms", ROOM)["id"]
    start = next(_requests)
    return {"room_id": room, "starts_at": in_hours(start), "ends_at": in_hours(start + 1)}


def _called(town: Town, made: dict[str, str]) -> str:
    """A running shift on which another member of their team has a place."""
    person = town.own.sign_up(town.own.shift())["person_id"]
    team = _team(town, made)
    town.own.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": person, "agreement": "签署入队名单"})
    shift = town.own.shift(starts=next(_starts), volunteering=True)
    body = {"team_id": team, "person_ids": [person]}
    town.own.expect(201, "POST", f"/v1/shifts/{shift}/team-registrations", body)
    town.own.move_shift(shift, -0.1, 1)
    return shift


def _joinable(town: Town, made: dict[str, str]) -> str:
    """A shift for which their team may sign up."""
    return town.own.shift(starts=next(_starts))


def _roll(town: Town, made: dict[str, str]) -> dict[str, Any]:
    query = "SELECT id FROM registrations WHERE shift_id = :s"
    return {"entries": [{"registration_id": str(town.own.sql(query, s=made["shift_id"])[0].id), "outcome": "present"}]}


def _consent(town: Town, made: dict[str, str]) -> str:
    body = {"kind": "photo", "given_by": "person", "how": "paper"}
    return str(town.own.expect(201, "POST", f"/v1/people/{town.person}/consents", body)["id"])


def _outdated(town: Town, made: dict[str, str]) -> str:
    """A consent of the resident to a text that has been replaced by one that asks again."""
    given = town.own.expect(201, "POST", f"/v1/people/{town.person}/consents", {"kind": "health", "how": "paper"})
    text = {"kind": "health", "zh": "健康信息另有用途。", "en": "Health data serves more.", "again": True}
    town.operator.expect(201, "POST", "/v1/consent-texts", text)
    return str(given["id"])


def _not_volunteering(town: Town, made: dict[str, str]) -> str:
    """The site, where the resident is no volunteer yet."""
    town.own.sql("DELETE FROM volunteer_sites WHERE person_id = :p AND site_id = :s", p=town.person, s=town.own.id)
    return town.own.id


def _offered(town: Town, made: dict[str, str]) -> str:
    """The resident's registration, for which a place came free."""
    shift = town.own.offered_shift(starts=next(_starts))
    before = town.own.sign_up(shift)
    offered = town.own.sign_up(shift, **RESIDENT_DETAILS)
    town.own.cancel(before["id"])
    return str(offered["id"])


def _taker(town: Town, made: dict[str, str]) -> dict[str, str]:
    """Somebody of the site who could take the place."""
    other = somebody()
    activity = town.own.sql(
        "SELECT s.activity_id FROM registrations r JOIN shifts s ON s.id = r.shift_id WHERE r.id = :r",
        r=made["registration_id"],
    )
    shift = town.own.shift(starts=next(_starts), activity=str(activity[0].activity_id))
    town.own.sign_up(shift, **other)
    return {"name": other["name"], "contact": other["phone"], "shift_id": shift}


def _asking(town: Town, made: dict[str, str]) -> dict[str, str]:
    room = town.own.expect(201, "POST", "/v1/rooms", ROOM)["id"]
    return {"room_id": room, "day": in_hours(100)[:10], "starts_at": "10:00", "ends_at": "11:00"}


SAMPLES: dict[str, Any] = {
    "/my/registrations/<uuid:registration_id>/accept registration_id": _offered,
    "/my/registrations/<uuid:registration_id>/decline registration_id": _offered,
    "/v1/my/registrations/<uuid:registration_id>/accept registration_id": _offered,
    "/v1/my/registrations/<uuid:registration_id>/decline registration_id": _offered,
    "/v1/registrations/<uuid:registration_id>/accept registration_id": _offered,
    "/v1/registrations/<uuid:registration_id>/decline registration_id": _offered,
    "/my/volunteer/<uuid:site_id> site_id": _not_volunteering,
    "/v1/my/volunteer/<uuid:site_id> site_id": _not_volunteering,
    "/my/consents/<uuid:consent_id>/renew consent_id": _outdated,
    "/v1/my/consents/<uuid:consent_id>/renew consent_id": _outdated,
    "/my/consents/<uuid:consent_id> consent_id": _consent,
    "/v1/my/consents/<uuid:consent_id>/withdraw consent_id": _consent,
    "/my/hours/missing/<uuid:registration_id> registration_id": _lost,
    "/v1/my/registrations/<uuid:registration_id>/missing-hours registration_id": _lost,
    f"{LED}/roster member_id": _led,
    f"{LED}/invitations member_id": _led,
    f"{LED}/bookings member_id": _led,
    f"{LED}/rooms member_id": _led,
    f"{LED}/shifts/<uuid:shift_id>/roll-call member_id": _led,
    f"{LED}/shifts/<uuid:shift_id>/roll-call shift_id": _called,
    f"{LED}/shifts/<uuid:shift_id>/registrations member_id": _led,
    f"{LED}/shifts/<uuid:shift_id>/registrations shift_id": _joinable,
    f"{LED}/shifts/<uuid:shift_id>/registrations/preview member_id": _led,
    f"{LED}/shifts/<uuid:shift_id>/registrations/preview shift_id": _joinable,
    f"{PAGE}/lead/shifts member_id": _led,
    f"{PAGE}/lead/shifts/<uuid:shift_id> member_id": _led,
    f"{PAGE}/lead/shifts/<uuid:shift_id> shift_id": _joinable,
    f"{PAGE}/lead member_id": _led,
    f"{PAGE}/lead/invitations member_id": _led,
    f"{PAGE}/lead/rooms member_id": _led,
    f"{PAGE}/lead/rooms/<uuid:booking_id>/withdraw member_id": _led,
    f"{PAGE}/lead/rooms/<uuid:booking_id>/withdraw booking_id": _asked,
    f"{PAGE}/lead/roll/<uuid:shift_id> member_id": _led,
    f"{PAGE}/lead/roll/<uuid:shift_id> shift_id": _called,
}

FORMS: dict[str, Any] = {
    "POST /my/hours/missing/<uuid:registration_id>": {"words": "我一直在场"},
    f"POST {PAGE}/lead/invitations": {"name": "没有这个人", "contact": "nobody@example.com"},
    f"POST {PAGE}/lead/rooms": _asking,
    "POST /my/volunteer/<uuid:site_id>": {"sex": "female", "terms_consent": "on"},
    "POST /my/registrations/<uuid:registration_id>/hand-over": lambda town, made: {
        name: value for name, value in _taker(town, made).items() if name != "shift_id"
    },
    "POST /my/registrations/<uuid:registration_id>/swap": _taker,
    "POST /my/registrations/<uuid:registration_id>/party": {"party_size": "1"},
    "POST /my/log-in": lambda town, made: {"name": "矩阵居民", "contact": fresh_phone()},
    f"POST {PAGE}/lead/roll/<uuid:shift_id>": {},
    f"POST {PAGE}/lead/shifts/<uuid:shift_id>": lambda town, made: {"step": "check", "member_ids": made["member_id"]},
}

BODIES: dict[str, Any] = {
    "POST /v1/my/volunteer/<uuid:site_id>": {"sex": "female", "terms_consent": True},
    "POST /v1/my/registrations/<uuid:registration_id>/missing-hours": {"words": "我一直在场"},
    f"POST {LED}/invitations": {"name": "没有这个人", "email": "nobody@example.com"},
    f"POST {LED}/bookings": _request,
    f"POST {LED}/shifts/<uuid:shift_id>/registrations": {"agreed": True},
    f"POST {LED}/shifts/<uuid:shift_id>/registrations/preview": {},
    f"POST {LED}/shifts/<uuid:shift_id>/roll-call": _roll,
}
