"""A person's shifts as a calendar at a secret address, for the calendar of their phone.

    feeds = make_calendar_feeds(settings, database, book)
    feeds.renew(principal, "zh")        # the address; the one before ends
    feeds.read(secret)                  # iCalendar text

Kept are a hash of the secret, and sealed what registration needs to say how far it reaches. That is asked at each
reading, as at each page: an address that was corrected, a guardian who is none any more, logging out everywhere or an
erasure end it at once, and sites that were proven since come in. Whoever came by the link of a mail makes none: mails
are passed on.
"""

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.common.auth import Caller, Principal
from services.common.database import EVERY_SITE, Database
from services.common.errors import GONE, LINK_NEEDED, TOO_MANY, UNAVAILABLE, Problem, Words, not_found
from services.common.rates import Windows
from services.common.sealing import Box
from services.notifications.contacts import ContactBook, ContactsUnavailable, Reach
from services.notifications.mail.feed import Shown, feed_text
from services.notifications.operations.preferences import PERSONS
from services.notifications.settings import Settings

PER_MINUTE = 20
"""Readings of one feed: a phone asks every few hours, and a household has several."""

END = text("""
    UPDATE calendar_feeds SET ended_at = now(), proven = NULL
    WHERE holder = :holder AND person_now(person_id) = person_now(:person_id) AND ended_at IS NULL
""")
MAKE = text("""
    INSERT INTO calendar_feeds (secret_hash, person_id, holder, proven, language, session_since)
    VALUES (:secret_hash, :person_id, :holder, :proven, :language, :session_since)
""")
OWN = text("""
    SELECT secret_hash, person_id, proven, coalesce(session_since, made_at) AS since FROM calendar_feeds
    WHERE holder = :holder AND person_now(person_id) = person_now(:person_id) AND ended_at IS NULL
""")
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
FIND = text("""
    SELECT person_id, proven, language, coalesce(session_since, made_at) AS since FROM calendar_feeds
    WHERE secret_hash = :secret_hash
""")
FORGET = text(f"""{PERSONS}
    UPDATE calendar_feeds SET ended_at = coalesce(ended_at, now()), proven = NULL
    WHERE person_id IN (SELECT id FROM persons)
""")  # noqa: S608 - a constant

# What no mail put into a calendar is none of the feed's: a waitlisted one might never be theirs. What was in there and
# is theirs no more is told as cancelled, until it is a month past.
SHIFTS = text("""
    SELECT r.id, r.status = 'confirmed' AS stands, r.calendar_sequence, nullif(r.as_of, '-infinity') AS as_of,
           s.starts_at, s.ends_at, s.role_zh, s.role_en, a.title_zh, a.title_en, a.place, sites.name_zh, sites.name_en
    FROM registrations AS r JOIN shifts AS s ON s.id = r.shift_id JOIN activities AS a ON a.id = s.activity_id
    JOIN sites ON sites.id = r.site_id
    WHERE r.person_id = ANY(:persons) AND r.site_id = ANY(:sites) AND s.ends_at > now() - interval '30 days'
      AND (r.status = 'confirmed' OR EXISTS (
          SELECT FROM messages AS m WHERE m.registration_id = r.id AND m.calendar_sequence IS NOT NULL))
    ORDER BY s.starts_at, r.id LIMIT 1000
""")

OVER = Words(
    "这个日历地址已经停用。请登录后在“我的消息”里重新获取。",
    "This calendar's address is over. Log in and get another one under “My messages”.",
)
NOT_NOW = Words("暂时无法读取，请稍后重试。", "It cannot be read at the moment. Please try again shortly.")
TOO_OFTEN = Words("读取过于频繁，请稍后再试。", "It is read too often: try again a little later.")
BY_ONE_TIME_LINK = Words(
    "您是从通知邮件进来的，邮件可能转给过别人。消息、消息设置和日历地址请用一次性链接登录后查看。",
    "You came by the link of a mail, and mails are passed on. Messages, their settings and the calendar's address take"
    " a link that opens once.",
)


class FeedState(StrEnum):
    """Whether somebody has an address: `over` is one that opens nothing any more, as after logging out everywhere."""

    NONE = "none"
    WORKS = "works"
    OVER = "over"


