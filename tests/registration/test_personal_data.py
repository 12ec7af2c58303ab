"""Personal data: one person across sites, encrypted at rest, in no event; minors only with consent."""

from base64 import b64decode
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import phonenumbers
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.events import AgeBand
from services.registration.models import PersonSite
from services.registration.operations.people.encryption import ENCRYPTED, Place, any_older_encryption, renew_encryption
from services.registration.operations.people.people import edit_person
from services.registration.operations.seats.sign_up import SignUps
from services.registration.personal_data import USUAL_MOBILE, PersonalData, age_band, normal_phone, plain_name
from services.registration.schemas.people import PersonEdit
from services.registration.schemas.registrations import SignUpBody
from tests.conftest import NOTIFICATIONS_TOKEN, PERSONAL_DATA_KEY, REPORTING_TOKEN
from tests.registration.world import Caller, Site, fresh_phone, somebody

MARK = "标记人Zq7"


@pytest.mark.parametrize(
    ("second", "same"),
    [
        ({"name": "林晓", "phone": "{phone}"}, True),
        ({"name": " 林  晓 ", "phone": "0086 {phone}"}, True),
        ({"name": "林晓", "email": "LIN{mark}@example.com"}, True),
        ({"name": "林晓", "phone": "+8613600000000", "email": "lin{mark}@example.com"}, True),
        ({"name": "林母", "phone": "{phone}"}, False),
        ({"name": "林晓", "phone": "+8613600000001"}, False),
    ],
    ids=["same", "written otherwise", "by mail", "new phone", "family", "other phone"],
)
def test_who_is_the_same_person(site: Site, other: Site, second: dict[str, str], same: bool) -> None:
    phone = fresh_phone()
    first = site.sign_up(site.shift(), name="林晓", phone=phone, email=f"lin{phone[1:]}@example.com")
    again = {name: value.format(phone=phone[3:], mark=phone[1:]) for name, value in second.items()}
    made = other.expect(201, "POST", f"/v1/shifts/{other.shift()}/registrations", {"person": again})
    assert (made["person_id"] == first["person_id"]) == same


def test_a_sign_up_fills_missing_details_and_overwrites_none(site: Site) -> None:
    phone = fresh_phone()
    made = site.expect(
        201, "POST", f"/v1/shifts/{site.shift()}/registrations", {"person": {"name": "补全", "phone": phone}}
    )
    mail = f"fill{phone[1:]}@example.com"
    site.sign_up(site.shift(), name="补全", phone=phone, email=mail, birth_date="1950-01-01")
    site.sign_up(site.shift(), name="补全", phone=fresh_phone(), email=mail, birth_date="1951-01-01")
    person = site.expect(200, "GET", f"/v1/people/{made['person_id']}")
    assert (person["phone"], person["email"], person["birth_date"]) == (phone, mail, "1950-01-01")
    assert person["version"] == 2
    by_mail = {"name": "补全", "email": mail}
    found = site.expect(201, "POST", f"/v1/shifts/{site.shift()}/registrations", {"person": by_mail})
    assert found["person_id"] == made["person_id"]


