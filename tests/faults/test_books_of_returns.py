"""The books of what comes back, of refusals, digests and groups, on made-up rows with each defect in them."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.books import digests, ends, groups, refusals, returned
from tests.faults.books.material import (
    Clicked,
    DigestRow,
    GroupTold,
    LogEntry,
    MessageRow,
    NoticeRow,
    ReportRow,
    ShiftRow,
    SmsTaken,
    World,
)
from tests.faults.ledger import FULL, GONE, REFUSED, SPAM, TOLD
from tests.faults.test_books import NOW, SHIFT, a_log, a_mail, a_message, kinds, material
from tests.faults.test_books_of_messages import HAND_OVER, ID, PHONE, of_somebody

BOUNCED = {"state": "failed", "error": "not delivered: 5.1.1", "tries": ["sent", "bounced"]}
ENDS = (ends.every_message_ended, ends.every_message_ended_once, returned.what_came_back_did_not_arrive)


def attempt(outcome: str, began: float, channel: str | None = "mail") -> dict[str, Any]:
    return {"outcome": outcome, "channel": channel, "began": began, "ended": began + 1}


def ended(domain: str, world: World | None = None, phone: bool = False, **message: Any) -> list[str]:
    """What is found of one message whose only mail was taken, and came back."""
    contact = {"email": f"p1@{domain}"} | ({"phone": PHONE} if phone else {})
    world = world or World(returned=Counter({"<m@h>": 1}))
    books = of_somebody(a_message(**message), contact, world, mails=[a_mail()])
    return [kind for check in ENDS for kind in kinds(check(books))]


@pytest.mark.parametrize("domain", [GONE, FULL])
def test_what_bounced_has_not_arrived(domain: str) -> None:
    assert ended(domain, **BOUNCED) == []
    assert ended(domain, state="sent") == ended(domain, state="delivered") == ["returned"]
    assert ended(domain, state="sent", world=World()) == [], "it went to the server that nothing comes back from"
    assert ended(domain, state="sent", world=World(returned=Counter({"<m@h>": 2}))) == [], (
        "another copy was taken there"
    )


def test_a_mail_failed_only_where_it_came_back() -> None:
    assert ended("people.example", **BOUNCED) == ["unsent"]
    assert ended(GONE, world=World(), **BOUNCED) == ["unsent"]
    assert ended(TOLD, state="delivered") == [] and ended(TOLD, state="sent") == ["returned"]
    assert ended(SPAM, state="sent", tries=["sent", "complained", "complained"]) == []


def test_what_bounced_goes_on_by_sms_once_where_there_is_a_number() -> None:
    taken = World(
        returned=Counter({"<m@h>": 1}), sms=[SmsTaken(HAND_OVER, f"+86{PHONE}", 0.0)], receipts={HAND_OVER: True}
    )
    on = {"id": ID, "channel": "sms", "state": "delivered", "tries": ["sent", "bounced", "sent", "delivered"]}
    assert ended(GONE, taken, phone=True, **on) == []
    assert ended(GONE, taken, phone=True, **on | {"channel": "mail"}) == ["duplicated", "returned"]
    assert ended(GONE, taken, phone=True, **on | {"tries": ["sent", "bounced", "sent", "sent"]}) == ["duplicated"]
    assert ended(GONE, taken, phone=True, **on | {"tries": ["sent", "bounced", "sent", "lost"]}) == ["duplicated"]
    assert ended(GONE, phone=True, **BOUNCED) == ["unsent"], "nothing went by SMS"


def test_a_message_is_held_back_only_from_an_address_of_which_a_mail_came_back() -> None:
    def held(error: str, domain: str, kind: str = "confirmation", returned: str = "<other@h>") -> list[str]:
        one = a_message(state="suppressed", error=error, message_id="", kind=kind)
        books = of_somebody(one, {"email": f"p1@{domain}"}, World(returned=Counter({returned: 1})))
        other = replace(books.messages[0], id="o", message_id="<other@h>", state="expired", error="recalled")
        return kinds(ends.every_message_ended(replace(books, messages=[*books.messages, other])))

    bounced, spam = "an earlier mail to this address bounced: 550", "the person complained of spam: x"
    assert held(bounced, GONE) == held(spam, SPAM, "reminder") == []
    assert held(bounced, FULL) == held(bounced, "people.example") == held(spam, SPAM) == ["unsent"]
    assert held(bounced, GONE, returned="<nobody@h>") == ["unsent"], "none came back"


def test_nothing_is_mailed_to_an_address_after_it_was_closed() -> None:
    first = a_message(attempts=[attempt("sent", 100.0)])

    def findings(later: dict[str, Any], domain: str = GONE, kind: str = "reminder", **report: Any) -> list[str]:
        said = ReportRow("m", "bounced", True, 110.0)
        second = replace(first, id="n", person_id="p", kind=kind, attempts=[later])
        books = of_somebody(first, {"email": f"p1@{domain}"}, reports=[replace(said, **report)])
        return kinds(returned.nothing_is_mailed_to_a_closed_address(replace(books, messages=[*books.messages, second])))

    assert findings(attempt("sent", 120.0)) == [], "it may have been in hand"
    assert findings(attempt("sent", 130.0)) == findings(attempt("lost", 130.0)) == ["returned"]
    assert findings(attempt("suppressed", 130.0, None)) == findings(attempt("sent", 130.0, "sms")) == []
    assert findings(attempt("sent", 130.0), permanent=False) == findings(attempt("sent", 130.0), applied_at=None) == []
    assert findings(attempt("sent", 130.0), applied_at=90.0) == [], "nobody knew yet where it had gone"
    assert findings(attempt("sent", 130.0), SPAM, event="complained") == ["returned"]
    assert findings(attempt("sent", 130.0), SPAM, "confirmation", event="complained") == []


def test_nothing_is_mailed_that_its_person_refused_before_it_was_taken_up() -> None:
    first = a_message(kind="announcement", person_id="p", site_id="c", attempts=[attempt("sent", 100.0)])

    def findings(began: float, acked_at: float | None = 110.0, outcome: str = "sent", **second: Any) -> list[str]:
        other = replace(first, **{"id": "n", "message_id": "<n@h>", "attempts": [attempt(outcome, began)]} | second)
        books = material([], messages=[first, other], world=World(clicks=[Clicked("<m@h>", acked_at)]))
        return kinds(refusals.nothing_is_mailed_after_a_refusal(books))

    assert findings(109.0) == findings(111.0, None) == findings(111.0, outcome="refused_by_person") == []
    assert findings(111.0) == findings(111.0, outcome="lost") == ["refused"]
    for other in ({"kind": "reminder"}, {"person_id": "q"}, {"site_id": "d"}):
        assert findings(111.0, **other) == []

    def held(**second: Any) -> list[str]:
        one = replace(first, id="n", message_id="", state="suppressed", error="refused by the person", **second)
        world = World(clicks=[Clicked("<m@h>", None)])
        return kinds(ends.every_message_ended(material([], messages=[first, one], mails=[a_mail()], world=world)))

    assert held() == [] and held(kind="reminder") == ["unsent"], "nobody refused that"


TOMORROW = DigestRow(1, "c", (NOW + timedelta(days=1)).date(), NOW + timedelta(minutes=1), "fired")
WORLD = World(staff={"c": {"a", "b", "z"}}, groups={"c": GroupTold("g")}, without_digest="z")


def test_a_digest_is_one_for_each_who_wants_it() -> None:
    def findings(*rows: DigestRow, to: tuple[str, ...] = ("a", "b", "g"), log: list[LogEntry] | None = None) -> Any:
        told = [a_message(id=one, kind="digest", digest_id=1, **{"chat_id" if one == "g" else "staff_id": one})
                for one in to]  # fmt: skip
        entries = a_log(("shift.opened", SHIFT | {"version": 1})) if log is None else log
        now = NOW + timedelta(minutes=2)
        books = material(entries, taken_at=now, digests=list(rows), messages=told, world=WORLD)
        checks = (digests.digests_are_decided_once, digests.digests_reach_everyone_once)
        return [kind for check in checks for kind in kinds(check(books))]

    assert findings(TOMORROW) == []
    assert findings(TOMORROW, to=("a", "g")) == findings(TOMORROW, to=("a", "b")) == ["unsent"]
    assert findings(TOMORROW, to=("a", "a", "b", "g")) == findings(TOMORROW, to=("a", "b", "g", "z")) == ["duplicated"]
    assert findings(TOMORROW, replace(TOMORROW, id=2), to=("a", "b", "g")) == ["duplicated", "unsent"]
    for state in ("pending", "missed", "withdrawn"):
        assert findings(replace(TOMORROW, state=state), to=()) == ["unsent"]
    assert findings(replace(TOMORROW, state="withdrawn"), to=(), log=[]) == [], "there was nothing to tell"
    other_day = a_log(("shift.opened", SHIFT | {"version": 1, "starts_at": "2026-12-03T01:00:00Z"}))
    assert findings(replace(TOMORROW, state="withdrawn"), to=(), log=other_day) == []
    ahead = replace(TOMORROW, due_at=NOW + timedelta(minutes=3))
    assert findings(replace(ahead, state="pending"), to=()) == []
    assert findings(ahead) == ["early"]


def test_a_group_is_told_everything_and_again_only_in_doubt() -> None:
    shift = ShiftRow("s", "a", "c", 2, 1, 0, "open", 1, NOW, NOW)
    notice = NoticeRow(1, "s", "staff", "60", NOW, "fired")
    message = a_message(kind="notice", notice_id=1, due_at=NOW, chat_id="g", channel="chat", tries=["sent"])

    def findings(*messages: MessageRow, posted: int = 1) -> list[str]:
        world = World(groups={"c": GroupTold("g", ["【和声】"] * posted)})
        books = material([], shifts={"s": shift}, notices=[notice], messages=list(messages), world=world)
        checks = (groups.groups_are_told_everything, groups.groups_are_told_again_only_in_doubt,
                  ends.every_message_ended)  # fmt: skip
        return [kind for check in checks for kind in kinds(check(books))]

    assert findings(message) == []
    assert findings(posted=0) == ["unsent"]
    assert findings(message, posted=0) == ["unsent"]
    assert findings(message, posted=2) == ["duplicated"]
    for outcome in ("deferred", "interrupted"):
        assert findings(replace(message, tries=[outcome, "sent"]), posted=2) == []
    assert findings(replace(message, state="failed"), posted=0) == ["unsent"]
    assert findings(replace(message, state="expired", error="recalled: it is off"), posted=0) == []
    assert findings(message, replace(message, id="n"), posted=2) == ["duplicated"]
    assert findings(message, replace(message, id="n", notice_id=2, chat_id="h")) == ["stray post"]


def test_only_the_known_domains_are_refused_or_come_back() -> None:
    assert ended(REFUSED, World(), state="failed", error="550 5.7.1 refused by policy") == []
    assert ended(REFUSED, World(), **BOUNCED) == ["unsent"]
