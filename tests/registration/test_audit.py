"""The audit log: every change that somebody makes is in it, with the change, and nothing can be taken out."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from services.common.database import ACTING, Acting
from tests.registration.office import Office
from tests.registration.test_volunteers import register
from tests.registration.world import Caller, Site

NOT_AUDITED = {
    "alembic_version": "the release's, not people's",
    "audit_log": "is the log",
    "log_heads": "the pipeline's own",
    "outbox": "the event log: only ever added to, and itself a record",
    "idempotency_keys": "repeats of requests that are audited by what they did",
    "links": "made by the system; what they opened is audited by what it did",
    "event_log": "the pipeline's own",
    "attendance_entries": "only ever added to, and says itself who told it",
    "service_records": "only ever added to, in a chain of hashes, and says itself who wrote it",
    "certificate_records": "only ever added to, with the certificate, which is audited",
    "hours_checks": "what the worker found when it looked for tampering",
    "record_chains": "how long a site's chain is; only the records move it on",
    "import_parts": "pieces of a file; the import is audited",
    "import_keys": "what the worker found in a file; the import is audited",
    "erased_lately": "follows from an erasure, which is audited",
    "import_faults": "what the worker found in a file; the import is audited",
    "export_parts": "pieces of a file; the export is audited",
    "sent_pages": "the pipeline's own",
    "holds": "places kept for minutes while a form is filled in; the registration tells",
    "merge_moves": "what a merge moved; the merge itself is audited",
    "people": "a number without any data; what was told is in person_sites",
    "ended_sessions": "hashes of cookies that somebody logged out with",
    "staff_sessions": "log-ins and log-outs are recorded as such, and not each look at the clock",
}
"""Tables that no trigger watches, with the reason. Whoever adds a table that people change puts it under `audited`."""

FIXED = dict.fromkeys(
    ("id", "position", "version", "created_at", "site_id", "activity_id", "shift_id", "person_id", "made_by"),
    "never changes, or changes with something that is watched",
)
WORKERS = dict.fromkeys(
    ("attempts", "claim", "claimed_until", "ended_at", "error", "parts", "rows"), "the worker's own"
)
NOT_WATCHED = {
    "staff": FIXED | dict.fromkeys(("email_hash", "encrypted_with"), "follows from the address, and from the key"),
    "shifts": FIXED
    | dict.fromkeys(("confirmed", "waitlisted", "offered", "held", "last_queue_number"), "counters of registrations")
    | dict.fromkeys(("local_day", "series_id", "occurs_at", "detached", "programme_key"), "follow from the times"),
    "registrations": FIXED
    | dict.fromkeys(
        ("age_band", "channel", "came_from", "group_id", "team_id", "during"), "as it was when somebody signed up"
    )
    | {"coming_at": "said by hand (`coming`); void with the shift's time or the place"}
    | dict.fromkeys(("queue_number", "offer_expires_at", "cancel_reason", "service_minutes"), "change with the status"),
    "imports": FIXED
    | WORKERS
    | dict.fromkeys(("kind", "agreed", "overwrite", "workbook"), "said when it begins or is applied: with the state")
    | dict.fromkeys(("encoding", "delimiter", "fields", "heading_row", "rest"), "how the file turned out to be written")
    | dict.fromkeys(("next_part", "done_in_part", "applied", "skipped", "new_people"), "how far the worker is")
    | dict.fromkeys(("known_records", "minutes", "first_day", "last_day"), "what the check counted")
    | {"approved_by": "said when it is applied: with the state"}
    | dict.fromkeys(("records", "faulty_rows", "faults", "known_people"), "what the check counted")
    | dict.fromkeys(("touched_at", "phase_began_at", "checked_at"), "when the worker was there"),
    "site_keys": FIXED
    | dict.fromkeys(("sha256", "prefix", "key_id"), "what a key is, from the day it was made")
    | dict.fromkeys(("used_at",), "when it was last used: each request would be an entry"),
    "exports": FIXED | WORKERS | dict.fromkeys(("format", "tables", "tables_done", "bytes"), "how far the worker is"),
}
"""Columns whose change alone is not told of, of tables that crowds change, with the reason."""


def _audit(site: Site, record: str) -> list:
    return site.sql("SELECT * FROM audit_log WHERE record = :record ORDER BY id", record=record)


def test_a_change_is_told_with_who_and_what(site: Site) -> None:
    room = site.expect(201, "POST", "/v1/rooms", {"name_zh": "排练室", "name_en": "Rehearsal room", "capacity": 30})
    (entry,) = _audit(site, room["id"])
    assert entry.actor.startswith("site:")
    assert (entry.action, entry.kind, str(entry.site_id)) == ("insert", "rooms", site.id)
    assert entry.changed["capacity"] == [None, 30]
    assert entry.request_id


def test_personal_data_is_named_and_never_copied(site: Site) -> None:
    registration = site.sign_up(site.shift())
    person = registration["person_id"]
    site.expect(200, "PATCH", f"/v1/people/{person}", {"phone": "13800138000"}, If_Match="*")
    (entry,) = _audit(site, person)
    assert entry.changed == {"phone": "*", "phone_hash": "*", "phone_index": "*"}


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
def test_nothing_can_be_taken_back(site: Site, statement: str) -> None:
    site.expect(201, "POST", "/v1/rooms", {"name_zh": "室", "name_en": "Room", "capacity": 3})
    with pytest.raises(DBAPIError, match="only ever added to"):
        site.sql(statement)


def test_a_site_sees_its_own_entries_only(site: Site, other: Site) -> None:
    other.expect(201, "POST", "/v1/rooms", {"name_zh": "室", "name_en": "Room", "capacity": 3})
    assert site.sql("SELECT * FROM audit_log WHERE site_id = :id", scope=site.id, id=other.id) == []


def test_what_the_system_does_by_itself_is_not_audited(site: Site) -> None:
    ACTING.set(Acting())
    room = site.sql(
        "INSERT INTO rooms (site_id, name_zh, name_en, capacity) VALUES (:id, '室', 'r', 1) RETURNING id", id=site.id
    )[0].id
    assert _audit(site, str(room)) == []


def test_every_table_that_people_change_is_under_audit_or_has_a_reason_not_to_be(site: Site) -> None:
    rows = site.sql(
        "SELECT relname, EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'audited'"
        "   AND tgenabled = 'O') AS watched"
        " FROM pg_class AS c WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace"
    )
    assert sorted(row.relname for row in rows if not row.watched) == sorted(NOT_AUDITED)


def test_a_column_that_is_not_watched_has_a_reason(site: Site) -> None:
    rows = site.sql(
        "SELECT c.relname, a.attname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid"
        " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE t.tgname = 'audited' AND array_length(t.tgattr::int2[], 1) > 0"
        " AND a.attnum <> ALL (t.tgattr::int2[])"
    )
    unwatched: dict[str, set[str]] = {}
    for row in rows:
        unwatched.setdefault(row.relname, set()).add(row.attname)
    assert {table: columns - NOT_WATCHED[table].keys() for table, columns in unwatched.items()} == {
        table: set() for table in unwatched
    }


def _room(site: Caller | Any) -> str:
    return str(site.expect(201, "POST", "/v1/rooms", {"name_zh": "室", "name_en": "Room", "capacity": 3})["id"])


def test_a_site_reads_its_own_with_the_names_of_who_works_there(site: Site, other: Site, office: Office) -> None:
    worker = office.session(office.account(("site_staff", site.id, None), name="李明月"), at=site.id)
    room, by_key, foreign = _room(worker), _room(site), _room(other)
    items = worker.expect(200, "GET", "/v1/audit?kind=rooms")["items"]
    assert [(item["record"], item["actor_name"]) for item in items] == [(by_key, "test"), (room, "李明月")]
    assert items[1]["actor"] == f"staff:{worker.id}" and items[1]["address"] == "127.0.0.1"
    assert site.expect(200, "GET", "/v1/audit?kind=rooms")["items"] == items
    assert site.expect(200, "GET", f"/v1/audit?record={foreign}")["items"] == []
    assert site.expect(200, "GET", f"/v1/audit?site_id={other.id}")["items"] == []


def test_an_area_admin_reads_the_sites_within_and_operators_everything(
    office: Office, operator: Caller, make_area: Callable[..., str], make_site: Callable[..., Site]
) -> None:
    city = make_area()
    inside, beside, outside = make_site(area=make_area(city, "district")), make_site(area=city), make_site()
    rooms = [_room(one) for one in (inside, beside, outside)]
    admin = office.area_admin(city, at=inside.id)
    assert {item["record"] for item in admin.expect(200, "GET", "/v1/audit?kind=rooms")["items"]} == set(rooms[:2])
    narrowed = admin.expect(200, "GET", f"/v1/audit?kind=rooms&site_id={beside.id}")["items"]
    assert [item["record"] for item in narrowed] == [rooms[1]]
    for everything in (operator, office.operator(), office.operator(at=inside.id)):
        assert everything.expect(200, "GET", f"/v1/audit?record={rooms[2]}")["items"][0]["record"] == rooms[2]


def test_operators_are_nobodys_colleagues(site: Site, office: Office) -> None:
    boss = office.session(office.account(("operator", None, None), name="运维甲"), at=site.id)
    room = _room(boss)
    (seen,) = site.expect(200, "GET", f"/v1/audit?record={room}")["items"]
    assert seen["actor_name"] is None
    (seen,) = boss.expect(200, "GET", f"/v1/audit?record={room}")["items"]
    assert seen["actor_name"] == "运维甲"


def test_pages_go_on_where_the_last_ended_the_newest_first(site: Site) -> None:
    rooms = [_room(site) for _ in range(5)]
    path, seen = "/v1/audit?kind=rooms&limit=2", []
    while path:
        answer = site.call("GET", path)
        seen += [item["record"] for item in answer.get_json()["items"]]
        link = answer.headers.get("Link", "")
        path = f"/v1/audit{link[1 : link.index('>')]}" if link else ""
    assert seen == rooms[::-1]
    assert site.call("GET", "/v1/audit?cursor=x").status_code == 422


def test_time_and_actor_narrow_it(site: Site, office: Office) -> None:
    worker = office.site_staff(site.id)
    _room(worker), _room(site)
    assert len(site.expect(200, "GET", f"/v1/audit?kind=rooms&actor=staff:{worker.id}")["items"]) == 1
    assert site.expect(200, "GET", "/v1/audit?until=2020-01-01T00:00:00Z")["items"] == []
    assert site.expect(200, "GET", "/v1/audit?since=2090-01-01T00:00:00Z")["items"] == []


def test_log_ins_that_failed_are_on_record_for_the_operator_alone(site: Site, operator: Caller) -> None:
    body = {"email": f"{uuid.uuid4().hex}@example.com", "password": "nothing"}
    Caller(site.app, "").call("POST", "/v1/staff/log-in", body)
    newest = operator.expect(200, "GET", "/v1/audit?action=log_in_failed&limit=1")["items"][0]
    assert (newest["record"], newest["actor"]) == ("unknown", "anyone:anyone")
    assert body["email"] not in str(newest)
    assert site.expect(200, "GET", "/v1/audit?action=log_in_failed")["items"] == []


def test_what_a_volunteer_told_does_not_stay_in_the_log_beside_their_id(site: Site) -> None:
    made = register(site, skills=["first_aid"], categories=["elders"], professions=["nurse"])
    person, guardian = made["person_id"], {"name": "母亲", "relation": "母亲", "email": "mother@example.com"}
    site.expect(200, "PUT", f"/v1/people/{person}/guardian", guardian)
    site.expect(200, "PATCH", f"/v1/volunteers/{person}", {"skills": ["singing"]}, If_Match="*")
    site.expect(200, "POST", f"/v1/people/{person}/erasure", {"reason": "person_asked"})
    rows = site.sql("SELECT changed::text AS changed FROM audit_log WHERE changed::text LIKE :person"
                    " OR record = :record", person=f"%{person}%", record=person)  # fmt: skip
    written = " ".join(row.changed for row in rows)
    told = (made["volunteer_number"], "first_aid", "singing", "elders", "nurse", "母亲")
    assert [one for one in told if one in written] == []


def test_staff_without_a_site_and_accounts_without_a_grant_read_nothing(site: Site, office: Office) -> None:
    _room(site)
    unplaced = office.session(office.account(("site_staff", site.id, None)))
    dismissed = office.session(office.account(), at=site.id)
    for nobody in (unplaced, dismissed):
        answer = nobody.call("GET", "/staff/audit", Accept="text/html")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/staff/sites?next=%2Fstaff%2Faudit")
        for path in ("/staff/audit", "/v1/audit"):
            answer = nobody.call("GET", path)
            assert (answer.status_code, answer.get_json()["type"]) == (403, "urn:hesheng:problem:site-needed")


def test_text_that_looks_like_ciphertext_hides_nothing(site: Site, office: Office) -> None:
    clerk = office.site_staff(site.id)
    activity = site.activity(responsible="王主任")
    for name in (r"\x", "李四"):
        clerk.expect(200, "PATCH", f"/v1/activities/{activity}", {"responsible": name}, If_Match="*")
    rows = site.sql(
        "SELECT changed FROM audit_log WHERE record = :a AND actor = :m ORDER BY id", a=activity, m=f"staff:{clerk.id}"
    )
    assert [row.changed["responsible"] for row in rows] == [["王主任", r"\x"], [r"\x", "李四"]]


@pytest.mark.parametrize("text", ["2026-11-28 09:00 集合", "2026-11-28 09:00", "9999-99-99 99:99:99+08:00"])
def test_text_that_looks_like_a_moment_is_shown_as_it_is(site: Site, office: Office, text: str) -> None:
    clerk = office.site_staff(site.id)
    activity = site.activity()
    clerk.expect(200, "PATCH", f"/v1/activities/{activity}", {"responsible": text}, If_Match="*")
    page = clerk.call("GET", f"/staff/audit?record={activity}", Accept="text/html")
    assert page.status_code == 200 and text in page.get_data(as_text=True)


def test_who_looks_after_an_area_works_before_choosing_a_site(
    make_area: Callable[..., str], make_site: Callable[..., Site], office: Office
) -> None:
    ours, theirs = make_area(), make_area()
    near, far = make_site(area=ours, name_en="Near"), make_site(area=theirs, name_en="Faraway")
    admin, staff = office.area_admin(ours), office.session(office.account(("site_staff", near.id, None)))
    for site in (near, far):
        site.activity()
    seen = admin.call("GET", "/staff/audit").get_data(as_text=True)
    assert "Near" in seen and "Faraway" not in seen
    assert admin.call("GET", "/staff/programmes").status_code == 200
    menu = admin.call("GET", "/staff/").get_data(as_text=True)
    assert "/staff/areas" in menu and "/staff/check-in" not in menu, "what needs a site is offered at one"
    menu = staff.call("GET", "/staff/").get_data(as_text=True)
    assert "/staff/areas" not in menu and "/staff/audit" not in menu
    assert staff.call("GET", "/staff/audit").status_code == 403