def test_details_are_encrypted_where_they_lie_and_in_no_event(site: Site) -> None:
    person = {"name": MARK, "phone": "+8613712345678", "email": "zq7mark@example.com", "birth_date": "1961-07-13"}
    shift = site.shift()
    registration = site.sign_up(shift, **person)
    site.expect(201, "POST", f"/v1/shifts/{site.shift()}/registrations", {"person": person}, Idempotency_Key="mark")
    site.cancel(registration["id"])
    tables = [row.tablename for row in site.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    # bytea is shown as hex: look for the bytes of each mark as well.
    marks = [MARK, "13712345678", "zq7mark", "1961-07-13"]
    marks += [mark.encode().hex() for mark in marks]
    for table in tables:
        for mark in marks:
            found = site.sql(f"SELECT 1 FROM {table} AS t WHERE t::text LIKE '%' || :mark || '%'", mark=mark)
            assert not found, f"{mark} lies open in {table}"


@pytest.mark.parametrize(
    ("age", "volunteering", "consent", "status"),
    [
        (13, False, False, 422),
        (13, False, True, 201),
        (14, False, False, 201),
        (17, True, False, 422),
        (17, True, True, 201),
        (18, True, False, 201),
    ],
)
def test_minors_need_a_guardians_consent(site: Site, age: int, volunteering: bool, consent: bool, status: int) -> None:
    born = date.today() - timedelta(days=round(age * 365.25) + 40)
    shift = site.shift(volunteering=volunteering)
    answer = site.try_sign_up(shift, somebody(birth_date=born.isoformat(), guardian_consent=consent))
    assert answer.status_code == status
    if status == 422:
        assert answer.get_json()["errors"][0]["field"] == "person.guardian_consent"


def test_a_known_childs_age_counts_though_the_birth_date_is_left_out(site: Site) -> None:
    child = {"name": "小朋友", "phone": fresh_phone()}
    made = site.sign_up(site.shift(), **child, birth_date="2019-03-03", guardian_consent=True)
    shift = site.shift()
    assert site.try_sign_up(shift, child).get_json()["errors"][0]["field"] == "person.guardian_consent"
    path, by_id = f"/v1/shifts/{shift}/registrations", {"person_id": made["person_id"]}
    assert site.call("POST", path, by_id).get_json()["errors"][0]["field"] == "guardian_consent"
    site.expect(201, "POST", path, by_id | {"guardian_consent": True})
    bands = [getattr(event, "age_band", None) for event in site.events(site.activity_of(shift))]
    assert bands[-1] is AgeBand.UNDER_14


def test_no_birth_date_is_an_unknown_age(site: Site) -> None:
    shift = site.shift(volunteering=False)
    person = {"name": "不详", "phone": fresh_phone()}
    site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person": person})
    assert site.events(site.activity_of(shift))[-1].age_band is AgeBand.UNKNOWN  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("born", "band"),
    [
        ("2012-03-02", AgeBand.UNDER_14),
        ("2012-03-01", AgeBand.FROM_14),
        ("2008-03-01", AgeBand.FROM_18),
        ("1991-03-01", AgeBand.FROM_35),
        ("1966-03-01", AgeBand.FROM_60),
        ("2012-02-29", AgeBand.FROM_14),
    ],
)
def test_age_bands_change_on_the_birthday(born: str, band: AgeBand) -> None:
    assert age_band(date.fromisoformat(born), date(2026, 3, 1)) is band


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("13800000001", "+8613800000001"),
        ("+86 138-0000-0001", "+8613800000001"),
        ("0351-4123456", "+863514123456"),
        ("+44 20 7946 0018", "+442079460018"),
        ("12", None),
        ("", None),
        ("电话", None),
    ],
)
def test_phones_are_normalised(written: str, number: str | None) -> None:
    assert normal_phone(written) == number


@given(st.from_regex(USUAL_MOBILE, fullmatch=True))
def test_the_short_way_for_usual_mobiles_agrees_with_the_library(written: str) -> None:
    number = phonenumbers.parse(written, "CN")
    assert phonenumbers.is_valid_number(number)
    assert normal_phone(written) == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def test_names_are_compared_without_width_case_spacing_and_marks() -> None:
    assert plain_name("Ａｎｎ\u200f  LEE") == plain_name("ann lee")


def test_an_edit_moves_what_a_person_is_found_by(site: Site) -> None:
    old, new = fresh_phone(), fresh_phone()
    made = site.sign_up(site.shift(), name="改号", phone=old)
    path = f"/v1/people/{made['person_id']}"
    assert site.call("PATCH", path, {"phone": new}).status_code == 428
    assert site.call("PATCH", path, {"phone": new}, If_Match='"7"').status_code == 412
    assert site.expect(200, "PATCH", path, {"phone": new}, If_Match='"1"')["version"] == 2
    assert site.call("PATCH", path, {"phone": None}, If_Match='"2"').status_code == 422
    assert site.sign_up(site.shift(), name="改号", phone=new)["person_id"] == made["person_id"]
    assert site.sign_up(site.shift(), name="改号", phone=old)["person_id"] != made["person_id"]


