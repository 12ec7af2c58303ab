"""The books on made-up logs: each rule is shown to catch what breaks it, and to accept what keeps it."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.books import ends, log, mails, places, promises, reminders, subscribers
from tests.faults.books.material import (
    AppliedRow,
    Finding,
    LogEntry,
    Mail,
    Material,
    MessageRow,
    RegistrationRow,
    ReminderRow,
    ShiftRow,
)
from tests.faults.ledger import Ledger, SignUp, Told

NOW = datetime(2026, 12, 1, tzinfo=UTC)
SHIFT = {"shift_id": "s", "activity_id": "a", "site_id": "c", "starts_at": "2026-12-02T01:00:00Z",
         "ends_at": "2026-12-02T02:00:00Z", "role_zh": "参与者", "role_en": "participant"}  # fmt: skip


def a_log(*events: tuple[str, dict[str, Any]]) -> list[LogEntry]:
    """Events of one activity, in one partition."""
    return [
        LogEntry(0, place, f"e{place}", f"hesheng.{name}.v1", "a", {"activity_id": "a"} | data, NOW)
        for place, (name, data) in enumerate(events, 1)
    ]


def published(capacity: int) -> list[tuple[str, dict[str, Any]]]:
    return [("activity.published", {}), ("shift.opened", SHIFT | {"version": 1, "capacity": capacity})]


def of(registration_id: str, version: int = 1) -> dict[str, Any]:
    return {"registration_id": registration_id, "version": version, "shift_id": "s"}


def material(entries: list[LogEntry], **more: Any) -> Material:
    empty: dict[str, Any] = {
        "ledger": Ledger(), "taken_at": NOW, "epoch": "1", "unsequenced": 0, "log": entries,
        "log_heads": dict(Counter(entry.partition for entry in entries)), "registrations": {}, "shifts": {},
        "person_names": {}, "applied": {}, "cursors": {}, "parked": {}, "copies": [], "facts": [], "messages": [],
        "reminders": {}, "mails": [], "recounts": [],
    }  # fmt: skip
    return Material(**empty | more)


def kinds(findings: Any) -> list[str]:
    found: list[Finding] = list(findings)
    return [finding.kind for finding in found]


def test_more_confirmed_than_places_at_any_moment_is_oversold_even_if_it_passes() -> None:
    entries = a_log(
        *published(1),
        ("registration.confirmed", of("x")),
        ("registration.confirmed", of("y")),
        ("registration.cancelled", of("y", 2)),
    )
    assert kinds(places.capacity_was_never_exceeded(material(entries))) == ["oversold"]


def test_a_raised_capacity_counts_from_its_own_place_in_the_log() -> None:
    raised = ("shift.changed", SHIFT | {"version": 2, "capacity": 2})
    before = a_log(*published(1), ("registration.confirmed", of("x")), raised, ("registration.confirmed", of("y")))
    after = a_log(*published(1), ("registration.confirmed", of("x")), ("registration.confirmed", of("y")), raised)
    assert kinds(places.capacity_was_never_exceeded(material(before))) == []
    assert kinds(places.capacity_was_never_exceeded(material(after))) == ["oversold"]


def test_the_waitlist_moves_up_in_order_or_it_is_found() -> None:
    waiting = [
        *published(1),
        ("registration.confirmed", of("x")),
        ("registration.waitlisted", of("y")),
        ("registration.waitlisted", of("z")),
        ("registration.cancelled", of("x", 2)),
    ]
    assert (
        kinds(places.waitlist_was_never_skipped(material(a_log(*waiting, ("registration.promoted", of("y", 2)))))) == []
    )
    skipped = a_log(*waiting, ("registration.promoted", of("z", 2)))
    assert kinds(places.waitlist_was_never_skipped(material(skipped))) == ["waitlist"]
    passed = a_log(*waiting, ("registration.confirmed", of("w")))
    assert kinds(places.waitlist_was_never_skipped(material(passed))) == ["waitlist"]
    stranded = a_log(*waiting)
    assert kinds(places.waitlist_was_never_skipped(material(stranded))) == ["waitlist"]


def test_an_offered_place_is_kept_for_who_it_was_offered_to() -> None:
    offered = [
        *published(1),
        ("registration.confirmed", of("x")),
        ("registration.waitlisted", of("y")),
        ("registration.waitlisted", of("z")),
        ("registration.cancelled", of("x", 2)),
        ("registration.offered", of("y", 2)),
    ]

    def findings(*more: tuple[str, dict[str, Any]]) -> list[str]:
        books = material(a_log(*offered, *more))
        checks = places.capacity_was_never_exceeded, places.waitlist_was_never_skipped
        return [kind for check in checks for kind in kinds(check(books))]

    assert findings() == findings(("registration.promoted", of("y", 3))) == []
    assert findings(("registration.promoted", of("z", 2))) == ["oversold"]
    assert findings(("registration.cancelled", of("y", 3))) == ["waitlist"]


def test_a_person_with_two_places_at_once_is_found() -> None:
    shift = ShiftRow("s", "a", "site", 2, 1, 0, "open", 1, NOW, NOW + timedelta(hours=2))
    row = RegistrationRow("x", "s", "p", "site", "confirmed", 1, None, 0)

    def findings(later: timedelta, status: str = "confirmed") -> list[str]:
        other = replace(shift, id="t", starts_at=NOW + later, ends_at=NOW + later + timedelta(hours=2))
        second = replace(row, id="y", shift_id="t", status=status)
        books = material([], shifts={"s": shift, "t": other}, registrations={"x": row, "y": second})
        return kinds(places.nobody_is_in_two_places(books))

    assert findings(timedelta(hours=1)) == ["two places"]
    assert findings(timedelta(hours=2)) == findings(timedelta(hours=1), "waitlisted") == []


def test_who_is_refused_for_a_place_at_those_hours_must_have_it() -> None:
    row = RegistrationRow("x", "s", "p", "site", "confirmed", 1, None, 0)

    def findings(person_id: str, shift_id: str) -> list[str]:
        body: dict[str, object] = {"person_id": person_id}
        asked = SignUp("k", "site", shift_id, "", body, Told.REFUSED, clashes_with="x")
        books = material([], ledger=Ledger(sign_ups=[asked]), registrations={"x": row})
        return kinds(promises.overlaps_are_refused_with_reason(books))

    assert findings("p", "t") == []
    assert findings("q", "t") == findings("p", "s") == ["promise"]


def test_a_place_may_be_given_up_for_an_accepted_offer_alone() -> None:
    gone = of("x", 2) | {"person_id": "p", "reason": "instead_of"}
    first = RegistrationRow("x", "s", "p", "site", "cancelled", 2, None, 0)
    second = RegistrationRow("y", "t", "p", "site", "confirmed", 3, None, 0)

    def findings(told: Told, taken: RegistrationRow = second) -> list[str]:
        books = material(a_log(("registration.cancelled", gone)), ledger=Ledger(accepts={"y": told}),
                         registrations={"x": first, "y": taken})  # fmt: skip
        return kinds(promises.accepts_hold(books)) + kinds(promises.cancels_hold(books))

    assert findings(Told.ACKED) == findings(Told.UNKNOWN) == []
    assert findings(Told.REFUSED) == ["promise"]
    assert findings(Told.ACKED, replace(second, status="waitlisted")) == ["lost"]


def test_gaps_wrong_versions_and_events_before_their_shift_are_found() -> None:
    good = a_log(*published(2), ("registration.confirmed", of("x")), ("registration.cancelled", of("x", 2)))
    assert kinds(log.partitions_are_gapless(material(good[:2] + good[3:]))) == ["log"]
    assert kinds(log.versions_rise_one_by_one(material(good))) == []
    swapped = [good[0], good[1], good[3], good[2]]
    assert kinds(log.versions_rise_one_by_one(material(swapped))) == ["out_of_order"]
    assert kinds(log.activities_come_first(material([good[2], good[0], good[1]]))) == ["out_of_order"]


def test_each_event_is_to_be_applied_exactly_once_and_in_order() -> None:
    entries = a_log(*published(2), ("registration.confirmed", of("x")))
    rows = [AppliedRow(entry.partition, entry.sequence, entry.event_id) for entry in entries]

    def lost_and_found(applied: list[AppliedRow]) -> list[str]:
        books = material(entries, applied={"reporting": applied})
        return kinds(subscribers.nothing_lost_or_doubled(books)) + kinds(subscribers.order_kept(books))

    assert lost_and_found(rows) == []
    assert lost_and_found(rows[:2]) == ["lost"]
    assert lost_and_found([*rows, rows[2]]) == ["duplicated"]
    assert lost_and_found([rows[1], rows[0], rows[2]]) == ["out_of_order"]


def test_an_acknowledged_registration_that_is_gone_or_doubled_is_found() -> None:
    asked = SignUp("k", "site", "s", "P1", {}, Told.ACKED, "r1", "p1", "confirmed")
    row = RegistrationRow("r1", "s", "p1", "site", "confirmed", 1, None, 0)
    twin = replace(row, id="r2", shift_id="other")

    def findings(*rows: RegistrationRow) -> list[str]:
        books = material([], ledger=Ledger(sign_ups=[asked]), registrations={row.id: row for row in rows},
                         person_names={"p1": "P1"})  # fmt: skip
        return kinds(promises.registrations_exist_as_acknowledged(books)) + kinds(
            promises.nobody_was_registered_twice(books)
        )

    assert findings(row) == []
    assert findings() == ["lost"]
    assert findings(row, twin) == ["duplicated"]
    assert findings(replace(row, status="waitlisted")) == ["promise"]
    assert findings(replace(row, status="cancelled")) == ["promise"]


def a_message(**more: Any) -> MessageRow:
    message = MessageRow("m", "confirmation", "x", "sent", "<m@h>", "e3", None, None, None)
    return replace(message, **more)


def a_mail(message_id: str = "<m@h>", at: float = NOW.timestamp()) -> Mail:
    return Mail("1.eml", message_id, "x@people.example", "报名成功", "request", at)


def test_missing_stray_and_doubled_mails_are_told_apart_from_resent_ones() -> None:
    entries = a_log(*published(2), ("registration.confirmed", of("x")))

    def findings(messages: list[MessageRow], sink: list[Mail]) -> list[str]:
        books = material(entries, messages=messages, mails=sink)
        checks = (mails.one_message_per_cause, ends.every_message_ended, mails.every_mail_has_its_message,
                  mails.no_mail_twice, mails.no_mail_again_without_cause)  # fmt: skip
        return [kind for check in checks for kind in kinds(check(books))]

    twice = a_message(tries=["lost", "sent"])
    assert findings([twice], [a_mail(), a_mail()]) == []
    assert findings([a_message(tries=["sent"])], [a_mail(), a_mail()]) == ["duplicated"], "nobody was interrupted"
    assert mails.resent(material(entries, mails=[a_mail(), a_mail()])) == 1
    assert findings([], []) == ["unsent"]
    assert findings([a_message()], []) == ["unsent"]
    assert findings([a_message(state="pending")], [a_mail()]) == ["unsent"]
    assert findings([a_message()], [a_mail(), a_mail("<other@h>")]) == ["duplicated"]
    twin = a_message(id="n", message_id="<n@h>")
    assert findings([a_message(), twin], [a_mail(), a_mail("<n@h>")]) == ["duplicated", "duplicated"]


def test_everyone_signed_up_is_told_of_a_move_and_of_nothing_else() -> None:
    moved = SHIFT | {"version": 3, "capacity": 2, "starts_at": "2026-12-02T00:00:00Z"}
    entries = a_log(
        *published(1),
        ("registration.confirmed", of("x")),
        ("shift.changed", SHIFT | {"version": 2, "capacity": 2}),
        ("shift.changed", moved),
    )
    confirmation = a_message()
    change = a_message(id="n", kind="change", message_id="<n@h>", cause="e5")
    assert kinds(mails.one_message_per_cause(material(entries, messages=[confirmation, change]))) == []
    assert kinds(mails.one_message_per_cause(material(entries, messages=[confirmation]))) == ["unsent"]
    capacity = a_message(id="o", kind="change", message_id="<o@h>", cause="e4")
    told = material(entries, messages=[confirmation, change, capacity])
    assert kinds(mails.one_message_per_cause(told)) == ["duplicated"]


def test_a_reminder_that_arrives_before_it_is_due_is_early() -> None:
    reminder = a_message(kind="reminder", due_at=NOW)
    assert (
        kinds(mails.no_reminder_early(material([], messages=[reminder], mails=[a_mail(at=NOW.timestamp() + 1)]))) == []
    )
    early = material([], messages=[reminder], mails=[a_mail(at=NOW.timestamp() - 1)])
    assert kinds(mails.no_reminder_early(early)) == ["early"]


SITE = {"site_id": "c", "time_zone": "Asia/Shanghai", "quiet_from": "23:00", "quiet_until": "06:00"}
REMINDING: list[tuple[str, dict[str, Any]]] = [
    ("site.saved", SITE),
    ("activity.published", {"reminder_minutes": [60]}),
    ("shift.opened", SHIFT | {"version": 1, "capacity": 2}),
    ("registration.confirmed", of("x")),
]
DUE = datetime(2026, 12, 2, 0, tzinfo=UTC)


def reminded(entries: list[LogEntry], *rows: ReminderRow, now: datetime = NOW, sent: tuple[datetime, ...] = ()) -> Any:
    messages = [a_message(id=str(at), kind="reminder", reminder_id=1, due_at=at) for at in sent]
    books = material(entries, taken_at=now, messages=messages, reminders={row.id: row for row in rows})
    return kinds(reminders.reminders_are_as_the_log_has_them(books)) + kinds(
        reminders.reminder_messages_are_as_the_log_has_them(books)
    )


def test_a_reminder_that_the_log_gives_must_be_there_and_fire_when_it_is_due() -> None:
    row = ReminderRow(1, "x", "60", DUE, "pending", 0)
    fired = replace(row, state="fired", occurrence=1)
    entries = a_log(*REMINDING)
    assert reminded(entries, row) == []
    assert reminded(entries) == ["unsent"]
    assert reminded(entries, replace(row, state="withdrawn")) == ["unsent"]
    assert reminded(entries, replace(row, due_at=DUE + timedelta(hours=1))) == ["effects"]
    assert reminded(entries, row, ReminderRow(2, "y", "60", DUE, "pending", 0)) == ["effects"]
    assert reminded(entries, fired, now=DUE, sent=(DUE,)) == []
    assert reminded(entries, fired, now=DUE) == ["unsent"]
    assert reminded(entries, replace(row, state="missed"), now=DUE) == ["unsent", "unsent"]
    assert reminded(entries, fired, now=DUE, sent=(DUE, NOW)) == ["duplicated"]


def test_a_reminder_follows_what_becomes_of_the_shift_and_of_the_registration() -> None:
    row = ReminderRow(1, "x", "60", DUE, "pending", 0)
    withdrawn = replace(row, state="withdrawn")
    for ending in (
        ("registration.cancelled", of("x", 2)),
        ("shift.cancelled", SHIFT | {"version": 2, "capacity": 2}),
        ("activity.cancelled", {"reminder_minutes": [60]}),
        ("activity.changed", {"reminder_minutes": []}),
        ("shift.changed", SHIFT | {"version": 2, "capacity": 2, "starts_at": "2026-12-01T00:30:00Z"}),
    ):
        ended = a_log(*REMINDING, ending)
        assert reminded(ended, withdrawn) == []
        assert reminded(ended, row) == ["unsent"]
    moved = a_log(
        *REMINDING, ("shift.changed", SHIFT | {"version": 2, "capacity": 2, "starts_at": "2026-12-03T01:00:00Z"})
    )
    assert reminded(moved, row) == ["effects"]
    assert reminded(moved, replace(row, due_at=DUE + timedelta(days=1))) == []


RULE = {"to": "participants", "days_before": 1, "at": "19:00", "late": "latest"}


def test_rules_by_the_clock_keep_out_of_the_sites_quiet_hours_and_spare_who_comes() -> None:
    by_rule = ("activity.changed", {"reminder_minutes": [], "reminder_rules": [RULE | {"only_unconfirmed": True}]})
    evening = ReminderRow(1, "x", "1d19:00/unconfirmed", datetime(2026, 12, 1, 11, tzinfo=UTC), "pending", 0)
    entries = [REMINDING[0], ("activity.published", by_rule[1]), *REMINDING[2:]]
    assert reminded(a_log(*entries), evening) == []
    assert reminded(a_log(*entries), replace(evening, due_at=evening.due_at + timedelta(hours=1))) == ["effects"]
    early = [("site.saved", SITE | {"quiet_from": "18:00", "quiet_until": "08:30"}), *entries[1:]]
    assert reminded(a_log(*early), replace(evening, due_at=datetime(2026, 12, 1, 9, 30, tzinfo=UTC))) == []
    comes = a_log(*entries, ("registration.coming", of("x", 2)))
    assert reminded(comes, evening) == ["unsent"]
    assert reminded(comes, replace(evening, state="withdrawn")) == []
    later = {"version": 2, "capacity": 2, "ends_at": "2026-12-02T03:00:00Z"}
    assert reminded([*comes, *a_log(("shift.changed", SHIFT | later))], evening) == []


def test_a_reminder_may_come_to_nothing_for_a_later_one_and_for_no_other_reason() -> None:
    entries = a_log(REMINDING[0], ("activity.published", {"reminder_minutes": [60, 30]}), *REMINDING[2:])
    last = DUE + timedelta(minutes=30)
    first, second = ReminderRow(2, "x", "60", DUE, "superseded", 1), ReminderRow(1, "x", "30", last, "fired", 1)
    assert reminded(entries, first, second, now=last, sent=(last,)) == []
    waiting = replace(second, state="pending", occurrence=0)
    assert reminded(entries, first, waiting, now=DUE) == ["unsent", "unsent"], "nothing later was due"
    assert reminded(entries, first, second, now=last) == ["unsent"], "nobody was told at all"
    missed = replace(first, state="missed")
    assert reminded(entries, missed, second, now=last, sent=(last,)) == ["unsent", "unsent"]


def test_whoever_waits_is_told_that_there_is_no_place_until_there_is_one() -> None:
    reminder = ReminderRow(1, "x", "60", DUE, "pending", 0)
    told = ReminderRow(2, "x", "120", DUE - timedelta(hours=1), "pending", 0, "waitlisted")
    waiting = a_log(*REMINDING[:3], ("registration.waitlisted", of("x")))
    assert reminded(waiting, told) == []
    assert reminded(waiting) == ["unsent"]
    assert reminded(waiting, told, reminder) == ["effects"]
    for place, rows in (("promoted", (reminder,)), ("offered", ()), ("cancelled", ())):
        got = a_log(*REMINDING[:3], ("registration.waitlisted", of("x")), (f"registration.{place}", of("x", 2)))
        assert reminded(got, replace(told, state="withdrawn"), *rows) == []
        assert reminded(got, told, *rows) == ["unsent"]
