"""What is urgent goes first; a provider gets no more than it takes; when one fails the next one is taken."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.ports import free_port
from services.common import events
from services.notifications import rates
from services.notifications.mail import servers
from services.notifications.mail.servers import MailServers
from services.notifications.models import Kind
from services.notifications.operations import lanes
from services.notifications.operations.deliver import Postman, deliver_batch, sending
from services.notifications.operations.lanes import lane_of
from services.notifications.operations.notices import fire_due_notices
from services.notifications.operations.providers import failing, tell
from services.notifications.rates import Allowance, Bucket
from services.notifications.settings import MailServer
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story
from tests.notifications.test_notices import TO_STAFF, employ, time_passes

Rows = Callable[..., list[Any]]
NOWHERE = MailServer("smtp", "127.0.0.1", 1)


def crowd(story: Story, people: int) -> Any:
    """A shift with so many people, each of whom has been sent their confirmation."""
    shift = story.opening()
    confirmed = (story.registration(shift, story.person(f"p{number}@example.org")) for number in range(people))
    story.tell(*(events.RegistrationConfirmed(**facts) for facts in confirmed))
    return shift


def test_the_database_knows_the_lane_of_every_kind(rows: Rows) -> None:
    [(made,)] = rows("SELECT generation_expression FROM information_schema.columns"
                     " WHERE table_name = 'messages' AND column_name = 'lane'")  # fmt: skip
    query = f"SELECT {made} FROM (SELECT cast(:kind AS text) AS kind) AS m"
    told = {kind: rows(query, kind=kind)[0][0] for kind in Kind}
    assert told == {kind: lane_of(kind) for kind in Kind}


def test_a_confirmation_goes_before_the_rest_of_a_batch_for_many(
    story: Story, postman: Postman, sink: FaultySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift = crowd(story, 6)
    deliver_batch(postman)
    sink.kept.clear()
    story.change_shift(shift, datetime.now(UTC) + timedelta(days=4))
    monkeypatch.setattr(lanes, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(sending, "LOOK_SECONDS", 0.0)
    late: list[Any] = []

    class Hears(list[Any]):
        def append(self, mail: Any) -> None:
            super().append(mail)
            if not late:  # somebody signs up while the first of many is handed over
                late.append(story.sign_up(shift, "urgent@example.org"))

    monkeypatch.setattr(sink, "kept", Hears())
    deliver_batch(postman)
    assert len(sink.kept) == 1, "the batch gave way"
    deliver_batch(postman)
    assert [mail.recipient for mail in sink.kept][1] == "urgent@example.org"
    assert len(sink.kept) == 7 and len({mail.message_id for mail in sink.kept}) == 7


def test_many_do_not_starve_while_urgent_ones_keep_coming(story: Story, postman: Postman, sink: FaultySink) -> None:
    shift = crowd(story, 3)
    deliver_batch(postman)
    story.change_shift(shift, datetime.now(UTC) + timedelta(days=4))
    story.sign_up(shift, "urgent@example.org")
    deliver_batch(postman)
    assert [len(sink.to(f"p{number}@example.org")) for number in range(3)] == [2, 2, 2]


def test_no_more_goes_out_than_the_provider_takes_and_nothing_is_lost(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, broker_url: str
) -> None:
    crowd(story, 12)
    allowance = Allowance(f"test-{story.site_id}", 30, broker_url)  # five at once
    bounded = replace(postman, allowances={"mail": allowance})
    deliver_batch(bounded)
    assert len(sink.kept) == 5
    waiting = rows("SELECT attempts, error, next_attempt_at FROM messages WHERE state = 'pending' ORDER BY number")
    assert [(one.attempts, one.error) for one in waiting] == [(0, None)] * 7
    assert len({one.next_attempt_at for one in waiting}) == 1, "nobody was put behind what came later"
    rows("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    deliver_batch(postman)
    assert len({mail.message_id for mail in sink.kept}) == len(sink.kept) == 12


def test_news_for_many_do_not_take_all_that_the_provider_takes_from_a_notice_to_staff(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows, broker_url: str
) -> None:
    random.seed(1)
    shift = crowd(story, 12)
    deliver_batch(postman)
    employ(contacts, "staff@example.org")
    story.opening(timedelta(hours=3), reminder_rules=[TO_STAFF])
    time_passes(rows, minutes=65)
    fire_due_notices(postman.database, postman.contacts)
    story.change_shift(shift, datetime.now(UTC) + timedelta(days=4))
    sink.kept.clear()
    allowance = Allowance(f"test-{story.site_id}", 12, broker_url)  # two at once, of which one is left for others
    allowance._rate = 1e-6  # nothing comes back while the test looks
    bounded = replace(postman, allowances={"mail": allowance})
    while not sink.to("staff@example.org"):
        redis.Redis.from_url(broker_url).delete(allowance._key)
        deliver_batch(bounded)
    assert len(sink.kept) < 8, "it went out among them, not behind them"


def test_what_is_not_urgent_leaves_a_part_for_what_is(broker_url: str) -> None:
    first, second = (Allowance(f"test-{uuid4()}", 6, broker_url) for _ in range(2))
    assert (first.room(), first.room(keep=0.2)) == (1, 1), "however small the bucket, a full one serves everybody"
    hourly = Allowance(f"test-{uuid4()}", 60, broker_url)
    other_worker = Allowance(hourly._key.removeprefix("hesheng:allowance:"), 60, broker_url)
    other_worker._rate = hourly._rate = 1e-6  # nothing comes back while the test looks
    assert hourly.take(9, keep=0.2)[0] == 8
    assert other_worker.take(9, keep=0.2)[0] == 0 and other_worker.take(9, keep=0.2)[1] > 0
    assert other_worker.room() == 2 and other_worker.take(9)[0] == 2
    assert second.take(5)[0] == 1


def test_without_redis_each_process_has_a_quarter_and_asks_again_later() -> None:
    alone = Allowance("test", 60, f"redis://127.0.0.1:{free_port()}/0")
    assert alone.take(100)[0] == 2
    assert alone.take(100)[0] == 0
    assert alone._asked_from > 0
    assert Allowance("test", 6, "amqp://127.0.0.1/").take(5)[0] == 1


@given(
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 50), st.sampled_from([0.0, 0.2])), max_size=30),
    st.floats(0.01, 20),
)
def test_a_bucket_never_gives_more_than_its_rate_and_what_it_holds(
    steps: list[tuple[float, int, float]], rate: float
) -> None:
    clock = [100.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rates.time, "monotonic", lambda: clock[0])
        bucket, given = Bucket(rate, max(1.0, rate * 10)), 0
        for pause, wanted, keep in steps:
            clock[0] += pause
            kept = rates._kept(keep, bucket.most)
            granted, wait, _ = bucket.take(wanted, kept)
            given += granted
            assert given <= bucket.most + rate * (clock[0] - 100.0) + 1e-6
            assert 0 <= granted <= wanted
            if granted < wanted:
                clock[0] += wait + 1e-6
                assert bucket.take(1, kept)[0] == 1, "after the wait that was told there is one"
                given += 1


def test_when_a_mail_server_is_away_the_next_one_is_taken_and_operators_see_it(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "RESTS", (3600.0,))
    there = MailServer.from_url(sink.url)
    beside = MailServers([NOWHERE, there], "hesheng.example", partial(tell, postman.database))
    crowd(story, 2)
    deliver_batch(replace(postman, servers=beside))
    assert len(sink.kept) == 2
    assert {row.provider for row in rows("SELECT provider FROM deliveries")} == {there.name}
    [away] = failing(postman.database)
    assert (away.name, away.reason) == (NOWHERE.name, "no mail server: ConnectionRefusedError")
    beside._known[0].server, beside._known[0].rests_until = there, 0.0  # it is back, under its own name
    monkeypatch.setattr(MailServer, "name", NOWHERE.name)
    story.sign_up(story.opening())
    deliver_batch(replace(postman, servers=beside))
    assert failing(postman.database) == []


def test_what_another_process_told_and_left_is_taken_back_by_whoever_finds_it_well(
    story: Story, postman: Postman, sink: FaultySink
) -> None:
    there = MailServer.from_url(sink.url)
    tell(postman.database, there.name, "told before the worker was started anew")
    story.sign_up(story.opening())
    deliver_batch(postman)
    assert failing(postman.database) == []


def test_one_that_rests_is_not_asked_and_everybody_waits(
    story: Story, postman: Postman, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "RESTS", (3600.0,))
    alone = replace(postman, servers=MailServers([NOWHERE], "hesheng.example", partial(tell, postman.database)))
    story.sign_up(story.opening())
    deliver_batch(alone)
    rows("UPDATE messages SET next_attempt_at = now()")
    deliver_batch(alone)
    [message] = rows("SELECT state, attempts, error FROM messages")
    assert message == ("pending", 0, "every mail server rests after a failure")


def test_one_that_breaks_off_again_and_again_rests(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    shift = story.opening()
    story.sign_up(shift, "a@example.org")
    sink.behaviour["a@example.org"] = ["drop"] * 3
    for _ in range(3):
        rows("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
        deliver_batch(postman)
    [away] = failing(postman.database)
    assert away.reason == "it breaks off in the middle"
