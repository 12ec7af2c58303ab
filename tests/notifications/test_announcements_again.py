"""An announcement is done when nobody is to get it any more, and under way again while somebody is."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from pydantic import SecretStr

from services.common import events
from services.common.database import EVERY_SITE, Database
from services.notifications.operations.deliver import Postman, make_postman
from services.notifications.operations.messages import retry_message
from services.notifications.operations.receipts import hear
from services.notifications.settings import Settings
from services.notifications.sms import Receipt
from tests.notifications.sink import FaultySink
from tests.notifications.sms_stand_in import GatewayStandIn
from tests.notifications.story import Story
from tests.notifications.test_announcements import Desk, Rows, goes_out, settings, site, states  # noqa: F401
from tests.notifications.test_announcements_sent import written

PHONE = "+8613800001234"
OF_ONE = "SELECT a.state, m.state AS of_message, m.channel FROM announcements AS a JOIN messages AS m ON true"


@pytest.mark.parametrize("ended", ["done", "stopped"])
def test_one_whose_sms_did_not_come_is_mailed_after_it_was_done_and_not_after_it_was_stopped(
    ended: str, site: Desk, settings: Settings, database: Database, story: Story, sink: FaultySink,
    gateway: GatewayStandIn, rows: Rows,
) -> None:  # fmt: skip
    person = story.person("p@example.org", phone=PHONE)
    rows("INSERT INTO preferences (person_id, site_id, sms_first) VALUES (:p, :s, '{announcement}')",
         p=person, s=story.site_id)  # fmt: skip
    site.submitted(1)
    postman = make_postman(settings.model_copy(update={"sms_url": SecretStr(gateway.url())}), database)
    goes_out(postman)
    assert rows(OF_ONE) == [("done", "sent", "sms")]
    rows("UPDATE announcements SET state = :state", state=ended)
    hear(database, "gateway", [Receipt(None, gateway.taken[0].id, False, "absent")])
    assert rows(OF_ONE) == [("sending", "pending", "sms") if ended == "done" else ("stopped", "failed", "sms")]
    goes_out(postman)
    assert rows(OF_ONE) == [("done", "sent", "mail") if ended == "done" else ("stopped", "failed", "sms")]
    assert len(sink.kept) == (ended == "done")


def test_one_that_is_sent_again_has_its_announcement_under_way_until_it_has_gone(
    site: Desk, story: Story, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    story.person("p@example.org")
    site.submitted(1)
    sink.behaviour["p@example.org"] = ["554 5.7.1 not today"]
    goes_out(postman)
    assert rows(OF_ONE) == [("done", "failed", "mail")]
    retry_message(postman.database, EVERY_SITE, rows("SELECT id FROM messages")[0].id)
    assert rows("SELECT state, ended_at FROM announcements") == [("sending", None)]
    goes_out(postman)
    assert rows(OF_ONE) == [("done", "sent", "mail")]


@pytest.fixture
def two_as_one(site: Desk, story: Story, postman: Postman, rows: Rows) -> Callable[[], object]:
    """Two who were told once, and turn out to be two after all when it is called."""
    story.person("one@example.org")
    story.person("two@example.org")
    site.submitted(2)
    told = {"merge_id": uuid4(), "person_number": 1, "into_number": 2}
    told |= dict(zip(("person_id", "into_id"), story.people, strict=True))
    written(postman)
    story.tell(events.PersonMerged(**told))
    goes_out(postman)
    assert states(rows) == {"sent": 1, "suppressed": 1}
    return lambda: story.tell(events.PersonUnmerged(**told))


def test_who_was_not_told_because_they_counted_as_another_is_told_once_they_do_not(
    two_as_one: Callable[[], object], postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    assert [kept.recipient for kept in sink.kept] == ["two@example.org"]
    for _ in range(2):
        two_as_one()
        goes_out(postman)
    assert [kept.recipient for kept in sink.kept] == ["two@example.org", "one@example.org"]
    assert rows("SELECT state FROM announcements") == [("done",)] and states(rows) == {"sent": 2}


@pytest.mark.parametrize("why", [
    "UPDATE announcements SET state = 'stopped'",
    "UPDATE messages SET expires_at = now() WHERE state = 'suppressed'",
])  # fmt: skip
def test_what_is_past_or_was_stopped_is_not_told_to_them(
    why: str, two_as_one: Callable[[], object], postman: Postman, rows: Rows
) -> None:
    rows(why)
    two_as_one()
    assert states(rows) == {"sent": 1, "suppressed": 1}
