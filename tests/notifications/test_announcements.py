"""Announcements: who may send which to how many, that each gets it once whatever dies, and that it can be stopped."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from services.common import events
from services.common.auth import STAFF_COOKIE, Caller, Principal, Role, csrf_token, new_site_key
from services.common.database import EVERY_SITE, Database
from services.notifications.operations import preferences
from services.notifications.operations.announcements.sending import (
    send_announcements,
    settle_announcements,
    write_down,
)
from services.notifications.operations.claims import any_claimable
from services.notifications.operations.claims.announcements import bulk_claimable, claim_announcements
from services.notifications.operations.deliver import Postman, deliver_batch, deliver_bulk
from services.notifications.settings import Settings
from tests.conftest import OPERATOR_KEY
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
WORDS = {"subject_zh": "{{站点简称}}本周停水", "text_zh": "{{姓名}}，本周六停水。\n[[请打{{站点电话}}询问。]]"}
ENGLISH = {"subject_en": "No water at {{site}}", "text_en": "Dear {{name}}, there is no water on Saturday."}
BODY = {"audience": {"to": "site"}, **WORDS, **ENGLISH}


class Desk:
    """Somebody who calls: with a key, or as staff in a session."""

    def __init__(self, app: APIFlask, headers: dict[str, str], cookie: str = "", staff_id: str = "") -> None:
        self.staff_id = staff_id
        self.client, self.headers = app.test_client(), headers | {"Accept-Language": "en"}
        if cookie:
            self.client.set_cookie(STAFF_COOKIE, cookie)

    def call(self, method: str, path: str, body: Any = None, version: int | None = None, **more: str) -> Any:
        headers = self.headers | more | ({"If-Match": f'"{version}"'} if version is not None else {})
        return self.client.open(f"/v1/announcements{path}", method=method, json=body, headers=headers)

    def expect(self, status: int, method: str, path: str, body: Any = None, version: int | None = None) -> Any:
        answer = self.call(method, path, body, version)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json()

    def submitted(self, people: int, **other: Any) -> Any:
        made = self.expect(201, "POST", "", BODY | other)
        return self.expect(200, "POST", f"/{made['id']}/submit", {"people": people}, made["version"])


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """To so many people one writes alone."""
    return settings.model_copy(update={"announcement_alone": getattr(request, "param", 2000)})


@pytest.fixture
def site(app: APIFlask, story: Story) -> Desk:
    """The site's own programs."""
    story.save_site()
    key, _, digest = new_site_key()
    story.tell(events.SiteKeyIssued(key_id=uuid4(), site_id=story.site_id, sha256=digest))
    return Desk(app, {"Authorization": f"Bearer {key}"})


@pytest.fixture
def works(app: APIFlask, story: Story, contacts: Contacts) -> Callable[..., Desk]:
    """Makes members of staff of the site."""

    def log_in(role: Role = Role.SITE_STAFF) -> Desk:
        cookie, name = uuid4().hex, str(uuid4())
        principal = Principal(Caller.STAFF, name, story.site_id, role, session=cookie)
        contacts.sessions[cookie] = {
            "caller": "staff", "name": name, "site_id": str(story.site_id), "role": role, "session": cookie,
        }  # fmt: skip
        return Desk(app, {"X-CSRF-Token": csrf_token(principal)}, cookie, name)

    return log_in


def goes_out(postman: Postman, page: int = 2) -> None:
    """Everything that pump and worker have to do."""
    while send_announcements(postman.database, postman.contacts, (), page):
        pass
    while deliver_batch(postman) + deliver_bulk(postman):
        pass
    settle_announcements(postman.database)


def states(rows: Rows) -> dict[str, int]:
    return {row.state: row.n for row in rows("SELECT state, count(*) AS n FROM messages GROUP BY state")}


