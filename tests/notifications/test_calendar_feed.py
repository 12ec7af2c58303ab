"""A person's shifts in the calendar of their phone, in step with the entries of their mails."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask
from dateutil.parser import parse
from icalendar import Calendar

from services.common import events
from services.common.auth import RESIDENT_COOKIE, Principal, csrf_token
from services.common.auth import Caller as Kind
from services.notifications.operations.calendar_feeds import PER_MINUTE
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.settings import Settings
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
Post = Callable[..., Any]
PAGE, API = "/my/messages/calendar", "/v1/my/calendar"
BEGAN = datetime(2031, 1, 1, tzinfo=UTC)
"""By registration's clock, which need not be the one of the database here."""


@pytest.fixture
def ask(app: APIFlask, contacts: Contacts, story: Story) -> Post:
    """Asks as somebody whose session, which began `since`, reaches the story's site."""

    def call(
        method: str, path: str, person_id: UUID, address: str = "ab", mailed_by: UUID | None = None,
        since: datetime = BEGAN,
    ) -> Any:  # fmt: skip
        cookie = f"cookie of {person_id} {address} {mailed_by} {since}"
        contacts.sessions[cookie] = {
            "caller": "person", "name": str(person_id), "session": cookie, "address": address,
            "mailed_by": mailed_by and str(mailed_by), "since": since.isoformat(),
        }  # fmt: skip
        contacts.reached[str(person_id)] = [str(story.site_id)]
        client = app.test_client()
        client.set_cookie(RESIDENT_COOKIE, cookie)
        token = csrf_token(Principal(Kind.PERSON, "", session=cookie))
        headers = {"X-CSRF-Token": token, "Accept-Language": "zh"}
        return client.open(path, method=method, headers=headers, follow_redirects=path == PAGE)

    return call


@pytest.fixture
def post(ask: Post) -> Post:
    """Presses a button of the page."""
    return lambda person_id, path=PAGE, **who: ask("POST", path, person_id, **who)


def address(page: Any) -> str:
    """The feed's path, as the page shows it."""
    assert page.status_code == 200, page.text
    return f"/calendar/{page.text.partition('/calendar/')[2].partition('.ics')[0]}.ics"


def read(app: APIFlask, path: str) -> dict[str, Any]:
    """The entries by UID."""
    answer = app.test_client().get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    return {str(event["uid"]): event for event in Calendar.from_ical(answer.data).walk("VEVENT")}


def mailed(sink: FaultySink, postman: Postman) -> Any:
    """The newest entry that went out by mail."""
    while deliver_batch(postman):
        pass
    parts = [part for kept in sink.kept for part in kept.mail.walk() if part.get_content_type() == "text/calendar"]
    newest: Any = parts[-1].get_payload(decode=True)
    return next(iter(Calendar.from_ical(newest).walk("VEVENT")))


def same(entry: Any, other: Any) -> bool:
    return all(entry[name] == other[name] for name in ("uid", "sequence", "summary", "location")) and all(
        entry.decoded(name) == other.decoded(name) for name in ("dtstart", "dtend"))  # fmt: skip


def test_a_feed_tells_what_the_mails_entries_tell(
    story: Story, app: APIFlask, post: Post, postman: Postman, sink: FaultySink
) -> None:
    shift_id = story.opening(timedelta(days=3))
    facts = story.sign_up(shift_id)
    path = address(post(facts["person_id"]))
    uid = f"{facts['registration_id']}@hesheng.example"
    confirmed = read(app, path)[uid]
    assert confirmed["status"] == "CONFIRMED" and same(confirmed, mailed(sink, postman))
    later = parse(confirmed["dtstart"].to_ical().decode()) + timedelta(hours=1)
    story.change_shift(shift_id, later)
    moved = read(app, path)[uid]
    assert moved.decoded("dtstart") == later and moved["sequence"] > confirmed["sequence"]
    assert same(moved, mailed(sink, postman))
    story.cancel(facts)
    gone = read(app, path)[uid]
    assert gone["status"] == "CANCELLED" and gone["sequence"] > moved["sequence"]
    assert same(gone, mailed(sink, postman))
    waiting = story.wait(story.opening())
    assert read(app, address(post(waiting["person_id"]))) == {}, "nobody plans with a place that is not theirs"


def test_the_page_shows_a_new_address_again_and_to_nobody_else(
    story: Story, app: APIFlask, post: Post, contacts: Contacts
) -> None:
    person, other = (story.sign_up(story.opening())["person_id"] for _ in range(2))
    cookies = [(post(one), next(reversed(contacts.sessions)))[1] for one in (other, person)]
    client = app.test_client()
    client.set_cookie(RESIDENT_COOKIE, cookies[1])
    token = csrf_token(Principal(Kind.PERSON, "", session=cookies[1]))
    assert client.post(PAGE, headers={"X-CSRF-Token": token}).status_code == 303
    shown = address(client.get(PAGE))
    english = client.get(PAGE, headers={"Accept-Language": "en"})
    assert address(english) == shown and "ten minutes" in english.text
    assert app.test_client().get(shown).status_code == 200, "looking at it again made no other"
    client.set_cookie(RESIDENT_COOKIE, cookies[0])
    assert ".ics" not in client.get(PAGE).text, "the next one at this device"
    client.set_cookie(RESIDENT_COOKIE, cookies[1])
    post(person)
    assert ".ics" not in client.get(PAGE).text, "one that has ended"


