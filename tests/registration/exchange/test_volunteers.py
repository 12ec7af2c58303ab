"""Volunteers from a file: what Order 67 asks, consents on paper, one number and one ID number for each person."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from services.common.database import Database
from services.common.events import VolunteerRegistered
from services.registration.operations.imports import steps, volunteers
from services.registration.personal_data import PersonalData
from tests.registration.exchange.files import AGREED, Importer, as_csv
from tests.registration.test_volunteers import id_number, register
from tests.registration.world import Site, fresh_phone

HEADINGS = (
    "姓名", "性别", "出生日期", "电话", "身份证号码", "同意登记身份证号码", "居住区域", "技能", "服务类别", "同意日期",
    "监护人", "监护人电话", "监护人电子邮件", "监护人同意",
)  # fmt: skip
PLAIN = {"性别": "女", "出生日期": "1990-05-17", "同意日期": "2026-05-12"}


def rows_of(*rows: dict[str, str]) -> bytes:
    """A file with these rows; what a row does not say is filled in as most say it."""
    filled = [{"电话": fresh_phone(), **PLAIN, **row} for row in rows]
    return as_csv(*[[row.get(name, "") for name in HEADINGS] for row in filled], headings=HEADINGS)


def volunteers_of(site: Site) -> list[Any]:
    """Every volunteer of the site, by their place in the file."""
    return site.sql(
        "SELECT s.*, v.volunteer_number, v.id_number_hash FROM volunteer_sites AS s JOIN volunteers AS v"
        " USING (person_id) WHERE s.site_id = :id ORDER BY s.row",
        id=site.id,
    )


def test_a_list_on_paper_becomes_volunteers_with_all_that_they_told(
    site: Site, importer: Importer, data: PersonalData, area: str
) -> None:
    number, phone = id_number(order=81), fresh_phone()
    told = {"身份证号码": number, "同意登记身份证号码": "2026-05-13", "居住区域": area, "技能": "急救、singing"}
    found = importer.apply(
        site,
        rows_of(
            {"姓名": "林小满", "电话": phone, "服务类别": "助老服务", **told, "性别": "", "出生日期": ""},
            {"姓名": "王小明", "性别": "男", "出生日期": "1961/7/13", "同意日期": "是"},
        ),
        kind="volunteers",
    )
    assert (found["applied"], found["new_people"], found["skipped"]) == (2, 2, 0)
    lin, wang = volunteers_of(site)
    assert site.expect(200, "GET", f"/v1/volunteers/{lin.person_id}") | {"volunteer_number": ""} == {
        "person_id": str(lin.person_id), "volunteer_number": "", "name": "林小满", "sex": "female",
        "birth_date": "1990-05-17", "phone": phone, "email": None, "area": area, "skills": ["first_aid", "singing"],
        "professions": [], "categories": ["elders"], "id_number": "*" * 14 + number[-4:], "version": 1,
        "id_number_checked": True,
    }  # fmt: skip
    assert number.encode() not in lin.id_number and data.decrypt(lin.id_number) == number
    assert len({lin.volunteer_number, wang.volunteer_number}) == 2
    given = site.sql(
        "SELECT kind, how, (given_at AT TIME ZONE 'Asia/Shanghai')::date AS day FROM consents"
        " WHERE person_id = :p ORDER BY position",
        p=lin.person_id,
    )
    days = {one.kind: (one.how, one.day) for one in given}
    assert days == {
        "terms": ("paper", date(2026, 5, 12)),
        "sensitive_id_number": ("paper", date(2026, 5, 13)),
    }
    (event,) = [one for one in site.events(str(lin.person_id)) if isinstance(one, VolunteerRegistered)]
    assert (event.categories, event.age_band, event.how) == (["elders"], "35_59", "paper")
    assert not site.sql("SELECT 1 FROM audit_log WHERE kind = 'volunteer_sites' AND site_id = :id", id=site.id)
    again = importer.apply(site, rows_of({"姓名": "林小满", "电话": phone, **told, "技能": "法律"}), kind="volunteers")
    assert (again["applied"], again["skipped"], volunteers_of(site)[0].skills) == (0, 1, ["first_aid", "singing"])


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ({"性别": "不详"}, "B sex", "sex"),
        ({"出生日期": ""}, "C birth_date", "unborn"),
        ({"身份证号码": "140107199005170010"}, "E id_number", "id_number"),
        ({"身份证号码": id_number(order=5), "同意登记身份证号码": ""}, "F id_number_consent", "id_number_consent"),
        ({"身份证号码": id_number(male=True), "同意登记身份证号码": "是"}, "E id_number", "id_sex"),
        ({"身份证号码": id_number("19910517"), "同意登记身份证号码": "是"}, "E id_number", "id_birth_date"),
        ({"居住区域": "没有的社区"}, "G area", "area"),
        ({"技能": "歌唱、飞行"}, "H skills", "skills"),
        ({"服务类别": "随便"}, "I categories", "categories"),
        ({"同意日期": ""}, "J agreed", "missing"),
        ({"同意日期": "否"}, "J agreed", "not_agreed"),
        ({"同意日期": "去年"}, "J agreed", "consent"),
        ({"出生日期": "2012-01-01"}, "K guardian", "no_guardian"),
        ({"出生日期": "2012-01-01", "监护人": "林母"}, "L guardian_phone", "guardian_unreachable"),
        ({"出生日期": "2020-01-01", "监护人": "林母", "监护人电话": "13800001111"}, "N guardian_consent",
         "guardian_consent"),
    ],
)  # fmt: skip
def test_a_fault_of_a_volunteer_is_told_by_row_and_column(
    site: Site, importer: Importer, row: dict[str, str], column: str, code: str
) -> None:
    assert importer.faults(site, rows_of({"姓名": "林小满"} | row), kind="volunteers") == [(2, column, code)]


def test_a_file_needs_a_birth_date_and_sex_or_the_id_number(site: Site, importer: Importer) -> None:
    content = as_csv(("林", fresh_phone(), "是"), headings=("姓名", "电话", "同意日期"))
    assert importer.faults(site, content, kind="volunteers") == [(1, "出生日期", "column_missing")]


def test_what_contradicts_what_is_known_is_told_before_anything_changes(
    site: Site, other: Site, importer: Importer
) -> None:
    mine, theirs, phone = id_number(order=82), id_number(order=83), fresh_phone()
    consent = {"id_number_consent": True}
    register(other, name="林小满", phone=phone, id_number=mine, **consent)
    register(site, name="老志愿者", phone=(old := fresh_phone()), birth_date="1990-05-17")
    site.sign_up(site.shift(), name="丁", phone=(told := fresh_phone()), birth_date="1980-01-01")
    yes = {"同意登记身份证号码": "是"}
    content = rows_of(
        {"姓名": "别人", "身份证号码": mine, **yes},
        {"姓名": "林小满", "电话": phone, "身份证号码": theirs, **yes},
        {"姓名": "丁", "电话": told},
        {"姓名": "林小满", "身份证号码": mine, **yes},
        {"姓名": "林小满", "电话": phone},
        {"姓名": "老志愿者", "电话": old},
    )
    found = importer.check(site, content, kind="volunteers")
    faults = site.expect(200, "GET", f"/v1/imports/{found['id']}/faults")["items"]
    assert sorted((one["row"], one["column"], one["code"]) for one in faults) == [
        (2, "E id_number", "id_elsewhere"),
        (3, "E id_number", "another_id"),
        (4, "C birth_date", "another_birth_date"),
        (6, "", "double"),
    ]
    assert (found["known_people"], found["known_records"], len(volunteers_of(site))) == (1, 1, 1)
    done = importer.apply(site, content, kind="volunteers", skip_faulty=True)
    assert (done["applied"], done["skipped"]) == (1, 5)
    assert len(volunteers_of(site)) == 2


def test_a_minor_has_a_guardian_who_is_asked_where_they_have_not_agreed(site: Site, importer: Importer) -> None:
    guardian = {"监护人": "林母", "监护人电话": fresh_phone(), "监护人电子邮件": "mother@example.com"}
    born = {"出生日期": date.today().replace(month=1, day=1, year=date.today().year - 15).isoformat()}
    content = rows_of({"姓名": "未问", **born, **guardian}, {"姓名": "已同意", **born, **guardian, "监护人同意": "是"})
    importer.apply(site, content, kind="volunteers")
    asked, agreed = volunteers_of(site)
    links = site.sql("SELECT person_id FROM links WHERE purpose = 'guardian_consent' AND site_id = :id", id=site.id)
    assert [one.person_id for one in links] == [asked.person_id]
    given = site.sql("SELECT given_by FROM consents WHERE kind = 'guardian_volunteering' AND person_id = :p",
                     p=agreed.person_id)  # fmt: skip
    assert [one.given_by for one in given] == ["guardian"]
    assert site.sql("SELECT confirmed FROM representatives WHERE site_id = :id", id=site.id) == [(True,), (True,)]


def test_a_number_that_is_taken_is_drawn_again(site: Site, importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = register(site)["volunteer_number"]
    fresh = iter([taken, taken, "V00000000017", "V00000000018"])
    monkeypatch.setattr(volunteers, "new_volunteer_number", lambda: next(fresh))
    importer.apply(site, rows_of({"姓名": "甲"}, {"姓名": "乙"}), kind="volunteers")
    numbers = {one.volunteer_number for one in volunteers_of(site)}
    assert numbers == {taken, "V00000000017", "V00000000018"}


def test_who_was_erased_or_took_the_number_since_the_check_is_left_out(
    site: Site, other: Site, importer: Importer
) -> None:
    number, gone = id_number(order=84), id_number(order=85)
    yes = {"同意登记身份证号码": "是"}
    content = rows_of(
        {"姓名": "甲", "身份证号码": number, **yes},
        {"姓名": "换了电话的人", "身份证号码": gone, **yes},
        {"姓名": "丙"},
    )
    waiting = importer.check(site, content, kind="volunteers")["id"]
    register(other, name="不是甲", id_number=number, id_number_consent=True)
    erased = register(site, name="换了电话的人", id_number=gone, id_number_consent=True)["person_id"]
    site.expect(200, "POST", f"/v1/people/{erased}/erasure", {"reason": "person_asked"})
    site.expect(200, "POST", f"/v1/imports/{waiting}/apply", AGREED)
    importer.work()
    found = site.expect(200, "GET", f"/v1/imports/{waiting}")
    assert (found["state"], found["applied"], found["skipped"]) == ("done", 1, 2)
    assert [name for name, *_ in importer.people(site)] == ["丙"]


def test_a_worker_killed_between_slices_registers_nobody_twice(
    site: Site, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "APPLY_SLICE", 3)
    content = rows_of(*({"姓名": f"志愿者{n}"} for n in range(10)))
    made = importer.check(site, content, kind="volunteers")["id"]
    site.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED)
    act, calls = steps.apply_rows, iter(range(100))

    def dying(*given: Any) -> None:
        act(*given)
        if next(calls) in (1, 3):
            raise RuntimeError("after its statements, before its commit")

    monkeypatch.setattr(steps, "apply_rows", dying)
    importer.work()
    found = site.expect(200, "GET", f"/v1/imports/{made}")
    assert (found["state"], found["applied"]) == ("done", 10)
    assert len(volunteers_of(site)) == 10
    consents = site.sql("SELECT count(*) FROM consents WHERE site_id = :id", id=site.id)
    assert consents[0].count == 10


def test_the_template_of_volunteers_is_read_as_it_is_meant(site: Site, importer: Importer, database: Database) -> None:
    answer = site.call("GET", "/v1/imports/templates/volunteers")
    assert importer.faults(site, answer.get_data(), kind="volunteers") == [(0, "", "empty")]


def test_an_area_is_known_by_its_name(site: Site, importer: Importer, make_area: Callable[..., str]) -> None:
    code = site.sql("SELECT area FROM sites WHERE id = :id", id=site.id)[0].area
    name = site.sql("SELECT name_zh FROM areas WHERE code = :code", code=code)[0].name_zh
    same = site.sql("SELECT count(*) FROM areas WHERE name_zh = :name", name=name)[0].count
    found = importer.faults(site, rows_of({"姓名": "甲", "居住区域": name}), kind="volunteers")
    assert found == ([] if same == 1 else [(2, "G area", "area_twice")])


def test_a_consent_on_paper_is_only_in_the_name_of_the_guardian_on_file(site: Site, importer: Importer) -> None:
    born = {"出生日期": date.today().replace(month=1, day=1, year=date.today().year - 10).isoformat()}
    child = {"name": "有监护人", "phone": fresh_phone(), "birth_date": born["出生日期"]}
    person = site.expect(201, "POST", "/v1/people", child)["id"]
    theirs = {"name": "林父", "phone": fresh_phone(), "email": "old@example.com", "language": "en"}
    site.expect(200, "PUT", f"/v1/people/{person}/guardian", theirs)
    site.sql("UPDATE representatives SET email_proven = true WHERE person_id = :p", p=person)
    row = {"姓名": "有监护人", "电话": child["phone"], **born, "监护人同意": "是"}
    other = rows_of(row | {"监护人": "林母", "监护人电话": fresh_phone()})
    assert importer.faults(site, other, kind="volunteers") == [(2, "K guardian", "another_guardian")]
    same = row | {"监护人": "林父", "监护人电话": theirs["phone"], "监护人电子邮件": "new@example.com"}
    assert importer.apply(site, rows_of(same), kind="volunteers", overwrite=True)["applied"] == 1
    [kept] = site.sql("SELECT email_proven, language FROM representatives WHERE person_id = :p", p=person)
    assert (kept.email_proven, kept.language) == (False, "en"), "a new address is proven by nothing yet"
    given = site.sql(
        "SELECT FROM consents JOIN representatives AS r USING (person_id) WHERE person_id = :p"
        " AND consents.kind = 'guardian_volunteering' AND guardian_hash = r.identity_hash",
        p=person,
    )
    assert len(given) == 1


@pytest.mark.parametrize(
    ("again", "last_day"),
    [("2026-05-12T09:00+08:00", "2026-05-11"), ("2026-05-12T00:00+08:00", "2026-05-10")],
)
def test_a_guardian_has_to_have_agreed_to_a_text_that_holds(again: str, last_day: str) -> None:
    def faults(day: str) -> list[tuple[str, str]]:
        said = {"birth_date": "2020-01-01", "guardian": "林母", "guardian_consent": day}
        return volunteers._minor_faults(said, date(2026, 6, 1), datetime.fromisoformat(again))

    assert faults(last_day) == [("guardian_consent", "guardian_consent_outdated")]
    assert faults((date.fromisoformat(last_day) + timedelta(days=1)).isoformat()) == []
    assert faults("yes") == []
