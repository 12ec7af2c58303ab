"""The pilot's story, through the public API alone: `make demo`, or `python -m examples.pilot`.

Choirs book the rehearsal rooms and one of them wants an evening that is taken. Singers become volunteers. The blood
drive fills up; the cap of the hall is lowered, which shows beforehand who would wait, and raised again, and everybody
has their place back. Hours are earned by attendance, a certificate is issued and verified. At the end the programme is
cloned to the other eight communities, each of which gets its list of what is left to do.

Every step checks what the system says; exit code 1: something differs. Takes two minutes, most of which is waiting
for the drive to go on for a minute.
"""

import base64
import json
import sys
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from examples import whereabouts
from examples.client import Client, Refused
from examples.community_site import Differs, at_once, say, wait_until
from examples.demo_data import make_areas, make_sites
from examples.people import invent
from examples.programme import CHOIRS, COMMUNITY_SITES, DONORS_FROM, ROOMS, SUBDISTRICT, ZONE

SINGERS_EACH = 6
HALL = 60
DONORS = 100
STARTS_IN = timedelta(seconds=45)
DRIVE_LASTS = timedelta(minutes=30)
RISKS = {
    "risks_zh": "久站，人流密集；不适请告知现场医护。",
    "risks_en": "You stand long in a crowd: tell the medics if unwell.",
}


def main() -> int:
    """The exit code."""
    try:
        tell(whereabouts.find())
    except (whereabouts.NotRunning, Differs, Refused, requests.RequestException) as error:
        print(f"\n✗ {error}", file=sys.stderr)
        return 1
    print("\n✓ 故事讲完，每一步都核对无误 · the story is told, and every step was as it should be")
    return 0


def tell(where: whereabouts.Whereabouts) -> None:
    """The whole story."""
    operator = Client(where.registration, where.operator_key)
    make_areas(operator)
    site = _open_site(operator)
    centre = Client(where.registration, operator.create(f"/v1/sites/{site['id']}/keys", {"label": "pilot.py"})["key"])

    choirs = choirs_move_in(centre)
    choirs_book_rooms(centre, choirs)
    volunteers = singers_become_volunteers(centre, choirs)
    drive = blood_drive(operator, centre)
    fill(centre, drive, volunteers)
    lower_and_raise_the_cap(centre, drive)
    served = earn_hours(centre, drive, volunteers)
    certify(centre, where.registration, served)
    clone(operator, drive)


def _open_site(operator: Client) -> Any:
    opened = datetime.now(ZONE).strftime("%m-%d %H:%M:%S")
    body = {"area": SUBDISTRICT.code, "name_zh": f"试点中心 {opened}", "name_en": f"Pilot centre {opened}"}
    site = operator.create("/v1/sites", body)
    say("试点中心开张", f"the pilot centre: {site['name_en']}")
    return site


# -- choirs ------------------------------------------------------------------------------------------------------------


def choirs_move_in(centre: Client) -> list[dict[str, Any]]:
    """Ten choirs with their singers, who agreed on paper to be on the list."""
    people = invent(SINGERS_EACH * len(CHOIRS))
    choirs = []
    for number, (zh, en) in enumerate(CHOIRS):
        team = centre.create("/v1/teams", {"name_zh": zh, "name_en": en, "kind": "choir"})
        singers = people[number * SINGERS_EACH :][:SINGERS_EACH]
        choirs.append({**team, "members": at_once(partial(_join, centre, team), singers)})
    singing = sum(len(choir["members"]) for choir in choirs)
    say("十支合唱团入驻", f"{len(choirs)} choirs with {singing} singers")
    return choirs


def _join(centre: Client, team: dict[str, Any], singer: dict[str, Any]) -> str:
    person = centre.create("/v1/people", singer)
    member = {"person_id": person["id"], "agreement": "signed the choir's list"}
    centre.create(f"/v1/teams/{team['id']}/members", member)
    return str(person["id"])


