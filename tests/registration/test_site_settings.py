"""What a site sets for itself, within what people can read and the law allows."""

import struct
import zlib
from typing import Any

import pytest

from services.common.events import SiteSaved
from services.registration.personal_data import PersonalData
from services.registration.schemas.site_settings import contrast_with_white
from tests.registration.exchange.conftest import importer  # noqa: F401
from tests.registration.exchange.files import Importer, as_csv
from tests.registration.own_world import resident_of
from tests.registration.test_public import fresh_mail
from tests.registration.world import Caller, Site, fresh_phone


def test_settings_are_read_changed_and_told(site: Site, other: Site, operator: Caller) -> None:
    path = f"/v1/sites/{site.id}/settings"
    first = site.expect(200, "GET", path)
    assert (first["opening_hours"], first["quiet_from"], first["guardian_below"]) == ({}, "21:00", 14)
    change = {
        "language": "en",
        "opening_hours": {"mon": [["14:00", "21:00"], ["08:00", "12:00"]]},
        "exceptions": [{"date": "2026-10-01", "note_zh": "国庆节"}],
        "colour": "#A01020",
        "public_phone": "0351-5551234",
        "quiet_from": "20:00",
        "minimum_age": 6,
        "team_minutes_per_week": 360,
    }
    assert site.call("PATCH", path, change).status_code == 428
    changed = site.expect(200, "PATCH", path, change, If_Match=f'"{first["version"]}"')
    assert changed["opening_hours"] == {"mon": [["08:00", "12:00"], ["14:00", "21:00"]]}
    assert changed["public_phone"] == "+863515551234"
    assert site.call("PATCH", path, change, If_Match='"1"').status_code == 412
    assert site.expect(200, "PATCH", path, change, If_Match="*")["version"] == changed["version"]
    told = site.events(site.id)[-1]
    assert isinstance(told, SiteSaved) and (told.site_language, told.quiet_from) == ("en", "20:00")
    assert other.call("GET", path).status_code == other.call("PATCH", path, {}, If_Match="*").status_code == 404
    assert operator.expect(200, "GET", path)["minimum_age"] == 6


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"colour": "#ffee00"}, "colour"),
        ({"colour": "red"}, "colour"),
        ({"guardian_below": 13}, "guardian_below"),
        ({"opening_hours": {"mon": [["12:00", "08:00"]]}}, "opening_hours.mon"),
        ({"opening_hours": {"mon": [["08:00", "12:00"], ["11:00", "13:00"]]}}, "opening_hours.mon"),
        ({"opening_hours": {"monday": []}}, "opening_hours.monday.[key]"),
        ({"opening_hours": {"mon": [["8:00", "25:00"]]}}, "opening_hours.mon.0.0"),
        ({"exceptions": [{"date": "2026-10-01"}, {"date": "2026-10-01"}]}, "exceptions"),
        ({"quiet_from": "24:00"}, "quiet_from"),
        ({"team_minutes_per_week": 0}, "team_minutes_per_week"),
    ],
)
def test_what_cannot_be_is_refused_by_field(site: Site, change: dict[str, Any], field: str) -> None:
    answer = site.call("PATCH", f"/v1/sites/{site.id}/settings", change, If_Match="*")
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.get_json()["errors"]}


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast_with_white("#000000") == pytest.approx(21)
    assert contrast_with_white("#ffffff") == pytest.approx(1)
    assert contrast_with_white("#767676") == pytest.approx(4.54, abs=0.01)


def png(width: int, height: int, filler: int = 0) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes(width) for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows + bytes(filler)) + chunk(b"IEND", b"")


def test_a_logo_is_a_small_png(site: Site) -> None:
    path = f"/v1/sites/{site.id}/logo"
    client, key = site.app.test_client(), {"Authorization": f"Bearer {site.key}"}
    for wrong in (b"<svg/>", png(2000, 10), png(8, 8, 100_001), b"\x89PNG\r\n\x1a\n"):
        assert client.put(path, data=wrong, headers=key).status_code == 422
    assert client.get(path).status_code == 404
    assert client.put(path, data=png(64, 64), headers=key).status_code == 204
    shown = client.get(path)
    assert (shown.status_code, shown.mimetype, shown.data) == (200, "image/png", png(64, 64))
    assert client.get(path, headers={"If-None-Match": shown.headers["ETag"]}).status_code == 304
    assert site.expect(200, "GET", f"/v1/sites/{site.id}/settings")["has_logo"]
    assert client.put(path, data=b"", headers=key).status_code == 204
    assert client.get(path).status_code == 404


def test_who_was_never_asked_gets_mails_in_the_sites_language(site: Site, importer: Importer) -> None:
    site.expect(200, "PATCH", f"/v1/sites/{site.id}/settings", {"language": "en"}, If_Match="*")
    shift, guardian = site.shift(), {"name": "Mother", "email": "mother@example.com"}
    minor = {"name": "Lin", "phone": fresh_phone(), "birth_date": "2011-01-01", "guardian": guardian}
    people = [
        site.sign_up(shift)["person_id"],
        site.expect(201, "POST", "/v1/people", {"name": "Wang", "phone": fresh_phone()})["id"],
        site.expect(201, "POST", "/v1/volunteers", minor | {"sex": "female", "terms_consent": True})["person_id"],
    ]
    asked = site.sign_up(shift, language="zh-CN")["person_id"]
    importer.apply(site, as_csv(("Imported", (phone := fresh_phone()))))
    people.append(site.expect(200, "POST", "/v1/people/search", {"phone": phone})["people"][0]["id"])
    languages = [site.expect(200, "GET", f"/v1/people/{one}")["language"] for one in (*people, asked)]
    assert languages == ["en", "en", "en", "en", "zh-CN"]
    path = f"/v1/people/{people[2]}/guardian"
    assert site.expect(200, "GET", path)["language"] == "en"
    site.expect(200, "PUT", path, guardian | {"language": "zh-CN"}, If_Match="*")
    assert site.expect(200, "PUT", path, guardian, If_Match="*")["language"] == "zh-CN", "who was asked stays asked"


def test_residents_read_the_short_name_in_lists_and_the_whole_on_the_sites_own_page(
    site: Site, data: PersonalData
) -> None:
    site.expect(200, "PATCH", f"/v1/sites/{site.id}/settings", {"short_name_zh": "赛马场"}, If_Match="*")
    whole = site.expect(200, "GET", f"/v1/sites/{site.id}")["name_zh"]
    shift = site.shift()
    resident = resident_of(site, data, site.sign_up(shift, email=fresh_mail())["person_id"])
    pages = {
        "/my": resident.call("GET", "/my", Accept="text/html", Accept_Language="zh"),
        "activity": site.call(
            "GET", f"/activities/{site.activity_of(shift)}", Accept="text/html", Accept_Language="zh"
        ),
        "site": site.call("GET", f"/sites/{site.id}", Accept="text/html", Accept_Language="zh"),
    }
    read = {name: page.get_data(as_text=True) for name, page in pages.items()}
    assert "赛马场" in read["/my"] and "赛马场" in read["activity"]
    assert f"<h1>{whole}</h1>" in read["site"]
