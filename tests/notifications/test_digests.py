"""Each evening the staff of a site are told of tomorrow: once, in their language, with a picture, or not at all."""

import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from services.common.database import EVERY_SITE
from services.notifications.mail import digests as mail_digests
from services.notifications.operations import digests
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.digests import fire_due_digests, plan_digests
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story
from tests.notifications.test_notices import employ

Rows = Callable[..., list[Any]]


def shift_of(day: date, zone: str = "Asia/Shanghai", **other: Any) -> dict[str, Any]:
    starts = datetime(day.year, day.month, day.day, 9, tzinfo=ZoneInfo(zone))
    return {
        "shift_id": str(uuid4()), "title_zh": "指尖科普课堂", "title_en": "Smartphone class", "role_zh": "讲师",
        "role_en": "teacher", "where_zh": "二楼教室", "where_en": "Room 2", "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=2)).isoformat(), "places": 30, "confirmed": 12, "waitlisted": 0,
        "offered": 0, "without_consent": 0,
    } | other  # fmt: skip


def a_day(story: Story, contacts: Contacts, *shifts: dict[str, Any], **other: Any) -> None:
    """What registration will say of tomorrow."""
    contacts.days[str(story.site_id)] = {"shifts": list(shifts), "attendance": [], **other}


def due_now(story: Story, postman: Postman, rows: Rows) -> date:
    """Tomorrow's digest is due; answers tomorrow."""
    story.save_site()
    plan_digests(postman.database)
    rows("DELETE FROM digests WHERE id <> (SELECT min(id) FROM digests)")
    [one] = rows("UPDATE digests SET due_at = now(), expires_at = now() + interval '6 hours' RETURNING day")
    return one.day


def states(rows: Rows) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in rows("SELECT state, reason FROM digests ORDER BY id")]


def test_each_who_works_there_gets_one_mail_in_their_language_with_a_picture(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    employ(contacts, "staff@example.org")
    employ(contacts, "colleague@example.org", "en")
    day = due_now(story, postman, rows)
    before = datetime.now(UTC) - timedelta(days=1)
    shift = shift_of(day, waitlisted=3, without_consent=2)
    over = {"shift_id": str(uuid4()), "title_zh": "献血", "title_en": "Blood drive", "starts_at": before.isoformat()}
    a_day(story, contacts, shift, attendance=[over | {"absent": 1, "open": 4}])
    for _ in range(2):
        fire_due_digests(postman.database, postman.contacts)
        deliver_batch(postman)
    assert states(rows) == [("fired", None)]
    mails = {kept.recipient: kept.mail for kept in sink.kept}
    assert len(sink.kept) == 2
    chinese, english = mails["staff@example.org"], mails["colleague@example.org"]
    body = chinese.get_body(("plain",)).get_content()
    assert chinese["Subject"].startswith("明天的安排：赛马场站，") and chinese["Subject"].endswith("1 场")
    assert "09:00–11:00 指尖科普课堂（讲师），二楼教室：报名 12/30，候补 3，缺同意书 2 人" in body
    assert "献血：缺席 1 人，未记录 4 人" in body
    assert f"https://hesheng.example/staff/shifts/{shift['shift_id']}" in body
    body = english.get_body(("plain",)).get_content()
    assert "Smartphone class (teacher), Room 2: 12 of 30 places taken, 3 waiting, 2 without a consent" in body
    for mail in mails.values():
        page = mail.get_body(("related", "html")).get_body(("html",)).get_content()
        [picture] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
        assert f"cid:{picture['Content-ID'].strip('<>')}" in page and 'alt="' in page
        png = picture.get_payload(decode=True)
        assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">I", png[16:20]) == (1080,)