def choirs_book_rooms(centre: Client, choirs: list[dict[str, Any]]) -> None:
    """Two halls, five evenings: each choir has one for twelve weeks. An eleventh wish finds every date taken."""
    halls = [
        centre.create("/v1/rooms", {"name_zh": room.name_zh, "name_en": room.name_en, "capacity": room.capacity})
        for room in ROOMS[:2]
    ]
    first = datetime.now(ZONE).date() + timedelta(days=1)
    series = [
        {
            "room_id": halls[number // 5]["id"],
            "team_id": choir["id"],
            "first_day": str(first + timedelta(days=number % 5)),
            "from_time": "19:00",
            "to_time": "21:00",
            "rrule": "FREQ=WEEKLY;COUNT=12",
        }
        for number, choir in enumerate(choirs)
    ]
    saved = sum(len(centre.create("/v1/bookings/series", wish)["saved"]) for wish in series)
    _expect("bookings", saved, 12 * len(choirs))
    wish = {**series[0], "team_id": choirs[-1]["id"]}
    preview = centre.act("/v1/bookings/series/preview", wish)
    _expect("free dates of an evening that is taken", preview["free"], 0)
    say("排练厅预约", f"{saved} rehearsals booked; a second choir on the same evenings would find 0 of 12 free")


def singers_become_volunteers(centre: Client, choirs: list[dict[str, Any]]) -> list[str]:
    """From the rosters of three choirs to volunteers, in one step each."""
    volunteers: list[str] = []
    for choir in choirs[:3]:
        members = [{"person_id": one, "terms_consent": True, "sex": "female"} for one in choir["members"]]
        answer = centre.create(f"/v1/teams/{choir['id']}/volunteers", {"members": members})
        volunteers += [line["person_id"] for line in answer["items"] if line["outcome"] == "registered"]
    say("团员成为志愿者", f"{len(volunteers)} singers are volunteers now")
    return volunteers


# -- the blood drive ---------------------------------------------------------------------------------------------------


def blood_drive(operator: Client, centre: Client) -> dict[str, Any]:
    """In a hall for sixty: one slot for those who help, one for those who give, at the same time."""
    venue = centre.create("/v1/venues", {"name_zh": "多功能厅", "name_en": "Main Hall", "capacity": HALL})
    host = centre.create("/v1/organisations", _ASSOCIATION)
    starts_at = (datetime.now(ZONE) + STARTS_IN).replace(microsecond=0)
    times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + DRIVE_LASTS).isoformat()}
    drive = centre.create("/v1/activities", {**_DRIVE, **RISKS})
    centre.put(f"/v1/activities/{drive['id']}/venue", {"venue_id": venue["id"]}, drive["version"])
    parts = [{"organisation_id": host["id"], "role": "co_organiser"}]
    centre.put(f"/v1/activities/{drive['id']}/organisations", {"organisations": parts})
    roles = {
        "helpers": {"role_zh": "引导志愿者", "role_en": "steward", "capacity": 12},
        "donors": {
            "role_zh": "献血者", "role_en": "donor", "capacity": DONORS, "requirements": {"min_age": DONORS_FROM},
        },
    }  # fmt: skip
    shifts = {
        name: centre.create(f"/v1/activities/{drive['id']}/shifts", {**times, **role}) for name, role in roles.items()
    }
    centre.act(f"/v1/activities/{drive['id']}/publish")
    say("发布献血活动", f"a blood drive at {starts_at:%H:%M:%S} in a hall for {HALL}")
    return {"id": drive["id"], "venue": venue, "starts_at": starts_at, **shifts}


_ASSOCIATION = {
    "name_zh": "杏花岭区青年志愿者协会",
    "name_en": "Xinghualing Young Volunteers' Association",
    "kind": "association",
}
_DRIVE = {
    "kind": "blood_drive",
    "title_zh": "我为青春献热血",
    "title_en": "Give Blood for Youth",
    "place": "赛马场区域党群服务中心多功能厅",
    "volunteering": True,
    "reminder_minutes": [],
}


def fill(centre: Client, drive: dict[str, Any], volunteers: list[str]) -> None:
    """Helpers first, then a hundred donors at once: the hall holds sixty, whatever the slots would."""
    helpers = drive["helpers"]["id"]
    at_once(lambda person: centre.create(f"/v1/shifts/{helpers}/registrations", {"person_id": person}), volunteers[:12])
    path = f"/v1/shifts/{drive['donors']['id']}/registrations"
    answers = at_once(lambda person: centre.create(path, {"person": person}), invent(DONORS))
    confirmed = sum(answer["status"] == "confirmed" for answer in answers)
    _expect("donors with a place", confirmed, HALL - 12)
    say("献血活动报满", f"12 helpers and {confirmed} donors fill the hall; {DONORS - confirmed} wait")


