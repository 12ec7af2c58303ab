"""A person's shifts as one calendar that is asked for again and again (RFC 5545, RFC 7986)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from icalendar import Calendar, Event

from services.notifications.mail.calendar import uid_of
from services.notifications.mail.words import in_language, plain
from services.notifications.wording.variables import Language

REFRESH = timedelta(hours=4)
NAMES = {"zh": "和声：我的活动", "en": "Hesheng: my shifts"}


@dataclass(frozen=True)
class Shown:
    """One registration's shift. `stands`: whether the place is still theirs."""

    id: UUID
    domain: str
    stands: bool
    calendar_sequence: int
    as_of: datetime | None
    starts_at: datetime
    ends_at: datetime
    role_zh: str
    role_en: str
    title_zh: str
    title_en: str
    place: str
    name_zh: str
    name_en: str


def feed_text(shifts: Sequence[Shown], language: str) -> bytes:
    """All of them as iCalendar text. The same shifts give the same text."""
    whole = Calendar()
    whole.add("prodid", "-//Hesheng//notifications//ZH")
    whole.add("version", "2.0")
    whole.add("calscale", "GREGORIAN")
    whole.add("method", "PUBLISH")
    whole.add("name", NAMES[language])
    whole.add("x-wr-calname", NAMES[language])
    whole.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    whole.add("x-published-ttl", "PT4H")
    for shift in shifts:
        whole.add_component(_event(shift, Language(language)))
    return whole.to_ical()


def _event(shift: Shown, language: Language) -> Event:
    event = Event()
    event.add("uid", uid_of(shift.id, shift.domain))
    event.add("sequence", shift.calendar_sequence)
    event.add("dtstamp", (shift.as_of or shift.starts_at).astimezone(UTC))
    event.add("dtstart", shift.starts_at.astimezone(UTC))
    event.add("dtend", shift.ends_at.astimezone(UTC))
    event.add("summary", in_language(language, shift.title_zh, shift.title_en))
    said = (in_language(language, shift.role_zh, shift.role_en), in_language(language, shift.name_zh, shift.name_en))
    event.add("description", " · ".join(part for part in said if part))
    event.add("location", plain(shift.place))
    event.add("status", "CONFIRMED" if shift.stands else "CANCELLED")
    return event
