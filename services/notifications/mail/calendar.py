"""The calendar entry of a mail. Calendars recognise it by UID and take the one with the highest SEQUENCE."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from icalendar import Calendar, Event, vCalAddress


@dataclass(frozen=True)
class Entry:
    """What goes into a calendar; all words in one line each, times with an offset."""

    registration_id: UUID
    domain: str
    sequence: int
    cancelled: bool
    stamp: datetime
    starts_at: datetime
    ends_at: datetime
    summary: str
    description: str
    location: str
    organizer: str
    organizer_name: str
    attendee: str
    attendee_name: str

    @property
    def method(self) -> str:
        """What the calendar shall do with it."""
        return "CANCEL" if self.cancelled else "REQUEST"


def uid_of(registration_id: UUID, domain: str) -> str:
    """By what calendars recognise the entry of a registration, wherever they have it from."""
    return f"{registration_id}@{domain}"


def calendar(entry: Entry) -> bytes:
    """The entry as iCalendar text (RFC 5545, iTIP)."""
    event = Event()
    event.add("uid", uid_of(entry.registration_id, entry.domain))
    event.add("sequence", entry.sequence)
    event.add("dtstamp", entry.stamp.astimezone(UTC))
    event.add("dtstart", entry.starts_at.astimezone(UTC))
    event.add("dtend", entry.ends_at.astimezone(UTC))
    event.add("summary", entry.summary)
    event.add("description", entry.description)
    event.add("location", entry.location)
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    event.add("organizer", _party(entry.organizer, entry.organizer_name))
    attendee = _party(entry.attendee, entry.attendee_name)
    # Signing up was the answer: a calendar must not ask for another.
    attendee.params |= {"RSVP": "FALSE", "PARTSTAT": "ACCEPTED", "ROLE": "REQ-PARTICIPANT"}
    event.add("attendee", attendee)
    whole = Calendar()
    whole.add("prodid", "-//Hesheng//notifications//ZH")
    whole.add("version", "2.0")
    whole.add("calscale", "GREGORIAN")
    whole.add("method", entry.method)
    whole.add_component(event)
    return whole.to_ical()


def _party(address: str, name: str) -> vCalAddress:
    party = vCalAddress(f"mailto:{address}")
    party.params["CN"] = name.replace('"', "'")  # a quotation mark cannot be written in a parameter
    return party
