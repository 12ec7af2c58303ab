"""A person's messages as they themselves look at them: what, about which shift, by which channel, what became of it.

Whose rows of which sites are theirs is `contacts.Reach`. Nothing of the staff's is shown: no error, no provider's
reply; and no link that would open something.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from services.common.database import EVERY_SITE, Database
from services.common.errors import language, not_found
from services.notifications.contacts import Contact, ContactBook, ContactsUnavailable, Reach
from services.notifications.mail.announcements import announcing
from services.notifications.models import State
from services.notifications.operations.claims.announcements import ClaimedAnnouncement
from services.notifications.operations.claims.news import Claimed
from services.notifications.operations.messages import number_of
from services.notifications.schemas.inbox import InboxQuery, OwnMessage, OwnMessageWithWords
from services.notifications.wording.facts import Facts, facts_of
from services.notifications.wording.made_with import MadeWith
from services.notifications.wording.tell import Told, tell
from services.notifications.wording.variables import Channel


class Fate(StrEnum):
    """What became of a message, as far as it is its reader's to know."""

    WAITING = "waiting"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUSED = "refused"
    SUPPRESSED = "suppressed"
    NO_CONTACT = "no_contact"


WAITING = (State.PENDING, State.SENDING)

REFUSED_BY_PERSON = "refused by the person"

# A link that asks a guardian is not the child's to see, a copy for them is no second message. What goes to staff has no
# person.
OWN = """
    FROM messages AS m LEFT JOIN sites ON sites.id = m.site_id LEFT JOIN shifts ON shifts.id = m.shift_id
    LEFT JOIN activities ON activities.id = shifts.activity_id
    LEFT JOIN registrations ON registrations.id = m.registration_id
    WHERE m.person_id = ANY(:persons) AND m.site_id = ANY(:sites) AND m.purpose IS DISTINCT FROM 'guardian_consent'
      AND m.copy_of IS NULL
"""

SHOWN = """
    m.id, m.number, m.kind, m.purpose, m.state, m.error, m.channel, m.site_id, m.registration_id, m.created_at,
    m.sent_at, sites.name_zh AS site_zh, sites.name_en AS site_en, sites.time_zone, activities.title_zh,
    activities.title_en, shifts.starts_at, shifts.ends_at
"""

LIST = text(f"""
    SELECT {SHOWN} {OWN} AND (m.number < :before OR cast(:before AS bigint) IS NULL)
    ORDER BY m.number DESC LIMIT :limit
""")

ONE = text(f"SELECT {SHOWN} {OWN} AND m.id = :id")

AS_CLAIMED = text(f"""
    SELECT m.id, m.created_at AS claimed_at, m.kind, m.person_id, m.site_id, m.registration_id,
           '<shown>' AS message_id_header, NULL AS request_id, false AS in_doubt, NULL AS calendar_sequence,
           m.details, m.created_at, shifts.starts_at, shifts.ends_at, shifts.role_zh, shifts.role_en,
           activities.title_zh, activities.title_en, activities.place, sites.name_zh AS site_zh,
           sites.name_en AS site_en, sites.time_zone, sites.phone AS site_phone, sites.short_zh, sites.short_en,
           words_of(m.site_id, m.kind) AS words, registrations.coming
    {OWN} AND m.id = :id AND sites.id IS NOT NULL AND registrations.id IS NOT NULL
""")

# The words of an announcement stay as they are once it is being sent. What was stopped is read by who got it before.
AS_ANNOUNCED = text("""
    SELECT m.id, m.created_at AS claimed_at, '<shown>' AS message_id_header, NULL AS request_id, false AS in_doubt,
           m.site_id, sites.name_zh AS site_zh, sites.name_en AS site_en, sites.short_zh, sites.short_en,
           sites.time_zone, sites.phone AS site_phone, NULL AS words, m.kind, m.person_id, m.announcement_id,
           a.subject_zh, a.text_zh, a.subject_en, a.text_en, a.audience ->> 'to' = 'activity' AS of_activity,
           a.about_zh, a.about_en
    FROM messages AS m JOIN announcements AS a ON a.id = m.announcement_id LEFT JOIN sites ON sites.id = m.site_id
    WHERE m.person_id = ANY(:persons) AND m.site_id = ANY(:sites) AND m.id = :id
      AND (m.state IN ('sent', 'delivered') OR m.state NOT IN ('pending', 'sending') AND a.state <> 'stopped')
""")


@dataclass(frozen=True)
class Opened:
    """One message; its words as they would be put now, None where it has none to show: a link is for one mail."""

    message: OwnMessage
    facts: Facts | None
    told: Told | None

    @property
    def answer(self) -> OwnMessageWithWords:
        """As programs read it."""
        lines = [*self.told.text, *self.told.note] if self.told else []
        return OwnMessageWithWords(
            **dict(self.message), subject=self.told.subject if self.told else None, text="\n".join(lines) or None
        )


def list_own(database: Database, reach: Reach, query: InboxQuery) -> tuple[Sequence[OwnMessage], str | None]:
    """A page of the person's messages, newest first, and the cursor of the next one."""
    before = None if query.cursor is None else number_of(query.cursor)
    with database.transaction(EVERY_SITE) as session:
        found = session.execute(LIST, _of(reach) | {"before": before, "limit": query.limit + 1}).all()
    page = found[: query.limit]
    return [_shown(row) for row in page], str(page[-1].number) if len(found) > query.limit else None


def open_own(database: Database, book: ContactBook, reach: Reach, message_id: UUID) -> Opened:
    """One of them with its words, in the reader's language. Raises 404 for one that is not theirs."""
    asked = _of(reach) | {"id": message_id}
    with database.transaction(EVERY_SITE) as session:
        row = session.execute(ONE, asked).one_or_none()
        claimed = session.execute(AS_CLAIMED, asked).one_or_none()
        announced = session.execute(AS_ANNOUNCED, asked).one_or_none()
    if row is None:
        raise not_found("消息", "message")
    if announced is not None:
        return Opened(_shown(row), *_announced(book, ClaimedAnnouncement(**announced._mapping)))
    if claimed is None:
        return Opened(_shown(row), None, None)
    message = Claimed(**claimed._mapping)
    facts = facts_of(message, _reader(book, message))
    return Opened(_shown(row), facts, tell(message.kind, Channel.MAIL, facts, message.words))


def _announced(book: ContactBook, message: ClaimedAnnouncement) -> tuple[Facts, Told]:
    said = announcing(message, _reader(book, message))
    return Facts(said.language, said.values, []), Told(said.subject, said.text, (), MadeWith())


def fate_of(state: str, error: str | None) -> Fate:
    """What became of it."""
    if state in WAITING:
        return Fate.WAITING
    if state == State.SUPPRESSED and error == REFUSED_BY_PERSON:
        return Fate.REFUSED
    return Fate(state)


def _reader(book: ContactBook, message: Claimed | ClaimedAnnouncement) -> Contact:
    """Whom the words are for. While registration does not answer they name nobody."""
    known = (message.person_id, message.site_id)
    nobody = Contact(person_id=message.person_id, site_id=message.site_id, name="")
    try:
        found = book.look_up([known]).get(known, nobody)
    except ContactsUnavailable:
        found = nobody
    return found.model_copy(update={"language": language(), "manage_url": None})


def _of(reach: Reach) -> dict[str, Any]:
    return {"persons": reach.persons, "sites": reach.sites}


def _shown(row: Row[Any]) -> OwnMessage:
    return OwnMessage(**row._mapping, fate=fate_of(row.state, row.error))
