"""Certificates: made from records only, the same bytes each time, verified without telling more than they must."""

import base64
import json
import time
import uuid
from datetime import datetime
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import pytest
from apiflask import APIFlask
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pypdf import PdfReader
from stdnum.iso7064 import mod_37_36

from services.common.database import EVERY_SITE, Database
from services.common.events import CertificateIssued, CertificateOutdated, CertificateRevoked
from services.registration.api import certificates as api
from services.registration.operations.hours.certificate_paper import check_printable, render
from services.registration.operations.hours.certificates import AT_ONCE, Certificates
from services.registration.personal_data import PersonalData
from tests.registration.hours_world import Resident, earn, over, person_of, records_of
from tests.registration.office import Office
from tests.registration.world import Site

YEARS = {"period_from": "2026-01-01", "period_to": "2099-12-31"}


@pytest.fixture
def resident(app: APIFlask, database: Database, data: PersonalData) -> Any:
    """Makes residents with a session."""
    return lambda person_id: Resident(app, database, data, person_id)


@pytest.fixture
def certificates(data: PersonalData) -> Certificates:
    """Reads what certificates say."""
    return Certificates(data, "https://hesheng.example.org")


def volunteer(site: Site) -> str:
    """Somebody with two hours."""
    _, [registration] = over(site, title_zh="健康建档")
    earn(site, registration)
    return person_of(site, registration)


def said(site: Site, certificates: Certificates, number: str) -> dict[str, Any]:
    row = site.sql("SELECT * FROM certificates WHERE number = :n", n=number)[0]
    return certificates.content(row)


