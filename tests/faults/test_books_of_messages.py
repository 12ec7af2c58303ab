"""The books of what goes outside, on made-up rows: each rule is shown to catch what breaks it, and to accept what keeps
it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.faults.books import announcements, ends, notices, sms, webhooks
from tests.faults.books.material import (
    AnnouncementRow,
    Endpoint,
    LogEntry,
    MessageRow,
    NoticeRow,
    RegistrationRow,
    Request,
    SmsTaken,
    WebhookRow,
    World,
)
from tests.faults.ledger import REFUSED, Announced, Ledger, SignUp, Told
from tests.faults.test_books import NOW, SHIFT, a_log, a_mail, a_message, kinds, material

ID = "0d3c2b1a-0000-4000-8000-000000000001"
HAND_OVER = f"{ID.replace('-', '')}-1"
PHONE = "13800000000"


def of_somebody(message: MessageRow, contact: dict[str, str], world: World | None = None, **more: Any) -> Any:
    """Material with one message to one person."""
    asked = SignUp("k", "site", "s", "P1", {"person": {"name": "P1"} | contact}, Told.ACKED, "x", "p", "confirmed")
    row = RegistrationRow("x", "s", "p", "site", "confirmed", 1, None, 0)
    told = replace(message, person_id="p")
    known = {"ledger": Ledger(sign_ups=[asked]), "registrations": {"x": row}, "person_names": {"p": "P1"}}
    return material([], **known, messages=[told], world=world or World(), **more)


def test_a_message_stays_behind_only_for_a_reason_that_holds() -> None:
    def ended(state: str, error: str, email: str) -> list[str]:
        return kinds(ends.every_message_ended(of_somebody(a_message(state=state, error=error), {"email": email})))

    assert ended("failed", "550 5.7.1 refused by policy", f"p1@{REFUSED}") == []
    assert ended("failed", "550 5.7.1 refused by policy", "p1@people.example") == ["unsent"]
    assert ended("failed", "not_rendered: KeyError", f"p1@{REFUSED}") == ["unsent"]
    assert ended("expired", "recalled: the shift was called off", "p1@people.example") == []
    assert ended("expired", "expired before it could be sent", "p1@people.example") == ["unsent"]
    for state in ("pending", "sending", "no_contact", "suppressed"):
        assert ended(state, "", "p1@people.example") == ["unsent"]


def test_an_sms_failed_only_where_its_receipt_says_so_or_nobody_can_know() -> None:
    taken = [SmsTaken(HAND_OVER, f"+86{PHONE}", NOW.timestamp())]

    def ended(error: str, **of_world: Any) -> list[str]:
        message = a_message(id=ID, state="failed", channel="sms", error=error)
        return kinds(ends.every_message_ended(of_somebody(message, {"phone": PHONE}, World(sms=taken, **of_world))))

    assert ended("not delivered: absent", receipts={HAND_OVER: False}) == []
    assert ended("not delivered: absent", receipts={HAND_OVER: True}) == ["unsent"]
    assert ended("unknown: no answer came", settles=False) == []
    assert ended("unknown: no answer came", settles=True) == ["unsent"]


def test_a_message_is_sent_once_and_to_whom_it_is_for() -> None:
    def findings(*tries: str) -> list[str]:
        return kinds(ends.every_message_ended_once(material([], messages=[a_message(tries=list(tries))])))

    assert findings("lost", "interrupted", "deferred", "sent", "delivered") == []
    assert findings("sent", "sent") == findings("sent", "lost") == ["duplicated"]
    right = of_somebody(a_message(), {"email": "x@people.example"}, mails=[a_mail()])
    assert kinds(ends.each_went_to_whom_it_is_for(right)) == []
    wrong = of_somebody(a_message(), {"email": "y@people.example"}, mails=[a_mail()])
    assert kinds(ends.each_went_to_whom_it_is_for(wrong)) == ["stray mail"]
    taken = World(sms=[SmsTaken(HAND_OVER, "+8613911111111", NOW.timestamp())])
    other = of_somebody(a_message(id=ID, channel="sms"), {"phone": PHONE}, taken)
    assert kinds(ends.each_went_to_whom_it_is_for(other)) == ["stray sms"]
    nobodys = of_somebody(a_message(id=ID, channel="sms"), {"email": "x@people.example"}, taken)
    assert kinds(ends.each_went_to_whom_it_is_for(nobodys)) == ["stray sms"]


def test_an_sms_goes_out_once_in_time_and_is_what_its_receipt_says() -> None:
    first = SmsTaken(HAND_OVER, PHONE, NOW.timestamp())
    again = replace(first, id=HAND_OVER.replace("-1", "-2"))
    message = a_message(id=ID, channel="sms", state="delivered", due_at=NOW)

    def findings(*taken: SmsTaken, message: MessageRow = message, delivered: bool = True) -> list[str]:
        world = World(sms=list(taken), receipts={HAND_OVER: delivered})
        books = material([], messages=[message], world=world)
        checks = (sms.no_sms_twice, sms.every_sms_has_its_message, sms.receipts_were_heard, ends.nothing_came_early)
        return [kind for check in checks for kind in kinds(check(books))]

    assert findings(first) == []
    assert findings(first, first) == findings(first, again) == ["duplicated"]
    assert findings(first, message=replace(message, id="m")) == ["stray sms"]
    assert findings(first, delivered=False) == findings(first, message=replace(message, state="sent")) == ["receipt"]
    assert findings(replace(first, at=first.at - 1)) == ["early"]


def test_each_event_of_a_site_is_told_once_and_under_one_id() -> None:
    entries = [replace(one, data=one.data | {"site_id": "c"}) for one in a_log(("registration.confirmed", {}))]
    endpoint = Endpoint("w", "c", NOW - timedelta(seconds=1))
    row, taken = WebhookRow("d1", "w", "e1", "delivered"), Request("d1", "e1", "204")

    def findings(*rows: WebhookRow, came: tuple[Request, ...] = (taken,), log: list[LogEntry] = entries) -> list[str]:
        world = World(requests={"w": list(came)})
        books = material(log, webhooks=list(rows), endpoints=[endpoint], world=world)
        checks = (webhooks.every_event_has_its_delivery, webhooks.every_delivery_ended, webhooks.no_event_under_two_ids)
        return [kind for check in checks for kind in kinds(check(books))]

    assert findings(row) == []
    assert findings(row, came=(replace(taken, answer="500"), taken)) == []
    assert findings(row, came=()) == findings(came=()) == ["unsent"]
    assert findings(replace(row, state="failed")) == ["unsent"]
    assert findings(row, came=(taken, taken)) == ["duplicated"]
    assert findings(replace(row, tries=["interrupted", "delivered"]), came=(taken, taken)) == []
    unseen = replace(row, tries=["unanswered", "delivered"])
    assert findings(unseen, came=(taken, taken)) == []
    assert findings(unseen, came=(replace(taken, answer="hang"), taken, taken)) == ["duplicated"]
    assert findings(row, came=(taken, replace(taken, webhook_id="d2"))) == ["duplicated", "duplicated"]
    assert findings(row, log=[replace(one, data={"site_id": "other"}) for one in entries]) == ["effects"]
    other = replace(taken, webhook_id="d2")
    assert findings(row, replace(row, id="d2"), came=(taken, other)) == ["duplicated", "duplicated"]


RULE = {"to": "staff", "minutes_before": 60}
TELLING: list[tuple[str, dict[str, Any]]] = [
    ("site.saved", {"site_id": "c", "time_zone": "Asia/Shanghai", "quiet_from": "23:00", "quiet_until": "06:00"}),
    ("activity.published", {"reminder_rules": [RULE]}),
    ("shift.opened", SHIFT | {"version": 1, "capacity": 2}),
]
DUE = datetime.fromisoformat("2026-12-02T00:00:00+00:00")
NOTICE = NoticeRow(1, "s", "staff", "60", DUE, "fired")


def test_leaders_and_staff_are_each_told_once_when_the_log_says_so() -> None:
    def findings(*rows: NoticeRow, to: tuple[str, ...] = ("a", "b"), at: datetime = DUE, **more: Any) -> list[str]:
        told = [a_message(id=f"m{n}", kind="notice", notice_id=1, staff_id=one, due_at=at) for n, one in enumerate(to)]
        books = material(
            a_log(*more.pop("log", TELLING)), notices=list(rows), messages=told,
            taken_at=more.pop("now", DUE + timedelta(minutes=1)), world=World(staff={"c": {"a", "b"}}),
        )  # fmt: skip
        checks = (notices.notices_are_as_the_log_has_them, notices.notices_reach_everyone_once,
                  notices.nothing_due_was_left)  # fmt: skip
        return [kind for check in checks for kind in kinds(check(books))]

    assert findings(NOTICE) == []
    assert findings(replace(NOTICE, state="pending"), to=(), now=NOW) == []
    assert findings(replace(NOTICE, state="pending"), to=()) == ["unsent", "unsent"]
    assert findings(to=()) == ["unsent"], "there is none"
    assert findings(NOTICE, to=()) == findings(NOTICE, to=("a",)) == ["unsent"]
    assert findings(NOTICE, to=("a", "a", "b")) == ["duplicated"]
    assert findings(NOTICE, at=DUE - timedelta(hours=1)) == ["duplicated", "unsent"]
    assert findings(replace(NOTICE, due_at=NOW), at=NOW) == ["effects", "duplicated"]
    called_off = [*TELLING, ("shift.cancelled", SHIFT)]
    assert findings(replace(NOTICE, state="withdrawn"), to=(), log=called_off) == []
    assert findings(replace(NOTICE, state="withdrawn"), to=()) == ["unsent"]


def test_an_announcement_reaches_each_once_with_a_second_persons_word() -> None:
    row = AnnouncementRow("n", "site", "done", "staff:a", "staff:b", 2)
    people = [SignUp(f"k{one}", "site", "s", one, {}, Told.ACKED, one, one, "confirmed") for one in ("p", "q")]
    known = {one.person_id: RegistrationRow(one.person_id, "s", one.person_id, "site", "confirmed", 1, None, 0)
             for one in people}  # fmt: skip

    def findings(*to: str, row: AnnouncementRow = row, stopped_at: float | None = None, at: float = 0.0) -> list[str]:
        told = [a_message(id=f"m{n}", message_id=f"<m{n}@h>", kind="announcement", announcement_id="n", person_id=one)
                for n, one in enumerate(to)]  # fmt: skip
        ledger = Ledger(announced=[Announced("n", "site", stopped_at)], before=people)
        books = material([], ledger=ledger, registrations=known, messages=told, announcements=[row],
                         mails=[a_mail("<m0@h>", at)])  # fmt: skip
        checks = (announcements.announcements_ended, announcements.announcements_reach_everyone_once,
                  announcements.nothing_goes_out_after_the_stop)  # fmt: skip
        return [kind for check in checks for kind in kinds(check(books))]

    assert findings("p", "q") == []
    assert findings("p", "p") == ["duplicated", "unsent"]
    assert findings("p") == ["duplicated", "unsent"], "it counts two"
    assert findings("p", "z") == ["stray mail", "unsent"]
    assert findings("p", "q", row=replace(row, approved_by=None)) == ["promise"]
    assert findings("p", "q", row=replace(row, approved_by="staff:a")) == ["promise"]
    assert findings("p", "q", row=replace(row, state="sending")) == ["unsent"]
    stopped = replace(row, state="stopped", written=1)
    assert findings("p", row=stopped, stopped_at=1000.0, at=1010.0) == []
    assert findings("p", row=stopped, stopped_at=1000.0, at=1100.0) == ["stopped"]
    assert findings("p", row=stopped) == ["unsent"], "nobody stopped it"


def test_only_what_was_stopped_may_stay_behind_as_suppressed() -> None:
    def ended(stopped_at: float | None) -> list[str]:
        message = a_message(state="suppressed", error="stopped", announcement_id="n")
        ledger = Ledger(announced=[Announced("n", "site", stopped_at)])
        return kinds(ends.every_message_ended(material([], ledger=ledger, messages=[message])))

    assert ended(1000.0) == []
    assert ended(None) == ["unsent"]
