"""A site's public calendar as iCalendar text, for the calendar apps that fetch it whole again and again.

    feeds = Feeds(database)
    feed = feeds.read(site_id)          # feed.tag changes with what stands in feed.text

A busy site's takes a quarter of a second to write, and anybody may ask for it: it is written once for each change of
the site's shifts, by one request at a time, and kept for the sites that were asked for lately.
"""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from sqlalchemy import String, cast, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from services.common.database import Database
from services.registration.models import Activity, Shift, Site
from services.registration.operations.sites.calendar import find_site, shown_shifts

BACK, AHEAD = timedelta(days=30), timedelta(days=180)
MOST_ENTRIES = 1_000
"""The nearest ones; what lies further ahead comes in as time goes by."""
MOST_LETTERS = 500
"""Of a description: the rest is on the activity's page."""
KEPT = 50
"""Feeds in memory, of at most a megabyte or two."""


@dataclass(frozen=True)
class Feed:
    """A calendar as text, and what tells it from the one before."""

    tag: str
    text: bytes


class Feeds:
    """The calendars of all sites."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._kept: OrderedDict[UUID, Feed] = OrderedDict()

    def read(self, site_id: UUID) -> Feed:
        """The calendar as it is now, from a month ago to half a year ahead. Raises 404."""
        # The lock comes before the connection: who waits for it holds none.
        with self._lock, self._database.transaction(site_id) as session:
            site = find_site(session, site_id)
            today = datetime.now(ZoneInfo(site.time_zone)).date()
            tag = _tag(session, site, today)
            known = self._kept.pop(site_id, None)
            self._kept[site_id] = known if known and known.tag == tag else Feed(tag, _text(session, site, today))
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[site_id]


def _tag(session: Session, site: Site, today: date) -> str:
    """What is different whenever the text would be: by the versions of all that it is made of."""
    version = func.concat(cast(Shift.id, String), Shift.version, "/", Activity.version)
    of_shifts = (
        select(func.md5(func.string_agg(version, aggregate_order_by(literal("\n"), Shift.position))))
        .join(Activity, Activity.id == Shift.activity_id)
        .where(shown_shifts(site.id, today - BACK, today + AHEAD))
    )
    made_of = f"{today} {site.version} {session.scalar(of_shifts)}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:32]


def _text(session: Session, site: Site, today: date) -> bytes:
    whole = Calendar()
    whole.add("prodid", "-//Hesheng//registration//ZH")
    whole.add("version", "2.0")
    whole.add("calscale", "GREGORIAN")
    whole.add("method", "PUBLISH")
    whole.add("x-wr-calname", f"{site.name_zh} {site.name_en}".strip())
    whole.add("x-wr-timezone", site.time_zone)
    nearest = (
        select(Activity, Shift, func.clock_timestamp())
        .join(Shift, Shift.activity_id == Activity.id)
        .where(shown_shifts(site.id, today - BACK, today + AHEAD))
        .order_by(Shift.starts_at, Shift.position)
        .limit(MOST_ENTRIES)
    )
    for activity, shift, now in session.execute(nearest):
        whole.add_component(_entry(activity, shift, now))
    return bytes(whole.to_ical())


def _entry(activity: Activity, shift: Shift, now: datetime) -> Event:
    event = Event()
    event.add("uid", f"shift-{shift.id}@hesheng")
    event.add("sequence", activity.version + shift.version)  # both only rise
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", shift.starts_at.astimezone(UTC))
    event.add("dtend", shift.ends_at.astimezone(UTC))
    event.add("summary", f"{activity.title_zh} {activity.title_en}".strip())
    event.add("location", activity.place)
    texts = (shift.role_zh, _cut(activity.description_zh), _cut(activity.description_en))
    event.add("description", "\n".join(filter(None, texts)))
    return event


def _cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"