@dataclass(frozen=True)
class CalendarFeeds:
    """All of them. `domain` stands in the entries' UIDs, as in mails'."""

    database: Database
    book: ContactBook
    box: Box
    public_url: str
    domain: str
    readings: Windows

    def state(self, resident: Principal) -> FeedState:
        """Whether this resident has an address, and whether it works. Raises 503."""
        with self.database.transaction(EVERY_SITE) as session:
            feeds = session.execute(OWN, self._holder(resident)).all()
        if not feeds:
            return FeedState.NONE
        return FeedState.WORKS if any(self._reach(feed).sites for feed in feeds) else FeedState.OVER

    def sealed(self, address: str) -> str:
        """An address for whoever made it to keep: here only its hash is known."""
        return self.box.encrypt(address).decode()

    def kept(self, resident: Principal, sealed: str) -> str:
        """The address that was sealed, while it is this resident's and has not ended; else empty."""
        try:
            address = self.box.decrypt(sealed.encode())
        except Problem:
            return ""
        with self.database.transaction(EVERY_SITE) as session:
            own = {bytes(feed.secret_hash) for feed in session.execute(OWN, self._holder(resident))}
        return address if _hash(address.rpartition("/")[2].removesuffix(".ics")) in own else ""

    def renew(self, resident: Principal, language: str) -> str:
        """Another address; the one before ends. Raises 403 for who came by the link of a mail."""
        if resident.mailed_by is not None:
            raise Problem(LINK_NEEDED, BY_ONE_TIME_LINK)
        secret, holder = secrets.token_urlsafe(32), self._holder(resident)
        made = {"secret_hash": _hash(secret), "proven": self.box.encrypt(resident.address), "language": language,
                "session_since": resident.since}  # fmt: skip
        with self.database.transaction(EVERY_SITE) as session:
            session.execute(LOCK, {"key": f"calendar feed of {resident.name}"})
            session.execute(END, holder)
            session.execute(MAKE, holder | made)
        return f"{self.public_url}/calendar/{secret}.ics"

    def stop(self, resident: Principal) -> None:
        """End it. Raises 403 for who came by the link of a mail."""
        if resident.mailed_by is not None:
            raise Problem(LINK_NEEDED, BY_ONE_TIME_LINK)
        with self.database.transaction(EVERY_SITE) as session:
            session.execute(END, self._holder(resident))

    def read(self, secret: str) -> bytes:
        """The calendar. Raises 404 for what never was an address, 410 for one that is over, 429 and 503."""
        secret_hash = _hash(secret)
        with self.database.transaction(EVERY_SITE) as session:
            feed = session.execute(FIND, {"secret_hash": secret_hash}).one_or_none()
        if feed is None:
            raise not_found("这个日历", "calendar")
        if self.readings.count(secret_hash.hex()) is None:
            raise Problem(TOO_MANY, TOO_OFTEN)
        if feed.proven is None:
            raise Problem(GONE, OVER)
        reach = self._reach(feed)
        if not reach.sites:
            raise Problem(GONE, OVER)
        with self.database.transaction(EVERY_SITE) as session:
            rows = session.execute(SHIFTS, {"persons": reach.persons, "sites": reach.sites}).all()
        return feed_text([Shown(domain=self.domain, **row._mapping) for row in rows], feed.language)

    def _reach(self, feed: Row[Any]) -> Reach:
        resident = Principal(Caller.PERSON, str(feed.person_id), address=self.box.decrypt(feed.proven))
        try:
            return self.book.reach(resident, feed.since)
        except ContactsUnavailable:
            raise Problem(UNAVAILABLE, NOT_NOW) from None

    def _holder(self, resident: Principal) -> dict[str, Any]:
        holder = self.box.fingerprint("calendar", resident.address)
        return {"person_id": UUID(resident.name), "holder": holder}


def make_calendar_feeds(settings: Settings, database: Database, book: ContactBook) -> CalendarFeeds:
    """Those of this installation."""
    public_url = settings.pages_of["notifications"]
    return CalendarFeeds(database, book, settings.box(), public_url, settings.mail_domain, Windows(PER_MINUTE))


def end_feeds_of(session: Session, person_id: UUID) -> None:
    """End those of somebody who was erased, and of whoever counts as them."""
    session.execute(FORGET, {"person_id": person_id})


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