def test_each_gets_it_once_in_their_language_and_who_refused_does_not(
    site: Desk, story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    people = [story.person(f"p{number}@example.org", name=f"居民{number}") for number in range(5)]
    contacts.people[str(people[1])]["language"] = "en"
    contacts.people[str(people[2])]["email"] = None
    with postman.database.transaction(EVERY_SITE) as session:
        preferences.refuse(session, people[3], story.site_id, "announcement")
    made = site.expect(201, "POST", "", BODY)
    assert site.expect(200, "POST", f"/{made['id']}/count") == {
        "people": 5, "few": False, "by_mail": 3, "by_sms": 0, "refused": 1, "unreached": 1, "approvers": 0}  # fmt: skip
    assert site.call("POST", f"/{made['id']}/submit", {"people": 4}, made["version"]).status_code == 409
    assert site.expect(200, "POST", f"/{made['id']}/submit", {"people": 5}, made["version"])["state"] == "scheduled"
    goes_out(postman)
    assert states(rows) == {"sent": 3, "no_contact": 1, "suppressed": 1}
    mails = {str(kept.mail["To"]).partition("<")[2].rstrip(">"): kept.mail for kept in sink.kept}
    assert sorted(mails) == ["p0@example.org", "p1@example.org", "p4@example.org"] and len(sink.kept) == 3
    assert mails["p0@example.org"]["Subject"] == "赛马场站本周停水"
    assert "居民0，本周六停水。" in mails["p0@example.org"].get_body(("plain",)).get_content()
    assert mails["p1@example.org"]["Subject"] == "No water at Saimachang"
    assert mails["p1@example.org"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    one = site.expect(200, "GET", f"/{made['id']}")
    assert (one["state"], one["written"], one["states"]) == ("done", 5, {"no_contact": 1, "sent": 3, "suppressed": 1})
    assert rows("SELECT error FROM messages WHERE state = 'suppressed'") == [("refused by the person",)]


def test_so_many_who_refused_that_they_are_told_in_parts_are_counted_as_one(
    site: Desk, story: Story, contacts: Contacts, postman: Postman, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [story.person(f"p{number}@example.org") for number in range(9)]
    with postman.database.transaction(EVERY_SITE) as session:
        for one in people[:5]:
            preferences.refuse(session, one, story.site_id, "announcement")
        preferences.refuse(session, people[5], uuid4(), "announcement")
    made = site.expect(201, "POST", "", BODY)
    whole = site.expect(200, "POST", f"/{made['id']}/count")
    assert (whole["people"], whole["by_mail"], whole["refused"]) == (9, 4, 5)
    monkeypatch.setattr("services.notifications.contacts.REFUSALS_AT_ONCE", 2)
    assert site.expect(200, "POST", f"/{made['id']}/count") == whole
    assert contacts.refusals == [10, 4, 4, 2], "by mail and by SMS"
    monkeypatch.setattr("services.notifications.contacts.REFUSALS_AT_ONCE", 5)
    assert site.expect(200, "POST", f"/{made['id']}/count") == whole and contacts.refusals[4:] == [10]


def test_who_refused_is_found_without_looking_at_everybody(story: Story, postman: Postman) -> None:
    with postman.database.transaction(EVERY_SITE) as session:
        session.execute(
            text("""
            INSERT INTO preferences (person_id, site_id, refused)
            SELECT gen_random_uuid(), gen_random_uuid(),
                   CASE WHEN one % 50 = 0 THEN '{announcement.sms}'::text[] ELSE '{reminder.sms}' END
            FROM generate_series(1, 2000) AS one""")
        )
        session.execute(text("ANALYZE preferences"))
        for asked in (None, story.site_id):
            plan = session.scalars(text(f"EXPLAIN {preferences.NO_ANNOUNCEMENTS}"), {"site_id": asked}).all()
            assert "preferences_no_announcements" in " ".join(plan), plan
        session.rollback()


def test_of_few_people_of_an_age_nobody_is_told_how_many_and_each_count_is_on_record(
    site: Desk, works: Callable[..., Desk], story: Story, rows: Rows
) -> None:
    for number in range(3):
        story.person(f"p{number}@example.org")
    staff = works()
    made = staff.expect(201, "POST", "", BODY | {"audience": {"to": "site", "ages": "minors"}})
    path = f"/{made['id']}"
    found = staff.expect(200, "POST", f"{path}/count")
    assert found == {"people": 4, "few": True, "by_mail": 0, "by_sms": 0, "refused": 0, "unreached": 0, "approvers": 0}
    assert "少于 5" in staff.client.get(f"/staff/announcements{path}").get_data(as_text=True)
    refused = staff.call("POST", f"{path}/submit", {"people": 3}, made["version"])
    assert refused.status_code == 409 and "fewer than 5" in refused.get_data(as_text=True)
    on_record = rows("SELECT actor, changed FROM audit_log WHERE action = 'read' AND record = :id", id=made["id"])
    assert on_record == [(f"staff:{staff.staff_id}", {"counted": "minors"})] * 3
    assert staff.expect(200, "POST", f"{path}/submit", {"people": 4}, made["version"])["state"] == "scheduled"
    assert "少于 5" in staff.client.get("/staff/announcements").get_data(as_text=True)
    for number in range(3, 5):
        story.person(f"p{number}@example.org")
    assert staff.expect(200, "POST", f"{path}/count")["people"] == 5
    all_of_them = staff.expect(201, "POST", "", BODY)
    assert staff.expect(200, "POST", f"/{all_of_them['id']}/count")["few"] is False
    assert not rows("SELECT FROM audit_log WHERE action = 'read' AND record = :id", id=all_of_them["id"])


@pytest.mark.parametrize("settings", [2], indirect=True)
def test_for_many_a_second_person_approves_and_never_a_key_or_who_wrote_it(
    app: APIFlask, site: Desk, works: Callable[..., Desk], story: Story, postman: Postman, rows: Rows
) -> None:
    for number in range(3):
        story.person(f"p{number}@example.org")
    author, editor, second = works(), works(), works()
    made = author.expect(201, "POST", "", BODY)
    path = f"/{made['id']}"
    assert site.call("POST", f"{path}/submit", {"people": 3}, made["version"]).status_code == 403, "a key"
    made = editor.expect(200, "PUT", path, BODY | {"subject_zh": "停水"}, made["version"])
    made = author.expect(200, "POST", f"{path}/submit", {"people": 3}, made["version"])
    assert made["state"] == "waiting"
    goes_out(postman)
    assert states(rows) == {}
    for who in (author, editor):
        assert who.call("POST", f"{path}/approve", {"people": 3}, made["version"]).status_code == 403
    for key in (site, Desk(app, {"Authorization": f"Bearer {OPERATOR_KEY}"})):
        assert key.call("POST", f"{path}/approve", {"people": 3}, made["version"]).status_code == 403
    assert second.call("POST", f"{path}/approve", {"people": 2}, made["version"]).status_code == 409
    assert second.call("POST", f"{path}/approve", {"people": 3}, made["version"] - 1).status_code == 412
    done = second.expect(200, "POST", f"{path}/approve", {"people": 3}, made["version"])
    assert done["state"] == "scheduled" and done["approved_by"] != done["submitted_by"]
    changed = author.expect(200, "PUT", path, BODY, done["version"])
    assert (changed["state"], changed["approved_by"], changed["people"]) == ("draft", None, None), "it is another one"
    kept = rows("SELECT changed ->> 'approved_by' AS by FROM audit_log WHERE kind = 'announcements' ORDER BY id")
    assert any(row.by and done["approved_by"] in row.by for row in kept)


def test_what_was_stopped_midway_ends_there(
    site: Desk, story: Story, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    for number in range(70):
        story.person(f"p{number}@example.org")
    made = site.submitted(70)
    while send_announcements(postman.database, postman.contacts, (), 30):
        pass
    sent = deliver_bulk(postman)
    assert 0 < sent < 70
    assert site.expect(200, "POST", f"/{made['id']}/stop")["state"] == "stopped"
    rows("UPDATE messages SET state = 'pending', next_attempt_at = now() WHERE id ="
         " (SELECT id FROM messages WHERE state = 'sent' LIMIT 1)")  # fmt: skip
    goes_out(postman)
    assert states(rows) == {"sent": sent - 1, "suppressed": 71 - sent}, "and what came back from a worker"
    assert {row.error for row in rows("SELECT error FROM messages WHERE state = 'suppressed'")} == {"stopped"}
    counted = site.expect(200, "GET", f"/{made['id']}")["states"]
    assert counted == {"sent": sent - 1, "stopped": 71 - sent}, "apart from those who refused it"
    assert len(sink.kept) == sent
    copied = site.expect(201, "POST", f"/{made['id']}/copy")
    assert (copied["state"], copied["copied_from"], copied["text_zh"]) == ("draft", made["id"], made["text_zh"])


def test_pumps_that_die_or_come_at_once_tell_nobody_twice(
    site: Desk, story: Story, contacts: Contacts, postman: Postman, rows: Rows
) -> None:
    people = {story.person(f"p{number}@example.org") for number in range(12)}
    made = site.submitted(12)
    database, book = postman.database, postman.contacts
    assert send_announcements(database, book, ()) == 1, "it began"
    question = {"to": "site", "site_id": str(story.site_id)}
    page = book.audience(question, None, 5)
    assert write_down(database, UUID(made["id"]), None, page) == 5
    assert write_down(database, UUID(made["id"]), None, page) == 0, "whoever has the same page finds it written down"
    contacts.failing = True
    assert send_announcements(database, book, (), 5) == 1 and send_announcements(database, book, (), 5) == 0
    assert site.expect(200, "GET", f"/{made['id']}")["waits"] == "registration answered 503", "and says why it waits"
    contacts.failing = False
    rows("UPDATE announcements SET tried_at = tried_at - interval '1 minute'")
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            list(pool.map(lambda _: send_announcements(database, book, (), 3), range(4)))
    assert {row.person_id for row in rows("SELECT person_id FROM messages")} == people
    assert rows("SELECT count(*), count(DISTINCT person_id) FROM messages") == [(12, 12)]
    assert rows("SELECT written, written_at IS NOT NULL FROM announcements") == [(12, True)]


def test_what_came_to_far_more_people_waits_for_somebody_to_look(
    site: Desk, works: Callable[..., Desk], story: Story, postman: Postman, rows: Rows
) -> None:
    story.person("p@example.org")
    made = site.submitted(1)
    for number in range(20):
        story.person(f"more{number}@example.org")
    goes_out(postman)
    assert rows("SELECT state, grown, people FROM announcements") == [("waiting", True, 21)] and states(rows) == {}
    version = site.expect(200, "GET", f"/{made['id']}")["version"]
    works().expect(200, "POST", f"/{made['id']}/approve", {"people": 21}, version)
    goes_out(postman)
    assert states(rows) == {"sent": 21}


def test_throttled_so_many_go_within_a_minute_even_after_a_standstill(
    site: Desk, story: Story, postman: Postman, rows: Rows
) -> None:
    for number in range(9):
        story.person(f"p{number}@example.org")
    site.submitted(9, per_minute=3)
    goes_out(postman)
    assert states(rows) == {"pending": 8, "sent": 1}, "the next is due in twenty seconds"
    rows("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    goes_out(postman)
    assert states(rows) == {"pending": 6, "sent": 3}
    rows("UPDATE messages SET sent_at = sent_at - interval '1 minute', next_attempt_at = now()")
    goes_out(postman)
    assert states(rows) == {"pending": 3, "sent": 6}


def test_a_small_one_does_not_wait_behind_a_large_one(site: Desk, story: Story, postman: Postman, rows: Rows) -> None:
    for number in range(60):
        story.person(f"p{number}@example.org")
    site.submitted(60)
    while send_announcements(postman.database, postman.contacts, ()):
        pass
    later = site.submitted(60, subject_zh="另一份")
    while send_announcements(postman.database, postman.contacts, ()):
        pass
    deliver_bulk(postman)
    sent = rows("SELECT count(*) AS n FROM messages WHERE state = 'sent' AND announcement_id = :id", id=later["id"])
    assert sent[0].n == 10


def test_one_worker_at_a_time_sends_them_and_the_others_are_there_for_what_comes(
    site: Desk, story: Story, postman: Postman, rows: Rows
) -> None:
    database = postman.database
    for number in range(3):
        story.person(f"p{number}@example.org")
    site.submitted(3)
    while send_announcements(database, postman.contacts, ()):
        pass
    assert bulk_claimable(database) and not any_claimable(database)
    assert len(claim_announcements(database, "example.org", 1)) == 1
    assert claim_announcements(database, "example.org") == [] and not bulk_claimable(database)
    rows("UPDATE messages SET claimed_at = now() - interval '21 seconds' WHERE state = 'sending'")
    assert len(claim_announcements(database, "example.org")) == 2, "who died keeps nobody from it"


@pytest.mark.parametrize(("typed", "field", "said"), [
    ({"text_zh": "{{站点电话}}"}, "text_zh", "brackets"),
    ({"text_zh": "[[{{站点电话}}]]"}, "text_zh", "empty"),
    ({"subject_zh": "{{活动}}"}, "subject_zh", "no {{活动}}"),
    ({"text_en": ""}, "text_en", "not be empty"),
])  # fmt: skip
def test_words_that_could_come_out_wrong_are_refused_at_their_field(
    typed: dict[str, str], field: str, said: str, site: Desk
) -> None:
    answer = site.expect(422, "POST", "", BODY | typed)
    [found] = answer["errors"]
    assert found["field"] == field and said in found["message"], found


def test_a_site_sees_and_writes_its_own_alone_and_areas_are_for_those_who_look_after_them(
    app: APIFlask, site: Desk, works: Callable[..., Desk], story: Story, contacts: Contacts, database: Database
) -> None:
    story.person("p@example.org")
    made = site.expect(201, "POST", "", BODY)
    key, _, digest = new_site_key()
    story.tell(events.SiteKeyIssued(key_id=uuid4(), site_id=uuid4(), sha256=digest))
    other = Desk(app, {"Authorization": f"Bearer {key}"})
    assert other.expect(200, "GET", "")["items"] == []
    for method, path in (("GET", ""), ("PUT", ""), ("POST", "/stop"), ("POST", "/count"), ("POST", "/copy")):
        assert other.call(method, f"/{made['id']}{path}", BODY if method == "PUT" else {}, 1).status_code == 404
    to_area = BODY | {"audience": {"to": "area", "area": "140107"}}
    for who in (site, works()):
        assert who.call("POST", "", to_area).status_code == 403
    over, elsewhere = works(Role.AREA_ADMIN), works(Role.AREA_ADMIN)
    contacts.areas = [{"id": "140107", "name_zh": "杏花岭区", "name_en": "Xinghualing"}]
    of_area = over.expect(201, "POST", "", to_area)
    assert [one["id"] for one in over.expect(200, "GET", "")["items"]] == [of_area["id"], made["id"]]
    assert site.call("GET", f"/{of_area['id']}").status_code == 404
    contacts.areas = []
    assert elsewhere.call("GET", f"/{of_area['id']}").status_code == 404
    contacts.objection = "not_theirs"
    assert elsewhere.call("POST", "", to_area).status_code == 403
    contacts.objection = "unknown"
    assert site.expect(422, "POST", "", BODY | {"audience": {"to": "team"}})["errors"][0]["field"] == "audience.team_id"
