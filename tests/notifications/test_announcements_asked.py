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
    contacts.failing = True
    assert ask_colleagues(postman.database, postman.contacts) == 0, "it waits, and is asked later"
    contacts.failing = False
    asked(postman)
    asked(postman)
    assert len(sink.kept) == 2 and not any(writes in str(kept.mail["To"]) for kept in sink.kept)
    mail = next(kept.mail for kept in sink.kept if approves in str(kept.mail["To"]))
    assert mail["Subject"] == "待批准的公告：赛马场站本周停水"
    words = mail.get_body(("plain",)).get_content()
    assert "要发给赛马场站的 2 人" in words and f"/staff/announcements/{made['id']}" in words
    translated = next(kept.mail for kept in sink.kept if english in str(kept.mail["To"]))
    assert translated["Subject"] == "An announcement waits for approval: No water at Saimachang"
    declined = second.expect(200, "POST", f"{path}/decline", {"why": "时间写错了"}, made["version"])
    again = author.expect(200, "POST", f"{path}/submit", COUNTED, declined["version"])
    ask_colleagues(postman.database, postman.contacts)
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