def test_who_does_not_want_it_gets_none_and_without_anything_to_say_nobody_does(
    story: Story, contacts: Contacts, postman: Postman, rows: Rows
) -> None:
    staff = employ(contacts, "staff@example.org")
    day = due_now(story, postman, rows)
    a_day(story, contacts)
    fire_due_digests(postman.database, postman.contacts)
    assert states(rows) == [("withdrawn", "there is nothing to tell")]
    rows("UPDATE digests SET state = 'pending'")
    a_day(story, contacts, shift_of(day))
    digests.want(postman.database, str(story.site_id), story.site_id, staff, wanted=False)
    fire_due_digests(postman.database, postman.contacts)
    assert states(rows) == [("withdrawn", "nobody wants it")] and rows("SELECT 1 FROM messages") == []
    rows("UPDATE digests SET state = 'pending'")
    digests.want(postman.database, str(story.site_id), story.site_id, staff, wanted=True)
    fire_due_digests(postman.database, postman.contacts)
    assert [str(row.staff_id) for row in rows("SELECT staff_id FROM messages")] == [staff]


def test_it_waits_for_registration_and_is_missed_once_its_day_has_begun(
    story: Story, contacts: Contacts, postman: Postman, rows: Rows
) -> None:
    employ(contacts, "staff@example.org")
    a_day(story, contacts, shift_of(due_now(story, postman, rows)))
    contacts.failing = True
    assert fire_due_digests(postman.database, postman.contacts) == 0
    assert states(rows) == [("pending", None)]
    contacts.failing = False
    rows("UPDATE digests SET expires_at = now()")
    assert fire_due_digests(postman.database, postman.contacts) == 0
    assert states(rows) == [("missed", "its day had begun")] and rows("SELECT 1 FROM messages") == []


def test_many_who_look_at_once_or_a_restore_tell_nobody_twice(
    story: Story, contacts: Contacts, postman: Postman, rows: Rows
) -> None:
    for number in range(3):
        employ(contacts, f"staff{number}@example.org")
    a_day(story, contacts, shift_of(due_now(story, postman, rows)))
    with postman.database.transaction(EVERY_SITE) as session:
        due = session.execute(digests.DUE, {"claim": 10}).all()
    days = postman.contacts.days_of({(row.site_id, row.day) for row in due})
    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(lambda _: digests.give(postman.database, due, days), range(6)))
    assert sorted(told) == [0, 0, 0, 0, 0, 1]
    with postman.database.transaction(EVERY_SITE) as session:  # as after a restore to before the commit
        session.execute(text("UPDATE digests SET state = 'pending'"))
    digests.give(postman.database, due, days)
    assert len(rows("SELECT 1 FROM messages")) == 3


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "America/Lima"])
def test_it_is_due_on_the_evening_before_by_the_sites_clocks_and_moves_with_them(
    zone: str, story: Story, postman: Postman, rows: Rows
) -> None:
    story.save_site(zone)
    plan_digests(postman.database)
    assert plan_digests(postman.database) == 0

    def planned() -> list[tuple[date, str]]:
        found = rows("SELECT day, due_at, expires_at FROM digests ORDER BY day")
        for row in found:
            assert row.expires_at.astimezone(ZoneInfo(zone)).isoformat()[:16] == f"{row.day}T00:00"
            assert row.due_at.astimezone(ZoneInfo(zone)).date() == row.day - timedelta(days=1)
        return [(row.day, row.due_at.astimezone(ZoneInfo(zone)).strftime("%H:%M")) for row in found]

    today = datetime.now(ZoneInfo(zone)).date()
    assert planned()[-1] == (today + timedelta(days=2), "18:00")
    digests.set_time(postman.database, str(story.site_id), story.site_id, "16:30")
    plan_digests(postman.database)
    assert planned()[-1] == (today + timedelta(days=2), "16:30")


def test_the_mail_is_whole_where_no_picture_can_be_drawn(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> bytes:
        raise RuntimeError

    monkeypatch.setattr(mail_digests, "timeline", fails)
    employ(contacts, "staff@example.org")
    a_day(story, contacts, shift_of(due_now(story, postman, rows)))
    fire_due_digests(postman.database, postman.contacts)
    deliver_batch(postman)
    [kept] = sink.kept
    assert "<img" not in kept.mail.get_body(("html",)).get_content()
    assert "指尖科普课堂" in kept.mail.get_body(("plain",)).get_content()
