"""Certificates: made from records only, the same bytes each time, verified without telling more than they must."""

import base64
import json
import uuid
from io import BytesIO
from typing import Any

import pytest
from apiflask import APIFlask
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pypdf import PdfReader
from stdnum.iso7064 import mod_37_36

from services.common.database import EVERY_SITE, Database
from services.common.events import CertificateIssued, CertificateRevoked
from services.registration.api import certificates as api
from services.registration.operations.certificate_paper import check_printable, render
from services.registration.operations.certificates import AT_ONCE, Certificates
from services.registration.operations.sessions import Sessions
from services.registration.personal_data import PersonalData
from tests.registration.hours_world import Resident, earn, over, person_of
from tests.registration.world import Site

YEARS = {"period_from": "2026-01-01", "period_to": "2099-12-31"}


@pytest.fixture
def resident(app: APIFlask, database: Database, data: PersonalData) -> Any:
    """Makes residents with a session."""
    sessions = Sessions(database, data)
    return lambda person_id: Resident(app, sessions, person_id)


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
    api._tries._counts.clear()
    anybody = site.app.test_client()
    shown = anybody.get(f"/v1/verify/{number}?k={code}").get_json()
    assert set(shown) == {"number", "valid", "name", "minutes", "period_from", "period_to", "unit", "issued_on"}
    assert (shown["valid"], shown["name"], shown["minutes"]) == (True, "居**", 120)
    wrong = [f"/v1/verify/{number}?k=AAAAAAAAAAAA", f"/v1/verify/{number}", f"/v1/verify/HS202600000000?k={code}"]
    answers = [anybody.get(path, headers={"X-Request-Id": "same"}) for path in wrong]
    assert {a.status_code for a in answers} == {404}
    assert len({json.dumps({**a.get_json(), "instance": ""}) for a in answers}) == 1
    site.expect(200, "POST", f"/v1/certificates/{made['id']}/revoke", {"reason": "记录有误"})
    site.expect(200, "POST", f"/v1/certificates/{made['id']}/revoke", {"reason": "再说一次"})
    shown = anybody.get(f"/v1/verify/{number.lower()}?k={code}").get_json()
    assert shown["valid"] is False and "reason" not in str(shown)
    assert [type(e) for e in site.events(site.id)].count(CertificateRevoked) == 1


def test_nobody_tries_codes_for_long(site: Site) -> None:
    api._tries._counts.clear()
    anybody = site.app.test_client()
    seen = {anybody.get("/v1/verify/HS20260000?k=A").status_code for _ in range(api.TRIES_A_MINUTE * 2 + 1)}
    api._tries._counts.clear()
    assert seen == {404, 429}


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
    assert unpacked(head)["kid"] == key["kid"] and unpacked(body)["credentialSubject"]["creditsEarned"] == 2


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