def test_a_feed_is_asked_for_again_and_again_cheaply_and_not_without_end(
    story: Story, app: APIFlask, post: Post
) -> None:
    path = address(post(story.sign_up(story.opening())["person_id"]))
    first = app.test_client().get(path)
    assert "private" in first.headers["Cache-Control"] and b"REFRESH-INTERVAL;VALUE=DURATION:PT4H" in first.data
    again = app.test_client().get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and again.data == b""
    # A minute may begin in between: twice as many are too many in one of the two.
    assert 429 in {app.test_client().get(path).status_code for _ in range(2 * PER_MINUTE)}


def test_another_address_ends_the_old_one_and_an_erasure_all(
    story: Story, app: APIFlask, post: Post, contacts: Contacts, rows: Rows
) -> None:
    person = story.sign_up(story.opening())["person_id"]
    old, guardians = address(post(person)), address(post(person, address="cd"))
    new = address(post(person))
    client = app.test_client()
    assert [client.get(path).status_code for path in (old, new, guardians)] == [410, 200, 200]
    assert "已经停用" in client.get(old).text
    assert client.get(f"/calendar/{'x' * 43}.ics").status_code == 404
    secret = new.removeprefix("/calendar/").removesuffix(".ics")
    assert secret not in str(rows("SELECT * FROM calendar_feeds")), "whoever has the database has no address"
    contacts.failing = True
    assert client.get(new).status_code == 503
    contacts.failing = False
    contacts.reached[str(person)] = []
    assert client.get(new).status_code == 410, "an address that opens nothing any more"
    assert post(person, f"{PAGE}/stop").status_code == 303
    assert [client.get(path).status_code for path in (new, guardians)] == [410, 200]
    story.tell(events.PersonErased(person_id=person))
    assert client.get(guardians).status_code == 410
    assert rows("SELECT DISTINCT proven FROM calendar_feeds") == [(None,)]


def test_the_link_of_a_mail_gets_no_calendar(story: Story, post: Post, rows: Rows) -> None:
    story.opening()
    assert post(uuid4(), mailed_by=story.site_id).status_code == 403
    assert rows("SELECT * FROM calendar_feeds") == []


def test_who_was_merged_ends_the_address_of_before(story: Story, app: APIFlask, post: Post) -> None:
    old, survivor = story.sign_up(story.opening())["person_id"], story.person("wang@example.org")
    passed_on = address(post(old))
    merged = {"person_id": old, "person_number": 1, "into_id": survivor, "into_number": 2}
    story.tell(events.PersonMerged(merge_id=uuid4(), **merged))
    new = address(post(survivor))
    client = app.test_client()
    assert [client.get(path).status_code for path in (passed_on, new)] == [410, 200]
    assert post(survivor, f"{PAGE}/stop").status_code == 303
    assert client.get(new).status_code == 410


def test_logging_out_everywhere_ends_the_calendar_and_the_page_says_so(
    story: Story, app: APIFlask, post: Post, ask: Post, contacts: Contacts
) -> None:
    person = story.sign_up(story.opening())["person_id"]
    contacts.logged_out[str(person)] = BEGAN - timedelta(seconds=1)
    old, client = address(post(person)), app.test_client()
    assert client.get(old).status_code == 200, "its session began after that"
    assert "您已有一个日历地址" in ask("GET", PAGE, person).text
    contacts.logged_out[str(person)] = BEGAN
    later = BEGAN + timedelta(seconds=1)
    assert client.get(old).status_code == 410
    page = ask("GET", PAGE, person, since=later).text
    assert "已经失效" in page and "获取新地址" in page and "您已有" not in page
    assert ask("GET", API, person, since=later).json == {"state": "over"}
    new = address(post(person, since=later))
    assert client.get(new).status_code == 200, "one that was made afterwards"
    assert ask("GET", API, person, since=later).json == {"state": "works"}


def test_a_sites_own_app_gets_the_address_and_takes_it_back(
    story: Story, app: APIFlask, ask: Post, settings: Settings, rows: Rows
) -> None:
    person = story.sign_up(story.opening())["person_id"]
    assert ask("GET", API, person).json == {"state": "none"}
    made = ask("POST", API, person)
    path = made.json["url"].removeprefix(settings.pages_of["notifications"])
    assert made.status_code == 201 and len(read(app, path)) == 1
    assert ask("GET", API, person).json == {"state": "works"}
    assert ask("DELETE", API, person).status_code == 204
    assert app.test_client().get(path).status_code == 410 and ask("GET", API, person).json == {"state": "none"}
    told = rows("SELECT actor, action FROM audit_log WHERE kind = 'calendar_feeds' AND record = :p ORDER BY id",
                p=str(person))  # fmt: skip
    assert told == [(f"person:{person}", "insert"), (f"person:{person}", "update")]
    for method in ("GET", "POST", "DELETE"):
        assert ask(method, API, person, mailed_by=story.site_id).status_code == 403, "mails are passed on"