def lower_and_raise_the_cap(centre: Client, drive: dict[str, Any]) -> None:
    """Half of the hall, as a new rule asks; then all of it again. Who moved comes back, in the old order."""
    before = _places(centre, drive)
    venue = f"/v1/venues/{drive['venue']['id']}/cap"
    half = {"capacity": HALL, "percent": 50}
    preview = centre.act(f"{venue}/preview", half)
    _expect("people who would move", len(preview["moves"]), HALL // 2)
    _expect("places while it is only a preview", _places(centre, drive), before)
    centre.act(venue, {**half, "token": preview["token"]})
    moved = {move["registration_id"] for move in preview["moves"]}
    _expect("places under half the cap", _places(centre, drive), before - moved)
    say("上限降至一半", f"the cap falls to 50 %: {len(moved)} go to the head of the waitlist, as the preview said")
    whole = {"capacity": HALL, "percent": 100}
    centre.act(venue, {**whole, "token": centre.act(f"{venue}/preview", whole)["token"]})
    _expect("places under the whole cap", _places(centre, drive), before)
    say("上限恢复", "the cap is lifted: everybody has their place again, and nobody else")


def _places(centre: Client, drive: dict[str, Any]) -> set[str]:
    return {
        registration["id"]
        for name in ("helpers", "donors")
        for registration in centre.every(f"/v1/shifts/{drive[name]['id']}/registrations", status="confirmed", limit=200)
    }


# -- hours and certificates ------------------------------------------------------------------------------------------


def earn_hours(centre: Client, drive: dict[str, Any], volunteers: list[str]) -> str:
    """A helper comes, stays for a minute and leaves: that is what the record says, and how it came about."""
    path = f"/v1/shifts/{drive['helpers']['id']}/registrations"
    helpers = list(centre.every(path, status="confirmed", limit=200))
    at_once(lambda helper: centre.act(f"/v1/registrations/{helper['id']}/check-in"), helpers)
    wait_until(
        drive["starts_at"] + timedelta(seconds=62), "等待活动进行一分钟", "until the drive has gone on for a minute"
    )
    left = at_once(lambda helper: centre.act(f"/v1/registrations/{helper['id']}/check-out"), helpers)
    _expect("minutes of each helper", {answer["service_minutes"] for answer in left}, {1})
    records = list(centre.every("/v1/service-records", limit=200))
    _expect("service records", {record["person_id"] for record in records}, set(volunteers[:12]))
    say("志愿服务时长", f"{len(records)} service records of 1 minute, by attendance")
    return volunteers[0]


def certify(centre: Client, address: str, person: str) -> None:
    """A certificate from records, which anybody who holds it can verify."""
    day = str(datetime.now(ZONE).date())
    body = {"period_from": day, "period_to": day}
    certificate = centre.create(f"/v1/people/{person}/certificates", body)
    signed = centre.get(f"/v1/certificates/{certificate['id']}/signed")
    badge = json.loads(base64.urlsafe_b64decode(signed["jws"].split(".")[1] + "=="))
    _expect("hours of the Open Badge", badge["credentialSubject"]["creditsEarned"] > 0, True)
    number, code = certificate["number"], parse_qs(urlsplit(signed["url"]).query)["k"][0]
    verified = requests.get(f"{address}/v1/verify/{number}", params={"k": code}, timeout=15).json()
    _expect("validity", verified["valid"], True)
    wrong = requests.get(f"{address}/v1/verify/{number}", params={"k": "WRONG"}, timeout=15)
    _expect("answer to a wrong code", wrong.status_code, 404)
    centre.act(f"/v1/certificates/{certificate['id']}/revoke", {"reason": "issued for the demo"})
    revoked = requests.get(f"{address}/v1/verify/{number}", params={"k": code}, timeout=15).json()
    _expect("validity after revocation", revoked["valid"], False)
    say("证明可核验", f"certificate {number}: verified as {verified['name']}, {verified['minutes']} min, then revoked")


# -- everywhere else ---------------------------------------------------------------------------------------------------


def clone(operator: Client, drive: dict[str, Any]) -> None:
    """The drive becomes a programme and is cloned to the other eight communities in one call."""
    communities = [site["id"] for site in make_sites(operator, COMMUNITY_SITES)[1:]]
    programme = operator.create(
        "/v1/programmes",
        {
            "area": SUBDISTRICT.code,
            "title_zh": "社区公益文化+",
            "title_en": "Community welfare culture plus",
            "from_activities": [drive["id"]],
        },
    )
    starts_on = str(datetime.now(ZONE).date() + timedelta(days=14))
    answer = operator.create(f"/v1/programmes/{programme['id']}/clones", {"sites": communities, "starts_on": starts_on})
    _expect("clones", answer["cloned"], len(communities))
    clones = list(operator.every(f"/v1/programmes/{programme['id']}/clones", limit=200))
    others = [one for one in clones if one["site_id"] in communities]
    left = {item["name"] for item in others[0]["readiness"] if item["done"] < item["of"]}
    say("项目克隆到八个社区", f"{len(others)} communities have it as a draft; left to do: {', '.join(sorted(left))}")


def _expect(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise Differs(f"{what}: {found}, not {expected}")


if __name__ == "__main__":
    sys.exit(main())
