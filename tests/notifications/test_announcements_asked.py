"""Colleagues are asked to approve: once for each handing-in, whoever had no hand in it, and not of what is decided."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from services.notifications.operations.announcements.asking import ask_colleagues
from services.notifications.operations.deliver import Postman, deliver_batch
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story
from tests.notifications.test_announcements import BODY, Desk, Rows, settings, site, works  # noqa: F401

COUNTED = {"people": 2}


def employed(contacts: Contacts, desk: Desk | None = None, language: str = "zh-CN") -> str:
    """A member of staff who can be mailed to; whoever is at this desk."""
    staff_id = desk.staff_id if desk else str(uuid4())
    contacts.staff[staff_id] = {
        "staff_id": staff_id, "name": "周琳", "email": f"{staff_id}@example.org", "language": language,
        "shifts_url": "https://registration.example/staff/shifts/", "hours_url": "https://registration.example/h",
    }  # fmt: skip
    return staff_id


def asked(postman: Postman) -> None:
    while ask_colleagues(postman.database, postman.contacts):
        pass
    while deliver_batch(postman):
        pass


@pytest.mark.parametrize("settings", [1], indirect=True)
def test_colleagues_who_had_no_hand_in_it_are_mailed_once_for_each_handing_in(
    works: Callable[..., Desk],
    story: Story,
    contacts: Contacts,
    postman: Postman,
    sink: FaultySink,
    rows: Rows,
) -> None:
    story.save_site()
    story.person("p@example.org"), story.person("q@example.org")
    author, second = works(), works()
    writes, approves = employed(contacts, author), employed(contacts, second)
    english = employed(contacts, language="en")
    made = author.expect(201, "POST", "", BODY)
    path = f"/{made['id']}"
    made = author.expect(200, "POST", f"{path}/submit", COUNTED, made["version"])
    asked(postman)
    asked(postman)
    assert len(sink.kept) == 2 and not any(writes in str(kept.mail["To"]) for kept in sink.kept)
    mail = next(kept.mail for kept in sink.kept if approves in str(kept.mail["To"]))
    assert mail["Subject"] == "待批准的公告：赛马场站本周停水"
    words = mail.get_body(("plain",)).get_content()
    assert "要发给赛马场站的 2 人" in words and f"/staff/announcements/{made['id']}" in words
    assert "不经批准当时还可以发给 1 人" in words
    translated = next(kept.mail for kept in sink.kept if english in str(kept.mail["To"]))
    assert translated["Subject"] == "An announcement waits for approval: No water at Saimachang"
    declined = second.expect(200, "POST", f"{path}/decline", {"why": "时间写错了"}, made["version"])
    again = author.expect(200, "POST", f"{path}/submit", COUNTED, declined["version"])
    assert ask_colleagues(postman.database, postman.contacts) == 0, "once within an hour, however often it is handed in"
    rows("UPDATE messages SET created_at = created_at - interval '61 minutes'")
    assert ask_colleagues(postman.database, postman.contacts) == 1
    second.expect(200, "POST", f"{path}/approve", COUNTED, again["version"])
    asked(postman)
    assert len(sink.kept) == 2, "it was decided before the mails went"
    found = rows("SELECT state, count(*) FROM messages WHERE kind = 'approval' GROUP BY 1 ORDER BY 1")
    assert [tuple(one) for one in found] == [("sent", 2), ("suppressed", 2)]
    assert {row.approval_of for row in rows("SELECT approval_of FROM messages")} == {UUID(made["id"])}


def test_nobody_is_asked_of_what_one_may_send_alone(
    site: Desk,
    story: Story,
    contacts: Contacts,
    postman: Postman,
    rows: Rows,
) -> None:
    story.person("p@example.org")
    employed(contacts)
    site.submitted(1)
    assert ask_colleagues(postman.database, postman.contacts) == 0


@pytest.mark.parametrize("settings", [1], indirect=True)
def test_one_whose_colleagues_cannot_be_found_is_put_off_and_the_others_are_asked(
    works: Callable[..., Desk], story: Story, contacts: Contacts, postman: Postman, rows: Rows
) -> None:
    story.save_site()
    story.person("p@example.org"), story.person("q@example.org")
    author = works()
    employed(contacts)
    first, second = author.submitted(2), author.submitted(2)
    rows("UPDATE announcements SET site_id = NULL, area = '140107' WHERE id = :id", id=first["id"])
    contacts.uncounted = {"area": "140107"}
    for _ in range(2):
        assert ask_colleagues(postman.database, postman.contacts) == 1
    assert ask_colleagues(postman.database, postman.contacts) == 0, "it rests for a while"
    assert rows("SELECT approval_of FROM messages") == [(UUID(second["id"]),)]
    contacts.uncounted = None
    rows("UPDATE announcements SET tried_at = now() - interval '11 seconds' WHERE tried_at IS NOT NULL")
    assert ask_colleagues(postman.database, postman.contacts) == 1
    assert len(rows("SELECT approval_of FROM messages")) == 2


@pytest.mark.parametrize("settings", [2], indirect=True)
def test_the_mail_says_what_is_so_of_a_small_one_that_comes_on_top_of_others_and_of_one_that_grew(
    works: Callable[..., Desk], story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    story.save_site()
    story.person("p@example.org"), story.person("q@example.org")
    author = works()
    author.submitted(2)
    employed(contacts, works())
    author.submitted(2)
    asked(postman)
    rows("UPDATE announcements SET asked_at = NULL, grown = true, people = 30, version = version + 1")
    asked(postman)
    rows("UPDATE announcements SET asked_at = NULL, people = 4, version = version + 1,"
         """ audience = audience || '{"ages": "minors"}'""")  # fmt: skip
    asked(postman)
    small, grown, few = (kept.mail.get_body(("plain",)).get_content() for kept in sink.kept)
    assert "要发给赛马场站的 2 人" in small and "不经批准当时还可以发给 0 人" in small
    assert "收信人比之前确认的多（30 人）" in grown, "and is asked of at once"
    assert "（少于 5 人）" in few, "of an age"


@pytest.mark.parametrize("settings", [1], indirect=True)
def test_where_nobody_else_may_approve_it_that_is_said_before_and_after_it_is_handed_in(
    works: Callable[..., Desk], story: Story, contacts: Contacts
) -> None:
    story.save_site()
    story.person("p@example.org"), story.person("q@example.org")
    author = works()
    employed(contacts, author)
    made = author.expect(201, "POST", "", BODY)
    path = f"/{made['id']}"

    def told() -> tuple[int, bool]:
        counted = author.expect(200, "POST", f"{path}/count")
        page = author.client.get(f"/staff/announcements{path}", headers={"Accept-Language": "en"})
        return counted["approvers"], "there is nobody else at this site" in page.get_data(as_text=True)

    assert told() == (0, True)
    author.expect(200, "POST", f"{path}/submit", COUNTED, made["version"])
    assert told() == (0, True)
    employed(contacts)
    assert told() == (1, False)
