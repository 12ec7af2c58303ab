"""With several providers the next one takes over while the first fails, and none gets what another may have."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from services.common import events
from services.common.database import Database
from services.notifications.channels import sms as sms_channel
from services.notifications.mail import servers
from services.notifications.operations.deliver import Postman, deliver_batch, make_postman
from services.notifications.operations.providers import failing
from services.notifications.settings import Settings
from tests.notifications.sink import FaultySink
from tests.notifications.sms_stand_in import AliyunStandIn, GatewayStandIn
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
PHONES = [f"+861380000{number:04}" for number in range(4)]
TEMPLATES = "confirmation=SMS_1(title,start)"


@pytest.fixture(scope="module")
def second_server() -> Iterator[GatewayStandIn]:
    server = GatewayStandIn()
    yield server
    server.stop()


@pytest.fixture
def second(second_server: GatewayStandIn) -> GatewayStandIn:
    second_server.forget()
    return second_server


@pytest.fixture
def two(settings: Settings, aliyun: AliyunStandIn, second: GatewayStandIn) -> Settings:
    urls = {"sms_url": f"{aliyun.url}, {second.url('name=second', 'repeats=safe')}", "sms_templates": TEMPLATES}
    return Settings(**settings.model_dump() | urls)


@pytest.fixture
def by_two(two: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> Postman:
    monkeypatch.setattr(servers, "RESTS", (3600.0,))
    return make_postman(two, database)


def crowd(story: Story, people: int) -> None:
    shift = story.opening()
    for phone in PHONES[:people]:
        story.sign_up(shift, None, phone=phone)


def deliver_all(postman: Postman) -> None:
    while deliver_batch(postman):
        pass


def is_back(postman: Postman) -> None:
    """The first provider has rested."""
    postman.others[0].rests_until = 0.0  # type: ignore[attr-defined]


def now_due(rows: Rows, passed: str = "0 seconds") -> None:
    rows("UPDATE messages SET next_attempt_at = now(), handed_at = handed_at - cast(:passed AS interval)"
         " WHERE state = 'pending'", passed=passed)  # fmt: skip


@pytest.mark.parametrize("fault", ["isv.AMOUNT_NOT_ENOUGH", "503"])
def test_while_the_first_takes_nothing_the_next_one_is_taken_and_operators_see_it(
    fault: str, story: Story, by_two: Postman, aliyun: AliyunStandIn, second: GatewayStandIn, rows: Rows
) -> None:
    crowd(story, 3)
    aliyun.faults = [fault]
    deliver_all(by_two)
    assert (len(aliyun.taken), len(second.taken)) == (0, 3)
    assert rows("SELECT DISTINCT state, attempts, handed_to FROM messages") == [("sent", 1, "second")]
    assert {one.provider for one in rows("SELECT provider FROM deliveries")} == {"second"}
    [away] = failing(by_two.database)
    assert away.name == "aliyun"
    is_back(by_two)
    crowd(story, 1)
    deliver_all(by_two)
    assert (len(aliyun.taken), failing(by_two.database)) == (1, [])


def test_one_that_may_be_with_the_first_goes_to_no_other_and_what_comes_after_it_does(
    story: Story, by_two: Postman, aliyun: AliyunStandIn, second: GatewayStandIn, rows: Rows
) -> None:
    crowd(story, 3)
    aliyun.faults = ["drop"]
    deliver_all(by_two)
    now_due(rows)
    deliver_all(by_two)
    assert ([one.to for one in second.taken], len(aliyun.taken)) == (PHONES[1:3], 1)
    assert aliyun.asked == 0, "it rests"
    is_back(by_two)
    crowd(story, 1)
    deliver_all(by_two)
    assert (len(aliyun.taken), len(second.taken)) == (1, 3), "nobody else is lost in a provider that does not answer"
    now_due(rows)
    deliver_all(by_two)
    assert rows("SELECT state, handed_to FROM messages ORDER BY number")[0] == ("sent", "aliyun")
    crowd(story, 1)
    deliver_all(by_two)
    assert (len(aliyun.taken), len(second.taken)) == (2, 3)


def test_of_two_that_left_something_in_doubt_the_one_that_does_not_rest_is_taken(
    story: Story, by_two: Postman, aliyun: AliyunStandIn, second: GatewayStandIn, rows: Rows
) -> None:
    crowd(story, 2)
    aliyun.faults, second.faults = ["drop"], ["drop"]
    deliver_all(by_two)
    assert (len(aliyun.taken), len(second.taken)) == (1, 1)
    for one in by_two.others:
        one.rests_until = 0.0  # type: ignore[attr-defined]
    crowd(story, 2)
    aliyun.faults = ["503"]
    deliver_all(by_two)
    assert (len(aliyun.taken), len(second.taken)) == (1, 3)
    assert [one.handed_to for one in rows("SELECT handed_to FROM messages ORDER BY number")][2:] == ["second"] * 2


def test_that_nobody_can_be_asked_after_one_does_not_show_that_its_provider_is_back(
    story: Story, two: Settings, database: Database, aliyun: AliyunStandIn, second: GatewayStandIn, rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(servers, "RESTS", (0.0,))
    monkeypatch.setattr(sms_channel, "RESTS_PER_WAIT", 0.0)
    postman = make_postman(Settings(**two.model_dump() | {"sms_url": f"{second.url()},{aliyun.url}"}), database)
    crowd(story, 1)
    second.faults = ["drop"]
    deliver_all(postman)
    now_due(rows)
    deliver_all(postman)
    assert rows("SELECT state FROM messages") == [("failed",)]
    assert [one.name for one in failing(database)] == ["gateway"]
    crowd(story, 1)
    deliver_all(postman)
    assert (len(second.taken), len(aliyun.taken)) == (1, 1)


def test_what_surely_never_came_to_one_that_is_away_by_now_goes_to_the_next(
    story: Story, by_two: Postman, aliyun: AliyunStandIn, second: GatewayStandIn, rows: Rows
) -> None:
    crowd(story, 1)
    aliyun.faults = ["500", "isv.OUT_OF_SERVICE"]
    deliver_all(by_two)
    is_back(by_two)
    now_due(rows, "11 minutes")
    deliver_all(by_two)
    assert (aliyun.asked, aliyun.taken) == (1, [])
    now_due(rows)
    deliver_all(by_two)
    [(message_id, state)] = rows("SELECT id, state FROM messages")
    assert (state, [one.id for one in second.taken]) == ("sent", [f"{message_id.hex}-2"])


def test_whoever_may_have_one_and_is_no_provider_any_more_leaves_it_to_people(
    story: Story, by_two: Postman, settings: Settings, database: Database, aliyun: AliyunStandIn,
    second: GatewayStandIn, rows: Rows,
) -> None:  # fmt: skip
    crowd(story, 1)
    aliyun.faults = ["drop"]
    deliver_all(by_two)
    now_due(rows)
    alone = Settings(**settings.model_dump() | {"sms_url": second.url("name=second", "repeats=safe")})
    deliver_all(make_postman(alone, database))
    [(state, error)] = rows("SELECT state, error FROM messages")
    assert (state, error.partition(":")[0], second.taken) == ("failed", "unknown", [])


def test_while_all_rest_everybody_waits_uncounted(
    story: Story, by_two: Postman, aliyun: AliyunStandIn, second: GatewayStandIn, rows: Rows
) -> None:
    crowd(story, 2)
    aliyun.faults, second.faults = ["503"], ["429"]
    deliver_all(by_two)
    assert rows("SELECT DISTINCT state, attempts, handed_at FROM messages") == [("pending", 0, None)]
    assert [one.name for one in failing(by_two.database)] == ["aliyun", "second"]
    now_due(rows)
    deliver_all(by_two)
    assert (aliyun.taken, second.taken) == ([], [])


def test_while_all_have_failed_for_minutes_mails_go_instead_but_for_what_one_may_have(
    story: Story, by_two: Postman, aliyun: AliyunStandIn, second: GatewayStandIn, sink: FaultySink, rows: Rows
) -> None:
    shift = story.opening()
    for number, phone in enumerate(PHONES[:2]):
        facts = story.registration(shift, story.person(f"p{number}@example.org", phone=phone))
        rows("INSERT INTO preferences (person_id, site_id, sms_first) VALUES (:p, :s, '{confirmation}')",
             p=facts["person_id"], s=story.site_id)  # fmt: skip
        story.tell(events.RegistrationConfirmed(**facts))
    aliyun.faults, second.faults = ["drop"], ["503"]
    deliver_all(by_two)
    for failed in ("aliyun", "second"):
        now_due(rows)
        deliver_all(by_two)
        assert sink.kept == [], "one of them may be back in a moment"
        rows("UPDATE providers SET failing_since = now() - interval '2 minutes' WHERE name = :name", name=failed)
    now_due(rows)
    deliver_all(by_two)
    assert [kept.recipient for kept in sink.kept] == ["p1@example.org"]
    assert rows("SELECT state, channel FROM messages ORDER BY number") == [("pending", "sms"), ("sent", "mail")]


def test_what_the_first_has_no_template_for_goes_by_the_second(
    story: Story, by_two: Postman, aliyun: AliyunStandIn, second: GatewayStandIn
) -> None:
    shift = story.opening()
    story.wait(shift, None, phone=PHONES[0])  # type: ignore[arg-type]
    story.sign_up(shift, None, phone=PHONES[1])
    deliver_all(by_two)
    assert ([one.told["kind"] for one in second.taken], len(aliyun.taken)) == (["waitlisted"], 1)


def test_each_has_its_own_rate(
    story: Story, two: Settings, database: Database, aliyun: AliyunStandIn, second: GatewayStandIn, rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(servers, "RESTS", (3600.0,))
    # Of an own broker, so that each process has its own bucket: a quarter of twelve a minute is one at once.
    told = {"sms_rate": "0, 12", "broker_url": "amqp://127.0.0.1/"}
    postman = make_postman(Settings(**two.model_dump() | told), database)
    crowd(story, 3)
    deliver_all(postman)
    assert len(aliyun.taken) == 3
    crowd(story, 3)
    aliyun.faults = ["503"]
    deliver_all(postman)
    assert len(second.taken) == 1
    assert rows("SELECT DISTINCT state, attempts FROM messages WHERE state <> 'sent'") == [("pending", 0)]


@pytest.mark.parametrize(("given", "wrong"), [
    ({"sms_url": "https://sekret@a.example/,https://sekret@b.example/"}, "two providers are called gateway"),
    ({"sms_url": "https://sekret@a.example/?name=B"}, "name"), ({"sms_url": "https://sekret@a.example/,"}, "SMS_URL"),
    ({"sms_url": "https://sekret@a.example/", "sms_templates": f"{TEMPLATES} ; {TEMPLATES}"}, "more accounts"),
    ({"sms_url": "https://sekret@a.example/", "sms_rate": "1,2"}, "SMS_RATE"), ({"sms_rate": "many"}, "sms_rate"),
])  # fmt: skip
def test_a_wrong_list_is_named_and_its_secrets_are_not(given: dict[str, str], wrong: str, settings: Settings) -> None:
    with pytest.raises(ValidationError, match=wrong) as error:
        Settings(**settings.model_dump() | given)
    assert "sekret" not in str(error.value)


def test_two_accounts_have_templates_and_rates_of_their_own(settings: Settings) -> None:
    url = "aliyun://a:b@dysmsapi.aliyuncs.com?sign=s"
    given = {"sms_url": f"{url},https://t@sms.example.org/,{url}&name=spare", "sms_rate": "60, 0,30",
             "sms_templates": "reminder=SMS_1(title); reminder=SMS_9(title)"}  # fmt: skip
    told = Settings(**settings.model_dump() | given)
    first, _, third = told.sms_providers
    assert [one.templates.find("reminder", "zh").code for one in (first, third)] == ["SMS_1", "SMS_9"]  # type: ignore[attr-defined]
    assert told.sms_rates == {"aliyun": 60, "gateway": 0, "spare": 30}