def test_contacts_are_for_the_notifications_service_alone(site: Site, operator: Caller) -> None:
    made = site.sign_up(site.shift(), name="收件人", phone="+8613700000009", email="to@example.com", language="en")
    known = {"person_id": made["person_id"], "site_id": site.id}
    body = {"people": [known, known | {"person_id": "00000000-0000-0000-0000-000000000000"}]}
    answer = Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/contacts", body)
    assert "/links/mine/" in answer["contacts"][0].pop("manage_url")
    assert answer["contacts"] == [
        {
            "person_id": made["person_id"],
            "site_id": site.id,
            "name": "收件人",
            "email": "to@example.com",
            "phone": "+8613700000009",
            "language": "en",
            "guardian": None,
        }
    ]
    for key in (REPORTING_TOKEN, site.key, operator.key):
        assert Caller(site.app, key).call("POST", "/internal/contacts", body).status_code == 403
    many: dict[str, Any] = {"people": [known] * 1001}
    assert Caller(site.app, NOTIFICATIONS_TOKEN).call("POST", "/internal/contacts", many).status_code == 422


def leave_lists_out(session: Session, data: PersonalData) -> None:
    """Who came by a list of thousands counts as renewed: that took minutes, and shows nothing that others do not."""
    lists = "SELECT site_id FROM person_sites GROUP BY site_id HAVING count(*) > 1000"
    count = text(f"UPDATE person_sites SET encrypted_with = :newest WHERE site_id IN ({lists})")
    session.execute(count, {"newest": data.newest_key})


def renew(session: Session, data: PersonalData) -> None:
    """Encrypt everything anew, as the task does but in one transaction."""
    for table in ENCRYPTED:
        place: Place | None = None
        while place := renew_encryption(session, data, table, place, limit=7):
            pass


def test_a_new_key_takes_over_and_the_old_can_go(site: Site, database: Database) -> None:
    made = [site.sign_up(site.shift(), name="换钥匙")["person_id"] for _ in range(2)]
    new_key = Fernet.generate_key().decode()
    both, new = (PersonalData(keys, b"\0" * 32) for keys in ([new_key, PERSONAL_DATA_KEY], [new_key]))
    with database.transaction(EVERY_SITE) as session:
        assert any_older_encryption(session, both)
        leave_lists_out(session, both)
        renew(session, both)
        assert not any_older_encryption(session, both)
        rows = session.execute(select(PersonSite.name).where(PersonSite.person_id.in_(made))).all()
        assert [new.decrypt(row.name) for row in rows] == ["换钥匙"] * 2
        session.rollback()


def test_details_that_cannot_be_read_hold_up_nobody_elses_renewal(site: Site, database: Database) -> None:
    lost, other = sorted(site.sign_up(site.shift(), name="换钥匙")["person_id"] for _ in range(2))
    both = PersonalData([Fernet.generate_key().decode(), PERSONAL_DATA_KEY], b"\0" * 32)
    with database.transaction(EVERY_SITE) as session:
        session.execute(update(PersonSite).where(PersonSite.person_id == lost).values(name=b"garbage"))
        leave_lists_out(session, both)
        renew(session, both)
        query = select(PersonSite.encrypted_with == both.newest_key).order_by(PersonSite.person_id)
        assert session.scalars(query.where(PersonSite.person_id.in_([lost, other]))).all() == [False, True]
        assert any_older_encryption(session, both)
        session.rollback()