def unpacked(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_certificate_says_what_the_records_say(site: Site, certificates: Certificates) -> None:
    person = volunteer(site)
    made = site.expect(201, "POST", f"/v1/people/{person}/certificates", YEARS)
    assert (made["minutes"], made["records"]) == (120, 1)
    assert mod_37_36.is_valid(made["number"]) and not mod_37_36.is_valid(made["number"][:-2] + "XX")
    content = said(site, certificates, made["number"])
    assert content["name"].startswith("居民") and content["minutes"] == 120
    assert [(r["activity"], r["content"], r["minutes"]) for r in content["records"]] == [("健康建档", "参与者", 120)]
    assert content["unit"].startswith("站点") and content["period_from"] == "2026-01-01"
    assert [type(e) for e in site.events(site.id)][-1] is CertificateIssued
    stored = site.sql("SELECT content FROM certificates WHERE number = :n", n=made["number"])[0].content
    assert "居民".encode() not in bytes(stored)


def test_the_paper_is_the_same_each_time(site: Site) -> None:
    made = site.expect(201, "POST", f"/v1/people/{volunteer(site)}/certificates", YEARS)
    first, second = (site.call("GET", f"/v1/certificates/{made['id']}/pdf") for _ in range(2))
    assert first.mimetype == "application/pdf" and first.data.startswith(b"%PDF-")
    assert first.data == second.data
    assert made["number"] in first.headers["Content-Disposition"]


def test_the_paper_holds_order_67s_content_as_text(site: Site, certificates: Certificates) -> None:
    made = site.expect(201, "POST", f"/v1/people/{volunteer(site)}/certificates", YEARS)
    pages = PdfReader(BytesIO(site.call("GET", f"/v1/certificates/{made['id']}/pdf").data)).pages
    printed = "".join("".join(page.extract_text() for page in pages).split())
    content = said(site, certificates, made["number"])
    for fact in (content["name"], content["unit"], "健康建档", "参与者", "志愿服务", made["number"], content["code"]):
        assert fact.replace(" ", "") in printed, fact


def test_nobody_without_hours_gets_a_certificate(site: Site, other: Site) -> None:
    person = volunteer(site)
    nobody = site.sign_up(site.shift())["person_id"]
    site.expect(409, "POST", f"/v1/people/{nobody}/certificates", YEARS)
    site.expect(409, "POST", f"/v1/people/{person}/certificates", YEARS | {"period_to": "2026-01-02"})
    site.expect(422, "POST", f"/v1/people/{person}/certificates", YEARS | {"period_to": "2025-01-02"})
    other.expect(404, "POST", f"/v1/people/{person}/certificates", YEARS)
    [record] = site.sql("SELECT id FROM service_records WHERE person_id = :p", p=person)
    site.expect(201, "POST", f"/v1/service-records/{record.id}/corrections", {"minutes": 0, "reason": "误记"})
    site.expect(409, "POST", f"/v1/people/{person}/certificates", YEARS)


def test_verification_shows_no_more_than_it_must(site: Site, certificates: Certificates) -> None:
    made = site.expect(201, "POST", f"/v1/people/{volunteer(site)}/certificates", YEARS)
    number, code = made["number"], certificates.code(made["number"])
    anybody = from_address(site, "192.0.2.1")
    shown = anybody.get(f"/v1/verify/{number}?k={code}").get_json()
    about = {"number", "name", "minutes", "period_from", "period_to", "unit", "issued_on"}
    assert set(shown) == about | {"valid", "state", "standing_minutes"}
    assert (shown["valid"], shown["name"], shown["minutes"]) == (True, "居**", 120)
    wrong = [f"/v1/verify/{number}?k=AAAAAAAAAAAA", f"/v1/verify/{number}", f"/v1/verify/HS202600000000?k={code}"]
    answers = [anybody.get(path, headers={"X-Request-Id": "same"}) for path in wrong]
    assert {a.status_code for a in answers} == {404}
    assert len({json.dumps({**a.get_json(), "instance": ""}) for a in answers}) == 1
    site.expect(200, "POST", f"/v1/certificates/{made['id']}/revoke", {"reason": "记录有误"})
    site.expect(200, "POST", f"/v1/certificates/{made['id']}/revoke", {"reason": "再说一次"})
    spaced = f"{number[:2].lower()} {number[2:6]} {number[6:]}", f"{code[:4]} {code[4:]} "
    shown = anybody.get(f"/v1/verify/{quote(spaced[0])}?k={quote(spaced[1])}").get_json()
    assert (shown["valid"], shown["state"], shown["standing_minutes"]) == (False, "revoked", 0)
    assert "reason" not in str(shown)
    assert [type(e) for e in site.events(site.id)].count(CertificateRevoked) == 1


def test_nobody_tries_codes_for_long(site: Site) -> None:
    # A household has a whole /64 of IPv6; and the page and the API count together.
    doors = [from_address(site, f"2001:db8:0:1::{n}") for n in range(5)]
    paths = ("/v1/verify/HS20260000?k=A", "/verify/HS20260000?k=A")
    tries = [doors[n % 5].get(paths[n % 2]).status_code for n in range(api.TRIES_A_MINUTE * 2 + 1)]
    assert set(tries) == {404, 429} and tries[0] == 404
    assert from_address(site, "2001:db8:0:2::1").get(paths[0]).status_code == 404


def from_address(site: Site, address: str) -> Any:
    """A client at this address."""
    client = site.app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return client


def test_the_volunteer_makes_their_own(site: Site, other: Site, resident: Any) -> None:
    person = volunteer(site)
    own, stranger = resident(person), resident(volunteer(other))
    made = own.expect(201, "POST", "/v1/my/certificates", YEARS)
    assert made["issued_by"] == f"person:{person}" and made["site_id"] == site.id
    assert own.call("GET", f"/v1/my/certificates/{made['id']}/pdf").data.startswith(b"%PDF-")
    stranger.expect(404, "GET", f"/v1/my/certificates/{made['id']}/pdf")


def test_the_signed_form_is_checked_with_the_published_key(site: Site) -> None:
    made = site.expect(201, "POST", f"/v1/people/{volunteer(site)}/certificates", YEARS)
    head, body, signature = site.expect(200, "GET", f"/v1/certificates/{made['id']}/signed")["jws"].split(".")
    [key] = site.app.test_client().get("/v1/certificate-keys").get_json()["keys"]
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
    signed = base64.urlsafe_b64decode(signature + "==")
    public.verify(signed, f"{head}.{body}".encode())
    with pytest.raises(InvalidSignature):
        public.verify(signed, f"{head}.{body[:-2]}AA".encode())
    assert unpacked(head)["kid"] == key["kid"] and unpacked(head)["jwk"]["x"] == key["x"]
    url = urlsplit(site.expect(200, "GET", f"/v1/certificates/{made['id']}/signed")["url"])
    assert from_address(site, "192.0.2.7").get(f"{url.path}?{url.query}").status_code == 200


# What Open Badges 3.0 and Verifiable Credentials 2.0 define, of what is used here; a claim of a JWT is none of it.
DEFINED = {
    "": {"@context", "id", "type", "name", "issuer", "validFrom", "credentialSubject", "evidence", "credentialStatus"},
    "issuer": {"id", "type", "name"},
    "credentialSubject": {
        "type", "identifier", "licenseNumber", "creditsEarned", "activityStartDate", "activityEndDate", "achievement",
    },
    "credentialSubject.identifier": {"type", "hashed", "identityType", "identityHash"},
    "credentialSubject.achievement": {"id", "type", "achievementType", "name", "description", "criteria"},
    "credentialSubject.achievement.criteria": {"narrative"},
    "evidence": {"type", "name", "narrative"},
    "credentialStatus": {"id", "type"},
}  # fmt: skip


def members(value: Any, path: str = "") -> dict[str, set[str]]:
    """Which members stand at each path."""
    if isinstance(value, list):
        found: dict[str, set[str]] = {}
        for one in value:
            for where, names in members(one, path).items():
                found[where] = found.get(where, set()) | names
        return found
    if not isinstance(value, dict):
        return {}
    below = [members(inner, f"{path}.{name}".strip(".")) for name, inner in value.items()]
    return {path: set(value), **{where: names for one in below for where, names in one.items()}}


def test_the_volunteer_has_an_open_badge_of_the_standards_members_alone(site: Site, resident: Any) -> None:
    person = volunteer(site)
    own = resident(person)
    made = own.expect(201, "POST", "/v1/my/certificates", YEARS)
    resident(site.sign_up(site.shift())["person_id"]).expect(404, "GET", f"/v1/my/certificates/{made['id']}/signed")
    badge = unpacked(own.expect(200, "GET", f"/v1/my/certificates/{made['id']}/signed")["jws"].split(".")[1])
    claims = {name: badge.pop(name) for name in ("iss", "jti", "nbf")}
    assert members(badge) == DEFINED
    assert claims["iss"] == badge["issuer"]["id"] and claims["jti"] == badge["id"]
    assert datetime.fromisoformat(badge["validFrom"]).timestamp() == claims["nbf"] <= time.time()
    assert badge["issuer"]["id"].endswith(f"/sites/{site.id}") and badge["id"].endswith(f"/verify/{made['number']}")
    assert badge["credentialSubject"]["creditsEarned"] == 2


def test_what_no_longer_holds_is_listed_for_machines_without_a_code(site: Site, certificates: Certificates) -> None:
    person = volunteer(site)
    path = f"/v1/people/{person}/certificates"
    kept, revoked, changed = (site.expect(201, "POST", path, YEARS) for _ in range(3))
    badge = unpacked(site.expect(200, "GET", f"/v1/certificates/{kept['id']}/signed")["jws"].split(".")[1])
    address = urlsplit(badge["credentialStatus"]["id"]).path
    anybody = from_address(site, "192.0.2.9")
    assert anybody.get(address).get_json()["revokedCredentials"] == []
    site.expect(200, "POST", f"/v1/certificates/{revoked['id']}/revoke", {"reason": "记录有误"})
    listed = anybody.get(address).get_json()
    assert listed["issuer"] == badge["issuer"]["id"]
    assert [one["id"].rsplit("/", 1)[1] for one in listed["revokedCredentials"]] == [revoked["number"]]
    [record] = site.sql("SELECT id FROM service_records WHERE person_id = :p", p=person)
    site.expect(201, "POST", f"/v1/service-records/{record.id}/corrections", {"minutes": 0, "reason": "误记"})
    said = anybody.get(address).get_data(as_text=True)
    assert all(one["number"] in said for one in (kept, revoked, changed))
    assert certificates.code(kept["number"]) not in said and "居民" not in said
    assert anybody.get(f"/v1/sites/{uuid.uuid4()}/certificate-revocations").status_code == 404


def test_hours_lent_by_a_merge_are_no_longer_the_borrowers_once_it_is_undone(
    site: Site, office: Office, certificates: Certificates
) -> None:
    clerk = office.site_staff(site.id)
    giver, borrower = volunteer(site), site.sign_up(site.shift())["person_id"]
    one = {"survivor": borrower, "merged": giver, "reason": "person_confirmed"}
    merge = clerk.expect(201, "POST", "/v1/merges", one)["id"]
    lent = clerk.expect(201, "POST", f"/v1/people/{borrower}/certificates", YEARS)
    badge = unpacked(clerk.expect(200, "GET", f"/v1/certificates/{lent['id']}/signed")["jws"].split(".")[1])
    clerk.expect(200, "POST", f"/v1/merges/{merge}/undo")
    own = clerk.expect(201, "POST", f"/v1/people/{giver}/certificates", YEARS)
    anybody = from_address(site, "192.0.2.11")
    standing = [
        anybody.get(f"/v1/verify/{one['number']}?k={certificates.code(one['number'])}").get_json()["standing_minutes"]
        for one in (lent, own)
    ]
    assert standing == [0, 120]
    listed = anybody.get(urlsplit(badge["credentialStatus"]["id"]).path).get_data(as_text=True)
    assert lent["number"] in listed and own["number"] not in listed
    clerk.expect(201, "POST", "/v1/merges", one)
    told = [one for one in site.events(site.id) if isinstance(one, CertificateOutdated)]
    assert [(str(one.certificate_id), one.standing_minutes) for one in told] == [(lent["id"], 0), (lent["id"], 120)]


def test_a_certificate_has_the_sites_day(site: Site, certificates: Certificates) -> None:
    """The two zones are 25 hours apart: at any moment they have different days."""
    days = []
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        site.sql("UPDATE sites SET time_zone = :z WHERE id = :s", z=zone, s=site.id)
        made = site.expect(201, "POST", f"/v1/people/{volunteer(site)}/certificates", YEARS)
        content = said(site, certificates, made["number"])
        today = datetime.now(ZoneInfo(zone)).date().isoformat()
        assert content["issued_on"] == today and made["number"].startswith(f"HS{today[:4]}")
        days.append(content["issued_on"])
    assert days[0] > days[1]


def test_records_and_certificates_name_who_was_in_charge(
    site: Site, office: Office, certificates: Certificates
) -> None:
    draft = site.activity(publish=False, volunteering=True)
    member = office.site_staff(site.id)
    published = member.expect(200, "POST", f"/v1/activities/{draft}/publish")
    assert published["responsible"] == "值班员"  # who published it, since nobody was named
    named = site.activity(volunteering=True, responsible="张主任")
    for activity, who in ((draft, "值班员"), (named, "张主任")):
        shift = site.shift(activity=activity)
        registration = site.sign_up(shift)["id"]
        site.move_shift(shift, -3.01, -0.99)
        earn(site, registration)
        made = site.expect(201, "POST", f"/v1/people/{person_of(site, registration)}/certificates", YEARS)
        assert [record["responsible"] for record in said(site, certificates, made["number"])["records"]] == [who]
        assert records_of(site, registration)[0].responsible == who


def test_a_team_gets_theirs_in_one_call(site: Site, database: Database, certificates: Certificates) -> None:
    people = [volunteer(site), site.sign_up(site.shift())["person_id"]]
    batch = site.expect(201, "POST", "/v1/certificate-batches", YEARS | {"person_ids": people})
    assert (batch["state"], batch["done"], batch["skipped"]) == ("done", 2, [1])
    packed = site.call("GET", f"/v1/certificate-batches/{batch['id']}/zip")
    assert packed.mimetype == "application/zip" and packed.data.count(b"%PDF-") == 1
    many = [people[0], *(str(uuid.uuid4()) for _ in range(AT_ONCE + 4))]
    batch = site.expect(201, "POST", "/v1/certificate-batches", YEARS | {"person_ids": many})
    assert (batch["state"], batch["done"], batch["total"]) == ("waiting", 0, AT_ONCE + 5)
    steps = 0
    remains = True
    while remains:
        with database.transaction(EVERY_SITE) as session:
            remains = certificates.go_on(session, uuid.UUID(batch["id"]))
        steps += 1
    shown = site.expect(200, "GET", f"/v1/certificate-batches/{batch['id']}")
    assert (steps, shown["state"], len(shown["skipped"])) == (2, "done", AT_ONCE + 4)


def test_a_batch_does_not_tell_whom_another_site_knows(site: Site, other: Site) -> None:
    people = [volunteer(site), str(uuid.uuid4())]
    there, nobody = (
        other.expect(201, "POST", "/v1/certificate-batches", YEARS | {"person_ids": [one]}) for one in people
    )
    assert there["skipped"] == nobody["skipped"] == [0]
    assert there | {"id": ""} == nobody | {"id": ""}


def test_what_the_font_lacks_is_said_and_never_printed_as_a_box(certificates: Certificates) -> None:
    content = {"name": "林\U00031350", "unit": "站", "volunteer_number": "", "records": []}
    with pytest.raises(Exception, match="U\\+31350"):
        check_printable(content)
    check_printable(content | {"name": "䶮喆堃𬭎·Ólafur 林"})


def test_words_of_people_are_never_read_as_markup() -> None:
    record = {
        "day": "2026-06-01",
        "activity": "#panic()",
        "place": "*a_",
        "content": "$x",
        "responsible": "=",
        "minutes": 90,
    }
    content = {
        "template": 1, "number": "HS1", "code": "A", "page": "https://e.org/verify", "url": "https://e.org/verify/HS1?k=A",
        "name": "#strong[林] \\ <a>", "volunteer_number": "", "minutes": 90, "unit": "站", "period_from": "2026-01-01",
        "period_to": "2026-12-31", "issued_on": "2026-12-31", "records": [record] * 60,
    }  # fmt: skip
    assert render(content).startswith(b"%PDF-")


def test_erasing_takes_the_name_and_leaves_the_proof(
    site: Site, database: Database, certificates: Certificates
) -> None:
    person = volunteer(site)
    made = site.expect(201, "POST", f"/v1/people/{person}/certificates", YEARS)
    site.sql("UPDATE certificates SET content = '' WHERE person_id = :p", p=person)
    site.expect(410, "GET", f"/v1/certificates/{made['id']}/pdf")
    with database.transaction(EVERY_SITE) as session:
        shown = certificates.verify(session, made["number"], certificates.code(made["number"]))
    assert (shown.name, shown.minutes, shown.valid) == ("**", 120, True)
