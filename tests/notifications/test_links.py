"""Mails that carry a link: to whom it is for, while it is good; and mails that nobody gets too many of."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.common import events
from services.notifications.operations.claims import news
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.upkeep import expire_overdue
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
PURPOSES = ("my_registrations", "address_changed", "guardian_consent", "staff_invitation", "password_reset",
            "team_invitation", "hand_over", "room_answer", "hours_changed",
            "certificate_revoked", "something_new")  # fmt: skip


def issue(
    story: Story, contacts: Contacts, purpose: str = "my_registrations", hours: float = 1, **fields: Any
) -> events.LinkIssued:
    """A link is issued; registration knows whom it is for."""
    issued = events.LinkIssued(
        link_id=uuid4(), purpose=purpose, site_id=story.site_id, person_id=uuid4(),
        expires_at=datetime.now(UTC) + timedelta(hours=hours),
    )  # fmt: skip
    contacts.links[str(issued.link_id)] = {
        "link_id": str(issued.link_id), "url": f"https://example.com/links/{issued.link_id}", "name": "王小明",
        "email": "wang@example.org", "phone": None, "language": "zh-CN", "about_zh": "", "about_en": "",
    } | fields  # fmt: skip
    story.tell(issued)
    return issued


def send(postman: Postman) -> None:
    while deliver_batch(postman):
        pass


def state(rows: Rows, link_id: UUID) -> str:
    (row,) = rows("SELECT state FROM messages WHERE link_id = :id", id=link_id)
    return str(row.state)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_each_purpose_has_a_mail_that_says_what_the_link_is_for(
    language: str, story: Story, contacts: Contacts, postman: Postman, sink: FaultySink
) -> None:
    story.opening()
    for purpose in PURPOSES:
        issued = issue(story, contacts, purpose, language=language, about_zh="红梅合唱团", about_en="Red Plum Choir")
        send(postman)
        mail = sink.kept[-1].mail
        for kind in ("plain", "html"):
            body = mail.get_body((kind,))
            assert body is not None
            text = body.get_content()
            assert text.count(f"https://example.com/links/{issued.link_id}") == (1 if kind == "plain" else 2)
            assert "{" not in text
        assert mail["Content-Language"] == language
    assert len({str(kept.mail["Subject"]) for kept in sink.kept}) == len(PURPOSES)


def test_a_link_that_is_over_is_not_sent(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    story.opening()
    used = issue(story, contacts)
    del contacts.links[str(used.link_id)]
    late = issue(story, contacts, hours=-1)
    send(postman)
    expire_overdue(postman.database)
    assert (state(rows, used.link_id), state(rows, late.link_id)) == ("expired", "expired")
    assert sink.kept == []


def test_a_link_waits_while_registration_is_away_and_goes_to_nobody_without_an_address(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    story.opening()
    waiting = issue(story, contacts)
    contacts.failing = True
    deliver_batch(postman)
    assert state(rows, waiting.link_id) == "pending"
    contacts.failing = False
    rows("UPDATE messages SET next_attempt_at = now()")
    unreachable = issue(story, contacts, email=None)
    send(postman)
    assert (state(rows, waiting.link_id), state(rows, unreachable.link_id)) == ("sent", "no_contact")
    assert len(sink.kept) == 1


def test_a_link_of_no_site_goes_out_and_one_of_an_unknown_site_waits(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    waiting = issue(story, contacts)
    issued = waiting.model_copy(update={"link_id": uuid4(), "site_id": None, "person_id": None})
    contacts.links[str(issued.link_id)] = contacts.links[str(waiting.link_id)] | {"link_id": str(issued.link_id)}
    story.tell(issued)
    deliver_batch(postman)
    assert (state(rows, waiting.link_id), state(rows, issued.link_id)) == ("pending", "sent")
    assert len(sink.kept) == 1


def test_a_subject_has_the_sites_short_name_and_the_footer_the_whole(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink
) -> None:
    story.opening()
    named = {"name_zh": "赛马场区域党群服务中心", "name_en": "Saimachang Area Centre", "short_name_zh": "赛马场"}
    story.tell(events.SiteSaved(site_id=story.site_id, area="140107", time_zone="Asia/Shanghai", **named))
    for language in ("zh-CN", "en"):
        issue(story, contacts, "staff_invitation", language=language)
        send(postman)
    zh, en = (kept.mail for kept in sink.kept)
    assert zh["Subject"] == "邀请您使用赛马场的工作账号"
    assert "赛马场区域党群服务中心" in zh.get_body(("plain",)).get_content()
    assert en["Subject"] == "Your staff account at Saimachang Area Centre", "which has no short name in English"


def test_no_address_of_a_link_is_kept(
    story: Story, contacts: Contacts, postman: Postman, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    story.opening()
    issue(story, contacts, url="https://example.com/links/Zq7Planted")
    send(postman)
    assert "Zq7Planted" not in str(rows("SELECT * FROM messages")) + "".join(capsys.readouterr())


def test_a_mail_about_a_registration_leads_to_it(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink
) -> None:
    shift = story.opening()
    facts = story.sign_up(shift)
    contacts.people[str(facts["person_id"])]["manage_url"] = "https://example.com/links/mine/t"
    send(postman)
    story.cancel(facts)
    send(postman)
    confirmed, cancelled = (kept.mail.get_body(("plain",)) for kept in sink.kept)
    assert confirmed is not None and cancelled is not None
    assert f"https://example.com/links/mine/t?registration={facts['registration_id']}" in confirmed.get_content()
    assert "https://" not in cancelled.get_content()


def test_nobody_gets_more_mails_than_the_limit_and_what_waits_says_so(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "PER_HOUR", 3)
    monkeypatch.setattr(news, "PER_DAY", 4)
    shift = story.opening()
    flooded = story.person("li@example.org")
    for _ in range(6):
        story.tell(events.RegistrationConfirmed(**story.registration(shift, flooded)))
    story.sign_up(shift)
    send(postman)
    assert (len(sink.to("li@example.org")), len(sink.to("wang@example.org"))) == (3, 1)
    held = rows("SELECT error FROM messages WHERE state = 'pending' AND next_attempt_at > now()")
    assert len(held) == 3 and all(row.error.startswith("held back") for row in held)
    rows("UPDATE messages SET sent_at = sent_at - interval '2 hours'")
    rows("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    send(postman)
    assert len(sink.to("li@example.org")) == 4  # the day's
    rows("UPDATE messages SET sent_at = sent_at - interval '1 day'")
    rows("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    send(postman)
    assert len(sink.to("li@example.org")) == 6
    assert rows("SELECT DISTINCT state, error FROM messages") == [("sent", None)]


def test_a_flood_of_sign_ups_does_not_keep_back_that_a_place_was_called_off(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "PER_HOUR", 2)
    shift, flooded = story.opening(), story.person("li@example.org")
    own = [story.registration(shift, flooded) for _ in range(3)]
    for facts in own:
        story.tell(events.RegistrationConfirmed(**facts))
    send(postman)
    for facts in own[:2]:
        story.cancel(facts, reason="site")
        send(postman)
    told = rows("SELECT kind, count(*) FROM messages WHERE state = 'sent' GROUP BY kind ORDER BY kind")
    assert [tuple(one) for one in told] == [("cancellation", 2), ("confirmation", 2)]


def test_a_flood_holds_back_no_link(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "PER_HOUR", 0)
    story.sign_up(story.opening())
    issue(story, contacts)
    send(postman)
    assert len(sink.kept) == 1
