"""One mail per recipient and message: nothing unsent, nothing doubled, no reminder early."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.faults.books.changes import expected_changes
from tests.faults.books.material import Finding, Material

KIND_OF_EVENT = {
    "registration.confirmed": "confirmation",
    "registration.waitlisted": "waitlisted",
    "registration.promoted": "promotion",
    "registration.offered": "offer",
    "registration.cancelled": "cancellation",
    "transfer.declined": "transfer_declined",
    "transfer.expired": "transfer_expired",
}
REMINDERS = ("reminder", "no_place")
"""What the clock causes, and no event."""

NOT_OF_EVENTS = (*REMINDERS, "notice", "hours", "announcement", "approval", "digest")

CLOCK_SECONDS = 0.002
"""The sink notes milliseconds, the database microseconds."""


def one_message_per_cause(material: Material) -> Iterator[Finding]:
    """Each event of a registration has its one message, everyone is told once of each change, nothing else is said."""
    caused = Counter((m.registration_id, m.kind, m.cause) for m in material.messages if m.kind not in NOT_OF_EVENTS)
    expected = {
        (entry.data["registration_id"], KIND_OF_EVENT[entry.name], entry.event_id)
        for entry in material.log
        if entry.name in KIND_OF_EVENT
    } | {(registration_id, "change", event_id) for registration_id, event_id in expected_changes(material.log)}
    for registration_id, kind, cause in expected - set(caused):
        yield Finding("unsent", f"registration {registration_id} has no {kind} message for {cause}")
    for (registration_id, kind, cause), count in caused.items():
        surplus = count - ((registration_id, kind, cause) in expected)
        for _ in range(surplus):
            yield Finding("duplicated", f"registration {registration_id}: a {kind} message too many for {cause}")


def one_message_per_reminder(material: Material) -> Iterator[Finding]:
    """A reminder that fired has its one message; one that fires again after its shift moved has another."""
    caused = Counter(message.cause for message in material.messages if message.kind in REMINDERS)
    for reminder in material.reminders.values():
        if reminder.state == "fired" and not caused[f"reminder {reminder.id}/{reminder.occurrence}"]:
            yield Finding("unsent", f"{reminder} has no message")
    for cause, count in caused.items():
        for _ in range(count - 1):
            yield Finding("duplicated", f"{count} messages for {cause}")


def every_mail_has_its_message(material: Material) -> Iterator[Finding]:
    """Each Message-ID in the sink belongs to one message. One that does not doubles the mail that it resembles."""
    known = Counter(message.message_id for message in material.messages if message.message_id)
    alike: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for mail in material.mails:
        alike[mail.to, mail.subject, mail.request_id].add(mail.message_id)
    for mail in material.mails:
        if mail.message_id not in known:
            doubles = len(alike[mail.to, mail.subject, mail.request_id]) > 1
            yield Finding(
                "duplicated" if doubles else "stray mail", f"mail {mail.file} {mail.message_id} has no message"
            )
    for message_id, count in known.items():
        if count > 1:
            yield Finding("duplicated", f"{count} messages share the Message-ID {message_id}")


def no_mail_twice(material: Material) -> Iterator[Finding]:
    """Nobody got two mails with different Message-IDs for one kind and cause."""
    received = {mail.message_id for mail in material.mails}
    groups: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for message in material.messages:
        if message.message_id in received:
            whose = message.registration_id, message.staff_id or message.person_id or ""
            groups[*whose, message.kind, message.cause].add(message.message_id)
    for key, message_ids in groups.items():
        if len(message_ids) > 1:
            yield Finding("duplicated", f"{len(message_ids)} mails were sent for {key}")


def no_reminder_early(material: Material) -> Iterator[Finding]:
    """No reminder arrived before it was due."""
    due = {message.message_id: message.due_at.timestamp() for message in material.messages if message.due_at}
    for mail in material.mails:
        if mail.received_at < due.get(mail.message_id, 0) - CLOCK_SECONDS:
            yield Finding("early", f"mail {mail.file} came {due[mail.message_id] - mail.received_at:.1f} s early")


def every_reminder_was_decided(material: Material) -> Iterator[Finding]:
    """A reminder that was due before the books began is fired, missed or withdrawn."""
    for reminder in material.reminders.values():
        if reminder.state == "pending" and reminder.due_at < material.taken_at:
            yield Finding("unsent", f"reminder {reminder.id} was due at {reminder.due_at} and is still pending")


def no_mail_again_without_cause(material: Material) -> Iterator[Finding]:
    """A mail comes again under its Message-ID only where a connection broke or a sender was interrupted: for each such
    attempt once at most."""
    copies = Counter(mail.message_id for mail in material.mails)
    for message in material.messages:
        excused = sum(outcome in ("lost", "interrupted") for outcome in message.tries)
        if copies[message.message_id] > 1 + excused:
            yield Finding(
                "duplicated", f"{message} came {copies[message.message_id]} times, its attempts were {message.tries}"
            )


def resent(material: Material) -> int:
    """Mails that arrived again under the same Message-ID: a sender died between the mail server and its own commit."""
    return sum(count - 1 for count in Counter(mail.message_id for mail in material.mails).values())


def reminders_sent(material: Material) -> int:
    """Reminder mails in the sink."""
    ids = {message.message_id for message in material.messages if message.kind == "reminder"}
    return len({mail.message_id for mail in material.mails} & ids)
