"""How words look before they are saved: in a message that never was, or in a real one with the name of whom it is for.

The name is asked for and kept nowhere; nothing else of a person is shown, and no link that would open something.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from markupsafe import Markup
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.audit import record
from services.common.database import Database
from services.common.errors import not_found
from services.notifications.contacts import ContactBook, ContactsUnavailable
from services.notifications.mail.render import Composer, page_of
from services.notifications.operations.claims.news import Claimed
from services.notifications.operations.templates import Place
from services.notifications.settings import Settings
from services.notifications.wording.builtin import Wording, tidied
from services.notifications.wording.checks import check
from services.notifications.wording.facts import facts_of
from services.notifications.wording.fitting import signature
from services.notifications.wording.made_with import MadeWith
from services.notifications.wording.samples import Sample, samples_of
from services.notifications.wording.sms import Length, measured
from services.notifications.wording.tell import filled
from services.notifications.wording.variables import Channel

RECENT = 10

LATEST = text("""
    SELECT m.id, m.created_at, shifts.starts_at, activities.title_zh, activities.title_en, sites.time_zone
    FROM messages AS m JOIN shifts ON shifts.id = m.shift_id JOIN activities ON activities.id = shifts.activity_id
    JOIN sites ON sites.id = m.site_id
    WHERE m.kind = :kind AND (m.site_id = :site OR cast(:site AS uuid) IS NULL)
    ORDER BY m.number DESC LIMIT :limit
""")

ONE = text("""
    SELECT m.id, m.created_at AS claimed_at, m.kind, m.person_id, m.site_id, m.registration_id,
           '<preview>' AS message_id_header, NULL AS request_id, false AS in_doubt, NULL AS calendar_sequence,
           m.details, m.created_at,
           shifts.starts_at, shifts.ends_at, shifts.role_zh, shifts.role_en, activities.title_zh, activities.title_en,
           activities.place, sites.name_zh AS site_zh, sites.name_en AS site_en, sites.time_zone,
           sites.phone AS site_phone, sites.short_zh, sites.short_en, NULL AS words
    FROM messages AS m JOIN shifts ON shifts.id = m.shift_id JOIN activities ON activities.id = shifts.activity_id
    JOIN sites ON sites.id = m.site_id
    WHERE m.id = :id AND m.kind = :kind
""")


@dataclass(frozen=True)
class SmsPreview:
    """An SMS as it goes out, with its signature."""

    text: str
    length: Length
    cost: Decimal | None


@dataclass(frozen=True)
class Preview:
    """A message as it would go out: a mail's subject, HTML and text, or an SMS. `name_is_known` is false where
    registration could not say who a real message is for, so that a sample's name stands there."""

    subject: str = ""
    html: str = ""
    text: str = ""
    sms: SmsPreview | None = None
    name_is_known: bool = True

    @property
    def body(self) -> Markup:
        """What the mail's document shows, without the document: escaped where it was made."""
        return Markup(self.html.partition("<body")[2].partition(">")[2].rpartition("</body>")[0])  # noqa: S704


@dataclass(frozen=True)
class Showroom:
    """What it takes to preview. `price` of a segment, None where the operator did not say."""

    database: Database
    contacts: ContactBook
    composer: Composer
    price: Decimal | None

    def sample(self, place: Place, wording: Wording, name: str = "usual") -> Preview:
        """The words in one of the samples. Raises 422 for words that could not be saved, 404 without such a sample."""
        for one in samples_of(place.kind, place.language):
            if one.name == name:
                return self._shown(place, wording, one)
        raise not_found("这个示例", "sample")

    def real(self, scope: str, place: Place, wording: Wording, message_id: UUID) -> Preview:
        """The words in a message that was made before. That its name was read is on record."""
        with self.database.transaction(scope) as session:
            message = _real_message(session, place, message_id)
            record(session, "read", "messages", message.id, message.site_id)
        usual = samples_of(place.kind, place.language)[0]
        name = self._name_of(message)
        contact = usual.contact.model_copy(update={"name": name}) if name else usual.contact
        return replace(
            self._shown(place, wording, replace(usual, message=message, contact=contact)), name_is_known=bool(name)
        )

    def _name_of(self, message: Claimed) -> str | None:
        known = (message.person_id, message.site_id)
        try:
            found = self.contacts.look_up([known]).get(known)
        except ContactsUnavailable:
            return None
        return found.name if found else None

    def _shown(self, place: Place, wording: Wording, sample: Sample) -> Preview:
        words = tidied(place.kind, wording)
        check(place.kind, place.channel, place.language, words)
        facts = facts_of(sample.message, sample.contact, place.channel)
        told = filled(place.kind.name, place.channel, words, facts, MadeWith())
        if place.channel is Channel.SMS:
            return Preview(sms=self._sms(signature(facts.values) + told.text[0]))
        page = page_of(sample.message, sample.contact, facts, told)
        return Preview(told.subject, self.composer.as_html(page), self.composer.as_text(page))

    def _sms(self, whole: str) -> SmsPreview:
        length = measured(whole)
        return SmsPreview(whole, length, length.cost(self.price))


def make_showroom(settings: Settings, database: Database) -> Showroom:
    """The showroom of the api process."""
    contacts = ContactBook(settings.registration_url, settings.notifications_token.get_secret_value())
    return Showroom(database, contacts, Composer(settings.mail_from, settings.mail_domain), settings.sms_price)


def latest_messages(session: Session, site_id: UUID | None, place: Place) -> Sequence[Any]:
    """The newest messages of this kind, by what and when; of links none, for a link is for one pair of eyes."""
    if place.kind.is_link:
        return []
    return session.execute(LATEST, {"kind": place.kind.name, "site": site_id, "limit": RECENT}).all()


def _real_message(session: Session, place: Place, message_id: UUID) -> Claimed:
    row = session.execute(ONE, {"id": message_id, "kind": place.kind.name}).one_or_none()
    if row is None:
        raise not_found("这种消息", "message of this kind")
    return Claimed(**row._mapping)
