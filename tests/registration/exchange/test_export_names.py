"""What stands beside bare ids in an export: names, as far as this site may know them."""

from services.common.database import Database
from services.registration.operations.exports import content, names
from services.registration.personal_data import PersonalData
from tests.registration.exchange.test_exports import export, tables
from tests.registration.test_merging import merge_body
from tests.registration.world import Site


def test_every_id_of_something_with_a_name_has_it_beside(site: Site, database: Database) -> None:
    with database.transaction(site.id) as session:
        told = {one.table: one for one in content.contents(session)}
    keys = site.sql(
        "SELECT c.conrelid::regclass::text AS of, a.attname AS column FROM pg_constraint AS c"
        " JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)"
        " WHERE c.contype = 'f' AND c.confrelid::regclass::text IN ('people', 'activities', 'shifts', 'registrations',"
        " 'teams', 'rooms', 'venues', 'organisations', 'programmes')"
    )
    bare = {
        (key.of, key.column)
        for key in keys
        if key.of in told and key.column != "site_id" and key.column not in told[key.of].named
    }
    assert bare == {("person_sites", "person_id")}, "where the name is a column of its own"
    for one in told.values():
        assert all(names.meaning(column).zh for column in one.named)
        headings = list(one.headings())
        assert len(headings) == len(set(headings)), one.table


def test_people_activities_and_shifts_are_called_by_their_names(
    site: Site, database: Database, data: PersonalData
) -> None:
    shift = site.shift(title_zh="我为青春献热血")
    people = [site.sign_up(shift, name=name)["person_id"] for name in ("林小满", "=1+1")]
    batch = {"period_from": "2020-01-01", "period_to": "2030-12-31", "person_ids": people}
    site.expect(201, "POST", "/v1/certificate-batches", batch)
    found = tables(site, export(site, database, data))
    begins = next(row["starts_at"] for row in found["shifts"] if row["id"] == shift)
    told = found["registrations"]
    assert [row["person_name"] for row in told] == ["林小满", "'=1+1"]
    assert {row["activity_name"] for row in told} == {"我为青春献热血"}
    assert told[0]["shift_name"].startswith("我为青春献热血 ")
    assert told[0]["shift_name"].endswith(begins[:16].replace("T", " ")), "in the site's time zone"
    assert [row["people_name"] for row in found["certificate_batches"]] == ["林小满、=1+1"]
    columns = list(told[0])
    assert columns[columns.index("person_id") + 1] == "person_name"
    meant = {(row["table"], row["column"]): (row["中文"], row["English"]) for row in found["columns"]}
    assert meant["registrations", "person_name"] == ("人员：姓名", "person: name of the person")


def test_who_was_erased_has_no_name_and_who_was_merged_is_who_they_are_now(
    site: Site, other: Site, database: Database, data: PersonalData
) -> None:
    shift = site.shift()
    gone, kept, double = (site.sign_up(shift, name=name) for name in ("将被删除", "留下的人", "重复的人"))
    phone = site.expect(200, "GET", f"/v1/people/{gone['person_id']}")["phone"]
    other.sign_up(other.shift(), name="将被删除", phone=phone)
    site.expect(200, "POST", f"/v1/people/{gone['person_id']}/erasure", {"reason": "person_asked"})
    site.cancel(double["id"])
    site.expect(201, "POST", "/v1/merges", merge_body(kept["person_id"], double["person_id"]))
    found = tables(site, export(site, database, data))
    names_of = {row["id"]: row["person_name"] for row in found["registrations"]}
    assert names_of == {gone["id"]: names.NOBODY, kept["id"]: "留下的人", double["id"]: "留下的人"}
    assert not any("将被删除" in cell for rows in found.values() for row in rows for cell in row.values())
