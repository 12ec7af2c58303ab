"""What people read: whole, in their language, in the site's time, safe to display; and what their calendar reads."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from services.common import events
from services.notifications.mail.words import period, plain
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.reminders import fire_due_reminders
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
STARTS_AT = datetime(2048, 12, 1, 1, 0, tzinfo=UTC)  # nine o'clock in Taiyuan, and far ahead


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def entry(mail: EmailMessage) -> Any:
    """The calendar entry that the mail carries, None if it has none; both copies are the same bytes."""
    parts = [one for one in mail.walk() if one.get_content_type() in ("text/calendar", "application/ics")]
    if not parts:
        return None
    shown, attached = (one.get_payload(decode=True) for one in parts)
    assert isinstance(shown, bytes)
    assert shown == attached
    assert b"\n" not in shown.replace(b"\r\n", b"")
    assert max(map(len, shown.split(b"\r\n"))) <= 75
    calendar = Calendar.from_ical(shown)
    assert parts[0].get_param("method") == calendar["METHOD"]
    (event,) = calendar.walk("VEVENT")
    event["METHOD"] = calendar["METHOD"]
    return event


@pytest.fixture
def mails(postman: Postman, sink: FaultySink) -> Callable[[], list[EmailMessage]]:
    """Sends everything and answers what arrived, in order."""

    def send() -> list[EmailMessage]:
        while deliver_batch(postman):
            pass
        return [kept.mail for kept in sink.kept]

    return send


Mails = Callable[[], list[EmailMessage]]


def shift_at(story: Story, starts_at: datetime, **activity: Any) -> Any:
    shift = story.opening(**activity)
    story.change_shift(shift, starts_at)
    return shift


def test_a_mail_says_who_what_when_where_and_in_which_role(story: Story, mails: Mails) -> None:
    story.sign_up(shift_at(story, STARTS_AT))
    (mail,) = mails()
    assert mail["Subject"] == "报名成功：合唱排练，12月1日（星期二）09:00"
    for kind in ("plain", "html"):
        body = part(mail, kind)
        for fact in (
            "王小明",
            "合唱排练",
            "2048年12月1日（星期二）09:00–11:00",
            "赛马场党群服务中心二楼",
            "歌手",
            "赛马场站",
        ):
            assert fact in body


def test_a_mail_names_the_phone_of_whom_to_ask_where_the_site_has_one(story: Story, mails: Mails) -> None:
    shift_id = story.opening()
    site = {"site_id": story.site_id, "area": "140107", "name_zh": "赛马场站", "name_en": "Saimachang"}
    for phone in ("+863514000003", ""):
        story.tell(events.SiteSaved(**site, time_zone="Asia/Shanghai", public_phone=phone))
        story.sign_up(shift_id)
        assert ("请与站点联系：+863514000003。" in part(mails()[-1], "plain")) == bool(phone)


def test_a_mail_is_in_english_for_whoever_asked_for_it(story: Story, mails: Mails) -> None:
    story.sign_up(shift_at(story, STARTS_AT), language="en", name="Wang Xiaoming")
    (mail,) = mails()
    assert mail["Content-Language"] == "en"
    assert mail["Subject"] == "You have a place: Choir rehearsal, Tue 1 Dec, 09:00"
    assert "Dear Wang Xiaoming," in part(mail, "plain")
    assert "Tuesday, 1 December 2048, 09:00–11:00 (Asia/Shanghai time)" in part(mail, "html")


def test_an_activity_without_an_english_title_is_called_by_its_chinese_one(story: Story, mails: Mails) -> None:
    story.sign_up(story.opening(title_en=""), language="en")
    (mail,) = mails()
    assert "合唱排练" in mail["Subject"]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_kind_has_its_words_in_both_languages_and_no_remote_image(language: str, story: Story, mails: Mails,
                                                                        rows: Rows) -> None:  # fmt: skip
    shift = story.opening()
    facts = story.wait(shift, language=language)
    story.tell(events.RegistrationPromoted(**facts))
    story.change_activity(place="别处")
    rows("UPDATE reminders SET due_at = now() WHERE rule = '120'")
    fire_due_reminders(story.subscriber._database)
    story.cancel(story.sign_up(shift, "other@example.org", language=language))
    found = mails()
    story.cancel(facts, reason="site")
    found = mails()
    assert len(found) == 7
    assert len({str(mail["Subject"]) for mail in found}) == 6
    for mail in found:
        html = part(mail, "html")
        assert 'name="viewport"' in html
        assert "<img" not in html
        assert html.count("http") == 1 + (mail["List-Unsubscribe"] is not None), "nothing is fetched from anywhere"
        assert "{{" not in html + part(mail, "plain")


def test_a_change_says_what_it_was_before(story: Story, mails: Mails) -> None:
    shift = shift_at(story, STARTS_AT)
    story.sign_up(shift)
    story.change_shift(shift, STARTS_AT + timedelta(hours=14), role_zh="指挥", role_en="conductor")
    text = part(mails()[1], "plain")
    assert "时间：2048年12月1日（星期二）23:00–12月2日（星期三）01:00" in text
    assert "原时间：2048年12月1日（星期二）09:00–11:00" in text
    assert "岗位：指挥" in text
    assert "原岗位：歌手" in text
    assert "原地点" not in text


@pytest.mark.parametrize(("reason", "waited", "said"), [
    ("person", False, "您的报名已取消。"),
    ("site", True, "站点已取消您的候补。"),
    ("activity_cancelled", False, "很抱歉，本次活动已取消"),
    ("shift_cancelled", True, "很抱歉，本场次已取消")])  # fmt: skip
def test_a_cancellation_says_whose_doing_it_is(reason: str, waited: bool, said: str, story: Story,
                                               mails: Mails) -> None:  # fmt: skip
    shift = story.opening()
    story.cancel((story.wait if waited else story.sign_up)(shift), reason, was_waitlisted=waited)
    assert said in part(mails()[1], "plain")


def test_the_calendar_entry_has_a_stable_uid_and_a_rising_sequence(story: Story, mails: Mails) -> None:
    shift = shift_at(story, STARTS_AT)
    facts = story.sign_up(shift)
    story.change_shift(shift, STARTS_AT + timedelta(hours=1))
    story.change_activity(place="别处；二楼，左边")
    story.cancel(facts)
    entries = [entry(mail) for mail in mails()]
    assert {str(one["UID"]) for one in entries} == {f"{facts['registration_id']}@hesheng.example"}
    assert [one["SEQUENCE"] for one in entries] == [0, 1, 2, 3]
    assert [str(one["METHOD"]) for one in entries] == ["REQUEST", "REQUEST", "REQUEST", "CANCEL"]
    assert [str(one["STATUS"]) for one in entries] == ["CONFIRMED", "CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert str(entries[2]["LOCATION"]) == "别处；二楼，左边"
    # All of them were sent after everything had happened: a mail says what holds when it goes out.
    assert {one["DTSTART"].dt for one in entries} == {STARTS_AT + timedelta(hours=1)}


def test_the_calendar_entry_names_time_place_and_both_parties(story: Story, mails: Mails) -> None:
    story.sign_up(shift_at(story, STARTS_AT), name='王"小；明')
    one = entry(mails()[0])
    assert (one["DTSTART"].dt, one["DTEND"].dt) == (STARTS_AT, STARTS_AT + timedelta(hours=2))
    assert one["DTSTART"].to_ical() == b"20481201T010000Z"
    assert (str(one["SUMMARY"]), str(one["LOCATION"])) == ("合唱排练", "赛马场党群服务中心二楼")
    assert str(one["ORGANIZER"]) == "mailto:hesheng@hesheng.example"
    assert one["ORGANIZER"].params["CN"] == "赛马场站"
    assert str(one["ATTENDEE"]) == "mailto:wang@example.org"
    assert one["ATTENDEE"].params["CN"] == "王'小；明"
    assert (one["ATTENDEE"].params["RSVP"], one["ATTENDEE"].params["PARTSTAT"]) == ("FALSE", "ACCEPTED")


def test_whoever_only_waits_has_nothing_in_the_calendar(story: Story, mails: Mails) -> None:
    shift = story.opening()
    facts = story.wait(shift)
    story.change_activity(place="别处")
    story.cancel(facts, was_waitlisted=True)
    assert [entry(mail) for mail in mails()] == [None, None, None]


def test_a_promotion_puts_it_into_the_calendar(story: Story, mails: Mails) -> None:
    facts = story.wait(story.opening())
    story.tell(events.RegistrationPromoted(**facts))
    _, promotion = mails()
    assert str(entry(promotion)["METHOD"]) == "REQUEST"


TRANSFERS = (events.TransferDeclined, events.TransferExpired)


def transfer(facts: dict[str, Any], kind: str) -> dict[str, Any]:
    place = {name: facts[name] for name in ("registration_id", "shift_id", "activity_id", "site_id", "person_id")}
    return {"transfer_id": uuid4(), "kind": kind, **place}


@pytest.mark.parametrize(
    ("language", "kind", "said"),
    [
        ("zh-CN", "hand_over", ("您请别人接手名额，对方没有同意。名额仍是您的。", "接手名额，一天内没有答复")),
        ("en", "swap", ("You asked somebody to swap places, and they said no.", "Nobody answered within a day")),
    ],
)
def test_whoever_asked_in_vain_is_told_that_the_place_is_still_theirs(
    story: Story, mails: Mails, language: str, kind: str, said: tuple[str, str]
) -> None:
    facts = story.sign_up(story.opening(), language=language)
    for event in TRANSFERS:
        story.tell(event(**transfer(facts, kind)))
    _, *told = mails()
    assert [words in part(mail, "plain") for mail, words in zip(told, said, strict=True)] == [True, True]
    assert [entry(mail) for mail in told] == [None, None], "nothing changes in the calendar"
    assert all(("名额仍是您的" if language != "en" else "still yours") in mail["Subject"] for mail in told)


EVIL = "歌\r\nBcc: all@example.org\r\n\r\n<script>alert(1)</script>\u202eתשרי🎶 \x07\u2028end"


def test_titles_and_names_cannot_inject_headers_markup_or_direction(
    story: Story, mails: Mails, sink: FaultySink
) -> None:
    shift = story.opening(title_zh=EVIL, place=EVIL)
    story.sign_up(shift, name="王\r\nBcc: x@example.org\u202e")
    (mail,) = mails()
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("报名成功：歌 Bcc: all@example.org <script>alert(1)</script>תשרי🎶 end，")
    assert "<script>" not in part(mail, "html")
    assert "&lt;script&gt;" in part(mail, "html")
    assert "\u202e" not in part(mail, "plain") + part(mail, "html") + str(mail["To"])
    assert b"\r\nBcc:" not in sink.kept[0].raw
    assert "\n" not in str(entry(mail)["SUMMARY"])
    assert {address.addr_spec for address in mail["To"].addresses} == {"wang@example.org"}


def test_a_very_long_title_stays_a_readable_mail(story: Story, mails: Mails, sink: FaultySink) -> None:
    story.sign_up(story.opening(title_zh="长" * 500))
    (mail,) = mails()
    assert len(str(mail["Subject"])) <= 200
    assert all(len(line) <= 998 for line in sink.kept[0].raw.split(b"\r\n"))


@pytest.mark.parametrize(
    ("name", "expected"), [("👨‍👩‍👧 合唱", "👨‍👩‍👧 合唱"), ("a\x00b\tc", "a b c"), ("  ", ""), ("\u2066x\u2069", "x")]
)
def test_one_line_keeps_emoji_together_and_loses_controls(name: str, expected: str) -> None:
    assert plain(name) == expected


def test_times_are_those_of_the_site(story: Story, mails: Mails) -> None:
    story.sign_up(shift_at(story, STARTS_AT, zone="Asia/Urumqi"))
    assert "2048年12月1日（星期二）07:00–09:00" in part(mails()[0], "plain")


def test_a_period_over_new_year_names_both_years() -> None:
    end = datetime(2026, 12, 31, 17, 0, tzinfo=UTC)
    zone = ZoneInfo("Asia/Shanghai")
    assert (
        period(end - timedelta(hours=2), end, zone, "zh") == "2026年12月31日（星期四）23:00–2027年1月1日（星期五）01:00"
    )
    assert period(end - timedelta(hours=2), end, zone, "en") == (
        "Thursday, 31 December 2026, 23:00–Friday, 1 January 2027, 01:00 (Asia/Shanghai time)")  # fmt: skip
