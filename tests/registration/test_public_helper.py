"""Signing up somebody else on the public page: who did is on record, and gets nothing that belongs to the person."""

from collections.abc import Callable

from flask.testing import FlaskClient

from tests.registration.test_public import make_browser, send_form  # noqa: F401
from tests.registration.world import Site, fresh_phone

HELPER = {"helper.name": "热心邻居", "helper.relation": "邻居", "helper.agreed": "on"}


def helpers(site: Site, person: object) -> list[object]:
    return site.sql("SELECT * FROM representatives WHERE person_id = :of AND kind = 'helper'", of=person)


def on_shift(site: Site, shift: str) -> list[object]:
    return site.sql("SELECT * FROM registrations WHERE shift_id = :shift", shift=shift)


def test_who_signs_an_elder_up_is_on_record(make_browser: Callable[[], FlaskClient], site: Site) -> None:
    shift, phone = site.shift(), fresh_phone()
    elder = {"name": "王奶奶", "contact": phone}
    refused = send_form(make_browser(), shift, **elder, **HELPER)
    assert refused.status_code == 422, "the helper has a phone"
    refused = send_form(make_browser(), shift, **elder, **HELPER | {"helper.phone": phone, "helper.agreed": ""})
    assert refused.status_code == 422 and "Please ask the person first" in refused.get_data(as_text=True)
    assert on_shift(site, shift) == []
    assert send_form(make_browser(), shift, **elder, **HELPER, **{"helper.phone": phone}).status_code == 200
    (made,) = on_shift(site, shift)
    assert made.channel == "proxy"  # type: ignore[attr-defined]
    helper = site.expect(200, "GET", f"/v1/people/{made.person_id}/helper")  # type: ignore[attr-defined]
    assert (helper["name"], helper["phone"], helper["email"]) == ("热心邻居", phone, None)
    (consent,) = site.sql(
        "SELECT how, made_by FROM consents WHERE person_id = :of AND kind = 'helper'",
        of=made.person_id,  # type: ignore[attr-defined]
    )
    assert (consent.how, consent.made_by) == ("online", "web"), "staff see that nobody made sure of it"


def test_a_stranger_replaces_no_helper(make_browser: Callable[[], FlaskClient], site: Site) -> None:
    elder, shift = {"name": "李奶奶", "phone": fresh_phone()}, site.shift()
    person = site.sign_up(shift, **elder)["person_id"]
    form = {"name": elder["name"], "contact": elder["phone"]} | HELPER | {"helper.phone": fresh_phone()}
    assert send_form(make_browser(), shift, **form).status_code == 200
    assert helpers(site, person) == [], "on the shift already: nothing is taken down"
    trusted = {"name": "女儿", "phone": fresh_phone(), "email": "daughter@example.com", "agreed": True}
    site.expect(200, "PUT", f"/v1/people/{person}/helper", trusted)
    assert send_form(make_browser(), site.shift(), **form).status_code == 200
    assert site.expect(200, "GET", f"/v1/people/{person}/helper")["email"] == "daughter@example.com"
