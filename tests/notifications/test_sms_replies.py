"""SMS that people send back: R refuses what may be refused, once, by whoever has the number."""

from collections.abc import Callable
from typing import Any

import pytest

from services.common.database import Database
from services.notifications.app import make_app
from services.notifications.operations.deliver import Postman, deliver_batch, make_postman
from services.notifications.operations.replies import forget_replies, wants_none
from services.notifications.settings import Settings
from services.notifications.sms.gateway import Gateway
from tests.notifications.sms_stand_in import AliyunStandIn
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
PHONE = "+8613800001234"
TOKEN = "r" * 32
REFUSED = ["announcement.sms", "no_place.sms", "reminder.sms"]


@pytest.fixture
def by_sms(settings: Settings, aliyun: AliyunStandIn) -> Settings:
    given = {"sms_url": aliyun.url, "sms_templates": "confirmation=SMS_1(title,start)", "sms_receipts_token": TOKEN}
    return Settings(**settings.model_dump() | given)


@pytest.fixture
def sender(by_sms: Settings, database: Database) -> Postman:
    return make_postman(by_sms, database)


@pytest.fixture
def push(by_sms: Settings, database: Database) -> Callable[..., Any]:
    """What Alibaba Cloud pushes, and is answered."""
    client = make_app(by_sms).test_client()
    return lambda *ups, token=TOKEN: client.post(f"/v1/sms/replies/{token}", json=list(ups))


def up(aliyun: AliyunStandIn, content: str, sequence: int | str = 1234567890, **other: Any) -> dict[str, Any]:
    """The answer to the first SMS that went out, as Alibaba Cloud tells of it."""
    return {
        "phone_number": aliyun.taken[0].to, "content": content, "send_time": "2026-12-01 09:00:00",
        "sign_name": "和声", "dest_code": "1234", "sequence_id": sequence,
    } | other  # fmt: skip


def refused(rows: Rows) -> dict[Any, Any]:
    return {row.person_id: sorted(row.refused) for row in rows("SELECT person_id, refused FROM preferences")}


def outcomes(rows: Rows) -> list[str]:
    return sorted(row.outcome for row in rows("SELECT outcome FROM replies"))


def test_who_answers_r_gets_no_more_of_what_may_be_refused_and_it_is_on_record_as_theirs(
    story: Story, sender: Postman, aliyun: AliyunStandIn, push: Callable[..., Any], rows: Rows
) -> None:
    mother, child = (story.sign_up(story.opening(), None, phone=PHONE)["person_id"] for _ in range(2))
    story.sign_up(story.opening(), None, phone="+8613800005678")
    while deliver_batch(sender):
        pass
    answer = push(up(aliyun, "r。"))
    assert (answer.status_code, answer.json) == (200, {"code": 0, "msg": "OK"})
    assert refused(rows) == {mother: REFUSED, child: REFUSED}, "both have this phone, and nobody else"
    told = rows("SELECT actor, record FROM audit_log WHERE kind = 'preferences' AND record = ANY(:ids)",
                ids=[str(mother), str(child)])  # fmt: skip
    assert {tuple(row) for row in told} == {(f"person:{one}", str(one)) for one in (mother, child)}
    assert "13800001234" not in str(rows("SELECT * FROM replies"))


def test_what_is_told_again_does_not_overrule_who_wants_them_after_all(
    story: Story, sender: Postman, aliyun: AliyunStandIn, push: Callable[..., Any], rows: Rows
) -> None:
    person = story.sign_up(story.opening(), None, phone=PHONE)["person_id"]
    deliver_batch(sender)
    assert push(up(aliyun, "TD")).status_code == 200
    rows("UPDATE preferences SET refused = '{}', version = version + 1")
    assert push(up(aliyun, "TD")).status_code == 200
    assert refused(rows) == {person: []}
    assert push(up(aliyun, "退订", sequence="1234567891")).status_code == 200
    assert refused(rows) == {person: REFUSED}, "another SMS of theirs"


def test_other_words_and_unknown_numbers_change_nothing_and_are_counted(
    story: Story, sender: Postman, aliyun: AliyunStandIn, push: Callable[..., Any], database: Database, rows: Rows
) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    deliver_batch(sender)
    stranger = {"phone_number": "13900009999"}
    assert push(up(aliyun, "谢谢，我会来", 1), up(aliyun, "R", 2, **stranger), up(aliyun, "Yes", 3)).status_code == 200
    assert refused(rows) == {} and outcomes(rows) == ["other", "other", "unknown"]
    assert push(up(aliyun, "R", 4), token="guessed").status_code == 404
    assert push({"phone_number": "13800001234"}).status_code == 422
    assert "13800001234" not in push({"phone_number": "13800001234", "content": None}).text
    rows("UPDATE replies SET received_at = now() - interval '4 days'")
    assert (forget_replies(database), outcomes(rows), refused(rows)) == (3, [], {})


def test_how_people_type_it() -> None:
    assert all(wants_none(one) for one in ("R", "r", " Ｒ ", "T", "td", "TD.", "“退订”", "退订！"))
    assert not any(wants_none(one) for one in ("", "RR", "不退订", "Tuesday", "R 1", "请退订短信吗"))


def test_a_gateway_tells_of_them_in_its_own_form() -> None:
    [reply] = Gateway("https://sms.example.org", "token").replies(
        {"replies": [{"id": "r-1", "from": PHONE, "text": "R"}]}
    )
    assert (reply.reference, reply.sender, reply.words) == ("r-1", PHONE, "R") and PHONE not in repr(reply)