def test_details_of_two_keys_are_renewed_too(site: Site, database: Database, data: PersonalData) -> None:
    """Between a new key and the end of the renewal, rows are filled in and corrected."""
    new_key = Fernet.generate_key().decode()
    index_key = b64decode("A" * 43 + "=")
    both = PersonalData([new_key, PERSONAL_DATA_KEY], index_key)
    known = somebody()
    ids = [site.sign_up(site.shift(), **known)["person_id"], site.sign_up(site.shift())["person_id"]]
    filling = SignUpBody.model_validate({"person": known | {"email": f"{uuid4().hex}@example.com"}})
    sign_ups = SignUps(database, both)
    sign_ups.sign_up(UUID(site.id), UUID(site.shift()), filling, None)
    fresh = SignUpBody.model_validate({"person": somebody()})
    ids.append(str(sign_ups.sign_up(UUID(site.id), UUID(site.shift()), fresh, None)["person_id"]))
    sign_ups._groups._drop_connection()
    with database.transaction(site.id) as session:
        edit_person(session, both, UUID(site.id), UUID(ids[1]), PersonEdit(name="改名"), None)
    query = "SELECT encrypted_with FROM person_sites WHERE person_id = cast(:id AS uuid)"
    assert [site.sql(query, id=name)[0].encrypted_with for name in ids] == ["", "", both.newest_key]
    with database.transaction(EVERY_SITE) as session:
        renew(session, PersonalData([PERSONAL_DATA_KEY, new_key], index_key))
    assert [site.sql(query, id=name)[0].encrypted_with for name in ids] == [data.newest_key] * 3
    assert site.expect(200, "GET", f"/v1/people/{ids[1]}")["name"] == "改名"


def test_a_site_learns_and_changes_nothing_of_what_another_site_was_told(make_site: Callable[..., Site]) -> None:
    """Name and phone, which neighbours know, find the person; they do not open what another site was told."""
    victim, nosy = make_site(), make_site()
    phone = fresh_phone()
    told = victim.sign_up(victim.shift(), name="邻居", phone=phone, email="own@example.com", birth_date="1950-02-03")
    path = f"/v1/people/{told['person_id']}"
    assert nosy.call("GET", path).status_code == 404
    again = nosy.sign_up(nosy.shift(), name="邻居", phone=phone)
    assert again["person_id"] == told["person_id"]
    seen = nosy.expect(200, "GET", path)
    assert (seen["email"], seen["birth_date"]) == (None, "1990-05-17"), "what it was told itself, and nothing else"
    nosy.expect(200, "PATCH", path, {"email": "nosy@example.com"}, If_Match="*")
    assert victim.expect(200, "GET", path)["email"] == "own@example.com"
    body = {"people": [{"person_id": told["person_id"], "site_id": victim.id}]}
    answer = Caller(victim.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/contacts", body)
    assert [contact["email"] for contact in answer["contacts"]] == ["own@example.com"]


def test_details_given_elsewhere_before_do_not_redirect_anybodys_mail(make_site: Callable[..., Site]) -> None:
    nosy, victim = make_site(), make_site()
    phone = fresh_phone()
    nosy.sign_up(nosy.shift(), name="先来", phone=phone, email="nosy@example.com")
    told = victim.sign_up(victim.shift(), name="先来", phone=phone, email="own@example.com")
    assert victim.expect(200, "GET", f"/v1/people/{told['person_id']}")["email"] == "own@example.com"


def test_another_birth_date_does_not_save_a_guardians_consent(site: Site) -> None:
    phone = fresh_phone()
    child = {"name": "孩子", "phone": phone, "birth_date": "2016-01-01"}
    site.sign_up(site.shift(), **child, guardian_consent=True)
    answer = site.try_sign_up(site.shift(), child | {"birth_date": "1980-01-01"})
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "person.guardian_consent")


def test_an_error_of_the_database_does_not_quote_what_people_told(database: Database) -> None:
    with pytest.raises(DBAPIError) as told, database.transaction(EVERY_SITE) as session:
        session.execute(text("SELECT cast(:secret AS nothing)"), {"secret": "标记人Zq8"})
    assert "标记人" not in str(told.value) and "标记人" not in repr(told.value)
