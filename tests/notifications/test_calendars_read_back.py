"""What a calendar reads that is not ours: vobject knows nothing of icalendar, which writes the mails and the feed."""

from datetime import timedelta
from typing import Any

import vobject
from apiflask import APIFlask

from services.notifications.operations.deliver import Postman, deliver_batch
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story
from tests.notifications.test_calendar_feed import address, ask, post

__all__ = ["ask", "post"]


def told(calendar: Any) -> dict[str, Any]:
    """The calendar's one entry: moments are the same ones, whatever zone they are put in."""
    event = calendar.vevent
    return {name: getattr(event, name).value for name in ("uid", "summary", "location", "dtstart", "dtend", "status")}


def test_another_library_reads_the_same_in_the_feed_and_in_the_mail(
    story: Story, app: APIFlask, post: Any, postman: Postman, sink: FaultySink
) -> None:
    facts = story.sign_up(story.opening(timedelta(days=3)))
    fed = vobject.readOne(app.test_client().get(address(post(facts["person_id"]))).get_data(as_text=True))
    while deliver_batch(postman):
        pass
    (kept,) = sink.kept
    (shown,) = (part for part in kept.mail.walk() if part.get_content_type() == "text/calendar")
    sent = vobject.readOne(shown.get_payload(decode=True).decode())
    assert told(fed) == told(sent)
    assert told(fed)["uid"] == f"{facts['registration_id']}@hesheng.example"
    assert "合唱排练" in told(fed)["summary"] and told(fed)["dtstart"].utcoffset() is not None
    assert told(fed)["dtend"] > told(fed)["dtstart"]
    for one in (fed, sent):
        one.serialize(validate=True)
