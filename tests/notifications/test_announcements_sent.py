"""Announcements on their way: none keeps another from going, nobody is told twice, and what is over is not told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask

from services.common import events
from services.common.auth import Caller, Principal, Role, csrf_token
from services.common.database import EVERY_SITE, Database
from services.common.errors import Problem
from services.notifications.contacts import AudienceCount
from services.notifications.operations.announcements import approval
from services.notifications.operations.announcements.sending import (
    begin,
    send_announcements,
    settle_announcements,
)
from services.notifications.operations.claims import put_off
from services.notifications.operations.claims.announcements import bulk_claimable, claim_announcements
from services.notifications.operations.deliver import Postman, deliver_bulk
from services.notifications.operations.messages import retry_message
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story
from tests.notifications.test_announcements import (  # noqa: F401
    BODY,
    WORDS,
    Desk,
    Rows,
    goes_out,
    settings,
    site,
    states,
    works,
)


def written(postman: Postman, page: int = 5000) -> None:
    """All there are, as far as registration says to whom they go."""
    while send_announcements(postman.database, postman.contacts, (), page):
        pass


def merged(story: Story, one: UUID, into: UUID) -> None:
    told = {"merge_id": uuid4(), "person_id": one, "person_number": 1, "into_id": into, "into_number": 2}
    story.tell(events.PersonMerged(**told))


def test_one_whose_count_fails_is_put_off_and_keeps_no_other_waiting(
    site: Desk,
    story: Story,
    contacts: Contacts,
    postman: Postman,
    rows: Rows,
) -> None:
    story.person("p@example.org")
    first = site.submitted(1, audience={"to": "site", "language": "zh"})
    second = site.submitted(1)
    contacts.uncounted = {"language": "zh"}
    written(postman)
    found = {row.id: row for row in rows("SELECT id, state, waits FROM announcements")}
    assert found[UUID(second["id"])].state == "sending"
    assert tuple(found[UUID(first["id"])])[1:] == ("scheduled", "registration answered 503")
    contacts.uncounted = None
    written(postman)
    assert rows("SELECT count(*) FROM announcements WHERE state = 'scheduled'") == [(1,)], "it rests for a while"
    rows("UPDATE announcements SET tried_at = now() - interval '61 seconds' WHERE tried_at IS NOT NULL")
    written(postman)
    assert rows("SELECT count(*) FROM announcements WHERE state = 'sending' AND waits IS NULL") == [(2,)]


def test_what_sleeps_or_is_paced_takes_no_part_of_a_batch(site: Desk, story: Story, postman: Postman,
                                                          rows: Rows) -> None:  # fmt: skip
    for number in range(25):
        story.person(f"p{number}@example.org")
    site.submitted(25, subject_zh="睡着")
    paced = site.submitted(25, subject_zh="限速", per_minute=1)
    written(postman)
    rows("UPDATE messages SET next_attempt_at = now() + interval '8 hours'")
    rows("UPDATE messages SET next_attempt_at = now() WHERE announcement_id = :id", id=paced["id"])
    rows("UPDATE messages SET state = 'sent', sent_at = now() WHERE id ="
         " (SELECT id FROM messages WHERE announcement_id = :id LIMIT 1)", id=paced["id"])  # fmt: skip
    assert not bulk_claimable(postman.database), "nobody is woken for what may not go yet"
    site.submitted(25, subject_zh="现在")
    written(postman)
    assert len(claim_announcements(postman.database, "example.org")) == 20


def test_of_more_announcements_than_a_batch_has_places_each_has_its_turns(
    site: Desk,
    story: Story,
    postman: Postman,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(approval, "MOST_A_DAY", 99)
    for number in range(30):
        story.person(f"p{number}@example.org")
    for number in range(22):
        site.submitted(30, subject_zh=f"第 {number} 份")
    written(postman)
    for _ in range(20):
        claim_announcements(postman.database, "example.org")
        rows("UPDATE messages SET state = 'sent', sent_at = now(), claimed_at = NULL WHERE state = 'sending'")
    sent = rows("SELECT count(*) FILTER (WHERE state = 'sent') AS n FROM messages GROUP BY announcement_id")
    assert sum(row.n for row in sent) == 400 and min(row.n for row in sent) > 5, [row.n for row in sent]


@pytest.mark.parametrize("survivor_first", [True, False])
def test_two_who_turn_out_to_be_one_while_it_is_written_down_get_it_once(
    site: Desk,
    story: Story,
    postman: Postman,
    sink: FaultySink,
    rows: Rows,
    survivor_first: bool,
) -> None:
    low, high = sorted((story.person("same@example.org"), story.person("same@example.org")), key=str)
    one, into = (high, low) if survivor_first else (low, high)
    site.submitted(2)
    for _ in range(2):
        send_announcements(postman.database, postman.contacts, (), 1)
    merged(story, one, into)
    goes_out(postman)
    assert len(sink.kept) == 1 and states(rows) == {"sent": 1}
    assert rows("SELECT written, state FROM announcements") == [(1, "done")]


def test_two_who_turn_out_to_be_one_while_their_messages_wait_get_one_of_them(
    site: Desk,
    story: Story,
    postman: Postman,
    sink: FaultySink,
    rows: Rows,
    database: Database,
) -> None:
    one, two, three = (story.person("same@example.org") for _ in range(3))
    site.submitted(3)
    written(postman)
    merged(story, one, two)
    assert states(rows) == {"pending": 2, "suppressed": 1}
    rows("UPDATE messages SET state = 'failed' WHERE person_id = :one", one=one)
    rows("UPDATE messages SET state = 'sending', claimed_at = now() WHERE person_id = :two", two=two)
    merged(story, two, three)
    assert states(rows) == {"failed": 1, "sending": 1, "suppressed": 1}, "what a worker holds goes out"
    rows("UPDATE messages SET state = 'pending', claimed_at = NULL, next_attempt_at = now() WHERE state = 'sending'")
    failed = rows("SELECT id FROM messages WHERE state = 'failed'")[0].id
    with pytest.raises(Problem, match="another one"):
        retry_message(database, EVERY_SITE, failed)
    [claimed] = claim_announcements(database, "example.org")
    assert claimed.person_id == three, "and is written to as who they are by now"


def test_what_is_about_an_activity_that_is_over_or_was_stopped_is_not_tried_again(
    site: Desk, works: Callable[..., Desk], story: Story, contacts: Contacts, postman: Postman, rows: Rows,
    database: Database,
) -> None:  # fmt: skip
    story.opening(timedelta(hours=2))
    story.person("p@example.org")
    about = {"to": "activity", "activity_id": str(story.activity["activity_id"])}
    made = site.submitted(1, audience=about)
    written(postman)
    rows("UPDATE messages SET state = 'failed', error = 'x'")
    [message] = rows("SELECT id, expires_at FROM messages")
    retry_message(database, str(story.site_id), message.id)
    assert rows("SELECT expires_at FROM messages") == [(message.expires_at,)], "it still ends with the activity"
    rows("UPDATE messages SET state = 'failed', expires_at = now() - interval '3 hours'")
    rows("UPDATE shifts SET starts_at = now() - interval '5 hours', ends_at = now() - interval '3 hours'")
    with pytest.raises(Problem, match="activity is over"):
        retry_message(database, str(story.site_id), message.id)
    rows("UPDATE messages SET expires_at = now() + interval '1 hour'")
    site.expect(200, "POST", f"/{made['id']}/stop")
    # As one to an area is: of no site, while its messages are of sites.
    rows("UPDATE announcements SET site_id = NULL, area = '140107'")
    with pytest.raises(Problem, match="was stopped"):
        retry_message(database, str(story.site_id), message.id)


@pytest.mark.parametrize("settings", [2], indirect=True)
def test_for_more_than_one_may_write_to_alone_a_second_person_approves_however_it_came_to_that(
    site: Desk,
    works: Callable[..., Desk],
    story: Story,
    postman: Postman,
    sink: FaultySink,
    rows: Rows,
) -> None:
    story.person("p@example.org"), story.person("q@example.org")
    made = site.submitted(2)
    late = story.person("r@example.org")
    written(postman)
    assert rows("SELECT state, grown, people FROM announcements") == [("waiting", True, 3)] and states(rows) == {}
    [row] = rows("SELECT * FROM announcements")
    rows("UPDATE announcements SET state = 'scheduled', grown = false, people = 2")
    counted = AudienceCount(name_zh="", name_en="", objection=None, people=2, by_mail=2, by_phone=0, refused=0,
                            unreached=0)  # fmt: skip
    assert begin(postman.database, row, counted) == 1, "they came after it was counted"
    written(postman)
    assert rows("SELECT state, grown, people FROM announcements") == [("waiting", True, 3)] and states(rows) == {}
    version = site.expect(200, "GET", f"/{made['id']}")["version"]
    works().expect(200, "POST", f"/{made['id']}/approve", {"people": 3}, version)
    goes_out(postman)
    assert states(rows) == {"sent": 3} and late in {row.person_id for row in rows("SELECT person_id FROM messages")}


@pytest.mark.parametrize("settings", [2], indirect=True)
def test_what_came_to_too_many_on_its_way_is_approved_for_all_of_them_or_stopped_and_not_changed(
    site: Desk, works: Callable[..., Desk], story: Story, contacts: Contacts, postman: Postman, rows: Rows
) -> None:
    people = sorted(str(story.person(f"p{number}@example.org")) for number in range(7))
    later = {one: contacts.people.pop(one) for one in people[2:]}
    made = site.submitted(2)
    for _ in range(2):
        send_announcements(postman.database, postman.contacts, (), 1)
    contacts.people |= later
    while send_announcements(postman.database, postman.contacts, (), 2):
        pass
    assert rows("SELECT state, grown, people, written FROM announcements") == [("waiting", True, 7, 1)]
    second, path = works(), f"/{made['id']}"
    page = second.client.get(f"/staff/announcements{path}", headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "On its way it came to more people" in page and "1 have a message" in page
    assert f"{path}/edit" not in page and f"{path}/decline" not in page
    version = site.expect(200, "GET", path)["version"]
    second.expect(409, "POST", f"{path}/decline", {"why": "x"}, version)
    second.expect(200, "POST", f"{path}/approve", {"people": 7}, version)
    goes_out(postman)
    assert states(rows) == {"sent": 7}


def test_how_far_each_has_come_is_what_its_messages_say_whatever_happens_to_them(
    site: Desk,
    story: Story,
    postman: Postman,
    rows: Rows,
) -> None:
    for number in range(30):
        story.person(f"p{number}@example.org")
    made, other = site.submitted(30), site.submitted(30, subject_zh="另一份")
    written(postman, 7)
    deliver_bulk(postman)
    settle_announcements(postman.database)
    site.expect(200, "POST", f"/{other['id']}/stop")
    rows("UPDATE messages SET state = 'delivered' WHERE id = (SELECT id FROM messages WHERE state = 'sent' LIMIT 1)")
    for _ in range(2):
        shown = {one["id"]: one["states"] for one in site.expect(200, "GET", "")["items"]}
        for one in (made, other):
            counted = rows("SELECT counted_as(state, error) AS state, count(*) FROM messages"
                           " WHERE announcement_id = :id GROUP BY 1", id=one["id"])  # fmt: skip
            assert shown[one["id"]] == {row.state: row.count for row in counted}
        settle_announcements(postman.database)
    assert rows("SELECT count(*) FROM announcement_counts WHERE NOT folded") == [(0,)]


def test_who_declines_says_why_and_who_stops_may(
    site: Desk,
    works: Callable[..., Desk],
    story: Story,
    rows: Rows,
    settings: Any,
    contacts: Contacts,
) -> None:
    story.person("p@example.org")
    author, second = works(), works(Role.SITE_STAFF)
    made = site.submitted(1)
    rows("UPDATE announcements SET state = 'waiting'")
    path = f"/{made['id']}"
    version = site.expect(200, "GET", path)["version"]
    assert site.call("POST", f"{path}/decline", {"why": "不"}, version).status_code == 403, "a key"
    assert second.expect(422, "POST", f"{path}/decline", {"why": " "}, version)["errors"][0]["field"] == "why"
    declined = second.expect(200, "POST", f"{path}/decline", {"why": "时间写错了"}, version)
    assert (declined["state"], declined["declined_why"], declined["ended_by"]) == ("draft", "时间写错了", None)
    again = author.expect(200, "POST", f"{path}/submit", {"people": 1}, declined["version"])
    assert (again["declined_at"], again["declined_by"], again["declined_why"]) == (None, None, None)
    stopped = author.expect(200, "POST", f"{path}/stop", {"why": "改到下周"})
    assert (stopped["state"], stopped["ended_why"], stopped["declined_by"]) == ("stopped", "改到下周", None)
    assert stopped["ended_by"] == again["submitted_by"]


def test_a_message_that_is_put_off_in_vain_goes_and_one_that_is_no_longer_ours_does_not(
    site: Desk,
    story: Story,
    postman: Postman,
    rows: Rows,
) -> None:
    story.person("p@example.org")
    site.submitted(1)
    written(postman)
    [claimed] = claim_announcements(postman.database, "example.org")
    assert put_off(postman.database, claimed, 3600 * 24 * 3) is False, "it would have expired"
    assert put_off(postman.database, claimed, 60) is True and states(rows) == {"pending": 1}
    assert put_off(postman.database, claimed, 60) is None, "its claim is over"


@pytest.mark.parametrize("settings", [3], indirect=True)
def test_many_small_ones_are_one_large_one(
    site: Desk, story: Story, works: Callable[..., Desk], postman: Postman, rows: Rows
) -> None:
    for number in range(2):
        story.person(f"p{number}@example.org")
    site.submitted(2)
    goes_out(postman)
    withdrawn = works().submitted(2, subject_zh="撤回")
    site.expect(200, "POST", f"/{withdrawn['id']}/stop")
    another = site.expect(201, "POST", "", BODY)
    site.expect(403, "POST", f"/{another['id']}/submit", {"people": 2}, another["version"])
    writer = works()
    waits = writer.submitted(2, subject_zh="又一份")
    assert waits["state"] == "waiting"
    approve = f"/{waits['id']}/approve"
    writer.expect(403, "POST", approve, {"people": 2}, waits["version"])
    works().expect(200, "POST", approve, {"people": 2}, waits["version"])
    goes_out(postman)
    assert states(rows) == {"sent": 4}


def test_a_day_has_so_many_however_many_come_at_once(site: Desk, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approval, "MOST_A_DAY", 4)
    story.person("p@example.org")
    made = [site.expect(201, "POST", "", BODY) for _ in range(16)]

    def submit(one: dict[str, Any]) -> int:
        desk = Desk(site.client.application, site.headers)
        return int(desk.call("POST", f"/{one['id']}/submit", {"people": 1}, one["version"]).status_code)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(submit, made)).count(200) == 4


def test_times_beyond_the_calendar_are_refused_at_their_field(site: Desk) -> None:
    for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        assert site.call("POST", "", BODY | {"send_at": at}).status_code == 422, at


def test_who_looks_after_one_area_lists_no_announcements_to_another(
    app: APIFlask, story: Story, contacts: Contacts
) -> None:
    story.save_site()

    def admin() -> Desk:
        cookie, name = uuid4().hex, str(uuid4())
        contacts.sessions[cookie] = {"caller": "staff", "name": name, "site_id": None, "role": "area_admin",
                                     "session": cookie}  # fmt: skip
        return Desk(app, {"X-CSRF-Token": csrf_token(Principal(Caller.STAFF, name, session=cookie))}, cookie)

    contacts.areas = [{"id": "310104", "name_zh": "徐汇区", "name_en": "Xuhui"}]
    one = admin()
    typed = WORDS | {"whom": "area:310104", "csrf_token": one.headers["X-CSRF-Token"], "subject_zh": "徐汇停水"}
    assert one.client.post("/staff/announcements/new", data=typed).status_code == 303
    assert "徐汇停水" in one.client.get("/staff/announcements").get_data(as_text=True)
    contacts.areas = [{"id": "310115", "name_zh": "浦东新区", "name_en": "Pudong"}]
    assert "徐汇停水" not in admin().client.get("/staff/announcements").get_data(as_text=True)
